//! The program with a provider in its settings.

use reqwest::Method;
use serde_json::{Value, json};
use tests::simulators::ai::{AiSimulator, KEY, Said};

use crate::installation::{Installation, Running};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_works_with_a_provider_and_keeps_its_key_to_itself() {
    for protocol in ["anthropic", "openai"] {
        let ai = AiSimulator::start().await;
        let place = Installation::embedded()
            .set("PALIMPSEST_AI__PROVIDER", protocol)
            .set("PALIMPSEST_AI__BASE_URL", ai.url())
            .set("PALIMPSEST_AI__MODEL", "sim-1")
            .set("PALIMPSEST_AI__API_KEY", KEY)
            .set("PALIMPSEST_LOGGING__FILTER", "trace");
        let running = place.start();
        ai.says([Said::text("I am a model.")]);
        let answer = say(&running, "Who are you?").await;
        assert_eq!(
            (&answer["content"], &answer["metadata"]["provider"]),
            (&json!("I am a model."), &json!(protocol))
        );
        let told = ai.requests()[0].to_string();
        assert!(told.contains("Who are you?") && told.contains("Palimpsest"), "{told}");

        // The provider repeats the key when it refuses; the responders answer then.
        ai.says([Said::refused(401), Said::refused(429)]);
        let answer = say(&running, "hello").await;
        assert_eq!(answer["metadata"]["provider"], "local", "{answer}");
        let wish = json!({ "wish": "be shorter" });
        let suggest = || running.request(Method::POST, "/self-editing/suggest").json(&wish);
        let refused = suggest().send().await.unwrap();
        assert_eq!(refused.status(), 503);
        ai.says([Said::edit("Shorter", &[("prompts/system.md", Some("Be short.\n"))])]);
        let edit = running.ask(suggest()).await.unwrap();
        assert_eq!(edit["status"], "checked", "{edit}");

        let doctor = place.run(&["doctor"]);
        assert!(doctor.contains(&format!("{protocol} takes the key")), "{doctor}");
        running.end();
        assert!(place.logged("responders answer"), "{}", place.log_text());
        for (name, text) in everything(&place) {
            assert!(!text.contains(KEY), "{name} holds the key");
        }

        let place = place.set("PALIMPSEST_AI__API_KEY", "wrong-key-0123456789");
        let doctor = place.run_in_vain(&["doctor"]);
        assert!(doctor.contains("refuses the key") && !doctor.contains("wrong-key"), "{doctor}");
        let place = place.set("PALIMPSEST_AI__PROVIDER", "other");
        let doctor = place.run_in_vain(&["doctor"]);
        assert!(doctor.contains("“ai.provider”"), "{doctor}");
    }
}

/// Every file of a data directory, as text.
fn everything(place: &Installation) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![place.file("")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                found.push((path.display().to_string(), text));
            }
        }
    }
    assert!(found.len() > 4, "{found:?}");
    found
}

async fn say(running: &Running, text: &str) -> Value {
    let said = json!({ "message": text, "userId": "ana", "channelId": "c" });
    let said = running.request(Method::POST, "/conversational/message").json(&said);
    running.ask(said).await.unwrap()
}
