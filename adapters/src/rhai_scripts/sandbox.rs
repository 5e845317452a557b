//! The engine that all scripts share, and what it does not allow.

use commands::ports::Fault;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicMathPackage, BasicStringPackage, LanguageCorePackage, LogicPackage, MoreStringPackage,
    Package,
};
use rhai::{AST, Dynamic, Engine, EvalAltResult, FLOAT, INT, ImmutableString as Text, Position};

use super::{actions, run, testing};

/// How many steps a script takes at most.
pub(super) const MOST_OPERATIONS: u64 = 200_000;

/// How deep its functions call each other.
const MOST_CALLS: usize = 32;

/// How deep its expressions nest: outside and inside of functions.
const MOST_NESTING: (usize, usize) = (64, 32);

/// How large its values grow: bytes of a text, items of a list, entries of a map, all that they
/// hold included.
const MOST_TEXT: usize = 64 * 1024;
const MOST_ITEMS: usize = 4_096;
const MOST_ENTRIES: usize = 1_024;

/// How many functions and variables it has.
const MOST_FUNCTIONS: usize = 200;
const MOST_VARIABLES: usize = 200;

/// What the language knows and a behavior must not: to run text as code, or to hold up the bot.
const FORBIDDEN: [&str; 3] = ["eval", "import", "export"];

pub(super) fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    LanguageCorePackage::new().register_into_engine(&mut engine);
    ArithmeticPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);

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
    actions::register(&mut engine);
    testing::register(&mut engine);
    engine
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
    engine.compile(source).map_err(|error| Fault {
        line: line(error.position()),
        reason: error.err_type().to_string(),
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
    value.to_string()
}

fn line(position: Position) -> Option<u32> {
    position.line().and_then(|it| u32::try_from(it).ok())
}
