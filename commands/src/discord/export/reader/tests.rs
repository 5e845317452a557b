//! What the reader keeps, whatever becomes of a file.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

proptest! {
    #[test]
    fn any_list_of_values_is_split_exactly(list in vec(value(), 0..8), form in 0..3, steps in vec(1usize..9, 1..4)) {
        let export = json!({ "guild": { "id": "1" }, "messages": list, "messageCount": list.len() });
        let text = match form {
            0 => serde_json::to_string(&export),
            1 => serde_json::to_string_pretty(&export),
            _ => serde_json::to_string_pretty(&export).map(|text| text.replace('\n', "\r\n")),
        }
        .unwrap();

        let read = Read::all(Trickle { text: text.as_bytes(), steps, turn: 0 });
        prop_assert_eq!(read.damage, vec![]);
        prop_assert!(!read.cut);
        let values: Vec<Value> = read.records.iter().map(|it| serde_json::from_str(&it.2).unwrap()).collect();
        prop_assert_eq!(values, list);
        for (_, place, json) in read.records {
            let before = &text[..usize::try_from(place.offset).unwrap()];
            prop_assert!(text[before.len()..].starts_with(&json));
            prop_assert_eq!(before.matches('\n').count() as u64 + 1, place.line);
        }
    }

    #[test]
    fn what_stands_before_the_damage_is_never_lost(
        list in vec(message(), 1..8),
        pretty in any::<bool>(),
        at in any::<prop::sample::Index>(),
        damage in vec(any::<u8>(), 0..6),
        removed in 0usize..40,
    ) {
        let text = export(&list, pretty);
        let at = at.index(text.len());
        let end = (at + removed).min(text.len());
        let damaged = [&text.as_bytes()[..at], &damage, &text.as_bytes()[end..]].concat();

        let sound = Read::all(text.as_bytes());
        let read = Read::all(&*damaged);
        let before: Vec<_> = sound
            .records
            .iter()
            .filter(|(_, place, json)| usize::try_from(place.offset).unwrap() + json.len() < at)
            .collect();
        prop_assert!(read.records.len() >= before.len());
        for (kept, read) in before.into_iter().zip(&read.records) {
            prop_assert_eq!(kept, read);
        }
    }

    #[test]
    fn damage_within_one_message_costs_no_other(
        list in vec(message(), 3..8),
        pretty in any::<bool>(),
        hit in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
    ) {
        let text = export(&list, pretty);
        let sound = Read::all(text.as_bytes()).records;
        let (number, place, json) = &sound[1 + hit.index(sound.len() - 2)];
        // Any one byte of it is lost, except the bracket by which it begins.
        let at = usize::try_from(place.offset).unwrap() + 1 + at.index(json.len() - 1);
        let mut damaged = text.clone().into_bytes();
        damaged.remove(at);

        let read = Read::all(&*damaged);
        let others = sound.iter().filter(|it| it.0 != *number);
        for (_, _, json) in others {
            prop_assert!(read.records.iter().any(|it| it.2 == *json), "{} is lost", json);
        }
    }
}

