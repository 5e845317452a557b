//! Whether the mirror of the workspace shows what the workspace is.

use commands::ports::Mirror as _;
use domain::kernel::Singleton;

use super::Finding;
use crate::config::Config;
use crate::mirror::mirror;
use crate::stores::Stores;
use crate::wiring;

/// The one who writes it may be another process, so it is told where this one would.
pub(super) async fn look(config: &Config, stores: &Stores) -> anyhow::Result<Finding> {
    let about = "mirror";
    let Some(mirror) = mirror(config) else {
        return Ok(Finding::good(about, "off: mirror.enabled is false"));
    };
    let place = mirror.folder().display();
    let (use_cases, _) = wiring::use_cases(config, stores)?;
    let workspace = use_cases.self_editing.workspace.load(&Singleton).await?.aggregate;
    let now = workspace.revision();
    Ok(match mirror.look()? {
        None if now == 0 => Finding::good(about, "none yet; it is written at the next start"),
        None => Finding::weak(about, format!("{place} shows nothing yet; the server writes it")),
        Some((shown, _)) if shown.revision == now => {
            Finding::good(about, format!("{place} shows revision {now}"))
        }
        Some((shown, _)) => {
            let says = format!(
                "{place} shows revision {}, and the workspace is at {now}; the server that holds \
                 the lease writes it",
                shown.revision
            );
            Finding::weak(about, says)
        }
    })
}
