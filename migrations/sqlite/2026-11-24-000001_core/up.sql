-- The core tables: what every door shares.
--
-- Types are the few that both engines share: UUIDs, hashes and serial numbers are BLOB, instants are BIGINT
-- microseconds since 1970, flags are INTEGER 0 or 1, JSON is TEXT. The one writer needs no locks.
--
-- A door's tables carry its prefix (acme_, scep_, est_) and may point here; nothing here points at them.

-- Which migrations ran is kept by diesel in __diesel_schema_migrations.

-- Every node that ever opened this database. The number keys its audit chains, so a row is never deleted.
CREATE TABLE nodes (
    id BLOB NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    boot BIGINT NOT NULL
);

-- Work that one node may do at a time. The fence grows with each new holder; a row stays when its lease ends.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder BLOB,
    fence BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Secrets of the whole installation: all encrypted before they come here.
CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
);

CREATE TABLE authorities (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    issuer BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

-- Private keys, encrypted.
CREATE TABLE keys (
    id BLOB NOT NULL PRIMARY KEY,
    label TEXT NOT NULL,
    public_key BLOB NOT NULL,
    wrapped BLOB NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX keys_label ON keys (label, created_at);

-- CA certificates with their keys; the id is the one of the CA certificate in the inventory. `revocations` is raised
-- by the transaction that revokes: a CRL that covers fewer is out of date.
CREATE TABLE issuers (
    id BLOB NOT NULL PRIMARY KEY,
    authority BLOB NOT NULL REFERENCES authorities (id),
    key BLOB NOT NULL REFERENCES keys (id),
    certificate BLOB NOT NULL,
    parent BLOB NOT NULL,
    revocations BIGINT NOT NULL
);

-- RFC 5280 section 5.2.3: numbers only go upward, and no two CRLs of an issuer share one.
CREATE TABLE crls (
    issuer BLOB NOT NULL REFERENCES issuers (id),
    number BIGINT NOT NULL,
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    revocations BIGINT NOT NULL,
    der BLOB NOT NULL,
    PRIMARY KEY (issuer, number)
);

-- The issuance policy is the attributes (JSON). The version counts the edits. No foreign key to the authority: core
-- checks it, and a profile outlives an authority that was taken away.
CREATE TABLE ra_profiles (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    enabled INTEGER NOT NULL,
    authority BLOB NOT NULL,
    doors TEXT NOT NULL,
    attributes TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE tokens (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    role TEXT NOT NULL,
    scope TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

-- Keys that are refused from now on: SHA-256 of the SubjectPublicKeyInfo.
CREATE TABLE blocked_keys (
    key_hash BLOB NOT NULL PRIMARY KEY,
    blocked_at BIGINT NOT NULL
);

-- The inventory. One row per certificate object is all that an issuance writes beside its names and its audit entry:
-- there is no table of operations, because the object tells its own (what was asked, by whom, through which door, and
-- how it ended). Ids are UUIDv7, so a new row goes to the end. No foreign keys: this is the hot path, rows are never
-- deleted, and the issuing transaction checks profile and predecessor itself.
--
-- Attribute lists are JSON, NULL when empty. `pending_names` repeats, as JSON, the names of an object that is not issued
-- yet, so that they can be replaced without an index from certificate to name.
CREATE TABLE certificates (
    id BLOB NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    profile BLOB,
    authority BLOB,
    issuer BLOB,
    door TEXT NOT NULL,
    owner TEXT NOT NULL,
    owner_id BLOB NOT NULL,
    subject TEXT NOT NULL,
    common_name TEXT NOT NULL,
    serial BLOB,
    fingerprint BLOB,
    key_hash BLOB NOT NULL,
    not_before BIGINT,
    not_after BIGINT,
    predecessor BLOB,
    issue_attributes TEXT,
    revoke_attributes TEXT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    revocation_reason TEXT,
    invalidity_date BIGINT,
    archived INTEGER NOT NULL,
    pending_names TEXT,
    certificate BLOB,
    request BLOB
);
-- The arbiter of serial numbers.
CREATE UNIQUE INDEX certificates_issuer_serial ON certificates (issuer, serial);
CREATE UNIQUE INDEX certificates_fingerprint ON certificates (fingerprint);
-- What expires next.
CREATE INDEX certificates_not_after ON certificates (not_after);
-- Lists within a caller's reach, newest first, and their exact count.
CREATE INDEX certificates_listed ON certificates (profile, id) WHERE archived = 0;
CREATE INDEX certificates_predecessor ON certificates (predecessor) WHERE predecessor IS NOT NULL;
-- What a CRL lists.
CREATE INDEX certificates_revoked ON certificates (issuer, id) WHERE revoked_at IS NOT NULL;

-- CN and every SAN, in lower case. The key finds by value; the way back from a certificate is not needed.
CREATE TABLE certificate_names (
    value TEXT NOT NULL,
    kind TEXT NOT NULL,
    certificate BLOB NOT NULL,
    PRIMARY KEY (value, kind, certificate)
) WITHOUT ROWID;

-- The audit trail: one hash chain per writer lane of each node. The body is the canonical JSON that the hash covers; time,
-- event and certificate repeat from it what is searched for.
CREATE TABLE audit (
    node INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    sequence BIGINT NOT NULL,
    time BIGINT NOT NULL,
    event TEXT NOT NULL,
    certificate BLOB,
    hash BLOB NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (node, lane, sequence)
) WITHOUT ROWID;
CREATE INDEX audit_certificate ON audit (certificate) WHERE certificate IS NOT NULL;

-- Signed statements of where every chain ended.
CREATE TABLE audit_checkpoints (
    time BIGINT NOT NULL,
    signature BLOB NOT NULL,
    public_key BLOB NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (time, signature)
);
