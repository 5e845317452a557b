//! `/edit rehearse`: an approver sees what would change before he says yes.

use std::time::Duration;

use serde_json::json;

use super::home::Home;

const GREETER: &str = "/*\nkind = \"responder\"\ndescription = \"Greets\"\nphrases = [\"hello\"]\n\
                       powers = [\"reply\"]\n*/\n\nfn run(event) {\n    reply(\"Hi\")\n}\n";

#[tokio::test]
async fn a_rehearsal_is_answered_with_its_numbers_and_shown_with_the_approval() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    let chiefs = home.discord.create_role("Scriptorium", "chiefs", 1 << 5);
    home.discord.grant("Scriptorium", "ben", chiefs);
    for text in ["hello everybody", "what a day", "hello again"] {
        let said = home.discord.say("general", "ben", text);
        home.until_said(said).await;
    }
    let content = json!({
        "file": "behaviors/greeter.rhai",
        "description": "Greet people",
        "content": GREETER,
    });
    let proposed = home.discord.slash("general", "ana", "edit propose", content).await;
    let text = proposed.response().await.text;
    let id = text.split('`').nth(1).unwrap().to_owned();

    let rehearse = json!({ "id": id, "last": 10 });
    let rehearsed = home.discord.slash("general", "ben", "edit rehearse", rehearse).await;
    let text = rehearsed.response().await.text;
    // The call of `/edit` itself is one of the events.
    assert!(text.contains("it would answer 2 of them otherwise (`greeter` 2)."), "{text}");
    assert!(!text.contains("hello"), "what people said is not shown: {text}");

    let wrong = home.discord.slash("general", "ben", "edit rehearse", json!({ "id": "7" })).await;
    assert!(wrong.response().await.text.contains("edit"));
    let head = home.journal.log().head().await.unwrap();
    assert!(home.views.wait_for(head, Duration::from_secs(10)).await, "the read models are late");
    let approve = json!({ "id": id });
    let approved = home.discord.slash("general", "ben", "edit approve", approve).await;
    let text = approved.response().await.text;
    assert!(text.contains("live as revision 1") && text.contains("\nRehearsed over "), "{text}");
    bot.stop().await;
}
