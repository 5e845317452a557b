//! The master key: one small file that everything in the vault depends on.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use domain::kernel::Key;
use zeroize::Zeroizing;

use crate::hex;

/// How the file begins; the key follows in hex.
const HEAD: &str = "palimpsest-master-key-1:";

/// The secret of an installation. Nothing is sealed by it directly: each use has a key of its own.
#[derive(Clone)]
pub struct MasterKey(Key);

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error("the master key {} cannot be made: {source}", path.display())]
    CannotMake { path: PathBuf, source: io::Error },
    #[error("the master key {} cannot be read: {source}", path.display())]
    CannotRead { path: PathBuf, source: io::Error },
    #[error(
        "{} is not a master key: it should hold one line, “{HEAD}” and 64 hexadecimal digits. \
         Put back the file as it was; without it nobody can read what the vault holds",
        path.display()
    )]
    Malformed { path: PathBuf },
    #[error(
        "others may read the master key {} (mode {mode:o}): run `chmod 600 {0}`, and if others \
         use this machine, assume that they know it",
        path.display()
    )]
    Open { path: PathBuf, mode: u32 },
}

impl MasterKey {
    /// A key from elsewhere.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Key::new(bytes))
    }

    /// Reads the file, or makes it at the first start.
    pub fn open_or_make(path: &Path) -> Result<Self, MasterKeyError> {
        match Self::open(path) {
            Err(MasterKeyError::CannotRead { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                make(path).map_err(|source| MasterKeyError::CannotMake {
                    path: path.to_owned(),
                    source,
                })?;
                Self::open(path)
            }
            opened => opened,
        }
    }

    /// Reads the file, which must be there and private.
    pub fn open(path: &Path) -> Result<Self, MasterKeyError> {
        let unreadable = |source| MasterKeyError::CannotRead { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Open { path: path.to_owned(), mode });
        }
        // Room for one byte more than a key has: then it is not one.
        let mut text = Zeroizing::new([0; HEAD.len() + 64 + 3]);
        let mut length = 0;
        while length < text.len() {
            match file.read(&mut text[length..]).map_err(unreadable)? {
                0 => break,
                read => length += read,
            }
        }
        let malformed = || MasterKeyError::Malformed { path: path.to_owned() };
        let text = std::str::from_utf8(&text[..length]).map_err(|_| malformed())?;
        let digits = text.trim_end().strip_prefix(HEAD).ok_or_else(malformed)?;
        hex::read(digits).map(Self::new).ok_or_else(malformed)
    }

    /// Reads a key as variables and secret managers hold it: the line of the file, 64 hexadecimal
    /// digits, or 32 bytes in base64.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix(HEAD).unwrap_or(text);
        if let Some(bytes) = hex::read(text) {
            return Some(Self::new(bytes));
        }
        let letters = text.trim_end_matches('=').chars().map(|it| match it {
            '-' => '+',
            '_' => '/',
            it => it,
        });
        let letters = Zeroizing::new(letters.collect::<String>());
        let bytes = Zeroizing::new(BASE64.decode(letters.as_bytes()).ok()?);
        bytes.as_slice().try_into().ok().map(Self::new)
    }

    /// Puts the file of the next key in the place of the present one, which is kept as `old`:
    /// backups of before need it.
    pub fn put_in_place(next: &Path, path: &Path, old: &Path) -> io::Result<()> {
        match fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::hard_link(path, old)?;
        fs::rename(next, path)?;
        File::open(folder_of(path))?.sync_all()
    }

    /// Tells it from others, and tells nothing of it.
    pub fn name(&self) -> String {
        hex::write(&self.derive("vault: name of the master key").bytes()[..8])
    }

    pub(crate) fn key(&self) -> &Key {
        &self.0
    }

    /// The key for one use. Uses differ in name; the names stay for ever.
    pub(crate) fn derive(&self, name: &str) -> Key {
        derive(&self.0, name)
    }
}

