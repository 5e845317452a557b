//! Our words in those of the library, and back.

use commands::ports::{Message, Step, Tool, ToolCall, Work};
use genai::chat::{self, ChatMessage, ChatRequest, ContentPart, MessageContent, StreamEnd};
use serde_json::{Value, json};

pub(super) fn request(work: &Work) -> ChatRequest {
    let request = ChatRequest::new(work.messages.iter().map(message).collect());
    let request = match work.system.trim() {
        "" => request,
        system => request.with_system(system),
    };
    if work.tools.is_empty() { request } else { request.with_tools(work.tools.iter().map(tool)) }
}

fn message(message: &Message) -> ChatMessage {
    match message {
        Message::Model { text, calls } => {
            let said = Some(text).filter(|it| !it.is_empty()).cloned().map(ContentPart::from_text);
            let calls = calls.iter().map(|it| ContentPart::ToolCall(call(it)));
            ChatMessage::assistant(MessageContent::from_parts(
                said.into_iter().chain(calls).collect::<Vec<_>>(),
            ))
        }
        Message::Results(results) => {
            let responses = results.iter().map(|it| chat::ToolResponse::new(&it.call, &it.text));
            ChatMessage::from(responses.collect::<Vec<_>>())
        }
        Message::User(text) => ChatMessage::user(text.as_str()),
    }
}

fn call(call: &ToolCall) -> chat::ToolCall {
    // The protocols take objects only: what was no JSON is sent back as an empty one.
    let arguments = if call.arguments.is_object() { call.arguments.clone() } else { json!({}) };
    chat::ToolCall {
        call_id: call.id.clone(),
        fn_name: call.tool.clone(),
        fn_arguments: arguments,
        thought_signatures: None,
    }
}

fn tool(tool: &Tool) -> chat::Tool {
    chat::Tool::new(tool.name)
        .with_description(tool.description)
        .with_schema(tool.parameters.clone())
}

pub(super) fn step(end: StreamEnd) -> Step {
    let tokens = |count: Option<i32>| count.and_then(|it| u64::try_from(it).ok()).unwrap_or(0);
    let usage = end.captured_usage.unwrap_or_default();
    let content = end.captured_content.unwrap_or_default();
    let text = content.texts().concat();
    let calls = content.into_tool_calls().into_iter().map(|it| ToolCall {
        id: it.call_id,
        tool: it.fn_name,
        arguments: match it.fn_arguments {
            Value::String(none) if none.trim().is_empty() => json!({}),
            arguments => arguments,
        },
    });
    Step {
        text,
        calls: calls.collect(),
        tokens_in: tokens(usage.prompt_tokens),
        tokens_out: tokens(usage.completion_tokens),
    }
}
