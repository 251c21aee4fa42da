//! `ready.json`: tells scripts and tests that the server answers, and where.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data_folder::{DataFolder, FolderError};

const NAME: &str = "ready.json";

/// The content of `ready.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// The server's process.
    pub pid: u32,
    /// The https listener as bound.
    pub https: SocketAddr,
    /// The mtls listener as bound; none for a version before it.
    pub mtls: Option<SocketAddr>,
    /// The http listener as bound.
    pub http: SocketAddr,
    /// Where clients find the https listener, without a slash at the end.
    pub base_url: String,
    /// The file of the root certificate, PEM.
    pub root_pem: PathBuf,
    /// SHA-256 of the root certificate, lower-case hex.
    pub root_sha256: String,
    /// The file of the first administrator token; none once that token is gone.
    pub admin_token_file: Option<PathBuf>,
    /// The database, without its password.
    pub database: String,
}

/// A `ready.json` in place; removed by [`ReadyFile::remove`].
#[derive(Debug)]
pub struct ReadyFile {
    folder: DataFolder,
    content: Ready,
}

impl ReadyFile {
    /// Remove one that an earlier process left behind. Called before any socket is bound.
    pub fn remove_stale(folder: &DataFolder) -> Result<(), FolderError> {
        folder.remove(NAME).map(drop)
    }

    /// Put it in place: the server answers.
    pub fn write(folder: &DataFolder, content: Ready) -> Result<Self, FolderError> {
        let this = Self { folder: folder.clone(), content };
        this.put()?;
        Ok(this)
    }

    /// The administrator token is gone.
    pub fn forget_token(&mut self) -> Result<(), FolderError> {
        if self.content.admin_token_file.take().is_some() { self.put() } else { Ok(()) }
    }

    /// What it says.
    pub fn content(&self) -> &Ready {
        &self.content
    }

    /// The server does not answer any more.
    pub fn remove(self) -> Result<(), FolderError> {
        self.folder.remove(NAME).map(drop)
    }

    fn put(&self) -> Result<(), FolderError> {
        let mut text = serde_json::to_string_pretty(&self.content).expect("texts and numbers always serialise");
        text.push('\n');
        self.folder.write(NAME, text.as_bytes(), 0o644).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(token: Option<&str>) -> Ready {
        Ready {
            pid: 7,
            https: "127.0.0.1:8443".parse().unwrap(),
            mtls: None,
            http: "[::1]:8080".parse().unwrap(),
            base_url: "https://127.0.0.1:8443".into(),
            root_pem: "/d/root.pem".into(),
            root_sha256: "00".into(),
            admin_token_file: token.map(Into::into),
            database: "sqlite:///d/chancery.db".into(),
        }
    }

    #[test]
    fn lives_as_long_as_the_server_answers() {
        let temp = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(&temp.path().join("d")).unwrap();
        let read = || serde_json::from_slice::<serde_json::Value>(&folder.read(NAME).unwrap().unwrap()).unwrap();

        let mut file = ReadyFile::write(&folder, ready(Some("/d/admin-token"))).unwrap();
        let keys: Vec<_> = read().as_object().unwrap().keys().cloned().collect();
        let mut expected =
            ["pid", "https", "mtls", "http", "baseUrl", "rootPem", "rootSha256", "adminTokenFile", "database"];
        expected.sort_unstable();
        assert_eq!(
            {
                let mut keys = keys;
                keys.sort();
                keys
            },
            expected
        );
        assert_eq!(read()["adminTokenFile"], "/d/admin-token");
        assert_eq!(read()["mtls"], serde_json::Value::Null);
        assert_eq!(read()["http"], "[::1]:8080");

        file.forget_token().unwrap();
        assert_eq!(read()["adminTokenFile"], serde_json::Value::Null);
        file.remove().unwrap();
        assert_eq!(folder.read(NAME).unwrap(), None);
    }

    #[test]
    fn a_stale_one_is_removed() {
        let temp = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(&temp.path().join("d")).unwrap();
        ReadyFile::write(&folder, ready(None)).unwrap();
        ReadyFile::remove_stale(&folder).unwrap();
        ReadyFile::remove_stale(&folder).unwrap();
        assert_eq!(folder.read(NAME).unwrap(), None);
    }
}