/// A key for one use of another key (HKDF-SHA-256).
pub(crate) fn derive(from: &Key, name: &str) -> Key {
    let mut bytes = Zeroizing::new([0; 32]);
    let extracted = Salt::new(HKDF_SHA256, b"palimpsest").extract(from.bytes());
    let filled = extracted
        .expand(&[name.as_bytes()], HKDF_SHA256)
        .and_then(|expanded| expanded.fill(bytes.as_mut_slice()));
    // HKDF-SHA-256 only refuses more than 255 times these 32 bytes.
    filled.unwrap_or_else(|_| unreachable!("HKDF gives 32 bytes"));
    Key::new(*bytes)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Makes the file, complete or not at all, and leaves one alone that came first.
fn make(path: &Path) -> io::Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    let mut bytes = Zeroizing::new([0; 40]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| io::Error::other("no randomness"))?;
    let (key, suffix) = bytes.split_at(32);
    let text = Zeroizing::new(format!("{HEAD}{}\n", &*Zeroizing::new(hex::write(key))));

    // Under another name first: a crash in the middle must not leave half a key, and of two
    // processes that start at once both go on with the same one.
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", hex::write(suffix)));
    let draft = Path::new(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let placed = written.and_then(|()| match fs::hard_link(draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        placed => placed,
    });
    fs::remove_file(draft)?;
    placed?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_first_start_makes_a_private_key_and_the_next_one_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/master.key");
        let made = MasterKey::open_or_make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

        let found = MasterKey::open_or_make(&path).unwrap();
        assert!(found.0 == made.0);
        let other = MasterKey::open_or_make(&folder.path().join("other.key")).unwrap();
        assert!(other.0 != made.0);
    }

    #[test]
    fn processes_that_start_at_once_agree_on_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let keys: Vec<_> = std::thread::scope(|threads| {
            let started: Vec<_> =
                (0..8).map(|_| threads.spawn(|| MasterKey::open_or_make(&path).unwrap())).collect();
            started.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| key.0 == keys[0].0));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::open_or_make(&path).unwrap();
        for mode in [0o640, 0o604, 0o602, 0o610] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = MasterKey::open_or_make(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("run `chmod 600 {}`", path.display())), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        MasterKey::open_or_make(&path).unwrap();
    }

    #[test]
    fn a_malformed_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::open_or_make(&path).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        let digits = good.trim_end().strip_prefix(HEAD).unwrap();
        let bad = [
            String::new(),
            digits.to_owned(),
            good.trim_end()[..good.len() - 2].to_owned(),
            format!("{}ff\n", good.trim_end()),
            good.repeat(2),
            good.replace(digits, &"g".repeat(64)),
            good.replace(digits, &format!("+{}", &digits[1..])),
        ];
        for text in bad {
            fs::write(&path, &text).unwrap();
            let error = MasterKey::open_or_make(&path).unwrap_err();
            assert!(matches!(error, MasterKeyError::Malformed { .. }), "{text:?}: {error}");
            assert!(!format!("{error} {error:?}").contains(&digits[..8]));
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::write(&path, good.trim_end()).unwrap();
        MasterKey::open_or_make(&path).unwrap();
    }

    #[test]
    fn a_key_is_read_as_variables_and_secret_managers_hold_it() {
        let (key, digits) = (MasterKey::new([0xfb; 32]), "fb".repeat(32));
        for text in [
            digits.clone(),
            format!("{HEAD}{digits}\n"),
            "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=".to_owned(),
            "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s".to_owned(),
        ] {
            assert!(MasterKey::parse(&text).unwrap().0 == key.0, "{text}");
        }
        for text in ["", "fb", "correct horse", &digits[2..], &digits.repeat(2)] {
            assert!(MasterKey::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_next_key_takes_the_place_of_the_present_one_which_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let (path, next, old) =
            (file("master.key"), file("master.key.next"), file("master.key.old"));
        let (first, second) =
            (MasterKey::open_or_make(&path).unwrap(), MasterKey::open_or_make(&next).unwrap());
        fs::write(&old, "of an earlier change").unwrap();
        MasterKey::put_in_place(&next, &path, &old).unwrap();
        assert!(!next.exists());
        assert!(MasterKey::open(&path).unwrap().0 == second.0);
        assert!(MasterKey::open(&old).unwrap().0 == first.0);
        assert_ne!(first.name(), second.name());
    }

    #[test]
    fn each_use_has_a_key_of_its_own_that_stays_the_same() {
        let master = MasterKey::new([1; 32]);
        assert!(master.derive("vault: index") == master.derive("vault: index"));
        assert!(master.derive("vault: index") != master.derive("vault: wrap"));
        assert!(master.derive("vault: wrap") != MasterKey::new([2; 32]).derive("vault: wrap"));
        // What was derived once must be derived for ever: the vault would not open any more.
        let known = "c4be822cf27d3bde79fdb3dd983b517ba4005eddc23015fa685ee74bd0547042";
        assert_eq!(hex::write(master.derive("vault: wrap").bytes()), known);
        assert_eq!(format!("{master:?}"), "MasterKey(…)");
    }
}
