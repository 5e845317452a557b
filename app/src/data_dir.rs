//! The data directory: one server at a time, and what it tells the others.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// Held by whoever works in the directory.
const LOCK: &str = "server.lock";

/// The first API key, for the owner of the machine.
const BOOTSTRAP_KEY: &str = "bootstrap-api-key";

/// Somebody works in the directory, and nobody else may.
pub struct DataDir {
    path: PathBuf,
    lock: File,
}

/// What a server says about itself in the lock.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    /// Where its API is; none while it starts, or when it is no server.
    pub url: Option<String>,
}

/// How the directory was found.
pub enum Found {
    Free(DataDir),
    /// A server, or another command, works in it.
    Held(Holder),
}

impl DataDir {
    /// Makes the directory where it is missing, for its owner alone, and takes the lock.
    pub fn take(path: &Path) -> anyhow::Result<Found> {
        let missing = || format!("the data directory {} cannot be made", path.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(missing)?;
        let file = path.join(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let cannot = || format!("{} cannot be opened", file.display());
        let mut lock = options.open(&file).with_context(cannot)?;
        match lock.try_lock() {
            Ok(()) => {
                let mut taken = Self { path: path.to_owned(), lock };
                taken.announce(None)?;
                Ok(Found::Free(taken))
            }
            Err(TryLockError::WouldBlock) => {
                Ok(Found::Held(holder_in(&mut lock).with_context(cannot)?))
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(cannot),
        }
    }

    /// Takes the lock, or says who holds it.
    pub fn take_alone(path: &Path) -> anyhow::Result<Self> {
        match Self::take(path)? {
            Found::Free(taken) => Ok(taken),
            Found::Held(Holder { pid, url }) => {
                let place = url.map(|url| format!(" at {url}")).unwrap_or_default();
                bail!(
                    "the data directory {} is in use by process {pid}{place}. One process at a \
                     time works in a directory: stop that one, or give this one another with \
                     --data-dir",
                    path.display()
                )
            }
        }
    }

    /// Says where the API is.
    pub fn announce(&mut self, url: Option<String>) -> anyhow::Result<()> {
        let text = serde_json::to_string(&Holder { pid: std::process::id(), url })?;
        self.lock.set_len(0)?;
        self.lock.seek(SeekFrom::Start(0))?;
        self.lock.write_all(text.as_bytes())?;
        Ok(())
    }

    /// The first key, if it was kept.
    pub fn bootstrap_key(&self) -> Option<String> {
        bootstrap_key(&self.path)
    }

    /// Keeps the first key for the owner of the machine alone.
    pub fn keep_bootstrap_key(&self, key: &str) -> anyhow::Result<PathBuf> {
        let file = self.path.join(BOOTSTRAP_KEY);
        let mut options = OpenOptions::new();
        let written = options.write(true).create(true).truncate(true).mode(0o600).open(&file);
        let cannot = || format!("the first API key cannot be kept in {}", file.display());
        let mut written = written.with_context(cannot)?;
        writeln!(written, "{key}")?;
        written.sync_all()?;
        Ok(file)
    }
}

/// Who works in the directory, if anybody does. Makes nothing.
pub fn holder(path: &Path) -> anyhow::Result<Option<Holder>> {
    let file = path.join(LOCK);
    let cannot = || format!("{} cannot be opened", file.display());
    let mut lock = match File::open(&file) {
        Ok(lock) => lock,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(cannot),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(holder_in(&mut lock).with_context(cannot)?)),
        Err(TryLockError::Error(error)) => Err(error).with_context(cannot),
    }
}

fn holder_in(lock: &mut File) -> std::io::Result<Holder> {
    let mut text = String::new();
    lock.read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text).unwrap_or(Holder { pid: 0, url: None }))
}

/// The first key, if this directory has one.
pub fn bootstrap_key(path: &Path) -> Option<String> {
    let key = fs::read_to_string(path.join(BOOTSTRAP_KEY)).ok()?;
    Some(key.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_is_first() {
        let folder = std::env::temp_dir().join(format!("palimpsest-{}", uuid::Uuid::now_v7()));
        let mut first = DataDir::take_alone(&folder).unwrap();
        first.announce(Some("http://127.0.0.1:1".into())).unwrap();

        let error = DataDir::take_alone(&folder).err().unwrap().to_string();
        assert!(error.contains("http://127.0.0.1:1"), "{error}");

        drop(first);
        assert!(DataDir::take_alone(&folder).is_ok());
        fs::remove_dir_all(&folder).unwrap();
    }
}
