//! One run of a script: what it sees, how long it may take, and what it wanted.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use commands::ports::{Fault, Occasion, Readable, Reads};
use domain::behaviors::Action;
use domain::kernel::MessageId;
use rhai::{AST, CallFnOptions, Dynamic, Engine, Scope};

use super::{Compiled, memory, sandbox, testing};

/// How long a run may take.
const LONGEST: Duration = Duration::from_millis(250);

/// How often the clock is looked at, in steps.
const LOOK: u64 = 64;

/// How much of the stack of its thread a script takes, in bytes: threads have 2 MiB, and one whose
/// stack overflows takes the whole process with it.
const MOST_STACK: usize = 1024 * 1024;

/// How much one run may want.
const MOST_ACTIONS: usize = 10;

/// What the functions that the platform adds know of the run that calls them.
pub(super) struct Run {
    started: Instant,
    /// It is ended then.
    ends: Instant,
    operations: u64,
    /// The steps of the runs that it began itself.
    charged: u64,
    /// Where the stack was when the outermost run began.
    stack: usize,
    /// After how many uses of variables they are looked at again, for each depth of calls.
    looks: Vec<usize>,
    /// Why it may not go on, whatever the script makes of errors.
    over: Option<String>,
    chance: u64,
    pub(super) message: Option<MessageId>,
    pub(super) workspace: Arc<Readable>,
    reads: Reads,
    /// The behavior that a test script tests, and when its tests end.
    pub(super) tested: Option<(Compiled, Instant)>,
}

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

impl Run {
    pub(super) fn new(occasion: &Occasion, workspace: &Arc<Readable>) -> Self {
        let started = Instant::now();
        Self {
            started,
            ends: started + LONGEST,
            operations: 0,
            charged: 0,
            stack: stack(),
            // What it is called with, the platform made.
            looks: vec![memory::SELDOM; 2],
            over: None,
            chance: occasion.seed,
            message: occasion.message,
            workspace: Arc::clone(workspace),
            reads: Reads::default(),
            tested: None,
        }
    }

    /// The same run, which ends no later than this.
    pub(super) fn until(mut self, last: Instant) -> Self {
        self.ends = self.ends.min(last);
        self
    }

    /// The same run, which may read that of the workspace.
    pub(super) fn reading(mut self, reads: Reads) -> Self {
        self.reads = reads;
        self
    }

    pub(super) fn took(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn operations(&self) -> u64 {
        self.operations
    }

    pub(super) fn charged(&self) -> u64 {
        self.charged
    }

    /// Counts the steps of a run that this one began.
    pub(super) fn charge(&mut self, operations: u64) {
        self.charged = self.charged.saturating_add(operations);
    }

    fn too_long(&self) -> Option<String> {
        let longest = LONGEST.as_millis();
        if Instant::now() <= self.ends {
            None
        } else if self.started.elapsed() > LONGEST {
            Some(format!("it runs longer than {longest} ms"))
        } else {
            Some(testing::too_long())
        }
    }
}

/// Asks the run that is going on.
pub(super) fn now<T>(ask: impl FnOnce(&mut Run) -> T) -> Option<T> {
    RUN.with_borrow_mut(|run| run.as_mut().map(ask))
}

/// The workspace, if the script may read that of it.
pub(super) fn workspace(read: Reads) -> Option<Arc<Readable>> {
    now(|run| run.reads.any_of(read).then(|| Arc::clone(&run.workspace))).flatten()
}

/// The next number of chance (`SplitMix64`): the same seed, the same numbers.
pub(super) fn chance() -> u64 {
    now(|run| {
        run.chance = run.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = run.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
    .unwrap_or_default()
}

/// Ends the run that is going on, at its next step.
pub(super) fn stop(why: &str) {
    now(|run| run.over.get_or_insert_with(|| why.to_owned()).len());
}

/// Whether it is time to look at what the variables hold, at this depth of calls. Each has its own
/// turn, so that what one function does hides nothing that another one does.
pub(super) fn is_to_look(level: usize) -> bool {
    now(|run| match run.looks.get_mut(level) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    })
    .unwrap_or_default()
}

/// Looks again after so many uses of variables.
pub(super) fn look_after(level: usize, uses: usize) {
    now(|run| {
        if run.looks.len() <= level {
            run.looks.resize(level + 1, 0);
        }
        if let Some(left) = run.looks.get_mut(level) {
            *left = uses;
        }
    });
}

/// About where the stack of this thread is now.
fn stack() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}

/// Ends a run that takes too long, or too much of the stack, or was stopped.
pub(super) fn progress(operations: u64) -> Option<Dynamic> {
    now(|run| {
        run.operations = operations;
        if run.stack.abs_diff(stack()) > MOST_STACK {
            run.over.get_or_insert_with(|| "functions and expressions nest too deep".to_owned());
        }
        let stopped = run.over.clone();
        let look = || operations.is_multiple_of(LOOK).then(|| run.too_long()).flatten();
        stopped.or_else(look).map(Into::into)
    })?
}

/// Calls a function within a run of its own; a run that was going on goes on afterwards.
pub(super) fn within(
    run: Run,
    engine: &Engine,
    ast: &AST,
    function: &str,
    arguments: impl rhai::FuncArgs,
) -> (Result<Dynamic, Fault>, Run) {
    let stack = now(|outer| outer.stack).unwrap_or(run.stack);
    let outer = RUN.replace(Some(Run { stack, ..run }));
    let options = CallFnOptions::new().eval_ast(false);
    let mut scope = Scope::new();
    let answer = engine.call_fn_with_options(options, &mut scope, ast, function, arguments);
    let run = RUN.replace(outer);
    // It was put there above.
    let run = run.unwrap_or_else(|| Run::new(&Occasion::default(), &Arc::default()));
    let answer = answer.map_err(|error| sandbox::fault(*error));
    // It may have been stopped in its last step.
    let answer = answer.and_then(|answer| match &run.over {
        None => Ok(answer),
        Some(why) => Err(Fault { line: None, reason: why.clone() }),
    });
    (answer, run)
}

/// What a script answered, as actions.
pub(super) fn wanted(answer: Dynamic) -> Result<Vec<Action>, Fault> {
    let fault = |reason: String| Fault { line: None, reason };
    if answer.is_unit() {
        return Ok(Vec::new());
    }
    if sandbox::is_deep(&answer) {
        return Err(fault(sandbox::too_deep()));
    }
    let answered = answer.type_name();
    let list = match answer.try_cast_result::<Action>() {
        Ok(action) => return Ok(vec![action]),
        Err(other) => other.into_array().map_err(|_| {
            fault(format!("run answers an action, a list of them or nothing, and not {answered}"))
        })?,
    };
    if list.len() > MOST_ACTIONS {
        return Err(fault(format!("it wants {} things; {MOST_ACTIONS} are allowed", list.len())));
    }
    let actions = list.into_iter().filter(|it| !it.is_unit()).map(|it| {
        let found = it.type_name();
        it.try_cast::<Action>().ok_or_else(|| fault(format!("{found} is not an action")))
    });
    actions.collect()
}
