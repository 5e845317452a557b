//! Whatever a script says and whatever happens, the sandbox holds: it answers, within its limits.

use std::sync::Arc;
use std::time::Duration;

use adapters::RhaiScripts;
use commands::ports::{Occasion, ScriptRunner, User};
use domain::kernel::{DiscordUserId, MessageId};
use proptest::prelude::*;
use serde_json::json;

/// Steps of a run, and its time; a look at the clock, and a slow machine, come on top.
const STEPS: u64 = 200_000;
const TIME: Duration = Duration::from_secs(3);

/// Functions that take something and another thing.
const FUNCTIONS: &[&str] = &[
    "append",
    "choose",
    "chop",
    "contains",
    "dedup",
    "drain",
    "extract",
    "filter",
    "get",
    "has_words",
    "index_of",
    "insert",
    "map",
    "max",
    "mixin",
    "pad",
    "poll",
    "pop",
    "push",
    "random",
    "react",
    "reduce",
    "remind",
    "remove",
    "replace",
    "reply",
    "retain",
    "send",
    "set",
    "setting",
    "shift",
    "sort",
    "splice",
    "split",
    "sub_string",
    "to_chars",
    "to_string",
    "truncate",
    "when",
    "with_settings",
    "zip",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_text_is_a_script_or_is_refused(
        text in prop_oneof![".{0,200}", "[(\\[{!|#`$\\-]{0,3000}", "(fn |run|\\(|event|\\)|\\{|\\}|;| ){0,60}"]
    ) {
        run(&text, &Occasion::default());
        run(&format!("fn run(event) {{ {text} }}"), &Occasion::default());
    }

    #[test]
    fn any_program_keeps_to_the_limits(program in expression(), text in ".{0,40}") {
        let options = json!({ "a": [1, { "b": text }], "c": null, "d": -0.5 });
        let occasion = Occasion {
            user: Some(User {
                id: DiscordUserId(3),
                name: text.clone(),
                bot: false,
                roles: vec![text.clone()],
                joined_at: None,
            }),
            message: Some(MessageId(u64::MAX)),
            options: options.as_object().cloned().unwrap_or_default(),
            args: text.clone(),
            text,
            latency_ms: u64::MAX,
            ..Occasion::default()
        };
        run(&format!("fn run(event) {{ let x = [event]; {program} }}"), &occasion);
    }
}

fn run(source: &str, occasion: &Occasion) {
    let Ok(script) = RhaiScripts::default().compile(source) else { return };
    let ran = script.run(occasion, &Arc::default());
    assert!(ran.operations <= STEPS + 1 && ran.took < TIME, "{ran:?}");
    assert!(ran.wanted.is_err() || ran.wanted.is_ok_and(|it| it.len() <= 10));
    let _ = script.test(source, &Arc::default());
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|it| format!("({it})")),
        (0..100_i32).prop_map(|it| it.to_string()),
        Just("event".to_owned()),
        Just("event.text".to_owned()),
        Just("event.options.a".to_owned()),
        Just("x".to_owned()),
        Just("[]".to_owned()),
        Just("#{}".to_owned()),
        Just("0..1000000000000".to_owned()),
        Just("\"\"".to_owned()),
        "[a-z€😀 ]{1,8}".prop_map(|it| format!("\"{it}\"")),
    ];
    leaf.prop_recursive(6, 60, 4, |inner| {
        let one = inner.clone();
        let function = prop::sample::select(FUNCTIONS);
        let operator =
            prop::sample::select(&["+", "-", "*", "/", "%", "**", "<<", "==", "<", "in"][..]);
        prop_oneof![
            (one.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (one.clone(), function.clone()).prop_map(|(a, f)| format!("{f}({a})")),
            (one.clone(), function.clone(), inner.clone())
                .prop_map(|(a, f, b)| format!("{f}({a}, {b})")),
            (one.clone(), function, inner.clone(), inner.clone())
                .prop_map(|(a, f, b, c)| format!("{f}({a}, {b}, {c})")),
            (one.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            (one.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            (one.clone(), inner.clone()).prop_map(|(a, b)| format!("#{{ a: {a}, b: {b} }}")),
            one.clone().prop_map(|a| format!("`${{{a}}}`")),
            one.clone().prop_map(|a| format!("|it| {a}")),
            one.clone().prop_map(|a| format!("{{ x = {a}; x }}")),
            one.clone().prop_map(|a| format!("{{ loop {{ x += {a}; }} }}")),
            one.clone().prop_map(|a| format!("{{ loop {{ x = [x, {a}]; }} }}")),
            (one.clone(), inner.clone())
                .prop_map(|(a, b)| format!("{{ for y in {a} {{ {b}; }} }}")),
            (one, inner).prop_map(|(a, b)| format!("if {a} {{ {b} }} else {{ run({b}) }}")),
        ]
    })
}
