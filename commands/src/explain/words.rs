//! An explanation in one paragraph of plain words.

use domain::kernel::{Outcome, Source};

use super::{About, Called, Done, Ended, Explanation, Incoming, Spoken, author};
use domain::behaviors::Hold;

impl Explanation {
    /// `inside` also tells of files, lines, reasons of failures and edits, which is for those who
    /// run the bot.
    pub fn summary(&self, inside: bool) -> String {
        let mut text = vec![self.opening()];
        text.extend(self.calls.iter().map(|call| of_call(call, inside)));
        text.extend(self.answers.iter().map(of_answer));
        if self.calls.is_empty() && self.answers.is_empty() {
            // What was called says itself how it ended.
            text.push("Nothing was done about it.".to_owned());
            text.extend(self.nothing_happened_because.iter().map(|it| full(it)));
        }
        text.join(" ")
    }

    fn opening(&self) -> String {
        let Some(event) = &self.event else {
            return match self.about {
                About::Answer => "This was said in a conversation outside of Discord.".to_owned(),
                _ => "The clock called this.".to_owned(),
            };
        };
        let Incoming { at, position, .. } = event;
        let what = match event.kind.as_str() {
            "channel.message_created" => "a message was written".to_owned(),
            "channel.interaction_received" => {
                format!("/{} was used", event.command.as_deref().unwrap_or_default())
            }
            kind => kind.split('.').next_back().unwrap_or(kind).replace('_', " "),
        };
        let own = if self.about == About::OwnMessage { "I wrote this because of it." } else { "" };
        let how = if event.source == Source::Import { ", as an import brought it" } else { "" };
        let at = at.format("%Y-%m-%d %H:%M:%S UTC");
        let text = format!("At {at} {what} (commit {position}{how}).");
        if own.is_empty() { text } else { format!("{text} {own}") }
    }
}

fn of_call(call: &Called, inside: bool) -> String {
    let Called { behavior, what, .. } = call;
    let mut text = format!("It called the behavior “{behavior}” ({})", what.replace('_', " "));
    if inside {
        text += &format!(", which stands in {} at revision {}", call.file, call.revision);
        if let Some(made) = &call.made {
            let how = match made.kind.as_str() {
                "rolled_back" => "a rollback",
                "seeded" => "the starting workspace",
                _ => "an edit",
            };
            let about = made.description.trim().trim_end_matches('.');
            text += &format!("; {how} by {} made it so: “{about}” ({})", author(made), made.edit);
        }
    }
    text += ".";
    if inside && !call.powers.is_empty() {
        let powers: Vec<_> = call.powers.iter().map(|it| it.meaning().to_lowercase()).collect();
        text += &format!(" It may: {}.", powers.join("; "));
    }
    text += " ";
    text += &match &call.ended {
        Ended::Failed { .. } if !inside => "It failed.".to_owned(),
        Ended::Failed { line, reason } => {
            let line = line.map(|line| format!(" in line {line}")).unwrap_or_default();
            full(&format!("It failed{line}: {reason}"))
        }
        Ended::Held(Hold::Cooldown) => {
            format!(
                "It was not run, because the same person called it a moment ago and it waits {} \
                 seconds.",
                call.cooldown_s
            )
        }
        Ended::Held(Hold::GuildLimit) => "It was not run, because this server's scripts had used \
                                          up what they may use in a minute."
            .to_owned(),
        Ended::Ran if call.actions.is_empty() => "It ran and had nothing to say.".to_owned(),
        Ended::Ran => "It ran.".to_owned(),
    };
    for done in &call.actions {
        text += " ";
        text += &of_action(done);
    }
    text
}

fn of_action(done: &Done) -> String {
    let Done { kind, outcome, trouble, ai, .. } = done;
    let kind = match kind.as_str() {
        "apology" => "apologize".to_owned(),
        "ask_ai" => "let the AI answer".to_owned(),
        kind => kind.replace('_', " "),
    };
    let by = ai.as_ref().map(|it| format!(" ({} of {})", it.model, it.provider));
    let end = ended(outcome.as_ref());
    let but = trouble.as_ref().map(|it| format!(", but {it}")).unwrap_or_default();
    full(&format!("It wanted to {kind}{}: {end}{but}", by.unwrap_or_default()))
}

fn of_answer(answer: &Spoken) -> String {
    let said = &answer.said;
    let end = if answer.by_message {
        ended(answer.outcome.as_ref())
    } else {
        "it was given in the reply to the request".to_owned()
    };
    full(&format!(
        "It was answered in a conversation by {} of {} ({} tokens): {end}",
        said.model, said.provider, said.tokens
    ))
}

fn ended(outcome: Option<&Outcome>) -> String {
    match outcome {
        Some(Outcome::Delivered { outside_id }) if outside_id.is_empty() => "done".to_owned(),
        Some(Outcome::Delivered { outside_id }) => format!("done, as {outside_id}"),
        Some(Outcome::Failed { reason }) => format!("refused, {reason}"),
        Some(Outcome::Unknown { reason }) => format!("nobody can say if it happened, {reason}"),
        None => "what became of it is not known yet".to_owned(),
    }
}

/// With a full stop at its end.
fn full(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::behaviors::Power;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_inside_is_not_for_everybody() {
        let story = Explanation {
            id: "7".to_owned(),
            about: About::Call,
            event: None,
            calls: vec![call(Ended::Failed { line: Some(3), reason: "a secret".to_owned() })],
            answers: Vec::new(),
            nothing_happened_because: vec!["It failed because of a secret".to_owned()],
        };
        let inside = story.summary(true);
        assert!(inside.contains("It failed in line 3: a secret."), "{inside}");
        assert!(inside.contains("It may: put reactions under messages."), "{inside}");
        let outside = story.summary(false);
        assert!(outside.contains("“dice” (prefix command). It failed."), "{outside}");
        assert!(!outside.contains("secret") && !outside.contains("behaviors/"), "{outside}");
    }

    #[test]
    fn each_action_says_what_became_of_it() {
        let mut ran = call(Ended::Ran);
        let outcomes = [
            (Some(Outcome::Delivered { outside_id: "11".to_owned() }), "done, as 11."),
            (
                Some(Outcome::Failed { reason: "Missing Access".to_owned() }),
                "refused, Missing Access.",
            ),
            (None, "what became of it is not known yet."),
        ];
        ran.actions = outcomes.iter().map(|(outcome, _)| done(outcome.clone())).collect();
        let words = of_call(&ran, false);
        for (_, end) in outcomes {
            assert!(words.contains(&format!("It wanted to add role: {end}")), "{words}");
        }
    }

    fn done(outcome: Option<Outcome>) -> Done {
        let (kind, content) = ("add_role".to_owned(), serde_json::Value::Null);
        let (trouble, settled_at) = (None, None);
        Done { kind, content, power: None, outcome, trouble, settled_at, ai: None }
    }

    fn call(ended: Ended) -> Called {
        Called {
            id: Uuid::nil(),
            behavior: "dice".parse().expect("an id"),
            file: "behaviors/dice.rhai".to_owned(),
            description: None,
            revision: 4,
            made: None,
            what: "prefix_command".to_owned(),
            position: 9,
            at: DateTime::UNIX_EPOCH,
            channel: None,
            powers: vec![Power::React],
            cooldown_s: 0,
            ended,
            operations: 1,
            took_us: 1,
            actions: Vec::new(),
        }
    }
}
