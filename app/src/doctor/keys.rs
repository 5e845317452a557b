//! The keys that open everything: where the master key comes from, and whether the first API key lies about.

use std::os::unix::fs::MetadataExt as _;

use super::Finding;
use crate::config::Config;
use crate::data_dir::bootstrap_key;
use crate::master_key::{FILE, Source};

/// Says from where the master key comes; whether it fits is the vault's to say.
pub(super) fn master_key(config: &Config) -> Finding {
    let about = "master key";
    let source = Source::of(config);
    let path = config.file(FILE);
    let mode = std::fs::metadata(&path).map(|it| it.mode() & 0o777).ok();
    if let Some(mode) = mode
        && mode & 0o077 != 0
    {
        let path = path.display();
        let says = format!(
            "others may read {path} (mode {mode:o}): run chmod 600 {path}, and if others use this \
             machine, change the key: palimpsest vault rotate-master-key"
        );
        return Finding::bad(about, says);
    }
    if !matches!(source, Source::File(_)) && mode.is_some() {
        let path = path.display();
        let says = format!("it comes from {source}; {path} is not used and should not lie about");
        return Finding::weak(about, says);
    }
    Finding::good(about, format!("it comes from {source}"))
}

pub(super) fn first_api_key(config: &Config) -> Finding {
    if bootstrap_key(&config.data_dir).is_none() {
        return Finding::good("API keys", "no bootstrap key lies about");
    }
    let says = "the bootstrap key, which may do everything, is still in the data directory; make \
                narrower keys, revoke it and delete the file";
    Finding::weak("API keys", says)
}
