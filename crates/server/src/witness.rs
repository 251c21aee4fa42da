//! The node's checkpoint key, and the file of checkpoints that it signed: both outside the database, where whoever
//! rewrites the database does not reach them.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_core::audit::Checkpoint;
use chancery_core::{Ra, instant, micros};
use chancery_pki::{KeyType, PrivateKey, PublicKey};
use serde::{Deserialize, Serialize};

use crate::data_folder::{DataFolder, FolderError};

const KEY: &str = "checkpoint.key";
const FILE: &str = "checkpoints.jsonl";

/// Signs checkpoints and remembers them.
#[derive(Clone, Debug)]
pub struct Witness {
    folder: DataFolder,
}

/// One line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    time: i64,
    body: String,
    signature: String,
    public_key: String,
}

impl Witness {
    /// The witness of this data folder.
    pub fn of(folder: &DataFolder) -> Self {
        Self { folder: folder.clone() }
    }

    /// The checkpoint key, made at the first call.
    pub fn key(&self) -> Result<PrivateKey, FolderError> {
        let damaged = |why: String| FolderError::Damaged { path: self.folder.file(KEY), why };
        if let Some(pem) = self.folder.read(KEY)? {
            let pem = zeroize::Zeroizing::new(pem);
            let text = std::str::from_utf8(&pem).map_err(|why| damaged(why.to_string()))?;
            return PrivateKey::from_pkcs8_pem(text).map_err(|why| damaged(why.to_string()));
        }
        let key = PrivateKey::generate(KeyType::Ed25519).map_err(|why| damaged(why.to_string()))?;
        self.folder.write(KEY, key.to_pkcs8_pem().as_bytes(), 0o600)?;
        Ok(key)
    }

    /// The public keys that count here, and the checkpoints outside the database.
    pub fn read(&self) -> Result<(Vec<PublicKey>, Vec<Checkpoint>), FolderError> {
        let keys = match self.folder.read(KEY)? {
            Some(_) => vec![self.key()?.public_key().clone()],
            None => Vec::new(),
        };
        let text = self.folder.read(FILE)?.unwrap_or_default();
        let mut checkpoints = Vec::new();
        let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            match checkpoint(line) {
                Ok(checkpoint) => checkpoints.push(checkpoint),
                // A crash in the middle of the last line is no tampering.
                Err(_) if lines.peek().is_none() && !text.ends_with(b"\n") => {}
                Err(why) => {
                    let why = format!("line {}: {why}", number + 1);
                    return Err(FolderError::Damaged { path: self.folder.file(FILE), why });
                }
            }
        }
        Ok((keys, checkpoints))
    }

    /// Remember a checkpoint.
    pub fn add(&self, checkpoint: &Checkpoint) -> Result<(), FolderError> {
        let line = Line {
            time: micros(checkpoint.time),
            body: checkpoint.body.clone(),
            signature: STANDARD.encode(&checkpoint.signature),
            public_key: STANDARD.encode(&checkpoint.public_key),
        };
        let line = serde_json::to_string(&line).expect("texts and numbers always serialise");
        self.mend()?;
        self.folder.append(FILE, &line, 0o600)
    }

    /// Take away the unfinished last line of an earlier crash, which would swallow the next one.
    fn mend(&self) -> Result<(), FolderError> {
        let path = self.folder.file(FILE);
        let mend = || -> std::io::Result<()> {
            let mut file = match File::options().read(true).write(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            if file.seek(SeekFrom::End(0))? == 0 {
                return Ok(());
            }
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                let text = std::fs::read(&path)?;
                let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                file.set_len(whole as u64)?;
            }
            Ok(())
        };
        mend().map_err(|source| FolderError::File { what: "mend", path: path.clone(), source })
    }

    /// Sign a checkpoint now, when anything was told since the last one.
    pub async fn checkpoint(&self, ra: &Ra, key: &PrivateKey) {
        match ra.checkpoint(key).await {
            Ok(Some(checkpoint)) => {
                if let Err(error) = self.add(&checkpoint) {
                    tracing::error!(%error, "a checkpoint of the audit trail could not be kept outside the database");
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = chancery_http::chain(&error), "the audit trail could not be checkpointed");
            }
        }
    }

    /// Sign checkpoints for ever, the first at once.
    pub async fn run(&self, ra: &Ra, key: &PrivateKey, every: Duration) {
        loop {
            self.checkpoint(ra, key).await;
            tokio::time::sleep(every).await;
        }
    }
}

fn checkpoint(line: &[u8]) -> Result<Checkpoint, String> {
    let line: Line = serde_json::from_slice(line).map_err(|why| why.to_string())?;
    Ok(Checkpoint {
        time: instant(line.time),
        body: line.body,
        signature: STANDARD.decode(line.signature).map_err(|why| why.to_string())?,
        public_key: STANDARD.decode(line.public_key).map_err(|why| why.to_string())?,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn witness() -> (tempfile::TempDir, Witness) {
        let temp = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(&temp.path().join("data")).unwrap();
        (temp, Witness::of(&folder))
    }

    fn sample(body: &str) -> Checkpoint {
        Checkpoint { time: instant(1_000_000), body: body.into(), signature: vec![1, 2], public_key: vec![3] }
    }

    #[test]
    fn the_key_stays_the_same_and_is_closed_to_others() {
        let (_temp, witness) = witness();
        assert!(witness.read().unwrap().0.is_empty());
        let first = witness.key().unwrap();
        let second = witness.key().unwrap();
        assert_eq!(first.public_key().spki_der(), second.public_key().spki_der());
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(witness.folder.file(KEY)).unwrap());
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(witness.read().unwrap().0.len(), 1);
    }

    #[test]
    fn checkpoints_come_back_and_a_torn_line_costs_no_other() {
        let (_temp, witness) = witness();
        witness.add(&sample("a")).unwrap();
        let mut file = std::fs::OpenOptions::new().append(true).open(witness.folder.file(FILE)).unwrap();
        file.write_all(b"{\"time\":1,\"bo").unwrap();
        assert_eq!(witness.read().unwrap().1, [sample("a")]);
        witness.add(&sample("b")).unwrap();
        assert_eq!(witness.read().unwrap().1, [sample("a"), sample("b")]);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let (_temp, witness) = witness();
        std::fs::write(witness.folder.file(FILE), "{}\n{}\n").unwrap();
        let error = witness.read().unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
