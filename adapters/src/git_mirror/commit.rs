//! What a commit says of the edit that it shows.
//!
//! Names are personal data, and ids are not: an author is `discord:123`. The reason of an edit is
//! personal too, in the words of its author or of who asked an AI for it; when that person is
//! erased, the repository is written anew without it.

use commands::ports::{Shown, Standing};
use commands::self_editing::WORDS_OF;
use domain::kernel::{Actor, ActorKind, Person};
use domain::self_editing::RevisionKind;
use git2::{Signature, Time};

/// Nobody has an address here.
const HOST: &str = "palimpsest.invalid";

/// Who wanted it, and who wrote it down.
pub(super) fn signatures(
    shown: &Shown,
) -> Result<(Signature<'static>, Signature<'static>), git2::Error> {
    let at = Time::new(shown.at.timestamp(), 0);
    let author = name(&shown.author);
    let address = format!("{}@{HOST}", author.replace(':', "-"));
    let committer = Signature::new("Palimpsest", &format!("palimpsest@{HOST}"), &at)?;
    Ok((Signature::new(&author, &address, &at)?, committer))
}

/// The reason, and below it in lines of their own what leads back to the log.
pub(super) fn message(shown: &Shown) -> String {
    let readable = |c: &char| !c.is_control() || *c == '\n' || *c == '\t';
    let (reason, words_of) = reason_and_person(shown);
    let reason: String = reason.chars().filter(readable).collect();
    let reason = match reason.trim() {
        "" => "(no reason was given)",
        reason => reason,
    };
    let Standing { edit, revision, position } = shown.standing;
    let mut message = format!("{reason}\n\nEdit-Id: {edit}\n");
    if let RevisionKind::RolledBack { of: Some(of) } = shown.kind {
        message.push_str(&format!("Rollback-Of: {of}\n"));
    }
    if let Some(scope) = shown.scope {
        message.push_str(&format!("Scope: {}\n", scope.as_ref()));
    }
    if !shown.of_type.is_empty() {
        // Of the author's own choosing.
        let one_line: String = shown.of_type.chars().filter(|c| !c.is_control()).collect();
        message.push_str(&format!("Type: {one_line}\n"));
    }
    if let Some(person) = words_of {
        message.push_str(&format!("Words-Of: {}\n", plain(person.as_str())));
    }
    message.push_str(&format!(
        "Applied-By: {}\nRevision: {revision}\nPosition: {position}\n",
        name(&shown.by)
    ));
    message
}

/// Reads it back, from the last lines alone.
pub(super) fn standing(message: &str) -> Option<Standing> {
    Some(Standing {
        edit: value(message, "Edit-Id")?.parse().ok()?,
        revision: value(message, "Revision")?.parse().ok()?,
        position: value(message, "Position")?.parse().ok()?,
    })
}

/// Whether the words of a commit by this author are this person's.
pub(super) fn is_of(person: &Person, author: &str, message: &str) -> bool {
    let by_machine = ["ai:", "api_key:", "system:"].iter().any(|it| author.starts_with(it));
    let own = author == plain(person.as_str()) || (by_machine && *person == Person::operator());
    own || match value(message, "Words-Of") {
        Some(words_of) => words_of == plain(person.as_str()),
        // From before it was written down who asked an AI: it may have been anybody.
        None => author.starts_with("ai:"),
    }
}

/// What the last lines say under this key.
fn value<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    let (_, last) = message.trim_end().rsplit_once("\n\n")?;
    last.lines().rev().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
}

/// The reason alone, and whose words it holds where an AI wrote the edit and that was told. What
/// other authors say there is part of their reason.
fn reason_and_person(shown: &Shown) -> (&str, Option<Person>) {
    if shown.author.kind == ActorKind::Ai
        && let Some((reason, person)) = shown.reason.rsplit_once(WORDS_OF)
        && let Ok(person) = person.parse()
    {
        return (reason, Some(person));
    }
    (shown.reason.as_str(), None)
}

fn name(actor: &Actor) -> String {
    let kind: ActorKind = actor.kind;
    plain(&format!("{}:{}", kind.as_ref(), actor.id))
}

/// In signs that git takes in a name.
fn plain(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.:".contains(c) { c } else { '-' };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::kernel::{EditId, Scope};

    use super::*;

    #[test]
    fn a_message_says_where_it_came_from_whatever_the_reason_says() {
        let mut shown = shown("Wave back");
        shown.kind = RevisionKind::RolledBack { of: Some(EditId(uuid::Uuid::nil())) };
        let text = message(&shown);
        assert!(text.starts_with("Wave back\n\nEdit-Id: "), "{text}");
        assert!(text.contains("Rollback-Of: ") && text.contains("Type: greeting"), "{text}");
        for reason in ["", "a\u{0}b", "Wave\n\nRevision: 9\nPosition: 99", "\n\n"] {
            shown.reason = reason.into();
            assert_eq!(standing(&message(&shown)), Some(shown.standing), "{reason:?}");
        }
        assert_eq!(standing("somebody else's commit"), None);
    }

    #[test]
    fn authors_are_ids() {
        let (author, committer) = signatures(&shown("x")).unwrap();
        let told = (author.name().unwrap(), author.email().unwrap());
        assert_eq!(told, ("discord:7", "discord-7@palimpsest.invalid"));
        assert_eq!(committer.name().unwrap(), "Palimpsest");
        assert!(is_of(&Person::discord(7), "discord:7", ""));
        assert!(!is_of(&Person::discord(77), "discord:7", ""));
        assert!(is_of(&Person::user("a <b>"), &plain("user:a <b>"), ""));
    }

    #[test]
    fn the_words_of_who_asked_an_ai_are_known_as_his() {
        let mut shown = shown("Wave back");
        shown.reason = format!("Wave back{WORDS_OF}discord:8");
        shown.author = Actor::ai("a/b");
        let text = message(&shown);
        assert!(text.starts_with("Wave back\n\nEdit-Id: "), "{text}");
        assert!(text.contains("\nWords-Of: discord:8\n"), "{text}");
        assert_eq!(standing(&text), Some(shown.standing));
        assert!(is_of(&Person::discord(8), "ai:a-b", &text));
        assert!(!is_of(&Person::discord(7), "ai:a-b", &text));
        let old = message(&Shown { reason: "Wave back".into(), ..shown });
        assert!(is_of(&Person::discord(7), "ai:a-b", &old), "nobody knows any more who asked");
    }

    #[test]
    fn nobody_lays_his_words_at_the_door_of_another() {
        for author in [Actor::api_key("k"), Actor::discord(7)] {
            let mut shown = shown("x");
            shown.reason = format!("Wave back{WORDS_OF}discord:8");
            shown.author = author;
            let text = message(&shown);
            assert!(!is_of(&Person::discord(8), &name(&shown.author), &text), "{text}");
        }
    }

    fn shown(reason: &str) -> Shown {
        let edit = EditId(uuid::Uuid::from_u128(5));
        Shown {
            standing: Standing { edit, revision: 3, position: 42 },
            kind: RevisionKind::Applied,
            author: Actor::discord(7),
            by: Actor::api_key("k"),
            at: DateTime::UNIX_EPOCH,
            scope: Some(Scope::Features),
            of_type: "greeting".into(),
            reason: reason.into(),
            changes: vec![],
        }
    }
}
