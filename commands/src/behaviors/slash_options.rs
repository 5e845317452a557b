//! What Discord asks of slash commands: for one that is not so, it takes none of a server's.

use std::collections::BTreeSet;

use super::{Head, MOST_DESCRIPTION, MOST_NAME, OptionKind, SlashOption};

/// How many options a command has, and how many choices an option, and how long those are.
const MOST_OPTIONS: usize = 25;
const MOST_CHOICES: usize = 25;
const MOST_CHOICE: usize = 100;

/// How many characters all that a command says has together.
const MOST_IN_ALL: usize = 8_000;

/// The option, by its number from 0, and what is wrong with it; or what is wrong with all.
pub(super) type Wrong = (Option<usize>, String);

pub(super) fn check(head: &Head) -> Result<(), Wrong> {
    let options = &head.options;
    if options.len() > MOST_OPTIONS {
        return Err((Some(MOST_OPTIONS), format!("there are at most {MOST_OPTIONS} options")));
    }
    let mut names = BTreeSet::new();
    let mut optional = false;
    for (number, option) in options.iter().enumerate() {
        let wrong = |reason: String| (Some(number), reason);
        check_option(option).map_err(wrong)?;
        if !names.insert(&option.name) {
            return Err(wrong(format!("two options have the same name, {}", option.name)));
        }
        if option.required && optional {
            let name = &option.name;
            return Err(wrong(format!("{name} is required, and stands after one that is not")));
        }
        optional |= !option.required;
    }
    let length = |it: &str| it.chars().count();
    let of_choices = |it: &SlashOption| it.choices.iter().map(|it| 2 * length(it)).sum::<usize>();
    let of_option = |it: &SlashOption| length(&it.name) + length(&it.description) + of_choices(it);
    let of_head = length(head.name.as_deref().unwrap_or_default()) + length(&head.description);
    if of_head + options.iter().map(of_option).sum::<usize>() > MOST_IN_ALL {
        let reason = format!(
            "names, descriptions and choices (each twice) have at most {MOST_IN_ALL} characters"
        );
        return Err((None, reason));
    }
    Ok(())
}

fn check_option(option: &SlashOption) -> Result<(), String> {
    let SlashOption { name, description, kind, choices, .. } = option;
    if !is_name(name) {
        return Err(no_name(name));
    }
    if !is_description(description) {
        return Err(format!("{name}: description has 1 to {MOST_DESCRIPTION} characters"));
    }
    if !choices.is_empty() && *kind != OptionKind::Text {
        return Err(format!("{name}: choices are for options of the kind text"));
    }
    if choices.len() > MOST_CHOICES {
        return Err(format!("{name}: there are at most {MOST_CHOICES} choices"));
    }
    let is_choice = |it: &String| !it.trim().is_empty() && it.chars().count() <= MOST_CHOICE;
    if let Some(choice) = choices.iter().find(|it| !is_choice(it)) {
        return Err(format!("{name}: “{choice}” is no choice: 1 to {MOST_CHOICE} characters"));
    }
    if choices.iter().collect::<BTreeSet<_>>().len() < choices.len() {
        return Err(format!("{name}: two choices are the same"));
    }
    Ok(())
}

pub(super) fn is_description(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= MOST_DESCRIPTION
}

/// Whether Discord takes it as the name of a command or an option: `[-_\p{L}\p{N}]`, in small
/// letters.
pub(super) fn is_name(word: &str) -> bool {
    (1..=MOST_NAME).contains(&word.chars().count())
        && word.chars().all(is_of_name)
        && word.to_lowercase() == word
}

/// What is alphabetic without being a letter, marks above all, is not taken. Scripts that do not
/// do without marks are left out whole, but for the two that Discord takes with them.
fn is_of_name(it: char) -> bool {
    let with_marks = matches!(it, '\u{900}'..='\u{97f}' | '\u{e00}'..='\u{e7f}');
    let left_out = matches!(it,
        '\u{980}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1700}'..='\u{1cff}'
        | '\u{24b6}'..='\u{24e9}' | '\u{a800}'..='\u{abff}' | '\u{11000}'..='\u{11fff}'
        | '\u{16f00}'..='\u{16fff}' | '\u{1f130}'..='\u{1f189}');
    // Marks are shown by their numbers.
    let mark = it.escape_debug().count() > 1;
    matches!(it, '-' | '_') || it.is_alphanumeric() && (with_marks || !left_out && !mark)
}

