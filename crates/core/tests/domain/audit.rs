//! Whatever is done to the trail behind the server's back is found.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_core::audit::{AuditEntry, AuditFault, ChainHead, ChainPosition, ChainedEntry, Checkpoint, chain_hash};
use chancery_core::port::AuditStore;
use chancery_core::{Ports, Ra, StoreError};
use chancery_pki::{KeyType, PrivateKey};

use crate::bench::{Bench, csr, key};

type Tampering = Box<dyn Fn(&mut Vec<ChainedEntry>) + Send + Sync>;

/// The real trail, seen through the hands of somebody who changed it.
struct Tampered {
    real: Arc<dyn AuditStore>,
    tampering: Tampering,
}

#[async_trait]
impl AuditStore for Tampered {
    async fn append(&self, entries: Vec<AuditEntry>) -> Result<(), StoreError> {
        self.real.append(entries).await
    }
    async fn history(&self, certificate: uuid::Uuid) -> Result<Vec<ChainedEntry>, StoreError> {
        self.real.history(certificate).await
    }
    async fn heads(&self) -> Result<Vec<ChainHead>, StoreError> {
        let mut heads = Vec::new();
        for head in self.real.heads().await? {
            let first = ChainPosition { sequence: 1, ..head.position };
            let last = self.chain(first, u32::MAX).await?;
            heads.extend(last.last().map(|entry| ChainHead { position: entry.position, hash: entry.hash }));
        }
        Ok(heads)
    }
    async fn chain(&self, from: ChainPosition, limit: u32) -> Result<Vec<ChainedEntry>, StoreError> {
        let mut all = self.real.chain(ChainPosition { sequence: 1, ..from }, 100_000).await?;
        (self.tampering)(&mut all);
        all.retain(|entry| entry.position.sequence >= from.sequence);
        all.truncate(limit as usize);
        Ok(all)
    }
    async fn latest(&self, limit: u32) -> Result<Vec<ChainedEntry>, StoreError> {
        self.real.latest(limit).await
    }
    async fn add_checkpoint(&self, checkpoint: Checkpoint) -> Result<(), StoreError> {
        self.real.add_checkpoint(checkpoint).await
    }
    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        self.real.checkpoints().await
    }
    async fn untold_certificates(&self) -> Result<u64, StoreError> {
        self.real.untold_certificates().await
    }
}

/// Hash the whole chain anew, as somebody would who knows how.
fn rewrite(entries: &mut [ChainedEntry]) {
    let mut previous = [0; 32];
    for (sequence, entry) in (1..).zip(entries) {
        entry.position.sequence = sequence;
        entry.hash = chain_hash(&previous, entry.position, &entry.body);
        previous = entry.hash;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tampering_is_found_and_pointed_at() {
    let bench = Bench::new().await;
    for n in 0..5 {
        let name = format!("h{n}.example");
        bench.issue("tls-server", &csr(&key(), &name, &[&name])).await.unwrap();
    }
    let signer = PrivateKey::generate(KeyType::Ed25519).unwrap();
    let checkpoint = bench.ra.checkpoint(&signer).await.unwrap().unwrap();
    assert_eq!(bench.ra.checkpoint(&signer).await.unwrap(), None, "nothing was told since");
    let keys = [signer.public_key().clone()];
    let clean = bench.ra.verify_audit(&keys, std::slice::from_ref(&checkpoint)).await.unwrap();
    assert_eq!((clean.faults, clean.checkpoints), (vec![], 2));
    assert!(clean.entries > 5);

    type Expected = fn(&AuditFault) -> bool;
    let cases: Vec<(&str, Tampering, Expected)> = vec![
        (
            "edit",
            Box::new(|all| all[3].body = all[3].body.replace("success", "refused")),
            |fault| matches!(fault, AuditFault::Changed(at) if at.sequence == 4),
        ),
        (
            "remove first",
            Box::new(|all| drop(all.remove(0))),
            |fault| matches!(fault, AuditFault::Missing(at) if at.sequence == 1),
        ),
        (
            "remove middle",
            Box::new(|all| drop(all.remove(2))),
            |fault| matches!(fault, AuditFault::Missing(at) if at.sequence == 3),
        ),
        ("cut the tail", Box::new(|all| drop(all.pop())), |fault| matches!(fault, AuditFault::Cut(_))),
        (
            "swap two bodies",
            Box::new(|all| {
                let body = std::mem::take(&mut all[1].body);
                all[1].body = std::mem::replace(&mut all[2].body, body);
            }),
            |fault| matches!(fault, AuditFault::Changed(at) if at.sequence == 2),
        ),
        (
            "columns",
            Box::new(|all| all[2].event = "token.create".into()),
            |fault| matches!(fault, AuditFault::Columns(at) if at.sequence == 3),
        ),
        (
            "rewrite",
            Box::new(|all| {
                all[3].body = all[3].body.replace("system", "nobody").replace("somebody", "nobody");
                rewrite(all);
            }),
            |fault| matches!(fault, AuditFault::Rewritten(_)),
        ),
        (
            "remove and rewrite",
            Box::new(|all| {
                all.remove(2);
                rewrite(all);
            }),
            |fault| matches!(fault, AuditFault::Cut(_)),
        ),
    ];
    for (what, tampering, expected) in cases {
        let audit = Arc::new(Tampered { real: bench.ra.ports().audit.clone(), tampering });
        let ra = Ra::new(Ports { audit, ..bench.ra.ports().clone() });
        let report = ra.verify_audit(&keys, std::slice::from_ref(&checkpoint)).await.unwrap();
        assert!(report.faults.iter().any(expected), "{what}: {:?}", report.faults);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_counts_with_our_key_and_a_whole_signature_only() {
    let bench = Bench::new().await;
    let signer = PrivateKey::generate(KeyType::Ed25519).unwrap();
    let mut checkpoint = bench.ra.checkpoint(&signer).await.unwrap().unwrap();
    let stranger = PrivateKey::generate(KeyType::Ed25519).unwrap();
    let foreign = bench.ra.verify_audit(&[stranger.public_key().clone()], &[]).await.unwrap();
    assert_eq!((foreign.checkpoints, foreign.foreign_checkpoints), (0, 1));
    checkpoint.body = checkpoint.body.replacen("\"sequence\":", "\"sequence\":1", 1);
    let forged = bench.ra.verify_audit(&[signer.public_key().clone()], &[checkpoint]).await.unwrap();
    assert!(matches!(&forged.faults[..], [AuditFault::Checkpoint(_)]), "{:?}", forged.faults);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_that_says_otherwise_is_found() {
    use chancery_core::audit::{Event, Telling};
    use chancery_core::{Actor, Clock, Origin};
    let bench = Bench::new().await;
    let record = bench.issue("tls-server", &csr(&key(), "a.example", &["a.example"])).await.unwrap();
    assert_eq!(bench.ra.verify_audit(&[], &[]).await.unwrap().faults, []);
    // The trail tells of a revocation that the row does not show: as if the row had been set back.
    let (actor, origin) = (Actor::system(), Origin::system());
    let told = Telling::success(&actor, &origin, Event::CertificateRevoke).certificate(record.id).at(bench.clock.now());
    bench.ra.ports().audit.append(vec![told]).await.unwrap();
    let faults = bench.ra.verify_audit(&[], &[]).await.unwrap().faults;
    assert!(matches!(&faults[..], [AuditFault::Inventory(_, id)] if *id == record.id), "{faults:?}");
}
