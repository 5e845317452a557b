//! Behaviors as Rhai scripts (<https://rhai.rs>), in a sandbox: no files, no network, no clock,
//! no modules, and limits on steps, depth, memory and time.

mod actions;
mod memory;
mod run;
mod sandbox;
mod testing;
mod values;

use std::sync::Arc;

use commands::ports::{Fault, Occasion, Ran, Readable, Script, ScriptRunner, Tested};
use rhai::{AST, Engine};

/// The function of a behavior that is called.
const ENTRY: &str = "run";

/// See the module.
pub struct RhaiScripts(Arc<Engine>);

impl Default for RhaiScripts {
    fn default() -> Self {
        Self(Arc::new(sandbox::engine()))
    }
}

/// One compiled script.
struct Compiled {
    engine: Arc<Engine>,
    ast: AST,
}

impl ScriptRunner for RhaiScripts {
    fn compile(&self, source: &str) -> Result<Arc<dyn Script>, Fault> {
        let ast = sandbox::compile(&self.0, source)?;
        if !ast.iter_functions().any(|it| it.name == ENTRY && it.params.len() == 1) {
            let reason = "there is no function run(event)".to_owned();
            return Err(Fault { line: None, reason });
        }
        Ok(Arc::new(Compiled { engine: Arc::clone(&self.0), ast }))
    }
}

impl Script for Compiled {
    fn run(&self, occasion: &Occasion, workspace: &Arc<Readable>) -> Ran {
        run::run(self, occasion, workspace)
    }

    fn test(&self, tests: &str, workspace: &Arc<Readable>) -> Result<Vec<Tested>, Fault> {
        testing::test(self, tests, workspace)
    }
}

#[cfg(test)]
mod tests;
