//! Anthropic's messages.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::server::{Cut, Tongue, pieces, tokens};

pub(super) const TONGUE: Tongue = Tongue {
    check,
    events,
    error,
    overloaded: "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\
                 \"message\":\"Overloaded\"}}\n\n",
};

fn check(body: &Value) -> Option<String> {
    if !body["model"].is_string() {
        return Some("model: field required".to_owned());
    }
    if body["max_tokens"].as_u64().is_none_or(|it| it == 0) {
        return Some("max_tokens: field required".to_owned());
    }
    if body["stream"] != true {
        return Some("this stand-in streams".to_owned());
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        if !tool["name"].is_string() || tool["input_schema"]["type"] != "object" {
            return Some(format!("tools: invalid: {tool}"));
        }
    }
    let mut open = BTreeSet::new();
    for (place, message) in body["messages"].as_array()?.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if place == 0 && role != "user" || !["assistant", "user"].contains(&role) {
            return Some(format!("messages.{place}: unexpected role {role:?}"));
        }
        let content = &message["content"];
        if content.as_str().is_some_and(str::is_empty)
            || content.as_array().is_some_and(Vec::is_empty)
        {
            return Some(format!("messages.{place}: content is empty"));
        }
        for block in content.as_array().into_iter().flatten() {
            match block["type"].as_str().unwrap_or_default() {
                "text" if block["text"].as_str().is_some_and(|it| !it.trim().is_empty()) => {}
                "tool_result" if role == "user" => {
                    let id = block["tool_use_id"].as_str().unwrap_or_default();
                    if !open.remove(id) {
                        return Some(format!("unexpected tool_use_id {id:?}"));
                    }
                }
                "tool_use" if role == "assistant" && block["input"].is_object() => {
                    open.insert(block["id"].as_str().unwrap_or_default());
                }
                _ => return Some(format!("messages.{place}: invalid block {block}")),
            }
        }
        if role == "user" && !open.is_empty() {
            return Some(format!("tool_use ids without tool_result: {open:?}"));
        }
    }
    (!open.is_empty()).then(|| format!("tool_use ids without tool_result: {open:?}"))
}

fn events(request: &Value, text: &str, calls: &[(String, Value)], cut: Cut) -> Vec<String> {
    let event = |data: Value| {
        let kind = data["type"].as_str().unwrap_or_default();
        format!("event: {kind}\ndata: {data}\n\n")
    };
    let start = json!({ "type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": request["model"],
        "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": { "input_tokens": tokens(&request.to_string()), "output_tokens": 1 },
    } });
    let mut events = vec![event(start), event(json!({ "type": "ping" }))];
    let (mut index, mut spent) = (0, tokens(text));
    let mut block = |begin: Value, deltas: Vec<Value>, whole: bool| {
        let begin =
            json!({ "type": "content_block_start", "index": index, "content_block": begin });
        events.push(event(begin));
        for delta in deltas {
            let delta = json!({ "type": "content_block_delta", "index": index, "delta": delta });
            events.push(event(delta));
        }
        if whole {
            events.push(event(json!({ "type": "content_block_stop", "index": index })));
        }
        index += 1;
    };
    if !text.is_empty() {
        let deltas = pieces(text).into_iter().map(|it| json!({ "type": "text_delta", "text": it }));
        block(json!({ "type": "text", "text": "" }), deltas.collect(), true);
    }
    for (place, (name, arguments)) in calls.iter().enumerate() {
        let arguments = arguments.to_string();
        spent += tokens(&arguments);
        let mut pieces = pieces(&arguments);
        if cut == Cut::Arguments {
            pieces.pop();
        }
        let deltas = pieces.into_iter();
        let deltas = deltas.map(|it| json!({ "type": "input_json_delta", "partial_json": it }));
        let id = format!("toolu_{place}_{name}");
        let begin = json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
        block(begin, deltas.collect(), cut == Cut::Nowhere);
    }
    let stop = match (cut, calls.is_empty()) {
        (Cut::Arguments, _) => "max_tokens",
        (Cut::Nowhere, true) => "end_turn",
        (Cut::Nowhere, false) => "tool_use",
    };
    let delta = json!({ "stop_reason": stop, "stop_sequence": null });
    let usage = json!({ "output_tokens": spent });
    events.push(event(json!({ "type": "message_delta", "delta": delta, "usage": usage })));
    events.push(event(json!({ "type": "message_stop" })));
    events
}

fn error(status: u16, words: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({ "type": "error", "error": { "type": kind, "message": words } })
}
