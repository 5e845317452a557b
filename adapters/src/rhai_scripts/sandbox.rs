//! The engine that all scripts share, and what it does not allow.

use commands::ports::Fault;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicMathPackage, BasicStringPackage, LanguageCorePackage, LogicPackage, MoreStringPackage,
    Package,
};
use rhai::{
    AST, Array, Dynamic, Engine, EvalAltResult, FLOAT, INT, ImmutableString as Text, Map,
    NativeCallContext, ParseErrorType, Position, def_package, format_map_as_json,
};

use super::{actions, memory, run, testing};

/// How many steps a script takes at most.
pub(super) const MOST_OPERATIONS: u64 = 200_000;

/// How deep its functions call each other.
const MOST_CALLS: usize = 32;

/// How deep its expressions nest: outside and inside of functions.
const MOST_NESTING: (usize, usize) = (64, 32);

/// How large its values grow: bytes of a text, items of a list, entries of a map, all that they
/// hold included.
const MOST_TEXT: usize = 64 * 1024;
pub(super) const MOST_ITEMS: usize = 4_096;
pub(super) const MOST_ENTRIES: usize = 1_024;

/// How deep lists and maps nest that are shown, compared or answered: this goes down level by level
/// on the stack of the thread.
pub(super) const MOST_DEPTH: usize = 64;

/// How many functions and variables it has.
const MOST_FUNCTIONS: usize = 200;
const MOST_VARIABLES: usize = 200;

/// What the language knows and a behavior must not: to run text as code, or to hold up the bot, or
/// to keep values where nothing looks at their size: with a function, or as its `this`.
const FORBIDDEN: [&str; 5] = ["curry", "eval", "export", "import", "this"];

def_package! {
    /// What the language brings, as one: each first call of a function in a run is looked for in every package.
    Language(module): LanguageCorePackage, ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage,
        BasicMapPackage, BasicMathPackage, BasicStringPackage, LogicPackage, MoreStringPackage {}
}

pub(super) fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    Language::new().register_into_engine(&mut engine);

    engine
        .set_max_operations(MOST_OPERATIONS)
        .set_max_call_levels(MOST_CALLS)
        .set_max_expr_depths(MOST_NESTING.0, MOST_NESTING.1)
        .set_max_string_size(MOST_TEXT)
        .set_max_array_size(MOST_ITEMS)
        .set_max_map_size(MOST_ENTRIES)
        .set_max_functions(MOST_FUNCTIONS)
        .set_max_variables(MOST_VARIABLES)
        .set_strict_variables(true)
        .on_progress(run::progress)
        .on_print(|_| {})
        .on_debug(|_, _, _| {});
    for word in FORBIDDEN {
        engine.disable_symbol(word);
    }
    // The language brings these two, which would hold a thread.
    engine.register_fn("sleep", |_: INT| no_clock()).register_fn("sleep", |_: FLOAT| no_clock());
    // The language looks at the size of a text only when it is there.
    engine
        .register_fn("replace", |text: &mut Text, old: &str, new: &str| replace(text, old, new))
        .register_fn("replace", |text: &mut Text, old: &str, new: char| {
            replace(text, old, new.encode_utf8(&mut [0; 4]))
        })
        .register_fn("replace", |text: &mut Text, old: char, new: &str| {
            replace(text, old.encode_utf8(&mut [0; 4]), new)
        });
    register_guards(&mut engine);
    watch_memory(&mut engine);
    actions::register(&mut engine);
    testing::register(&mut engine);
    engine
}

type Answer<T> = Result<T, Box<EvalAltResult>>;

#[expect(deprecated, reason = "it may change, says the language, which has nothing else for this")]
fn watch_memory(engine: &mut Engine) {
    engine.on_var(|_, _, context| memory::look(&context).map(|()| None));
}

/// What the language itself does with lists and maps however deep they are.
fn register_guards(engine: &mut Engine) {
    for name in ["debug", "print", "to_debug", "to_string"] {
        engine
            .register_fn(name, |of: NativeCallContext, list: &mut Array| show_list(&of, list))
            .register_fn(name, |of: NativeCallContext, map: &mut Map| show_map(&of, map));
    }
    engine
        .register_fn("==", |of: NativeCallContext, one: &mut Array, mut other: Array| {
            same_list(&of, one, &mut other)
        })
        .register_fn("==", |of: NativeCallContext, one: &mut Map, mut other: Map| {
            same_map(&of, one, &mut other)
        })
        .register_fn("to_json", |map: &mut Map| {
            flat_map(map)?;
            Answer::<Text>::Ok(format_map_as_json(map).into())
        });
}

pub(super) fn too_deep() -> String {
    format!("lists and maps nest more than {MOST_DEPTH} deep")
}

/// Whether a value nests too deep.
pub(super) fn is_deep(value: &Dynamic) -> bool {
    deeper(value, MOST_DEPTH)
}

/// Refuses a list that nests too deep.
pub(super) fn flat_list(list: &Array) -> Answer<()> {
    if list_deeper(list, MOST_DEPTH) { Err(too_deep().into()) } else { Ok(()) }
}

/// Refuses a map that nests too deep.
pub(super) fn flat_map(map: &Map) -> Answer<()> {
    if map_deeper(map, MOST_DEPTH) { Err(too_deep().into()) } else { Ok(()) }
}