pub(super) fn no_name(word: &str) -> String {
    format!("“{word}” is no name: 1 to {MOST_NAME} small letters, digits, - and _")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_discord_does_not_take_is_told_with_the_line_of_its_option() {
        let many = |n: usize| (0..n).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(",");
        for (keys, words) in [
            ("name = \"Sides\"\nkind = \"text\"".to_owned(), "“Sides” is no name"),
            ("name = \"a b\"\nkind = \"text\"".to_owned(), "no name"),
            (format!("name = \"{}\"\nkind = \"text\"", "x".repeat(33)), "no name"),
            ("name = \"n\u{303}\"\nkind = \"text\"".to_owned(), "no name"),
            ("name = \"one\"\nkind = \"text\"".to_owned(), "same name"),
            ("name = \"a\"\nkind = \"text\"\nrequired = true".to_owned(), "after one that is not"),
            (
                format!("name = \"a\"\nkind = \"text\"\nchoices = [{}]", many(26)),
                "at most 25 choices",
            ),
            ("name = \"a\"\nkind = \"text\"\nchoices = [\"x\", \"x\"]".to_owned(), "are the same"),
            ("name = \"a\"\nkind = \"text\"\nchoices = [\" \"]".to_owned(), "is no choice"),
            ("name = \"a\"\nkind = \"user\"\nchoices = [\"x\"]".to_owned(), "of the kind text"),
            ("name = \"a\"\nkind = \"boolean\"\nchoices = [\"x\"]".to_owned(), "of the kind text"),
            ("name = \"a\"\nkind = \"integer\"\nchoices = [\"1\"]".to_owned(), "of the kind text"),
        ] {
            let fault = read(&format!("{keys}\ndescription = \"x\"")).expect_err(&keys);
            assert_eq!(fault.line, Some(10), "{keys}: {fault}");
            assert!(fault.reason.contains(words), "{keys}: {fault}");
        }
        let long = format!("name = \"a\"\nkind = \"text\"\ndescription = \"{}\"", "x".repeat(101));
        assert!(read(&long).expect_err("it is long").reason.contains("1 to 100"));
    }

    #[test]
    fn a_command_has_so_many_options_and_characters() {
        let option = |n: usize| format!("name = \"o{n}\"\nkind = \"text\"\ndescription = \"x\"");
        let options = |n: usize| (0..n).map(option).collect::<Vec<_>>().join("\n[[options]]\n");
        assert!(read(&options(24)).is_ok());
        assert!(read(&options(25)).expect_err("too many").reason.contains("at most 25 options"));
        let choices: Vec<_> = (0..25).map(|n| format!("\"{n:0>100}\"")).collect();
        let long = |n: usize| format!("{}\nchoices = [{}]", option(n), choices.join(","));
        assert!(read(&long(0)).is_ok());
        let both = format!("{}\n[[options]]\n{}", long(0), long(1));
        assert!(read(&both).expect_err("too long").reason.contains("8000 characters"));
    }

    #[test]
    fn names_are_small_letters_of_any_script() {
        for name in ["a", "sides-2_x", "größe", "サイズ", "размер", "पता"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "A", "ǅ", "ⓐ", "e\u{301}", "a.b", "a b", "😀", "ক"] {
            assert!(!is_name(name), "{name}");
        }
    }

    /// A command with an option, and another one that begins in line 10.
    fn read(option: &str) -> Result<Head, crate::ports::Fault> {
        Head::of(&format!(
            "/*\nkind = \"command\"\nname = \"dice\"\ndescription = \"Roll\"\n\n[[options]]\n\
             name = \"one\"\ndescription = \"x\"\nkind = \"text\"\n[[options]]\n{option}\n*/"
        ))
    }
}
