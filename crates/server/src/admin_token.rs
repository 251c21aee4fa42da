//! The first administrator's token: in a file of the data folder, for a day.

use std::path::PathBuf;

use chancery_core::{Actor, NewToken, Origin, Ra, Role, StoreError};
use time::{Duration, OffsetDateTime};

use crate::command::Failure;
use crate::data_folder::{DataFolder, FolderError};

const FILE: &str = "admin-token";
const LIFETIME: Duration = Duration::hours(24);

/// The token that the file holds.
#[derive(Clone, Debug)]
pub struct AdminToken {
    /// The file.
    pub file: PathBuf,
    /// When it ends.
    pub expires_at: Option<OffsetDateTime>,
}

impl AdminToken {
    /// Make it and put it into its file (mode 0600).
    pub async fn make(folder: &DataFolder, ra: &Ra) -> Result<Self, Failure> {
        let new = NewToken {
            name: "first administrator".into(),
            role: Role::Administrator,
            profiles: Vec::new(),
            lifetime: Some(LIFETIME),
        };
        let (text, record) = ra.create_token(&Actor::system(), &Origin::system(), new).await?;
        let file = folder.write(FILE, format!("{text}\n").as_bytes(), 0o600)?;
        Ok(Self { file, expires_at: record.expires_at })
    }

    /// The token in the file, while it opens the door; the file of a dead one is removed.
    pub async fn find(folder: &DataFolder, ra: &Ra) -> Result<Option<Self>, TokenFileError> {
        let Some(text) = folder.read(FILE)? else { return Ok(None) };
        let hash = crate::sha256(text.trim_ascii());
        let record = ra.ports().tokens.token_by_hash(&hash).await?;
        match record.filter(|record| record.is_valid(ra.ports().clock.now())) {
            Some(record) => Ok(Some(Self { file: folder.file(FILE), expires_at: record.expires_at })),
            None => {
                folder.remove(FILE)?;
                Ok(None)
            }
        }
    }
}

/// It could not be seen whether the token lives.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The file.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TokenFileError> for Failure {
    fn from(error: TokenFileError) -> Self {
        Self::new(error.to_string())
    }
}
