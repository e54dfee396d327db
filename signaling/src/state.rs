//! The state directory: the few private files that must survive a restart.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A directory that only we can read.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// Opens `configured`, or where that is empty `$XDG_STATE_HOME/oriel`, or
    /// `~/.local/state/oriel`; creates what is missing. Without a home directory it is a fresh
    /// temporary one, and forgotten with the process.
    ///
    /// # Errors
    /// When the directory cannot be created; the text names it.
    pub fn open(configured: &Path) -> anyhow::Result<StateDir> {
        let path = chosen_path(configured).unwrap_or_else(|| {
            // A name that nobody can guess: others may write to the temporary directory, too.
            let path = std::env::temp_dir().join(format!("oriel-{:032x}", rand::random::<u128>()));
            tracing::warn!(
                path = %path.display(),
                "no home directory: keys and certificates are kept for this run only; \
                 set server.state_dir"
            );
            path
        });
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot create {} (server.state_dir)", path.display()))?;
        Ok(StateDir { path })
    }

    /// Where a file is, for those who write it in ways of their own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The content of one file, or `None` where there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        let path = self.path.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The directory if it is there, without making it.
    pub fn existing(configured: &Path) -> Option<StateDir> {
        chosen_path(configured).filter(|path| path.is_dir()).map(|path| StateDir { path })
    }

    /// Writes one file so that readers see the old content or the new, and others see nothing.
    ///
    /// # Errors
    /// When it cannot be written; the text names it.
    pub fn write(&self, name: &str, content: &str) -> anyhow::Result<()> {
        let draft = self.draft(name, content)?;
        let path = self.path.join(name);
        fs::rename(&draft, &path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes one file unless it is there; returns what is in it now. Of several processes that
    /// come at once, one wins and all agree.
    ///
    /// # Errors
    /// When it can be neither written nor read; the text names it.
    pub fn read_or_write(
        &self,
        name: &str,
        content: impl FnOnce() -> String,
    ) -> anyhow::Result<String> {
        if let Some(text) = self.read(name)? {
            return Ok(text);
        }
        let content = content();
        let path = self.path.join(name);
        let draft = self.draft(name, &content)?;
        // Linking, unlike renaming, fails where the name is taken.
        let linked = fs::hard_link(&draft, &path);
        fs::remove_file(&draft).with_context(|| format!("cannot remove {}", draft.display()))?;
        match linked {
            Ok(()) => Ok(content),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.read(name)?.with_context(|| format!("{} came and went", path.display()))
            }
            Err(error) => Err(error).with_context(|| format!("cannot write {}", path.display())),
        }
    }

    fn draft(&self, name: &str, content: &str) -> anyhow::Result<PathBuf> {
        let draft = self.path.join(format!(".{name}.{:016x}", rand::random::<u64>()));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| {
                file.write_all(content.as_bytes())?;
                file.sync_all()
            })
            .with_context(|| format!("cannot write {}", draft.display()))?;
        Ok(draft)
    }
}

/// Why nothing could be kept in the state directory; `None` where all is well. Where it does not exist
/// yet, what counts is whether it could be created. Nothing is left behind.
pub fn obstacle(configured: &Path) -> Option<String> {
    let path = chosen_path(configured)?;
    let nearest = path.ancestors().find(|folder| folder.exists())?;
    let probe = StateDir { path: nearest.to_owned() };
    let written = probe.draft("probe", "").and_then(|draft| Ok(fs::remove_file(draft)?));
    written.err().map(|error| format!("{error:#}"))
}

/// The configured path, or the default one where that is empty.
fn chosen_path(configured: &Path) -> Option<PathBuf> {
    match configured.as_os_str().is_empty() {
        true => default_path(|name| std::env::var_os(name).map(PathBuf::from)),
        false => Some(configured.to_owned()),
    }
}

/// The XDG base directory specification, as far as it concerns us.
fn default_path(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    variable("XDG_STATE_HOME")
        .filter(absolute)
        .or_else(|| variable("HOME").filter(absolute).map(|home| home.join(".local/state")))
        .map(|base| base.join("oriel"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_are_private_and_the_first_writer_wins() {
        let home = tempfile::tempdir().unwrap();
        let state = StateDir::open(&home.path().join("a/b")).unwrap();
        assert_eq!(state.read("key").unwrap(), None);
        assert_eq!(state.read_or_write("key", || "first".into()).unwrap(), "first");
        assert_eq!(state.read_or_write("key", || "second".into()).unwrap(), "first");
        state.write("key", "third").unwrap();
        assert_eq!(state.read("key").unwrap().as_deref(), Some("third"));

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home.path().join("a/b/key")), 0o600);
        assert_eq!(mode(&home.path().join("a/b")), 0o700);
        assert_eq!(fs::read_dir(home.path().join("a/b")).unwrap().count(), 1);
    }

    #[test]
    fn the_default_follows_xdg() {
        let path = |pairs: &'static [(&str, &str)]| {
            default_path(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
            })
        };
        assert_eq!(path(&[("HOME", "/h")]), Some("/h/.local/state/oriel".into()));
        assert_eq!(path(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]), Some("/s/oriel".into()));
        assert_eq!(
            path(&[("HOME", "/h"), ("XDG_STATE_HOME", "relative")]),
            Some("/h/.local/state/oriel".into())
        );
        assert_eq!(path(&[]), None);
    }
}