#[test]
fn a_damaged_record_is_named_and_the_next_one_read() {
    for (middle, reason) in [
        (r#"{"id":"2","type":"Default","content":}"#, "expected value"),
        (r#"{"id":"2","type":"Default","content":"open,"name":"Ana"}"#, "expected `,` or `}`"),
        (r#"{"id":"2","type":"Default","author":{"id":"7"}"#, "key must be a string"),
        (r#"{"id":"2","type":"Default","list":[1,2}"#, "expected `,` or `]`"),
        ("{\"id\":\"2\",\"type\":\"Default\",\"content\":\"open\n}", "control character"),
        (r#"{"id":"2","type":"Default"}}"#, "this is no value"),
        ("nonsense", "expected ident"),
    ] {
        let text = format!(
            "{{\"messages\":[\n{},\n{middle},\n{}\n],\"messageCount\":3}}",
            r#"{"id":"1","type":"Default"}"#, r#"{"id":"3","type":"Default"}"#
        );
        let read = Read::all(text.as_bytes());
        let last = read.records.last().unwrap();
        assert_eq!(
            (last.1.line, &*last.2),
            (if middle.contains('\n') { 5 } else { 4 }, r#"{"id":"3","type":"Default"}"#),
            "{middle}"
        );
        assert_eq!(read.damage.len(), 1, "{middle}: {:?}", read.damage);
        assert_eq!(read.damage[0].place.line, 3, "{middle}");
        assert!(read.damage[0].reason.contains(reason), "{middle}: {:?}", read.damage);
        assert_eq!(read.members, [("messageCount".to_owned(), "3".to_owned())], "{middle}");
        assert!(!read.cut, "{middle}");
    }
}

#[test]
fn a_file_that_is_cut_gives_all_that_is_whole() {
    let text =
        export(&[json!({"id":"1","type":"Default"}), json!({"id":"2","type":"Default"})], false);
    let second = text.find(r#"{"id":"2""#).unwrap();
    for end in second..text.len() - 1 {
        let read = Read::all(&text.as_bytes()[..end]);
        assert!(read.cut, "{end}");
        assert!(!read.records.is_empty(), "{end}");
    }
    let read = Read::all(&text.as_bytes()[..second + 5]);
    assert_eq!(read.damage[0].reason, "the file ends in the middle of it");
    assert_eq!((read.damage[0].record, read.records.len()), (Some(2), 1));
}

#[test]
fn a_record_that_is_too_large_is_passed_over() {
    let list = [
        json!({"id":"1","type":"a"}),
        json!({"id":"2","type":"b".repeat(500)}),
        json!({"id":"3","type":"c"}),
    ];
    let text = export(&list, true);
    let mut reader = ExportReader::with_max_record(text.as_bytes(), 100);
    let mut seen = Vec::new();
    while let Some(part) = reader.next_part().unwrap() {
        match part {
            Part::Damage(damage) => seen.push(damage.reason),
            Part::Record { json, .. } => seen.push(json.to_owned()),
            Part::Member { .. } => {}
        }
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_eq!(seen[1], "it is larger than 100 bytes");
}

#[test]
fn members_are_found_in_any_order_and_behind_damage() {
    let text = r#"{"messageCount":1,"messages":[{"id":"1"}],"channel":{"id":"5","type":"x"},"guild":null}"#;
    let names: Vec<_> = Read::all(text.as_bytes()).members.into_iter().map(|it| it.0).collect();
    assert_eq!(names, ["messageCount", "channel", "guild"]);

    let text = r#"{"guild":{"id":"1,"name":"x"},"channel":{"id":"5","type":"x"},"messages":[{"id":"1","type":"y"}]}"#;
    let read = Read::all(text.as_bytes());
    assert_eq!(read.members, [("channel".to_owned(), r#"{"id":"5","type":"x"}"#.to_owned())]);
    assert_eq!((read.records.len(), read.damage.len()), (1, 1));
}

#[test]
fn what_is_no_export_is_refused() {
    for text in ["", "[]", "hello", "\u{0}\u{0}"] {
        let read = Read::all(text.as_bytes());
        assert!(read.damage[0].reason.contains("no DiscordChatExporter file"), "{text}");
    }
    assert!(Read::all("\u{feff}{}".as_bytes()).damage.is_empty());
}

/// Everything a reader says.
#[derive(Debug, Default)]
struct Read {
    records: Vec<(u64, Place, String)>,
    members: Vec<(String, String)>,
    damage: Vec<Damage>,
    cut: bool,
}

impl Read {
    fn all(input: impl io::Read) -> Self {
        let (mut reader, mut all) = (ExportReader::new(input), Self::default());
        while let Some(part) = reader.next_part().unwrap() {
            match part {
                Part::Damage(damage) => all.damage.push(damage),
                Part::Member { name, json } => all.members.push((name, json.to_owned())),
                Part::Record { number, place, json } => {
                    all.records.push((number, place, json.to_owned()));
                }
            }
        }
        all.cut = reader.is_cut();
        all
    }
}

/// Gives a few bytes at a time.
struct Trickle<'a> {
    text: &'a [u8],
    steps: Vec<usize>,
    turn: usize,
}

impl io::Read for Trickle<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let step = self.steps[self.turn % self.steps.len()].min(self.text.len()).min(to.len());
        self.turn += 1;
        let (now, later) = self.text.split_at(step);
        to[..step].copy_from_slice(now);
        self.text = later;
        Ok(step)
    }
}

fn export(list: &[Value], pretty: bool) -> String {
    let channel = json!({ "id": "5", "type": "GuildTextChat", "name": "hall" });
    let export = json!({ "channel": channel, "messages": list, "messageCount": list.len() });
    if pretty { serde_json::to_string_pretty(&export) } else { serde_json::to_string(&export) }
        .unwrap()
}

/// Any JSON value, texts that look like structure included.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        r#"[{}\[\]",:\\a ]{0,12}"#,
        Just(r#"{"id":"1","type":"Default"}"#.to_owned()),
        Just("],\"messageCount\":1}".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let name = prop_oneof![Just("id".to_owned()), Just("type".to_owned()), "[a-z\"{]{0,6}"];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(name, inner, 0..4).prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// A message; without serde's own order of names, it begins as the exporter lets it begin.
fn message() -> impl Strategy<Value = Value> {
    let content = r#"[{}\[\]",:\\a\n ]{0,20}"#;
    (any::<u32>(), content, vec(any::<u8>(), 0..3)).prop_map(|(id, content, others)| {
        let others = others.into_iter().map(|id| json!({ "id": id.to_string(), "name": "Ben" }));
        let others: Vec<_> = others.collect();
        json!({
            "author": { "id": "7", "name": "Ana" },
            "content": content,
            "id": id.to_string(),
            "mentions": others,
            "type": "Default",
        })
    })
}
