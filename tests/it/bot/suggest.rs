//! `/edit suggest`, from a wish to an edit that somebody approves.

use std::sync::Arc;

use adapters::genai_models::{GenaiModel, Protocol};
use commands::ports::NoFaults;
use commands::self_editing::Suggesting;
use serde_json::json;
use tests::simulators::ai::Said;

use super::home::Home;
use crate::suggest::provider;

#[tokio::test]
async fn people_let_the_ai_write_edits_on_discord() {
    let mut home = Home::new().await;
    let bot = home.start();
    let wish = json!({ "wish": "greet people" });
    let asked = home.discord.slash("general", "ana", "edit suggest", wish.clone()).await;
    let told = asked.response().await;
    assert!(told.ephemeral && told.text.contains("PALIMPSEST_AI__API_KEY"), "{}", told.text);
    bot.stop().await;

    let (ai, provider) = provider(Protocol::OpenAi).await;
    let model = Arc::new(GenaiModel::new(provider).unwrap());
    home.suggesting = Suggesting::new(model, Arc::new(NoFaults), 3, false);
    ai.says([Said::edit("Greets", &[("prompts/greeting.md", Some("Say hello.\n"))])]);
    let bot = home.start();
    home.until_listening(2).await;
    let chiefs = home.discord.create_role("Scriptorium", "chiefs", 1 << 5);
    home.discord.grant("Scriptorium", "ben", chiefs);
    let asked = home.discord.slash("general", "ana", "edit suggest", wish).await;
    let told = asked.response().await.text;
    for words in ["sim-1 tried once", "is checked", "+Say hello."] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let id = told.split('`').nth(1).unwrap();
    let own = home.discord.slash("general", "ana", "edit approve", json!({ "id": id })).await;
    let own = own.response().await.text;
    assert!(own.contains("cannot approve their own"), "who asked looks at it himself: {own}");
    let approved = home.discord.slash("general", "ben", "edit approve", json!({ "id": id })).await;
    let approved = approved.response().await.text;
    assert!(approved.contains("live as revision 1"), "{approved}");
    bot.stop().await;
}
