//! The files and diffs that an edit is made of, from the disk of whoever proposes it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail, ensure};

/// How much is read of one file at most; what is allowed, the server says.
const MOST: u64 = 4 * 1024 * 1024;

/// A unified diff; `-` is the standard input.
pub(super) fn diff(file: &Path) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        return read(std::io::stdin().lock(), "the standard input");
    }
    text(file)
}

/// The files by their paths in the workspace: `local=path`, or a folder laid out like it.
pub(super) fn files(wanted: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut add = |path: String, text: String| {
        let known = files.insert(path.clone(), text).is_some();
        ensure!(!known, "{path} is given twice");
        Ok(())
    };
    for wanted in wanted {
        let whole = Path::new(wanted);
        if whole.is_dir() {
            let mut found = Vec::new();
            walk(whole, "", &mut found)?;
            ensure!(!found.is_empty(), "{wanted} holds no files");
            for (path, text) in found {
                add(path, text)?;
            }
            continue;
        }
        let Some((local, path)) = wanted.rsplit_once('=') else {
            bail!("{wanted} is no folder; give a file as LOCAL=PATH, such as hi.md=prompts/hi.md");
        };
        add(path.to_owned(), text(Path::new(local))?)?;
    }
    Ok(files)
}

/// Everything below a folder but what is hidden; links are not followed.
fn walk(folder: &Path, below: &str, found: &mut Vec<(String, String)>) -> anyhow::Result<()> {
    let shown = || folder.display().to_string();
    for entry in std::fs::read_dir(folder).with_context(shown)? {
        let entry = entry.with_context(shown)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            bail!("{}: the name is no UTF-8", entry.path().display());
        };
        if name.starts_with('.') {
            continue;
        }
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        let kind = entry.file_type().with_context(shown)?;
        ensure!(!kind.is_symlink(), "{}: links are not followed", entry.path().display());
        if kind.is_dir() {
            walk(&entry.path(), &path, found)?;
        } else {
            found.push((path, text(&entry.path())?));
        }
    }
    Ok(())
}

fn text(file: &Path) -> anyhow::Result<String> {
    let shown = file.display().to_string();
    let opened = std::fs::File::open(file).with_context(|| format!("{shown} cannot be read"))?;
    read(opened, &shown)
}

fn read(from: impl Read, shown: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let read = from.take(MOST + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("{shown} cannot be read"))?;
    ensure!(bytes.len() as u64 <= MOST, "{shown} is larger than {MOST} bytes");
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => bail!("{shown} is binary; an edit is made of texts in UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_are_read_by_their_paths_in_the_workspace() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("w/prompts")).unwrap();
        std::fs::write(root.join("w/prompts/a.md"), "a\n").unwrap();
        std::fs::write(root.join("w/.hidden"), "x").unwrap();
        std::fs::write(root.join("b=c.md"), "b\n").unwrap();
        let at = |name: &str| root.join(name).display().to_string();
        let read = files(&[at("w"), format!("{}=prompts/b.md", at("b=c.md"))]).unwrap();
        let read: Vec<_> = read.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert_eq!(read, [("prompts/a.md", "a\n"), ("prompts/b.md", "b\n")]);

        let twice = files(&[at("w"), format!("{}=prompts/a.md", at("b=c.md"))]);
        assert!(twice.unwrap_err().to_string().contains("given twice"));
        std::os::unix::fs::symlink("/etc/passwd", root.join("w/prompts/link.md")).unwrap();
        assert!(files(&[at("w")]).unwrap_err().to_string().contains("links are not followed"));
        std::fs::write(root.join("binary"), [0, 159, 146]).unwrap();
        let binary = files(&[format!("{}=prompts/a.md", at("binary"))]);
        assert!(binary.unwrap_err().to_string().contains("is binary"));
        assert!(files(&["nothing".into()]).unwrap_err().to_string().contains("LOCAL=PATH"));
    }
}
