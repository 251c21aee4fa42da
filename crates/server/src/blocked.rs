//! The lists of blocked keys that the configuration names.

use std::path::PathBuf;
use std::sync::Arc;

use chancery_pki::key_check::{BlockedKeys, BlockedKeysError, KeyChecks};

use crate::config::Keys;

/// A list of blocked keys that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlockedListError {
    /// It cannot be read, or is no text.
    #[error("cannot read the list of blocked keys {}: {source}; check keys.blocked and who may read that file", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of it is no entry.
    #[error("{}:{}: {source} (the file is named by keys.blocked)", path.display(), source.line)]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line and what it should be.
        source: BlockedKeysError,
    },
}

/// Every list that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct BlockedListErrors(pub Vec<BlockedListError>);

/// The checks of foreign keys with every list of `keys.blocked`.
///
/// # Errors
/// Every list that cannot be read, or has a line that is no entry.
pub fn key_checks(keys: &Keys) -> Result<KeyChecks, BlockedListErrors> {
    let mut blocked = BlockedKeys::new();
    let mut errors = Vec::new();
    for path in keys.blocked.iter().map(PathBuf::from) {
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                if let Err(source) = blocked.load(&text) {
                    errors.push(BlockedListError::Malformed { path, source });
                }
            }
            Err(source) => errors.push(BlockedListError::Unreadable { path, source }),
        }
    }
    if !errors.is_empty() {
        return Err(BlockedListErrors(errors));
    }
    Ok(KeyChecks { blocked: (!blocked.is_empty()).then(|| Arc::new(blocked)) })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use chancery_pki::PublicKey;
    use chancery_pki::key_check::KeyFault;

    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../pki/fixtures").join(name)
    }

    fn key(name: &str) -> PublicKey {
        let text = std::fs::read_to_string(fixture(name)).unwrap();
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        PublicKey::from_spki_der(&STANDARD.decode(body).unwrap()).unwrap()
    }

    fn list(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn of(paths: &[&Path]) -> Keys {
        Keys { blocked: paths.iter().map(|path| path.display().to_string()).collect(), ..Keys::default() }
    }

    #[test]
    fn without_lists_nothing_is_blocked() {
        let checks = key_checks(&Keys::default()).unwrap();
        assert!(checks.blocked.is_none());
        assert_eq!(checks.check(&key("debian-a.pem")), Ok(()));
    }

    /// CVE-2008-0166, as Debian's openssl-blacklist has it.
    #[test]
    fn debian_weak_keys_are_refused_by_their_list() {
        let checks = key_checks(&of(&[&fixture("debian.blacklist")])).unwrap();
        for weak in ["debian-a.pem", "debian-b.pem", "debian-c.pem"] {
            let fault = checks.check(&key(weak)).unwrap_err();
            assert!(fault.to_string().contains("CVE-2008-0166"), "{fault}");
        }
        assert_eq!(checks.check(&key("rsa-good.pem")), Ok(()));
    }

    #[test]
    fn every_list_counts() {
        let good = key("rsa-good.pem");
        let hash: String = good.key_hash().iter().map(|byte| format!("{byte:02X}")).collect();
        let own = list(&format!("# ours\n\n{hash} # lost on a train\n"));
        let checks = key_checks(&of(&[&fixture("debian.blacklist"), own.path()])).unwrap();
        assert!(matches!(checks.check(&good), Err(KeyFault::Blocked { .. })));
        assert!(matches!(checks.check(&key("debian-a.pem")), Err(KeyFault::Blocked { .. })));
    }

    #[test]
    fn a_list_that_cannot_be_used_is_named_with_its_line() {
        let wrong = list("# two\nb7ead9492dfd921fc4f9\nnonsense\n");
        let error = key_checks(&of(&[wrong.path()])).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}:3: ", wrong.path().display())), "{error}");
        assert!(error.contains("\"nonsense\"") && error.contains("keys.blocked"), "{error}");

        let error = key_checks(&of(&[Path::new("/nowhere/keys")])).unwrap_err().to_string();
        assert!(error.contains("/nowhere/keys") && error.contains("keys.blocked"), "{error}");
    }
}
