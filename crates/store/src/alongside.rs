//! The seam by which a door's own rows join a certificate's transaction.
//!
//! The protocol crate makes an opaque [`Alongside`]; this is the one place that knows what types may be inside. A door
//! joins by adding its [`Opener`] here and its tables to the migrations.

use std::any::Any;

use chancery_core::port::Alongside;
use chancery_core::{CertificateState, StoreError};
use uuid::Uuid;

use crate::connection::AnyConnection;
use crate::fault::Failure;

/// Knows one type of [`Alongside`].
pub(crate) struct Opener {
    /// Whether the value is of this type.
    pub(crate) opens: fn(&dyn Any) -> bool,
    /// Write its rows beside a certificate object and the state that it has now, on a connection inside its transaction. May be called again when the transaction
    /// is replayed. Only called when `opens` said yes.
    pub(crate) write: fn(&dyn Any, Object, &mut AnyConnection) -> Result<(), Failure>,
}

/// The certificate object that the rows belong to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its state after the transaction.
    pub(crate) state: CertificateState,
}

/// One per door that keeps rows of its own.
#[cfg(not(test))]
const OPENERS: &[Opener] =
    &[crate::acme::finalize::OPENER, crate::scep::enrolment::OPENER, crate::est::enrolment::OPENER];
#[cfg(test)]
const OPENERS: &[Opener] = &[
    crate::acme::finalize::OPENER,
    crate::scep::enrolment::OPENER,
    crate::est::enrolment::OPENER,
    crate::tests::alongside::OPENER,
];

fn opener(rows: &Alongside) -> Option<&'static Opener> {
    OPENERS.iter().find(|opener| (opener.opens)(&*rows.0))
}

/// Whether the rows, if there are any, can be written at all: asked before anything is.
pub(crate) fn known(rows: Option<&Alongside>) -> bool {
    rows.is_none_or(|rows| opener(rows).is_some())
}

/// The answer to rows of an unknown type: a door was wired to a store that does not know it.
pub(crate) fn unknown() -> StoreError {
    StoreError::Internal("the door's own rows are of a type that the store cannot open".to_owned())
}

/// Write the rows.
pub(crate) fn write(rows: &Alongside, object: Object, connection: &mut AnyConnection) -> Result<(), Failure> {
    let opener = opener(rows).ok_or_else(unknown)?;
    (opener.write)(&*rows.0, object, connection)
}
