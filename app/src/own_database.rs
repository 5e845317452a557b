//! The state of a moment is built into a database of its own, never into one that is in use.

use std::path::Path;
use std::str::FromStr;

use adapters::Address;
use anyhow::bail;
use domain::kernel::Shown;
use projections::Place;

use crate::config::Config;
use crate::stores::address;

/// Refuses the database of a store, and the home of the live read models.
pub(crate) fn require_own(config: &Config, into: &str) -> anyhow::Result<()> {
    // What is wrong with an address is said by who builds there.
    let Ok(wanted) = Address::from_str(into) else { return Ok(()) };
    let mut stores = vec![
        ("the operational store", config.operational.reveal(), "operational.db"),
        ("the vault", config.vault.reveal(), "vault.db"),
    ];
    if config.log.reveal().starts_with("sqlite") {
        stores.push(("the event log", config.log.reveal(), "log.db"));
    }
    for (what, place, file) in stores {
        if wanted.is(&address(config, place, file, what)?) {
            return refuse(into, what);
        }
    }
    let live = match (&wanted, Place::parse(config.views.reveal(), &config.data_dir)?) {
        (Address::Postgres(_), Place::Postgres { url }) => {
            Address::from_str(&url).is_ok_and(|views| wanted.is(&views))
        }
        (Address::Sqlite(file), Place::Sqlite { folder, stem }) => {
            is_numbered(file, &folder, &stem)
        }
        _ => false,
    };
    if live { refuse(into, "the live read models") } else { Ok(()) }
}

fn refuse(into: &str, what: &str) -> anyhow::Result<()> {
    bail!(
        "{} belongs to {what}; the state of a moment needs a database of its own: name another one \
         with --into",
        Shown(into)
    )
}

/// Whether the file is a generation of the read models in this folder, there or still to come.
fn is_numbered(file: &Path, folder: &Path, stem: &str) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let number = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-'));
    let number = number.and_then(|rest| rest.strip_suffix(".db"));
    number.is_some_and(|it| it.parse::<u64>().is_ok())
        && Address::Sqlite(file.to_owned()).is(&Address::Sqlite(folder.join(name)))
}
