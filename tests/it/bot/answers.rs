//! What people say to the bot is answered: whole, once, and honestly when it cannot be.

use commands::conversation::ConversationLimits;
use domain::conversation::ConversationEvent;
use domain::kernel::Event;
use serde_json::json;

use super::home::Home;

#[tokio::test]
async fn a_long_answer_comes_whole_in_several_messages() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    let asked = home.discord.say_in_dm("ben", "tell me much");
    home.until_settled(1).await;
    bot.stop().await;
    let answer = home.discord.direct_messages("ben");
    let answer: Vec<_> = answer.iter().filter(|it| it.reply_to == Some(asked)).collect();
    assert_eq!(answer.len(), 4);
    let whole: Vec<_> = answer.iter().map(|it| it.content.as_str()).collect();
    assert_eq!(whole.join(" ").matches("a long story").count(), 300);
}

#[tokio::test]
async fn what_has_no_text_or_no_answer_gets_an_honest_word() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    home.discord.say_in_dm("ben", "");
    home.discord.wait_for_direct_message("ben", |it| it.content.contains("only read text")).await;
    home.discord.say_in_dm("ana", "what nobody can answer");
    home.discord.wait_for_direct_message("ana", |it| it.content.contains("I am sorry")).await;
    home.until_settled(2).await;
    bot.stop().await;
}

#[tokio::test]
async fn whoever_says_too_much_is_told_once_when_to_go_on() {
    let mut home = Home::new().await;
    home.limits = ConversationLimits { enabled: true, per_minute: 2, pause_s: 0, ..home.limits };
    let bot = home.start();
    home.until_listening(1).await;
    for number in 0..6 {
        let said = home.discord.say_in_dm("ben", &format!("number {number}"));
        home.until_said(said).await;
    }
    home.discord.say_in_dm("ana", "hello");
    home.discord.wait_for_direct_message("ana", |it| it.content == "You said: hello").await;
    home.until_settled(4).await;
    let told = home.discord.slash("general", "ben", "ask", json!({ "text": "and now?" })).await;
    let told = told.response().await;
    assert!(told.ephemeral && told.text.contains("try again in"), "{}", told.text);
    bot.stop().await;
    let answers = home.discord.direct_messages("ben");
    let answers = answers.iter().filter(|it| it.reply_to.is_some());
    let answers: Vec<_> = answers.map(|it| it.content.as_str()).collect();
    assert_eq!(answers[..2], ["You said: number 0", "You said: number 1"]);
    assert!(answers.len() == 3 && answers[2].contains("try again in"), "{answers:?}");
}

#[tokio::test]
async fn an_answer_knows_what_was_said_before_however_long_ago_it_began() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    for number in 0..110 {
        home.discord.say_in_dm("ben", &format!("number {number}"));
    }
    home.until_settled(110).await;
    bot.stop().await;
    // Nothing is in memory now.
    let bot = home.start();
    home.until_listening(2).await;
    home.discord.say_in_dm("ben", "how much do you know?");
    let answer = home.discord.wait_for_direct_message("ben", |it| it.content.starts_with("I know"));
    assert_eq!(answer.await.content, "I know 49, the oldest: number 86");
    bot.stop().await;
}

impl Home {
    /// Waits until so many answers are delivered.
    async fn until_settled(&self, answers: usize) {
        self.until(&format!("{answers} answers"), |all| {
            let settled = all.iter().filter(|it| {
                matches!(it.event, Event::Conversation(_, ConversationEvent::AnswerSettled { .. }))
            });
            (settled.count() >= answers).then_some(())
        })
        .await;
    }
}
