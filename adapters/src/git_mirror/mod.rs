//! The workspace as a git repository with its work tree: one commit a revision.

mod commit;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use commands::ports::{Mirror, MirrorError, Shown, Standing};
use domain::kernel::Person;
use domain::self_editing::Change;
use git2::build::CheckoutBuilder;
use git2::{
    Commit, ErrorCode, Index, IndexEntry, IndexTime, Repository, RepositoryInitOptions, ResetType,
};

/// The branch that it writes.
const BRANCH: &str = "refs/heads/main";

/// In `.git`: says that the repository is ours, and how far the log was considered.
const MARKER: &str = "palimpsest";

/// What a process that was killed may leave behind.
const LOCKS: [&str; 4] = ["HEAD.lock", "config.lock", "index.lock", "refs/heads/main.lock"];

/// A file that nobody runs.
const PLAIN: u32 = 0o100_644;

/// See the module. Git can make it again from nothing but the log, with the same commit ids.
pub struct GitMirror(PathBuf);

impl GitMirror {
    /// In this folder, which holds nothing else.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    pub fn folder(&self) -> &Path {
        &self.0
    }

    fn inner(&self, name: &str) -> PathBuf {
        self.0.join(".git").join(name)
    }

    fn open(&self) -> Result<Repository, git2::Error> {
        Repository::open(&self.0)
    }

    /// What was noted; none in a folder that is not ours.
    fn noted(&self) -> Option<String> {
        fs::read_to_string(self.inner(MARKER)).ok()
    }

    /// Refuses a folder that somebody else keeps something in.
    fn require_ours(&self) -> Result<(), MirrorError> {
        if self.noted().is_some() {
            return Ok(());
        }
        let empty = match fs::read_dir(&self.0) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == ErrorKind::NotFound,
        };
        if empty {
            return Ok(());
        }
        Err(MirrorError(format!(
            "{} holds something else; empty it, or name another folder with mirror.directory",
            self.0.display()
        )))
    }

    fn mark(&self, text: &str) -> std::io::Result<()> {
        let (file, new) = (self.inner(MARKER), self.inner("palimpsest.new"));
        fs::write(&new, text)?;
        fs::rename(new, file)
    }

    /// Removes the repository but for its mark, and the files that it put into the folder.
    fn empty(&self) -> std::io::Result<()> {
        let index = self.open().and_then(|it| it.index());
        for entry in index.iter().flat_map(Index::iter) {
            let path = String::from_utf8_lossy(&entry.path).into_owned();
            match fs::remove_file(self.0.join(path)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        for entry in fs::read_dir(self.0.join(".git"))? {
            let path = entry?.path();
            if path.ends_with(MARKER) {
                continue;
            }
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        Ok(())
    }
}

impl Mirror for GitMirror {
    fn clear(&self) -> Result<(), MirrorError> {
        self.require_ours()?;
        fs::create_dir_all(self.0.join(".git")).map_err(failed)?;
        // From here to the next note it is known to be unfinished.
        self.mark("").map_err(failed)?;
        self.empty().map_err(failed)?;
        let mut options = RepositoryInitOptions::new();
        options.external_template(false).initial_head("main").description(
            "The workspace of Palimpsest, written from its log: changes by hand are overwritten",
        );
        let made = Repository::init_opts(&self.0, &options).map_err(refused)?;
        // Whatever somebody's own settings say, files are what the log says.
        let mut config = made.config().map_err(refused)?;
        config.set_bool("core.autocrlf", false).map_err(refused)
    }

    fn add(&self, shown: &Shown) -> Result<(), MirrorError> {
        let repository = self.open().map_err(refused)?;
        add(&repository, shown).map_err(refused)
    }

    fn note(&self, position: u64) -> Result<(), MirrorError> {
        self.mark(&position.to_string()).map_err(failed)
    }

    fn look(&self) -> Result<Option<(Standing, u64)>, MirrorError> {
        let Some(considered) = self.noted().and_then(|text| text.parse().ok()) else {
            return Ok(None);
        };
        let standing = self.open().and_then(|repository| {
            let tip = tip(&repository)?;
            Ok(tip.and_then(|it| commit::standing(it.message().unwrap_or_default())))
        });
        match standing {
            Ok(standing) => Ok(standing.map(|it| (it, considered))),
            Err(error) => {
                tracing::warn!(%error, "the mirror cannot be read and is written anew");
                Ok(None)
            }
        }
    }

    fn repair(&self) -> Result<(), MirrorError> {
        for lock in LOCKS {
            match fs::remove_file(self.inner(lock)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        fs::write(self.inner("HEAD"), format!("ref: {BRANCH}\n")).map_err(failed)?;
        let repository = self.open().map_err(refused)?;
        let Some(tip) = tip(&repository).map_err(refused)? else { return Ok(()) };
        lay(&repository, &tip).map_err(refused)
    }

    fn names(&self, person: &Person) -> Result<bool, MirrorError> {
        let named = || -> Result<bool, git2::Error> {
            let repository = self.open()?;
            let mut next = tip(&repository)?;
            while let Some(it) = next {
                let author = it.author();
                let (author, message) = (author.name(), it.message());
                if commit::is_of(person, author.unwrap_or_default(), message.unwrap_or_default()) {
                    return Ok(true);
                }
                next = it.parents().next();
            }
            Ok(false)
        };
        named().map_err(refused)
    }
}

/// The newest commit.
fn tip(repository: &Repository) -> Result<Option<Commit<'_>>, git2::Error> {
    match repository.find_reference(BRANCH) {
        Ok(found) => found.peel_to_commit().map(Some),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The files of a commit in the folder, whatever was there.
fn lay(repository: &Repository, commit: &Commit<'_>) -> Result<(), git2::Error> {
    let mut checkout = CheckoutBuilder::new();
    repository.reset(commit.as_object(), ResetType::Hard, Some(checkout.force()))
}

fn add(repository: &Repository, shown: &Shown) -> Result<(), git2::Error> {
    let parent = tip(repository)?;
    let mut index = Index::new()?;
    if let Some(parent) = &parent {
        index.read_tree(&parent.tree()?)?;
    }
    for Change { path, content } in &shown.changes {
        match content {
            Some(text) => index.add(&entry(path, repository.blob(text.as_bytes())?))?,
            None => match index.remove_path(Path::new(path)) {
                Err(error) if error.code() != ErrorCode::NotFound => return Err(error),
                _ => {}
            },
        }
    }
    let tree = repository.find_tree(index.write_tree_to(repository)?)?;
    let (author, committer) = commit::signatures(shown)?;
    let message = commit::message(shown);
    let parents: Vec<_> = parent.iter().collect();
    let id = repository.commit(Some(BRANCH), &author, &committer, &message, &tree, &parents)?;
    lay(repository, &repository.find_commit(id)?)
}

fn entry(path: &str, id: git2::Oid) -> IndexEntry {
    let never = IndexTime::new(0, 0);
    IndexEntry {
        ctime: never,
        mtime: never,
        dev: 0,
        ino: 0,
        mode: PLAIN,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}

fn failed(error: std::io::Error) -> MirrorError {
    MirrorError(error.to_string())
}

fn refused(error: git2::Error) -> MirrorError {
    MirrorError(error.message().to_owned())
}
