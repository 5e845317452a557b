//! Behaviors as Rhai scripts (<https://rhai.rs>), in a sandbox: no files, no network, no clock,
//! no modules, and limits on steps, depth, memory and time.

mod actions;
mod memory;
mod run;
mod sandbox;
mod testing;
mod values;

use std::sync::Arc;

use commands::ports::{Fault, Occasion, Ran, Readable, Reads, Script, ScriptRunner, Tested};
use domain::behaviors::Action;
use rhai::{AST, Engine};
use run::Run;

/// The function of a behavior that is called.
const ENTRY: &str = "run";

/// The functions that read the workspace.
const SETTING: &str = "setting";
const COMMANDS: &str = "commands";

/// See the module.
pub struct RhaiScripts(Arc<Engine>);

impl Default for RhaiScripts {
    fn default() -> Self {
        Self(Arc::new(sandbox::engine()))
    }
}

/// One compiled script.
#[derive(Clone)]
struct Compiled {
    engine: Arc<Engine>,
    ast: AST,
    reads: Reads,
}

impl Compiled {
    /// The entry, within a run of its own.
    fn call(&self, run: Run, occasion: &Occasion) -> (Result<Vec<Action>, Fault>, Run) {
        let event = values::of_occasion(occasion);
        let run = run.reading(self.reads);
        let (answer, run) = run::within(run, &self.engine, &self.ast, ENTRY, (event,));
        (answer.and_then(run::wanted), run)
    }
}

impl ScriptRunner for RhaiScripts {
    fn compile(&self, source: &str) -> Result<Arc<dyn Script>, Fault> {
        let ast = sandbox::compile(&self.0, source)?;
        if !ast.iter_functions().any(|it| it.name == ENTRY && it.params.len() == 1) {
            let reason = "there is no function run(event)".to_owned();
            return Err(Fault { line: None, reason });
        }
        // Whatever else a text calls by these names, a comment even, makes it one that may read.
        let reads =
            Reads { settings: source.contains(SETTING), commands: source.contains(COMMANDS) };
        Ok(Arc::new(Compiled { engine: Arc::clone(&self.0), ast, reads }))
    }
}

impl Script for Compiled {
    fn reads(&self) -> Reads {
        self.reads
    }

    fn run(&self, occasion: &Occasion, workspace: &Arc<Readable>) -> Ran {
        let (wanted, run) = self.call(Run::new(occasion, workspace), occasion);
        Ran { wanted, operations: run.operations(), took: run.took() }
    }

    fn test(&self, tests: &str, workspace: &Arc<Readable>) -> Result<Vec<Tested>, Fault> {
        testing::test(self, tests, workspace)
    }
}

#[cfg(test)]
mod tests;
