//! The data folder: what a node keeps outside the database.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chancery_core::{Clock, Rng, new_id};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(test)]
mod tests;

/// A data folder that exists and that others do not write into. It is ours and closed to others once it is locked; a
/// client of the server in it needs no more than the path.
#[derive(Clone, Debug)]
pub struct DataFolder {
    path: PathBuf,
}

/// What cannot be done with the data folder. The text says what, why, and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// An operation on a file failed.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Others may write into the folder.
    #[error("the data folder {} may be written by others (mode {mode:04o}): run `chmod 700` on it", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The folder is somebody else's.
    #[error("the data folder {} belongs to user {owner}, and this is user {own}: run it as that user, or change the folder's owner (`chown -R {own}`)", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        own: u32,
    },
    /// Others may read the folder, and it holds something that we did not write.
    #[error("the data folder {} may be read by others (mode {mode:04o}) and holds other things already: run `chmod 700` on it, or name a folder of its own with --data", path.display())]
    Readable {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Another process works in the folder.
    #[error("the data folder {} is in use by another chancery process{}: stop that one first, or give this one a folder of its own with --data", path.display(), pid(.holder))]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process that holds it, as it says itself.
        holder: String,
    },
    /// The folder is not there.
    #[error("there is no data folder {}: say which with --data, or make one with `chancery init` or `chancery serve`", .0.display())]
    Missing(PathBuf),
    /// A file of ours that is not as we wrote it.
    #[error("{} is damaged ({why}): restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

fn pid(holder: &str) -> String {
    if holder.is_empty() { String::new() } else { format!(" (pid {holder})") }
}

/// Who this node is, and which database it works on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The node's identity, for life.
    pub node: Uuid,
    /// The database that was named last, without its password; none while it is the SQLite file of the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Where the world finds CRLs and issuer certificates, as it was named last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url: Option<String>,
}

/// Holds the folder against a second process, until dropped.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "its life is the lock")] File);

impl DataFolder {
    /// The folder at `path`, made when it is missing (mode 0700).
    pub fn make(path: &Path) -> Result<Self, FolderError> {
        let file = |what| move |source| FolderError::File { what, path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(file("make the data folder"))?;
        Self::open(path)
    }

    /// The folder at `path`, which must be there.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let file = |what| move |source| FolderError::File { what, path: path.to_owned(), source };
        let path = match fs::canonicalize(path) {
            Ok(path) => path,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(FolderError::Missing(path.to_owned())),
            Err(error) => return Err(file("find the data folder")(error)),
        };
        let metadata = fs::metadata(&path).map_err(file("look at the data folder"))?;
        if !metadata.is_dir() {
            return Err(file("use as data folder")(ErrorKind::NotADirectory.into()));
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(FolderError::Open { path, mode: metadata.mode() & 0o7777 });
        }
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whose it is.
    pub fn owner(&self) -> Result<u32, FolderError> {
        self.metadata().map(|metadata| metadata.uid())
    }

    fn metadata(&self) -> Result<fs::Metadata, FolderError> {
        let fault = |source| FolderError::File { what: "look at the data folder", path: self.path.clone(), source };
        fs::metadata(&self.path).map_err(fault)
    }

    /// See that the folder is ours (not even root works in somebody else's, whose links would lead it anywhere), and
    /// close it to others.
    fn close(&self) -> Result<(), FolderError> {
        let (metadata, own) = (self.metadata()?, rustix::process::geteuid().as_raw());
        if metadata.uid() != own {
            return Err(FolderError::Foreign { path: self.path.clone(), owner: metadata.uid(), own });
        }
        let mode = metadata.mode() & 0o7777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        let fault = |source| FolderError::File { what: "close the data folder", path: self.path.clone(), source };
        // A folder that serves another purpose as well is not ours to close.
        if !self.file("node.json").exists() {
            for entry in fs::read_dir(&self.path).map_err(fault)? {
                if entry.map_err(fault)?.file_name() != "chancery.toml" {
                    return Err(FolderError::Readable { path: self.path.clone(), mode });
                }
            }
        }
        fs::set_permissions(&self.path, fs::Permissions::from_mode(0o700)).map_err(fault)?;
        tracing::warn!(
            "the data folder {} could be read by others (mode {mode:04o}): now it cannot",
            self.path.display()
        );
        Ok(())
    }

    /// Keep every other process out, until the lock is dropped. Refuses a folder that is not ours, and closes ours to
    /// other users.
    pub fn lock(&self) -> Result<FolderLock, FolderError> {
        self.close()?;
        let path = self.file("lock");
        let fault = |source| FolderError::File { what: "lock", path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only a hint: an unreadable one is left out.
                let _ = file.read_to_string(&mut holder);
                return Err(FolderError::InUse { path: self.path.clone(), holder: holder.trim().to_owned() });
            }
            Err(fs::TryLockError::Error(source)) => return Err(fault(source)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(fault)?;
        Ok(FolderLock(file))
    }

    /// The node's identity, when it has one.
    pub fn node(&self) -> Result<Option<Identity>, FolderError> {
        let path = self.file("node.json");
        let Some(text) = self.read("node.json")? else { return Ok(None) };
        serde_json::from_slice(&text).map(Some).map_err(|why| FolderError::Damaged { path, why: why.to_string() })
    }

    /// The node's identity, made at the first call; remembers the database and the status URL from now on.
    pub fn node_or_new(
        &self,
        database: Option<&str>,
        status_url: Option<&str>,
        clock: &dyn Clock,
        rng: &dyn Rng,
    ) -> Result<Identity, FolderError> {
        let known = self.node()?;
        let node = Identity {
            node: known.as_ref().map_or_else(|| new_id(clock, rng), |known| known.node),
            database: database.map(ToOwned::to_owned),
            status_url: status_url
                .map(ToOwned::to_owned)
                .or_else(|| known.as_ref().and_then(|known| known.status_url.clone())),
        };
        if known.as_ref() != Some(&node) {
            let text = serde_json::to_string(&node).expect("texts always serialise");
            self.write("node.json", format!("{text}\n").as_bytes(), 0o600)?;
        }
        Ok(node)
    }

    /// The content of a file in the folder; `None` when it is not there.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FolderError> {
        let path = self.file(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FolderError::File { what: "read", path, source }),
        }
    }

    /// Write a file of the folder aside and rename it into place, so that readers see all of it or nothing.
    pub fn write(&self, name: &str, content: &[u8], mode: u32) -> Result<PathBuf, FolderError> {
        let path = self.file(name);
        let aside = self.file(&format!(".{name}.new"));
        let put = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&aside)?;
            // An existing one keeps its mode on opening.
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&aside, &path)?;
            File::open(&self.path)?.sync_all()
        };
        put().map_err(|source| FolderError::File { what: "write", path: path.clone(), source })?;
        Ok(path)
    }

    /// Add a line to a file of the folder and see it to the disk.
    pub fn append(&self, name: &str, line: &str, mode: u32) -> Result<(), FolderError> {
        let path = self.file(name);
        let put = || {
            let mut file = OpenOptions::new().append(true).create(true).mode(mode).open(&path)?;
            file.write_all(format!("{line}\n").as_bytes())?;
            file.sync_data()
        };
        put().map_err(|source| FolderError::File { what: "write", path: path.clone(), source })
    }

    /// Remove a file of the folder; whether it was there.
    pub fn remove(&self, name: &str) -> Result<bool, FolderError> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(source) => Err(FolderError::File { what: "remove", path, source }),
        }
    }
}
