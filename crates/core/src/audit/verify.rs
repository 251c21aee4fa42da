//! Does the trail still say what was written? Finds any edit, removal or reordering; signed checkpoints make a cut tail
//! and a rewritten chain visible.

use std::collections::{BTreeMap, HashMap, HashSet};

use chancery_pki::{PrivateKey, PublicKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ChainHead, ChainPosition, ChainedEntry, Checkpoint, chain_hash};
use crate::{Actor, CertificateRecord, CertificateState, Error, Origin, Ra};

/// Entries read at a time.
const PAGE: u32 = 5_000;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Entries whose hash was computed again.
    pub entries: u64,
    /// Chains: one per writer lane of each node.
    pub chains: u64,
    /// Checkpoints whose signature was verified.
    pub checkpoints: u64,
    /// Checkpoints signed by keys that are not ours (other nodes' are): not counted on.
    pub foreign_checkpoints: u64,
    /// What is wrong, if anything.
    pub faults: Vec<AuditFault>,
}

/// One thing that is wrong with the trail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    /// A sequence number is missing.
    #[error("node {} lane {}: entry {} is missing", .0.node, .0.lane, .0.sequence)]
    Missing(ChainPosition),
    /// The hash of an entry does not follow from its predecessor and its text.
    #[error("node {} lane {}: entry {} (or the one before) was changed", .0.node, .0.lane, .0.sequence)]
    Changed(ChainPosition),
    /// The columns beside an entry's text say something else than the text.
    #[error("node {} lane {}: the columns of entry {} do not agree with its text", .0.node, .0.lane, .0.sequence)]
    Columns(ChainPosition),
    /// The trail tells of an issue or a revocation that the inventory does not know, or knows otherwise.
    #[error("node {} lane {}: entry {} tells what the inventory does not show of certificate {}", .0.node, .0.lane, .0.sequence, .1)]
    Inventory(ChainPosition, Uuid),
    /// A checkpoint names an entry that is not there: the end of the chain was cut off.
    #[error("node {} lane {}: a signed checkpoint names entry {}, which is not there", .0.node, .0.lane, .0.sequence)]
    Cut(ChainPosition),
    /// A checkpoint names another hash: the chain was written anew.
    #[error("node {} lane {}: entry {} is not the one that a signed checkpoint names", .0.node, .0.lane, .0.sequence)]
    Rewritten(ChainPosition),
    /// A checkpoint whose signature does not verify, or whose text cannot be read.
    #[error("the checkpoint of {0} is damaged")]
    Checkpoint(String),
    /// Certificates whose issuing is told nowhere.
    #[error("{0} certificates have no entry that tells of their issuing")]
    Untold(u64),
}

/// The signed text of a checkpoint.
#[derive(Serialize, Deserialize)]
struct Statement {
    heads: Vec<StatedHead>,
    time: i64,
}

#[derive(Serialize, Deserialize)]
struct StatedHead {
    hash: String,
    lane: i32,
    node: i32,
    sequence: i64,
}

impl Checkpoint {
    fn heads(&self) -> Option<Vec<(ChainPosition, String)>> {
        let statement: Statement = serde_json::from_str(&self.body).ok()?;
        let head =
            |head: StatedHead| (ChainPosition { node: head.node, lane: head.lane, sequence: head.sequence }, head.hash);
        Some(statement.heads.into_iter().map(head).collect())
    }

