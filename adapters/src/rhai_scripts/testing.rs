//! Tests of a behavior, in its own language: each function of the test script that takes nothing
//! is a test, which calls the behavior by `when` and says what it expects.

use std::sync::Arc;
use std::time::{Duration, Instant};

use commands::ports::{Fault, Occasion, Readable, Reads, Settings, Tested};
use rhai::{Array, Dynamic, Engine, EvalAltResult, Map};
use serde_json::{Value, json};

use super::run::Run;
use super::{Compiled, run, sandbox, values};

/// How long the tests of one file take together at most.
const LONGEST: Duration = Duration::from_secs(2);

/// How many steps the behavior takes at most in all calls of one test.
const MOST_CALLED: u64 = 5 * sandbox::MOST_OPERATIONS;

type Answer<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("when", when)
        .register_fn("expect", expect)
        .register_fn("expect_error", expect_error)
        .register_fn("with_commands", with_commands)
        .register_fn("with_settings", with_settings)
        .register_fn("check", |holds: bool| if holds { Ok(()) } else { no("this does not hold") })
        .register_fn("check", |holds: bool, why: &str| if holds { Ok(()) } else { no(why) });
}

pub(super) fn test(
    script: &Compiled,
    tests: &str,
    workspace: &Arc<Readable>,
) -> Result<Vec<Tested>, Fault> {
    let ast = sandbox::compile(&script.engine, tests)?;
    let names = ast.iter_functions().filter(|it| it.params.is_empty()).map(|it| it.name);
    let mut names: Vec<String> = names.map(ToOwned::to_owned).collect();
    names.sort();
    let last = Instant::now() + LONGEST;
    let tested = names.into_iter().map(|name| {
        if Instant::now() > last {
            let reason = format!("it was not run any more: {}", too_long());
            return Tested { name, failure: Some(Fault { line: None, reason }) };
        }
        let occasion = Occasion { seed: 1, ..Occasion::default() };
        let everything = Reads { settings: true, commands: true };
        let mut run = Run::new(&occasion, workspace).until(last).reading(everything);
        run.tested = Some((script.clone(), last));
        let (answer, _) = run::within(run, &script.engine, &ast, &name, ());
        Tested { name, failure: answer.err() }
    });
    Ok(tested.collect())
}

pub(super) fn too_long() -> String {
    format!("the tests of this file take longer than {} s", LONGEST.as_secs())
}

fn no<T>(why: &str) -> Answer<T> {
    Err(why.into())
}

/// Runs the behavior on an event; what the test does not say of it is as usual.
fn when(event: Map) -> Answer<Array> {
    let actions = call(event)?.map_err(|fault| format!("the behavior failed: {fault}"))?;
    Ok(actions)
}

/// From here on the test has these commands, instead of those of the workspace.
fn with_commands(list: Array) -> Answer<()> {
    sandbox::flat_list(&list)?;
    let list = rhai::serde::from_dynamic(&list.into())?;
    run::now(|run| Arc::make_mut(&mut run.workspace).commands = list);
    Ok(())
}

/// From here on the test has these files of settings, instead of those of the same name.
fn with_settings(files: Map) -> Answer<()> {
    sandbox::flat_map(&files)?;
    let files: Settings = rhai::serde::from_dynamic(&files.into())?;
    run::now(|run| Arc::make_mut(&mut run.workspace).settings.extend(files));
    Ok(())
}

/// The behavior fails on this event, with these words in the reason.
fn expect_error(event: Map, words: &str) -> Answer<()> {
    match call(event)? {
        Err(fault) if fault.reason.contains(words) => Ok(()),
        Err(fault) => no(&format!("it failed otherwise: {fault}")),
        Ok(_) => no("it did not fail"),
    }
}

fn call(event: Map) -> Answer<Result<Array, Fault>> {
    let Some((script, last, workspace, called)) = run::now(|run| {
        let (workspace, called) = (run.workspace.clone(), run.charged());
        run.tested.clone().map(|(script, last)| (script, last, workspace, called))
    })
    .flatten() else {
        return no("only a test calls a behavior");
    };
    let too_much = if called > MOST_CALLED {
        Some(format!("the behavior takes more than {MOST_CALLED} steps in one test"))
    } else {
        (Instant::now() > last).then(too_long)
    };
    if let Some(why) = too_much {
        run::stop(&why);
        return no(&why);
    }
    let occasion = usual(event)?;
    let run = Run::new(&occasion, &workspace).until(last);
    let (actions, run) = script.call(run, &occasion);
    run::now(|outer| outer.charge(run.operations()));
    Ok(actions.map(|actions| actions.iter().map(values::of_action).collect()))
}

/// An everyday event, changed as a test says.
fn usual(event: Map) -> Answer<Occasion> {
    sandbox::flat_map(&event)?;
    let mut usual = json!({
        "what": "message",
        "at": "2026-01-01T12:00:00Z",
        "guild": "1",
        "channel": "2",
        "user": { "id": "3", "name": "Ana" },
        "message": "4",
        "latency_ms": 40,
        "seed": 1,
    });
    let event: Value = rhai::serde::from_dynamic(&Dynamic::from_map(event))?;
    if let (Value::Object(usual), Value::Object(event)) = (&mut usual, event) {
        usual.extend(event);
    }
    serde_json::from_value(usual).map_err(|error| format!("the event: {error}").into())
}

/// The actions are these, as far as these say something of them.
fn expect(actions: Array, wanted: Array) -> Answer<()> {
    sandbox::flat_list(&actions)?;
    sandbox::flat_list(&wanted)?;
    let told = |list: &Array| {
        let json: Value = rhai::serde::from_dynamic(&list.clone().into()).unwrap_or_default();
        json.to_string()
    };
    let is_like = |(action, wanted): (&Dynamic, &Dynamic)| -> bool {
        let json = |it: &Dynamic| rhai::serde::from_dynamic::<Value>(it).unwrap_or_default();
        match (json(action), json(wanted)) {
            (Value::Object(action), Value::Object(wanted)) => {
                wanted.iter().all(|(name, value)| action.get(name) == Some(value))
            }
            _ => false,
        }
    };
    if actions.len() == wanted.len() && actions.iter().zip(&wanted).all(is_like) {
        return Ok(());
    }
    no(&format!("expected {}, and got {}", told(&wanted), told(&actions)))
}
