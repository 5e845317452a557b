//! OpenAI's chat completions.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::server::{Cut, Tongue, pieces, tokens};

pub(super) const TONGUE: Tongue = Tongue {
    check,
    events,
    error,
    overloaded: "data: {\"error\":{\"message\":\"Overloaded\",\"type\":\"server_error\"}}\n\n",
};

fn check(body: &Value) -> Option<String> {
    if !body["model"].is_string() {
        return Some("you must provide a model parameter".to_owned());
    }
    if body["stream"] != true {
        return Some("this stand-in streams".to_owned());
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        let function = &tool["function"];
        if tool["type"] != "function" || function["parameters"]["type"] != "object" {
            return Some(format!("invalid tool: {tool}"));
        }
    }
    let messages = body["messages"].as_array()?;
    let mut open = BTreeSet::new();
    for message in messages {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            if !open.remove(id) {
                return Some(format!("tool_call_id {id:?} answers no call"));
            }
            continue;
        }
        if !open.is_empty() {
            return Some(format!("tool_call_ids without an answer: {open:?}"));
        }
        match role {
            "assistant" => {
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
                    if !serde_json::from_str::<Value>(arguments).is_ok_and(|it| it.is_object()) {
                        return Some(format!("arguments are no JSON object: {arguments}"));
                    }
                    open.insert(call["id"].as_str().unwrap_or_default());
                }
            }
            "developer" | "system" | "user" if !message["content"].is_null() => {}
            _ => return Some(format!("invalid message: {message}")),
        }
    }
    (!open.is_empty()).then(|| format!("tool_call_ids without an answer: {open:?}"))
}

fn events(request: &Value, text: &str, calls: &[(String, Value)], cut: Cut) -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": request["model"], "choices": choices, "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: Value, finish: Value| {
        chunk(json!([{ "index": 0, "delta": delta, "finish_reason": finish }]), Value::Null)
    };
    let mut events = vec![delta(json!({ "role": "assistant", "content": "" }), Value::Null)];
    for piece in pieces(text) {
        events.push(delta(json!({ "content": piece }), Value::Null));
    }
    let mut spent = tokens(text);
    for (index, (name, arguments)) in calls.iter().enumerate() {
        let begun = json!({
            "index": index, "id": format!("call_{index}_{name}"), "type": "function",
            "function": { "name": name, "arguments": "" },
        });
        events.push(delta(json!({ "tool_calls": [begun] }), Value::Null));
        let arguments = arguments.to_string();
        let mut pieces = pieces(&arguments);
        if cut == Cut::Arguments {
            pieces.pop();
        }
        for piece in pieces {
            let more = json!({ "index": index, "function": { "arguments": piece } });
            events.push(delta(json!({ "tool_calls": [more] }), Value::Null));
        }
        spent += tokens(&arguments);
    }
    let finish = match (cut, calls.is_empty()) {
        (Cut::Arguments, _) => "length",
        (Cut::Nowhere, true) => "stop",
        (Cut::Nowhere, false) => "tool_calls",
    };
    events.push(delta(json!({}), json!(finish)));
    if request["stream_options"]["include_usage"] == true {
        let asked = tokens(&request.to_string());
        let usage = json!({
            "prompt_tokens": asked, "completion_tokens": spent, "total_tokens": asked + spent,
        });
        events.push(chunk(json!([]), usage));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn error(status: u16, words: &str) -> Value {
    let (kind, code) = match status {
        401 => ("invalid_request_error", json!("invalid_api_key")),
        429 => ("requests", json!("rate_limit_exceeded")),
        500.. => ("server_error", Value::Null),
        _ => ("invalid_request_error", Value::Null),
    };
    json!({ "error": { "message": words, "type": kind, "param": null, "code": code } })
}
