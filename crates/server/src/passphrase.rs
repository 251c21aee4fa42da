//! Where the passphrase comes from that the private keys are encrypted with.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_core::Rng;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::config::Keys;
use crate::data_folder::{DataFolder, FolderError};

/// The file of the embedded default, in the data folder.
const FILE: &str = "passphrase";
/// The name of the systemd credential.
const CREDENTIAL: &str = "chancery-passphrase";

/// Where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Written in the configuration or given by the environment.
    Configuration,
    /// In a file that the configuration names.
    File(PathBuf),
    /// A systemd credential.
    Credential,
    /// The embedded default: in the data folder, beside what it protects.
    DataFolder,
}

/// A passphrase and where it came from.
#[derive(Debug)]
pub struct Passphrase {
    /// The secret.
    pub secret: SecretString,
    /// Where it was found.
    pub source: Source,
}

/// A passphrase that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// A file that cannot be read.
    #[error("cannot read the passphrase file {}: {source}; check keys.passphrase_file and who may read that file", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An empty one.
    #[error("the passphrase in {0} is empty")]
    Empty(String),
    /// None for a database that has keys.
    #[error(
        "this database has private keys, and no passphrase is given to open them with: give the one that they were \
         made with, by CHANCERY__KEYS__PASSPHRASE, keys.passphrase_file or a systemd credential named {CREDENTIAL} \
         (a database that began with the embedded default has it in the file `{FILE}` of the first node's data folder)"
    )]
    Missing,
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

impl Passphrase {
    /// Look in the configuration, the named file, the systemd credentials and the data folder, in this order.
    pub fn find(keys: &Keys, credentials: Option<&Path>, folder: &DataFolder) -> Result<Option<Self>, PassphraseError> {
        if let Some(secret) = keys.passphrase.get() {
            return Ok(Some(Self { secret: secret.clone(), source: Source::Configuration }));
        }
        if let Some(path) = &keys.passphrase_file {
            let path = path.0.clone();
            return Ok(Some(Self { secret: read(&path)?, source: Source::File(path) }));
        }
        if let Some(path) = credentials.map(|directory| directory.join(CREDENTIAL)).filter(|path| path.exists()) {
            return Ok(Some(Self { secret: read(&path)?, source: Source::Credential }));
        }
        let path = folder.file(FILE);
        if path.exists() {
            return Ok(Some(Self { secret: read(&path)?, source: Source::DataFolder }));
        }
        Ok(None)
    }

    /// Make the embedded default.
    pub fn make(folder: &DataFolder, rng: &dyn Rng) -> Result<Self, PassphraseError> {
        let mut chance = Zeroizing::new([0; 32]);
        rng.fill(chance.as_mut());
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*chance));
        folder.write(FILE, text.as_bytes(), 0o600)?;
        Ok(Self { secret: SecretString::from(text.as_str()), source: Source::DataFolder })
    }

    /// What the operator should hear at every start.
    pub fn warning(&self, folder: &DataFolder) -> Option<String> {
        match &self.source {
            Source::DataFolder => Some(format!(
                "the private keys are encrypted with a passphrase that lies beside them in {}: this protects nothing \
                 from who can read the data folder. Give a passphrase of your own by CHANCERY__KEYS__PASSPHRASE, \
                 keys.passphrase_file or a systemd credential before this installation matters, and leave that file \
                 out of backups",
                folder.file(FILE).display()
            )),
            Source::File(path) => open_to_others(path),
            Source::Configuration | Source::Credential => None,
        }
    }
}

/// Whether the file that the configuration names can be used, unless a passphrase that goes before it is set; and what
/// the operator should hear of it.
///
/// # Errors
/// [`PassphraseError::Unreadable`] and [`PassphraseError::Empty`].
pub fn check(keys: &Keys) -> Result<Option<String>, PassphraseError> {
    match &keys.passphrase_file {
        Some(path) if !keys.passphrase.is_set() => read(&path.0).map(|_| open_to_others(&path.0)),
        _ => Ok(None),
    }
}

fn open_to_others(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        format!(
            "others than its owner can read the passphrase file {} (mode {:04o}): run `chmod 600` on it",
            path.display(),
            mode & 0o7777
        )
    })
}

fn read(path: &Path) -> Result<SecretString, PassphraseError> {
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| PassphraseError::Unreadable { path: path.to_owned(), source })?;
    // Editors and `echo` end a file with a line break that nobody means.
    let secret = SecretString::from(text.trim_end_matches(['\n', '\r']));
    if secret.expose_secret().is_empty() {
        return Err(PassphraseError::Empty(path.display().to_string()));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PathText;

    fn folder() -> (tempfile::TempDir, DataFolder) {
        let temp = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(&temp.path().join("data")).unwrap();
        (temp, folder)
    }

    fn found(keys: &Keys, credentials: Option<&Path>, folder: &DataFolder) -> Option<(String, Source)> {
        let found = Passphrase::find(keys, credentials, folder).unwrap()?;
        Some((found.secret.expose_secret().to_owned(), found.source))
    }

    #[test]
    fn the_nearer_source_wins() {
        let (temp, folder) = folder();
        let mut keys = Keys::default();
        assert_eq!(found(&keys, None, &folder), None);

        let made = Passphrase::make(&folder, &chancery_core::SystemRng).unwrap();
        let (text, source) = found(&keys, None, &folder).unwrap();
        assert_eq!((&*text, source), (made.secret.expose_secret(), Source::DataFolder));
        assert!(text.len() >= 43);
        assert!(made.warning(&folder).unwrap().contains("protects nothing"));
        let mode = std::fs::metadata(folder.file(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        std::fs::write(temp.path().join(CREDENTIAL), "from systemd\n").unwrap();
        assert_eq!(found(&keys, Some(temp.path()), &folder), Some(("from systemd".into(), Source::Credential)));

        let file = temp.path().join("file");
        std::fs::write(&file, "from a file\r\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        keys.passphrase_file = Some(PathText(file.clone()));
        assert_eq!(found(&keys, Some(temp.path()), &folder), Some(("from a file".into(), Source::File(file))));
        let loud = Passphrase::find(&keys, None, &folder).unwrap().unwrap().warning(&folder).unwrap();
        assert!(loud.contains("chmod 600"), "{loud}");
    }

    #[test]
    fn a_named_file_must_be_there_and_say_something() {
        let (temp, folder) = folder();
        let file = temp.path().join("file");
        let keys = Keys { passphrase_file: Some(PathText(file.clone())), ..Keys::default() };
        let error = Passphrase::find(&keys, None, &folder).unwrap_err().to_string();
        assert!(error.contains("keys.passphrase_file"), "{error}");
        std::fs::write(&file, "\n").unwrap();
        assert!(matches!(Passphrase::find(&keys, None, &folder), Err(PassphraseError::Empty(_))));
    }
}
