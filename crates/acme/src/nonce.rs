//! Replay nonces (RFC 8555 section 6.5): sealed, not stored. Making one writes nothing; of what was spent a bit is kept,
//! in pages that exist only where something was spent, until its nonces are over.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use chancery_core::StoreError;
use time::{Duration, OffsetDateTime};

use crate::base64url::{decode, encode};
use crate::port::AcmeStore;

/// How long a nonce can be used.
pub(crate) const LIFETIME: Duration = Duration::hours(1);
/// How much longer a shared table keeps what was spent: clocks of several nodes differ.
const KEPT: Duration = Duration::hours(2);
const CONTEXT: &[u8] = b"chancery ACME nonce 1";
const PAGE: u64 = 4096;

/// What is sealed. The counter makes it unique within a node's boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    node: i32,
    boot: i64,
    counter: u64,
    /// Milliseconds since 1970.
    made: i64,
}

impl Content {
    const LENGTH: usize = 28;

    fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..4].copy_from_slice(&self.node.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.boot.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.counter.to_be_bytes());
        bytes[20..].copy_from_slice(&self.made.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (node, rest) = bytes.split_first_chunk()?;
        let (boot, rest) = rest.split_first_chunk()?;
        let (counter, rest) = rest.split_first_chunk()?;
        Some(Self {
            node: i32::from_be_bytes(*node),
            boot: i64::from_be_bytes(*boot),
            counter: u64::from_be_bytes(*counter),
            made: i64::from_be_bytes(rest.try_into().ok()?),
        })
    }
}

/// Why a nonce is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not base64url (RFC 8555 section 6.5.2).
    Malformed,
    /// Not one of ours, of another start, over, or spent.
    Bad,
}

/// Makes nonces and spends them, each once.
pub(crate) struct Nonces {
    key: LessSafeKey,
    node: i32,
    boot: i64,
    /// Nonces of other nodes are taken and spent in the shared table.
    cluster: bool,
    next: AtomicU64,
    spent: Mutex<Spent>,
}

impl Nonces {
    /// `boot` has never been used with this node and key before.
    pub(crate) fn new(key: &[u8; 32], node: i32, boot: i64, cluster: bool) -> Self {
        let key = UnboundKey::new(&AES_256_GCM_SIV, key).expect("the algorithm takes keys of 32 octets");
        Self { key: LessSafeKey::new(key), node, boot, cluster, next: AtomicU64::new(0), spent: Mutex::default() }
    }

    /// A fresh one.
    pub(crate) fn make(&self, now: OffsetDateTime) -> String {
        let counter = self.next.fetch_add(1, Ordering::Relaxed);
        let content = Content { node: self.node, boot: self.boot, counter, made: millis(now) };
        let mut sealed = content.to_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(iv(), Aad::from(CONTEXT), &mut sealed)
            .expect("a few octets are never too long to be sealed");
        encode(sealed)
    }

    /// Spend one: of many parallel calls with the same nonce one succeeds.
    ///
    /// # Errors
    /// Refused, or the shared table does not answer.
    pub(crate) async fn spend(
        &self,
        nonce: &str,
        now: OffsetDateTime,
        store: &dyn AcmeStore,
    ) -> Result<Result<(), Refused>, StoreError> {
        let content = match self.open(nonce, now) {
            Ok(content) => content,
            Err(refused) => return Ok(Err(refused)),
        };
        let first = if self.cluster {
            let mut id = [0; 32];
            id[..Content::LENGTH].copy_from_slice(&content.to_bytes());
            store.spend_nonce(id, now + KEPT).await?
        } else {
            let mut spent = self.spent.lock().expect("no holder panics");
            spent.spend(content.counter, content.made, millis(now))
        };
        Ok(if first { Ok(()) } else { Err(Refused::Bad) })
    }

    fn open(&self, nonce: &str, now: OffsetDateTime) -> Result<Content, Refused> {
        let mut sealed = decode(nonce).ok_or(Refused::Malformed)?;
        if sealed.len() != Content::LENGTH + AES_256_GCM_SIV.tag_len() {
            return Err(Refused::Bad);
        }
        let opened = self.key.open_in_place(iv(), Aad::from(CONTEXT), &mut sealed).map_err(|_| Refused::Bad)?;
        let content = Content::from_bytes(opened).ok_or(Refused::Bad)?;
        let ours = self.cluster || (content.node, content.boot) == (self.node, self.boot);
        let over = millis(now) - content.made > lifetime();
        if ours && !over { Ok(content) } else { Err(Refused::Bad) }
    }
}

/// Always the same: GCM-SIV (RFC 8452) tells only whether two contents are the same, and no two are.
fn iv() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

fn millis(at: OffsetDateTime) -> i64 {
    chancery_core::micros(at) / 1000
}

fn lifetime() -> i64 {
    LIFETIME.whole_seconds() * 1000
}

/// The nonces of this boot that were spent.
#[derive(Default)]
struct Spent {
    pages: BTreeMap<u64, Page>,
    /// Pages were forgotten whose nonces were made up to here: nothing so old is taken, even when the clock goes back.
    forgotten: i64,
}

struct Page {
    bits: Box<[u64; PAGE as usize / 64]>,
    /// When the newest spent nonce of the page was made. Those of the page that are not spent need no memory, so the page
    /// can go when this one is over.
    newest: i64,
}

impl Spent {
    /// False when it was spent before, or cannot be known any more.
    fn spend(&mut self, counter: u64, made: i64, now: i64) -> bool {
        while let Some(oldest) = self.pages.first_entry()
            && now - oldest.get().newest > lifetime()
        {
            self.forgotten = self.forgotten.max(oldest.remove().newest);
        }
        if made <= self.forgotten {
            return false;
        }
        let page = self.pages.entry(counter / PAGE).or_insert_with(|| Page { bits: Box::new([0; _]), newest: made });
        page.newest = page.newest.max(made);
        let bit = counter % PAGE;
        let word = &mut page.bits[(bit / 64) as usize];
        let fresh = *word & 1 << (bit % 64) == 0;
        *word |= 1 << (bit % 64);
        fresh
    }
}

#[cfg(test)]
mod tests;
