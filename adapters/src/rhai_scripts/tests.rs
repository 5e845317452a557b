//! What scripts can do, and what they cannot.

use std::time::{Duration, Instant};

use domain::behaviors::Action;
use domain::kernel::{DiscordUserId, MessageId};
use serde_json::json;

use super::*;
use commands::ports::{Described, Settings, User};

#[test]
fn a_script_sees_the_event_and_answers_actions() {
    let wanted = ran(r#"fn run(event) { [reply(`Hello ${event.user.name}`), react("👋")] }"#);
    let reply = Action::Reply { text: "Hello Ana".into(), private: false, reactions: vec![] };
    let react = Action::React { message: MessageId(4), emoji: "👋".into() };
    assert_eq!(wanted, Ok(vec![reply, react]));
    assert_eq!(ran("fn run(event) { }"), Ok(vec![]));
}

#[test]
fn what_is_no_script_is_refused_with_its_line() {
    for (source, line, words) in [
        ("fn run(event) {\n  let x = ;\n}", Some(2), ""),
        ("fn run(event) {\n  y\n}", Some(2), "y"),
        ("fn other(event) { }", None, "run(event)"),
        ("fn run(event) { eval(\"1\") }", Some(1), "eval"),
        ("import \"x\" as y; fn run(event) { }", Some(1), "import"),
        // What a function captures could hold the function itself, which nothing would free.
        ("fn run(event) {\n  let m = #{};\n  m.f = || m;\n}", Some(3), "sees only what it takes"),
        ("fn run(event) { [1].filter(|it| it == event.text) }", Some(1), "event; a function"),
        ("fn run(event) { Fn(\"run\").curry(1) }", Some(1), "property"),
        ("fn run(event) { event.f() } fn f() { this.x = 1; }", Some(1), "this"),
    ] {
        let fault = compiled(source).err().expect(source);
        assert_eq!(fault.line, line, "{source}: {fault}");
        assert!(fault.reason.contains(words), "{source}: {fault}");
    }
}

#[test]
fn errors_name_line_and_reason() {
    for (body, line, words) in [
        ("let x = 1;\n  throw \"no luck\";", 2, "no luck"),
        ("nothing_like_it(1)", 1, "nothing_like_it"),
        ("deeper()\n} fn deeper() {\n  1 / 0", 3, "ivision"),
        ("reply(\"  \")", 1, "empty"),
        ("send(\"general\", \"x\")", 1, "not a Discord id"),
        ("setting(\"nothing\")", 1, "settings/nothing.toml"),
        ("remind(0, \"x\")", 1, "1 to"),
        ("sleep(1)", 1, "cannot wait"),
    ] {
        let fault = ran(&format!("fn run(event) {{ {body} }}")).expect_err(body);
        assert_eq!(fault.line, Some(line), "{body}: {fault}");
        assert!(fault.reason.contains(words), "{body}: {fault}");
    }
    let fault = ran("fn run(event) { 42 }").expect_err("a number is no action");
    assert!(fault.reason.contains("i64"), "{fault}");
}

#[test]
fn no_script_runs_nests_or_grows_without_end() {
    let begun = Instant::now();
    for (body, words) in [
        ("loop { }", "steps"),
        ("run(event)", "deep"),
        ("[[[[[[[[run(event)]]]]]]]]", "deep"),
        ("let x = \"x\"; loop { x += x; }", "too large"),
        ("let x = []; loop { x.push(1); }", "too large"),
        ("let x = [1]; loop { x += x; }", "too large"),
        ("let x = #{}; let n = 0; loop { x[`${n}`] = n; n += 1; }", "too large"),
        ("let x = #{ a: #{} }; let n = 0; loop { x.a[`${n}`] = n; n += 1; }", "too large"),
        ("let x = #{ a: [1] }; loop { x.b = x.a; x.a = [x.b, x.b]; }", ""),
        (
            "let x = []; x.pad(4000, \"\"); let y = \"x\"; y.pad(60_000, 'x');
            for n in 0..4000 { x[n] = y + n; }",
            "too large",
        ),
        ("let x = #{}; loop { try { x[`${random(0, 99999999)}`] = 1; } catch { } }", "too large"),
        ("let x = []; x.pad(100_000_000, \"x\")", "too large"),
        ("\"x\".pad(100_000_000, 'x')", "too large"),
        ("let x = []; loop { x = [x]; }", ""),
        ("let x = \"x\"; x.pad(60_000, 'x'); let y = x; x.replace(\"x\", y)", "too large"),
        ("let x = \"x\"; x.pad(60_000, 'x'); let y = x; x.replace('x', y)", "too large"),
        ("let x = \"x\"; x.pad(60_000, 'x'); let y = x; x.replace(\"\", y)", "too large"),
        (
            "for x in 0..20 { reply(\"x\") } let y = []; for x in 0..20 { y.push(reply(\"x\")) } y",
            "10",
        ),
    ] {
        let fault = ran(&format!("fn run(event) {{ {body} }}")).expect_err(body);
        assert!(fault.reason.contains(words), "{body}: {fault}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn what_nests_deep_is_neither_shown_nor_compared_nor_answered() {
    for body in [
        "reply(`${x}`)",
        "reply(\"\" + x)",
        "reply(x.to_string())",
        "reply(x.to_debug())",
        "print(x)",
        "debug(x)",
        "if x == x { reply(\"x\") }",
        "if x != x { reply(\"x\") }",
        "if x in [x] { reply(\"x\") }",
        "reply(`${#{ a: x }}`)",
        "if #{ a: x } == #{ a: x } { reply(\"x\") }",
        "reply(#{ a: x }.to_json())",
        "throw x",
        "x",
    ] {
        let deep = "let x = []; for n in 0..10 { x = [[[[[[[[x]]]]]]]]; }";
        let fault = ran(&format!("fn run(event) {{ {deep} {body} }}")).expect_err(body);
        assert!(fault.reason.contains("nest more than 64 deep"), "{body}: {fault}");
    }
}

#[test]
fn what_does_not_nest_deep_is_shown_and_compared() {
    let source = "fn run(event) {
        let x = [1, \"a\", #{ b: [2] }];
        reply(`${x} ${x == [1, \"a\", #{ b: [2] }]} ${x != [1]} ${[1] == [\"1\"]}`)
    }";
    let text = "[1, \"a\", #{\"b\": [2]}] true true false".into();
    assert_eq!(ran(source), Ok(vec![Action::Reply { text, private: false, reactions: vec![] }]));
}

#[test]
fn the_tests_of_a_file_end() {
    let script = compiled("fn run(event) { loop { } }").expect("it compiles");
    let body = "for n in 0..400 { try { when(#{}); } catch { } }";
    let tests: Vec<_> = (0..100).map(|n| format!("fn t{n}() {{ {body} }}")).collect();
    let begun = Instant::now();
    let tested = script.test(&tests.join("\n"), &Arc::default()).expect("they compile");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(tested.len() == 100 && tested.iter().all(|it| it.failure.is_some()), "{tested:?}");
}

#[test]
fn chance_is_the_same_for_the_same_seed() {
    let script = compiled("fn run(event) { reply(`${random(1, 1000000)} ${choose([1, 2, 3])}`) }");
    let script = script.expect("it compiles");
    let answers = |seed| script.run(&Occasion { seed, ..occasion() }, &Arc::default()).wanted;
    assert_eq!(answers(7), answers(7));
    assert_ne!(answers(7), answers(8));
}

#[test]
fn tests_call_the_behavior_and_say_what_they_expect() {
    let script = compiled("fn run(event) { if event.text == \"hi\" { reply(\"ho\") } }");
    let tests = "
        fn answers() { expect(when(#{ text: \"hi\" }), [#{ kind: \"reply\", text: \"ho\" }]); }
        fn is_silent() { expect(when(#{ text: \"x\" }), []); }
        fn is_wrong() {
            expect(when(#{ text: \"hi\" }), []);
        }
        fn asks_for_nonsense() { when(#{ tex: \"hi\" }); }
    ";
    let tested =
        script.expect("it compiles").test(tests, &Arc::default()).expect("the tests compile");
    let failures: Vec<_> =
        tested.iter().map(|it| (it.name.as_str(), it.failure.as_ref().map(|it| it.line))).collect();
    let wanted = [
        ("answers", None),
        ("asks_for_nonsense", Some(Some(7))),
        ("is_silent", None),
        ("is_wrong", Some(Some(5))),
    ];
    assert_eq!(failures, wanted);
    let reason = &tested[3].failure.as_ref().expect("it fails").reason;
    assert!(reason.contains("ho"), "{reason}");
}

#[test]
fn settings_are_read() {
    let source = "fn run(event) { reply(setting(\"faq\").answer) }";
    let settings = Settings::from([("faq".to_owned(), json!({ "answer": "42" }))]);
    let script = compiled(source).expect("it compiles");
    let workspace = Readable { settings, ..Readable::default() };
    let wanted = script.run(&occasion(), &Arc::new(workspace)).wanted;
    assert_eq!(
        wanted,
        Ok(vec![Action::Reply { text: "42".into(), private: false, reactions: vec![] }])
    );
}

#[test]
fn words_are_found_as_a_whole() {
    let source = "fn run(event) { if has_words(event.text, event.args) { reply(\"x\") } }";
    let script = compiled(source).expect("it compiles");
    for (text, args, found) in [
        ("Good TEA!", " tea ", true),
        ("steam, tea", "tea", true),
        ("team", "tea", false),
        ("tea", "", false),
        ("ÄRGER", "ärger", true),
        ("what?!", "?!", true),
    ] {
        let occasion = Occasion { text: text.into(), args: args.into(), ..occasion() };
        let wanted = script.run(&occasion, &Arc::default()).wanted.expect(text);
        assert_eq!(!wanted.is_empty(), found, "{text}: {args}");
    }
}

#[test]
fn tests_have_settings_and_commands_of_their_own() {
    let script = compiled("fn run(event) { reply(`${setting(\"a\").b} ${commands().len()}`) }");
    let tests = "
        fn one() {
            with_settings(#{ a: #{ b: 5 } });
            with_commands([#{ kind: \"command\", name: \"x\", description: \"y\" }]);
            expect(when(#{}), [#{ text: \"5 1\" }]);
        }
        fn two() { expect(when(#{}), [#{ text: \"4 0\" }]); }
    ";
    let settings = Settings::from([("a".to_owned(), json!({ "b": 4 }))]);
    let workspace = Arc::new(Readable { settings, ..Readable::default() });
    let tested = script.expect("it compiles").test(tests, &workspace).expect("they compile");
    assert!(tested.len() == 2 && tested.iter().all(|it| it.failure.is_none()), "{tested:?}");
}

#[test]
fn what_a_script_reads_shows_in_its_text() {
    let reads = |source: &str| compiled(source).expect(source).reads();
    assert_eq!(reads("fn run(event) { reply(`commander`) }"), Reads::default());
    let settings = Reads { settings: true, commands: false };
    assert_eq!(reads("fn run(event) { setting(\"a\") }"), settings);
    let commands = Reads { settings: false, commands: true };
    assert_eq!(reads("fn run(event) { Fn(\"commands\").call() }"), commands);

    for (source, named) in [
        ("fn run(event) { Fn(\"set\" + \"ting\").call(\"bot\") }", "setting"),
        ("fn run(event) { Fn(\"command\\x73\").call() }", "commands"),
        ("fn run(event) { [\"bot\"].map(Fn(\"set\" + \"ting\")) }", "setting"),
    ] {
        assert_eq!(reads(source), Reads::default(), "{source}");
        let fault = ran(source).expect_err(source);
        assert!(fault.reason.contains(named) && fault.reason.contains("write it out"), "{fault}");
    }
}

#[test]
fn commands_are_listed() {
    let source = "fn run(event) { reply(commands().map(|it| `${it.kind} ${it.name}`)[0]) }";
    let dice = Described { kind: "command".into(), name: "dice".into(), ..Described::default() };
    let workspace = Readable { commands: vec![dice], ..Readable::default() };
    let ran = compiled(source).expect("it compiles").run(&occasion(), &Arc::new(workspace));
    let text = "command dice".into();
    assert_eq!(ran.wanted, Ok(vec![Action::Reply { text, private: false, reactions: vec![] }]));
}

fn ran(source: &str) -> Result<Vec<Action>, Fault> {
    compiled(source).expect("it compiles").run(&occasion(), &Arc::default()).wanted
}

fn compiled(source: &str) -> Result<Arc<dyn Script>, Fault> {
    RhaiScripts::default().compile(source)
}

fn occasion() -> Occasion {
    let user = User {
        id: DiscordUserId(3),
        name: "Ana".into(),
        bot: false,
        roles: vec![],
        joined_at: None,
    };
    Occasion { user: Some(user), message: Some(MessageId(4)), seed: 1, ..Occasion::default() }
}
