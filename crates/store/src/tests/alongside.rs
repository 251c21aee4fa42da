//! The seam for a door's own rows, with rows of the test's own.

use std::any::Any;
use std::sync::Arc;

use chancery_core::port::{Alongside, InventoryStore, RevokeRecord};
use chancery_core::{StoreError, Unique};
use diesel::prelude::*;

use super::{Place, contract, record, stored_profile, verify};
use crate::alongside::Opener;

diesel::table! {
    door_rows (name) {
        name -> Text,
    }
}

/// A door's own row.
struct DoorRow(String);

pub(crate) const OPENER: Opener = Opener {
    opens: |rows: &dyn Any| rows.is::<DoorRow>(),
    write: |rows, _, connection| {
        let DoorRow(name) = rows.downcast_ref().expect("the opener asked first");
        diesel::insert_into(door_rows::table).values(door_rows::name.eq(name)).execute(connection)?;
        Ok(())
    },
};

const TABLE: &str = "CREATE TABLE door_rows (name TEXT NOT NULL PRIMARY KEY)";

fn row(name: &str) -> Option<Alongside> {
    Some(Alongside(Arc::new(DoorRow(name.to_owned()))))
}

contract!(writes_together, undoes_together, refuses_an_unknown_type, joins_a_revocation);

async fn rows(store: &crate::Store) -> i64 {
    store.read(|c| Ok(door_rows::table.count().get_result(c)?)).await.unwrap()
}

async fn writes_together(place: Place) {
    let store = place.open().await;
    place.execute(TABLE);
    let profile = stored_profile(&store, "p").await;
    let mut made = record(&profile);
    made.alongside = row("order 1");
    store.record(made.clone()).await.unwrap();
    assert!(store.certificate(made.certificate.id).await.unwrap().is_some());
    assert_eq!(rows(&store).await, 1);
}

async fn undoes_together(place: Place) {
    let store = place.open().await;
    place.execute(TABLE);
    let profile = stored_profile(&store, "p").await;
    let mut first = record(&profile);
    first.alongside = row("order 1");
    store.record(first.clone()).await.unwrap();
    // The door's row breaks a rule: no certificate.
    let mut second = record(&profile);
    second.alongside = row("order 1");
    let refused = store.record(second.clone()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Duplicate(Unique::Other)), "{refused:?}");
    assert!(store.certificate(second.certificate.id).await.unwrap().is_none());
    // The certificate breaks a rule: no door's row.
    let mut third = record(&profile);
    third.certificate.serial.clone_from(&first.certificate.serial);
    third.alongside = row("order 3");
    let refused = store.record(third).await.unwrap_err();
    assert!(matches!(refused, StoreError::Duplicate(Unique::Serial)), "{refused:?}");
    assert_eq!(rows(&store).await, 1);
    assert_eq!(verify(&store).await, 2);
}

async fn refuses_an_unknown_type(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let mut made = record(&profile);
    made.alongside = Some(Alongside(Arc::new(5_u8)));
    let refused = store.record(made.clone()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Internal(_)), "{refused:?}");
    assert!(store.certificate(made.certificate.id).await.unwrap().is_none());
    assert_eq!(verify(&store).await, 1);
}

async fn joins_a_revocation(place: Place) {
    let store = place.open().await;
    place.execute(TABLE);
    let profile = stored_profile(&store, "p").await;
    let made = record(&profile);
    store.record(made.clone()).await.unwrap();
    let revocation = RevokeRecord {
        certificate: made.certificate.id,
        at: made.certificate.created_at,
        reason: chancery_pki::RevocationReason::Superseded,
        invalidity_date: None,
        attributes: Vec::new(),
        block_key: None,
        audit: super::told(chancery_core::audit::Event::CertificateRevoke),
        approval: None,
        alongside: row("revoked"),
    };
    store.revoke(revocation.clone()).await.unwrap();
    assert!(store.revoke(revocation).await.is_err());
    assert_eq!(rows(&store).await, 1);
}