    fn verifies_with(&self, key: &PublicKey) -> bool {
        key.verify(chancery_pki::SignatureAlgorithm::Ed25519, self.body.as_bytes(), &self.signature).is_ok()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Ra {
    /// Sign where every chain ends now, and keep it; `None` when nothing was told since the last checkpoint. The caller
    /// also appends it to a file outside the database, where whoever rewrites the database cannot reach it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn checkpoint(&self, signer: &PrivateKey) -> Result<Option<Checkpoint>, Error> {
        let audit = &self.0.ports.audit;
        let mut heads = audit.heads().await?;
        heads.sort();
        if heads.is_empty() || *self.0.checkpointed.lock().expect("no holder panics") == heads {
            return Ok(None);
        }
        let time = self.now();
        let stated = |head: &ChainHead| StatedHead {
            hash: hex(&head.hash),
            lane: head.position.lane,
            node: head.position.node,
            sequence: head.position.sequence,
        };
        let statement = Statement { heads: heads.iter().map(stated).collect(), time: crate::micros(time) };
        let body = serde_json::to_string(&statement).map_err(Error::internal)?;
        let signature = chancery_pki::Signer::sign(signer, body.as_bytes()).map_err(Error::internal)?;
        let checkpoint = Checkpoint { time, body, signature, public_key: signer.public_key().spki_der().to_vec() };
        audit.add_checkpoint(checkpoint.clone()).await?;
        *self.0.checkpointed.lock().expect("no holder panics") = heads;
        Ok(Some(checkpoint))
    }

    /// Compute every hash again, and hold the chains against the signed checkpoints: those in the database and those
    /// `witnessed` outside it. `keys` are the checkpoint keys that count.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer. Faults of the trail are in the report.
    pub async fn verify_audit(&self, keys: &[PublicKey], witnessed: &[Checkpoint]) -> Result<AuditReport, Error> {
        let audit = &self.0.ports.audit;
        let mut report = AuditReport::default();
        let mut stated: HashMap<(i32, i32), BTreeMap<i64, HashSet<String>>> = HashMap::new();
        for checkpoint in audit.checkpoints().await?.iter().chain(witnessed) {
            let Some(key) = keys.iter().find(|key| key.spki_der() == checkpoint.public_key) else {
                report.foreign_checkpoints += 1;
                continue;
            };
            match checkpoint.heads().filter(|_| checkpoint.verifies_with(key)) {
                Some(heads) => {
                    report.checkpoints += 1;
                    for (position, hash) in heads {
                        let chain = stated.entry((position.node, position.lane)).or_default();
                        chain.entry(position.sequence).or_default().insert(hash);
                    }
                }
                None => report.faults.push(AuditFault::Checkpoint(checkpoint.time.to_string())),
            }
        }
        for head in audit.heads().await? {
            let key = (head.position.node, head.position.lane);
            let stated = stated.remove(&key).unwrap_or_default();
            self.verify_chain(head.position, stated, &mut report).await?;
            report.chains += 1;
        }
        for ((node, lane), entries) in stated {
            let cut = |sequence| AuditFault::Cut(ChainPosition { node, lane, sequence });
            report.faults.extend(entries.into_keys().next_back().map(cut));
        }
        let untold = audit.untold_certificates().await?;
        if untold > 0 {
            report.faults.push(AuditFault::Untold(untold));
        }
        Ok(report)
    }

    /// One chain up to the head that was read first: what is appended meanwhile is the next verification's.
    async fn verify_chain(
        &self,
        head: ChainPosition,
        mut stated: BTreeMap<i64, HashSet<String>>,
        report: &mut AuditReport,
    ) -> Result<(), Error> {
        let mut previous = [0; 32];
        let mut expected = 1;
        while expected <= head.sequence {
            let from = ChainPosition { sequence: expected, ..head };
            let page = self.0.ports.audit.chain(from, PAGE).await?;
            if page.is_empty() {
                report.faults.push(AuditFault::Missing(from));
                break;
            }
            for entry in page {
                if entry.position.sequence != expected {
                    report.faults.push(AuditFault::Missing(ChainPosition { sequence: expected, ..head }));
                } else if entry.hash != chain_hash(&previous, entry.position, &entry.body) {
                    report.faults.push(AuditFault::Changed(entry.position));
                } else if !columns_agree(&entry) {
                    report.faults.push(AuditFault::Columns(entry.position));
                }
                if let Some(certificate) = self.denied_by_inventory(&entry).await? {
                    report.faults.push(AuditFault::Inventory(entry.position, certificate));
                }
                if let Some(hashes) = stated.remove(&entry.position.sequence)
                    && hashes.iter().any(|hash| *hash != hex(&entry.hash))
                {
                    report.faults.push(AuditFault::Rewritten(entry.position));
                }
                previous = entry.hash;
                expected = entry.position.sequence + 1;
                report.entries += 1;
            }
        }
        let cut = |sequence| AuditFault::Cut(ChainPosition { sequence, ..head });
        report.faults.extend(stated.into_keys().find(|sequence| *sequence > head.sequence).map(cut));
        Ok(())
    }

    /// The certificate of an entry that tells of its issue or revocation, when its row does not show that.
    async fn denied_by_inventory(&self, entry: &ChainedEntry) -> Result<Option<Uuid>, Error> {
        let Ok(told) = serde_json::from_str::<Told>(&entry.body) else { return Ok(None) };
        let (Some(id), "success") = (told.certificate, &*told.result) else { return Ok(None) };
        let shown = |row: CertificateRecord| match &*told.event {
            "certificate.issue" | "certificate.renew" | "certificate.rekey" => {
                row.fingerprint.map(|fingerprint| fingerprint.to_hex()) == told.detail.fingerprint
            }
            "certificate.revoke" => row.state == CertificateState::Revoked,
            _ => true,
        };
        let row = self.0.ports.inventory.certificate(id).await?;
        Ok(if row.is_some_and(shown) { None } else { Some(id) })
    }

    /// Tell that the server begins to answer.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the trail cannot be written.
    pub async fn server_started(&self, detail: BTreeMap<&'static str, serde_json::Value>) -> Result<(), Error> {
        self.tell_server(super::Event::ServerStart, detail).await
    }

    /// Tell that the server stops in an orderly way.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the trail cannot be written.
    pub async fn server_stopped(&self) -> Result<(), Error> {
        self.tell_server(super::Event::ServerStop, BTreeMap::new()).await
    }

    async fn tell_server(
        &self,
        event: super::Event,
        detail: BTreeMap<&'static str, serde_json::Value>,
    ) -> Result<(), Error> {
        let origin = Origin::system();
        let system = Actor::system();
        let mut telling = super::Telling::success(&system, &origin, event);
        telling.detail = detail;
        Ok(self.0.ports.audit.append(vec![telling.at(self.now())]).await?)
    }
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    certificate: Option<Uuid>,
    #[serde(default)]
    detail: ToldDetail,
    event: String,
    result: String,
}

#[derive(Default, Deserialize)]
struct ToldDetail {
    #[serde(default)]
    fingerprint: Option<String>,
}

#[derive(Deserialize)]
struct Columns {
    #[serde(default)]
    certificate: Option<Uuid>,
    event: String,
    time: i64,
}

fn columns_agree(entry: &ChainedEntry) -> bool {
    serde_json::from_str::<Columns>(&entry.body).is_ok_and(|columns| {
        columns.certificate == entry.certificate
            && columns.event == entry.event
            && columns.time == crate::micros(entry.time)
    })
}