/// Goes down only so many levels itself.
fn deeper(value: &Dynamic, left: usize) -> bool {
    if value.is_array() {
        value.read_lock::<Array>().is_some_and(|list| list_deeper(&list, left))
    } else if value.is_map() {
        value.read_lock::<Map>().is_some_and(|map| map_deeper(&map, left))
    } else {
        false
    }
}

fn list_deeper(list: &Array, left: usize) -> bool {
    left == 0 || list.iter().any(|it| deeper(it, left - 1))
}

fn map_deeper(map: &Map, left: usize) -> bool {
    left == 0 || map.values().any(|it| deeper(it, left - 1))
}

/// What is too deep is not shown, and the run is stopped: after a mere error the language would
/// show it in its own way.
fn show_list(of: &NativeCallContext, list: &mut Array) -> Text {
    if list_deeper(list, MOST_DEPTH) {
        run::stop(&too_deep());
        return "[…]".into();
    }
    let items: Vec<_> = list.iter_mut().map(|it| show(of, it)).collect();
    format!("[{}]", items.join(", ")).into()
}

fn show_map(of: &NativeCallContext, map: &mut Map) -> Text {
    if map_deeper(map, MOST_DEPTH) {
        run::stop(&too_deep());
        return "#{…}".into();
    }
    let entries = map.iter_mut().map(|(name, it)| format!("{name:?}: {}", show(of, it)));
    format!("#{{{}}}", entries.collect::<Vec<_>>().join(", ")).into()
}

/// A part of a value that is not too deep.
fn show(of: &NativeCallContext, value: &mut Dynamic) -> String {
    let shown = of.call_native_fn_raw("to_debug", true, &mut [&mut *value]).ok();
    let shown = shown.and_then(|it| it.into_string().ok());
    shown.unwrap_or_else(|| format!("{value:?}"))
}

fn same_list(of: &NativeCallContext, one: &mut Array, other: &mut Array) -> Answer<bool> {
    flat_list(one)?;
    flat_list(other)?;
    if one.len() != other.len() {
        return Ok(false);
    }
    for (one, other) in one.iter_mut().zip(other.iter_mut()) {
        if !same(of, one, other)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same_map(of: &NativeCallContext, one: &mut Map, other: &mut Map) -> Answer<bool> {
    flat_map(one)?;
    flat_map(other)?;
    if one.len() != other.len() {
        return Ok(false);
    }
    for (name, one) in one {
        let same = match other.get_mut(name) {
            Some(other) => same(of, one, other)?,
            None => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Values that nothing compares differ, unless they are of the same type.
fn same(of: &NativeCallContext, one: &mut Dynamic, other: &mut Dynamic) -> Answer<bool> {
    let alike = one.type_name() == other.type_name();
    match of.call_native_fn_raw("==", true, &mut [one, other]) {
        Ok(same) => Ok(same.as_bool().unwrap_or_default()),
        Err(error) => match *error {
            EvalAltResult::ErrorFunctionNotFound(..) if !alike => Ok(false),
            _ => Err(error),
        },
    }
}

fn replace(text: &mut Text, old: &str, new: &str) -> Result<(), Box<EvalAltResult>> {
    let grown = text.matches(old).count().saturating_mul(new.len()).saturating_add(text.len());
    if grown > MOST_TEXT * 2 {
        let what = "Length of string".to_owned();
        return Err(EvalAltResult::ErrorDataTooLarge(what, Position::NONE).into());
    }
    *text = text.replace(old, new).into();
    Ok(())
}

fn no_clock() -> Result<(), Box<EvalAltResult>> {
    Err("a behavior cannot wait; remind(seconds, text) comes back later".into())
}

pub(super) fn compile(engine: &Engine, source: &str) -> Result<AST, Fault> {
    engine.compile(source).map_err(|error| {
        let mut reason = error.err_type().to_string();
        // Who captures a variable is told this.
        if matches!(error.err_type(), ParseErrorType::VariableUndefined(_)) {
            reason.push_str(
                "; a function, also one like |it| …, sees only what it takes: use a loop instead",
            );
        }
        Fault { line: line(error.position()), reason }
    })
}

/// An error as its author reads it: where it happened, and why.
pub(super) fn fault(mut error: EvalAltResult) -> Fault {
    while let EvalAltResult::ErrorInFunctionCall(_, _, deeper, _) = error {
        error = *deeper;
    }
    let line = line(error.take_position());
    let reason = match error {
        EvalAltResult::ErrorDataTooLarge(what, _) => {
            format!("{} grows too large", what.to_lowercase())
        }
        EvalAltResult::ErrorRuntime(value, _) => told(&value),
        EvalAltResult::ErrorStackOverflow(_) => {
            format!("functions call each other more than {MOST_CALLS} deep")
        }
        EvalAltResult::ErrorTerminated(value, _) => told(&value),
        EvalAltResult::ErrorTooManyOperations(_) => {
            format!("it takes more than {MOST_OPERATIONS} steps; does a loop never end?")
        }
        other => other.to_string(),
    };
    Fault { line, reason }
}

fn told(value: &Dynamic) -> String {
    if value.is_map() {
        return "it threw an object".to_owned();
    }
    if is_deep(value) {
        return too_deep();
    }
    value.to_string()
}

fn line(position: Position) -> Option<u32> {
    position.line().and_then(|it| u32::try_from(it).ok())
}
