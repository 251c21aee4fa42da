//! The door as adapters see it.

use std::sync::Arc;
use std::time::Duration;

use chancery_core::{Origin, Ra};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::endpoint::{Endpoint, Endpoints};
use crate::linking::Peer;
use crate::password::Passwords;
use crate::port::EstStore;

/// What the door is told when the server starts.
#[derive(Clone)]
pub struct EstConfig {
    /// By what address clients come, without a slash at the end.
    pub base_url: String,
    /// The key under which codes are found, the same on all nodes.
    pub code_key: [u8; 32],
}

/// The EST door. Cheap to clone.
#[derive(Clone)]
pub struct Est(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn EstStore>,
    pub(crate) ra: Ra,
    pub(crate) config: EstConfig,
    pub(crate) endpoints: Endpoints,
    pub(crate) passwords: Passwords,
}

impl Inner {
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.ra.ports().clock.now()
    }

    /// An identifier for a new object.
    pub(crate) fn new_id(&self) -> Uuid {
        chancery_core::new_id(&*self.ra.ports().clock, &*self.ra.ports().rng)
    }
}

impl Est {
    /// A door over its state and the registration authority.
    pub fn new(store: Arc<dyn EstStore>, ra: Ra, config: EstConfig) -> Self {
        let passwords = Passwords::new(&*ra.ports().rng);
        Self(Arc::new(Inner { store, ra, config, endpoints: Endpoints::default(), passwords }))
    }
}

/// A request to enrol as it came.
#[derive(Debug)]
pub struct Call<'a> {
    /// Where.
    pub endpoint: &'a Endpoint,
    /// What the connection says of the client.
    pub peer: &'a Peer,
    /// Its Authorization headers.
    pub authorization: &'a [&'a [u8]],
    /// The body.
    pub body: &'a [u8],
    /// Who and whence, for the audit.
    pub origin: Origin,
}

/// What became of a request to enrol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A certs-only CMS message (RFC 5652 section 5.1) in DER.
    Certificates(Vec<u8>),
    /// Somebody has to decide: the same request again asks what became of it (RFC 7030 section 4.2.3).
    Pending {
        /// When asking may be worth while.
        retry_after: Duration,
    },
}
