//! What goes wrong at the provider, and what is told of it.

use std::time::Duration;

use adapters::genai_models::{Protocol, Provider};
use serde_json::json;
use tests::doors::Door;
use tests::simulators::ai::{AiSimulator, KEY, Said};

use super::{BOTH, door, open, proposals, provider, suggest};

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_of_the_provider_is_told_apart() {
    for protocol in BOTH {
        let (ai, door) = open(protocol).await;
        let busy = Said::Refused { status: 429, retry_after: Some(17) };
        for (said, word, words) in [
            (busy, "rate_limited", "try again in 17 seconds"),
            (Said::refused(429), "rate_limited", "no more requests"),
            (Said::refused(401), "refused_key", "ai.api_key"),
            (Said::refused(403), "refused_key", "ai.api_key"),
            (Said::refused(404), "unavailable", "ai.model"),
            (Said::refused(500), "unavailable", "500"),
            (Said::refused(529), "unavailable", "529"),
            (Said::refused(504), "timed_out", "ai.timeout_s"),
            (Said::Overloaded, "unavailable", "while it answered"),
            (Said::BreaksOff, "bad_answer", "broke off"),
            (Said::Nonsense, "bad_answer", "protocol"),
            (Said::Endless, "bad_answer", "larger"),
        ] {
            ai.says([said.clone()]);
            let refused = suggest(&door, "say Ho").await;
            let case = format!("{protocol:?} {said:?}: {}", refused.text);
            assert_eq!((refused.status, refused.code()), (503, "UNAVAILABLE"), "{case}");
            let error = &refused.body["error"];
            assert_eq!(error["details"]["ai"], word, "{case}");
            assert!(error["message"].as_str().unwrap().contains(words), "{case}");
            assert!(!refused.text.contains(KEY), "{case}");
            let waits = if words.contains("17") { "17" } else { "" };
            assert_eq!(refused.header("retry-after"), waits, "{case}");
        }
        assert_eq!(proposals(&door).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_leads_elsewhere_is_not_followed() {
    for (protocol, path) in
        [(Protocol::Anthropic, "messages"), (Protocol::OpenAi, "chat/completions")]
    {
        let (ai, door) = open(protocol).await;
        let other = AiSimulator::start().await;
        ai.says([Said::Leads(format!("{}/{path}", other.url()))]);
        let refused = suggest(&door, "say Ho").await;
        assert_eq!(refused.body["error"]["details"]["ai"], "unavailable", "{}", refused.text);
        assert!(refused.text.contains("leads elsewhere"), "{}", refused.text);
        assert!(other.requests().is_empty(), "the key went elsewhere");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_answer_in_time_is_left() {
    for protocol in BOTH {
        let (ai, provider) = provider(protocol).await;
        let door = door(Provider { timeout: Duration::from_millis(300), ..provider }).await;
        ai.says([Said::Hangs]);
        let refused = suggest(&door, "say Ho").await;
        assert_eq!(refused.body["error"]["details"]["ai"], "timed_out", "{}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_a_provider_that_is_not_there_are_told() {
    for protocol in BOTH {
        let (ai, provider) = provider(protocol).await;
        let wrong = Provider { api_key: "wrong-key-0123456789".into(), ..provider.clone() };
        let refused = suggest(&door(wrong).await, "say Ho").await;
        assert_eq!(refused.body["error"]["details"]["ai"], "refused_key", "{}", refused.text);
        assert!(!refused.text.contains("wrong-key"), "{}", refused.text);
        drop(ai);
        let nowhere = Some("http://127.0.0.1:1/v1".to_owned());
        let nowhere = Provider { base_url: nowhere, ..provider };
        let refused = suggest(&door(nowhere).await, "say Ho").await;
        assert_eq!(refused.body["error"]["details"]["ai"], "unavailable", "{}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_the_answer_says_how_to_configure_one() {
    let door = Door::open().await;
    let refused = suggest(&door, "say Ho").await;
    assert_eq!((refused.status, refused.code()), (409, "CONFLICT"), "{}", refused.text);
    for setting in ["ai.provider", "ai.model", "ai.api_key", "PALIMPSEST_AI__API_KEY"] {
        assert!(refused.text.contains(setting), "{}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_no_edit_are_told_to_the_model_and_then_to_the_caller() {
    for protocol in BOTH {
        let (ai, door) = open(protocol).await;
        ai.says([
            Said::CutOff,
            Said::calls(
                "",
                [("delete_server", json!({})), ("propose_edit", json!({ "files": 1 }))],
            ),
            Said::edit("The same", &[("prompts/greeting.md", Some("Hi\n"))]),
        ]);
        let refused = suggest(&door, "say Ho").await;
        assert_eq!(refused.body["error"]["details"]["ai"], "bad_answer", "{}", refused.text);
        assert!(refused.text.contains("like that already"), "{}", refused.text);
        let told: Vec<String> = ai.requests().iter().map(ToString::to_string).collect();
        assert!(told[1].contains("cut off"), "{}", told[1]);
        assert!(told[2].contains("There is no such tool"), "{}", told[2]);

        ai.says([Said::text("That would be rude."), Said::text("Rude, I say.")]);
        let declined = suggest(&door, "insult everybody").await;
        assert_eq!((declined.status, declined.code()), (409, "CONFLICT"), "{}", declined.text);
        assert!(declined.text.contains("That would be rude"), "{}", declined.text);
        assert_eq!(proposals(&door).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_after_a_failed_try_leaves_that_try() {
    let (ai, door) = open(Protocol::Anthropic).await;
    ai.says([Said::edit("Broken", &[("settings/a.toml", Some("x = = 1\n"))]), Said::refused(500)]);
    let asked = suggest(&door, "set x").await;
    let edit = &asked.body["data"];
    assert_eq!((asked.status, &edit["status"]), (201, &json!("failed")), "{}", asked.text);
    assert!(edit["suggestion"]["said"].as_str().unwrap().contains("500"), "{edit}");
}
