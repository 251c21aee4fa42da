//! From the schema of the first release to this one, with what was in it.

use std::path::Path;

use chancery_core::audit::{ChainPosition, Event, chain_hash};
use chancery_core::port::{InventoryStore, ProfileStore};
use chancery_core::{CertificateState, Door};
use uuid::Uuid;

use super::{Place, contract, record_by, told, verify};
use crate::{OpenError, Store};

contract!(the_first_release_upgrades_with_its_rows, a_half_upgraded_database_goes_on);

const FIRST: &str = "20261124000001";

const PROFILE: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
const CERTIFICATE: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002);
const ISSUER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0003);
const NODE: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0004);

/// Bytes as each engine writes them.
fn blob(place: &Place, bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if place.url.starts_with("sqlite") { format!("X'{hex}'") } else { format!("'\\x{hex}'") }
}

/// What the first release's program made: its schema, told as diesel tells it, and rows of each kind.
fn first_release(place: &Place) {
    let engine = if place.url.starts_with("sqlite") { "sqlite" } else { "postgresql" };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(engine);
    let schema = std::fs::read_to_string(folder.join("2026-11-24-000001_core/up.sql")).unwrap();
    place.execute(&schema);
    place.execute(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
    );
    place.execute(&format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{FIRST}')"));

    let of = |bytes: &[u8]| blob(place, bytes);
    let (profile, certificate) = (of(PROFILE.as_bytes()), of(CERTIFICATE.as_bytes()));
    place.execute(&format!("INSERT INTO nodes (id, number, boot) VALUES ({}, 1, 3)", of(NODE.as_bytes())));
    place.execute(&format!(
        "INSERT INTO ra_profiles (id, name, description, enabled, authority, doors, attributes, version, created_at, \
         updated_at) VALUES ({profile}, 'tls-server', NULL, 1, {}, '[\"rest\"]', '[]', 4, 1000000, 2000000)",
        of(Uuid::nil().as_bytes()),
    ));
    place.execute(&format!(
        "INSERT INTO certificates (id, state, profile, authority, issuer, door, owner, owner_id, subject, common_name, \
         serial, fingerprint, key_hash, not_before, not_after, created_at, archived, certificate, request) VALUES \
         ({certificate}, 'issued', {profile}, {}, {}, 'rest', 'somebody', {}, 'CN=host.example', 'host.example', {}, {}, \
         {}, 1000000, 9000000, 1000000, 0, {}, {})",
        of(Uuid::nil().as_bytes()),
        of(ISSUER.as_bytes()),
        of(Uuid::nil().as_bytes()),
        of(&[1; 16]),
        of(&[2; 32]),
        of(&[3; 32]),
        of(&[0x30, 0]),
        of(&[0x30, 0]),
    ));
    place.execute(&format!(
        "INSERT INTO certificate_names (value, kind, certificate) VALUES ('host.example', 'dns', {certificate})"
    ));
    let entry = told(Event::CertificateIssue);
    let position = ChainPosition { node: 1, lane: 0, sequence: 1 };
    place.execute(&format!(
        "INSERT INTO audit (node, lane, sequence, time, event, certificate, hash, body) VALUES (1, 0, 1, {}, '{}', \
         {certificate}, {}, '{}')",
        chancery_core::micros(entry.time),
        entry.event.as_str(),
        of(&chain_hash(&[0; 32], position, &entry.body)),
        entry.body.replace('\'', "''"),
    ));
}

/// Everything that was there is, and everything new can be done.
async fn goes_on(place: &Place) {
    let schema = Store::schema(&place.url).await.unwrap();
    assert_eq!(schema.pending, Vec::<String>::new());
    let mut options = place.options();
    options.node = NODE;
    let store = Store::open(options).await.unwrap();
    assert_eq!((store.node().number, store.node().boot), (1, 4));
    let profile = store.profile(PROFILE).await.unwrap().unwrap();
    assert_eq!((profile.version, &profile.doors), (4, &[Door::Rest].into()));
    let kept = store.certificate(CERTIFICATE).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.common_name.as_str()), (CertificateState::Issued, "host.example"));
    assert_eq!(verify(&store).await, 1);
    store.record(record_by(&profile, ISSUER)).await.unwrap();
    assert_eq!(verify(&store).await, 2);
    assert!(chancery_acme::port::AcmeStore::acme_profiles(&store).await.unwrap().is_empty());
}

async fn the_first_release_upgrades_with_its_rows(place: Place) {
    first_release(&place);
    let before = Store::schema(&place.url).await.unwrap();
    assert_eq!(before.version.as_deref(), Some(FIRST));
    let refused = Store::open(place.options()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Outdated { pending, .. } if *pending == before.pending), "{refused:?}");
    assert_eq!(Store::migrate(&place.url).await.unwrap(), before.pending);
    assert!(Store::migrate(&place.url).await.unwrap().is_empty());
    goes_on(&place).await;
}

/// Migrations that were written side by side may have run in another order.
async fn a_half_upgraded_database_goes_on(place: Place) {
    first_release(&place);
    Store::migrate(&place.url).await.unwrap();
    for table in
        ["nonces", "renewal_marks", "authorizations", "orders", "accounts", "eab_keys", "activations", "profiles"]
    {
        place.execute(&format!("DROP TABLE acme_{table}"));
    }
    place.execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261124000002'");
    assert_eq!(Store::schema(&place.url).await.unwrap().pending, ["20261124000002"]);
    assert_eq!(Store::migrate(&place.url).await.unwrap(), ["20261124000002"]);
    goes_on(&place).await;
}
