//! Which passwords are good enough. NIST SP 800-63B, 3.1.1.2: long, and not the ones everybody tries first.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::Email;
use crate::CommandError;

const SHORTEST: usize = 12;
const LONGEST: usize = 128;

/// Passwords of leaks, by how often they stand there; from zxcvbn 4.5, see `LICENSE.zxcvbn`.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// What else is tried first here.
const OURS: &[&str] = &["discord", "discordbot", "palimpsest", "palimpsestbot"];

/// Refuses a password that others would guess. `field` is how the request calls it.
pub(super) fn check(
    password: &str,
    email: &Email,
    name: &str,
    field: &str,
) -> Result<(), CommandError> {
    match fault(password, email, name) {
        Some(reason) => Err(CommandError::invalid(field, reason)),
        None => Ok(()),
    }
}

fn fault(password: &str, email: &Email, name: &str) -> Option<&'static str> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Some("must have at least 12 characters; several words are easy to remember");
    }
    if length > LONGEST {
        return Some("must have at most 128 characters");
    }
    let lower = password.to_lowercase();
    let same = |other: &str| !other.is_empty() && lower == other.trim().to_lowercase();
    if same(email.as_str()) || same(email.local()) || same(name) {
        return Some("must not be your address or name");
    }
    let core = lower.trim_matches(|c: char| !c.is_alphabetic());
    let personal = [email.local(), name.trim()].map(str::to_lowercase);
    if personal.iter().any(|it| it.chars().count() > 2 && core == it.as_str()) {
        return Some("must not be your address or name with a few signs around it");
    }
    let plain = without_disguise(core);
    let common = |it: &str| COMMON.contains(it) || OURS.contains(&it) || is_two_common_ones(it);
    if [lower.as_str(), core, &plain].into_iter().any(common)
        || core.is_empty() && is_digits(&lower)
    {
        return Some("is one of those that are tried first; choose another one");
    }
    if is_repetition(&lower) || is_row(&lower) {
        return Some("repeats itself or follows a row of keys; choose another one");
    }
    None
}

/// What stands for letters in passwords that look harder than they are.
fn without_disguise(text: &str) -> String {
    let plain = |c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(plain).collect()
}

/// Whether it is one common password after another: the list makes a hundred million of these, which is
/// not many.
fn is_two_common_ones(text: &str) -> bool {
    let cuts = text.char_indices().map(|(at, _)| text.split_at(at));
    let mut cuts = cuts.filter(|(one, other)| one.len() >= 4 && other.len() >= 4);
    cuts.any(|(one, other)| COMMON.contains(one) && COMMON.contains(other))
}

fn is_digits(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit())
}

/// Whether a short piece stands again and again.
fn is_repetition(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    (1..=letters.len() / 2)
        .any(|size| letters.iter().zip(&letters[size..]).all(|(one, next)| one == next))
}

/// Whether it is a piece of the alphabet, the digits or the keyboard.
fn is_row(text: &str) -> bool {
    const ROWS: [&str; 3] =
        ["abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm"];
    let backwards: String = text.chars().rev().collect();
    ROWS.iter().any(|row| row.contains(text) || row.contains(&backwards))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_tried_first_is_refused() {
        for weak in [
            "short",
            "password1234",
            "Password!2026",
            "ana@acme.com",
            "anaanaanaana",
            "123456789012",
            "qwertyuiopasdf",
            "abcdefghijklm",
            "Ana Abela!!!",
            "aaaaaaaaaaaaa",
            "iloveyou2026!",
            "sunshinemonkey",
            "P4$$w0rd2026",
            "Palimpsest2026",
            "swordfishswordfish",
        ] {
            assert!(fault(weak, &ana(), "Ana Abela").is_some(), "{weak}");
        }
        for strong in [
            "correct horse battery",
            "Xk9#mQ2$vL7p",
            "ein langer satz mit wörtern",
            "correcthorsebattery",
        ] {
            assert_eq!(fault(strong, &ana(), "Ana Abela"), None, "{strong}");
        }
        assert!(fault(&"correct horse ".repeat(10), &ana(), "").is_some());
    }

    proptest! {
        #[test]
        fn an_accepted_password_keeps_the_rules(password in "\\PC{0,140}") {
            if fault(&password, &ana(), "Ana").is_none() {
                let length = password.chars().count();
                prop_assert!((SHORTEST..=LONGEST).contains(&length));
                let lower = password.to_lowercase();
                prop_assert!(!COMMON.contains(lower.as_str()));
                prop_assert!(lower != ana().as_str() && lower != ana().local() && lower != "ana");
                prop_assert!(!is_digits(&lower) && !is_repetition(&lower) && !is_row(&lower));
            }
        }

        #[test]
        fn what_is_common_stays_so_with_signs_around_it(
            nth: prop::sample::Index,
            before in "[0-9!.#]{0,4}",
            after in "[0-9!.#]{8,20}",
        ) {
            let bases: Vec<_> = COMMON.iter().filter(|it| it.chars().all(char::is_alphabetic)).collect();
            let base = nth.get(&bases);
            let weak = format!("{before}{base}{after}");
            prop_assert!(fault(&weak, &ana(), "Ana").is_some());
            prop_assert!(fault(&weak.to_uppercase(), &ana(), "").is_some());
        }
    }

    fn ana() -> Email {
        Email::parse("ana@acme.com").unwrap()
    }
}
