//! The SQLite file: for its owner alone, and for one process at a time.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::OpenError;

/// Holds the sidecar lock file; the lock ends with this value, or with the process.
pub(crate) struct FileLock {
    _file: File,
}

/// Make the file if it is missing, mode 0600 (SQLite gives its log files the same), and lock it against other processes.
/// The lock is on a file of its own: SQLite's own locks belong to the process and end when any descriptor is closed.
pub(crate) fn lock(path: &Path) -> Result<FileLock, OpenError> {
    let at = |path: &Path, error: std::io::Error| OpenError::File { path: path.to_owned(), why: error.to_string() };
    let mut sidecar = path.as_os_str().to_owned();
    sidecar.push(".lock");
    let sidecar = PathBuf::from(sidecar);
    let file = owned(&sidecar).map_err(|error| at(&sidecar, error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => return Err(at(&sidecar, error)),
    }
    owned(path).map_err(|error| at(path, error))?;
    Ok(FileLock { _file: file })
}

fn owned(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}
