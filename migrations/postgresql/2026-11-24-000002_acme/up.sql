-- The ACME door's tables (RFC 8555). What is large and only read whole (settings, identifiers, challenges) is JSON in the
-- row that it belongs to: an order is one row, and so is an authorization with its challenges.

-- How directories behave. `ra_profile` is the one of the profile's own directory.
CREATE TABLE acme_profiles (
    id BYTEA NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    description TEXT,
    enabled INTEGER NOT NULL,
    ra_profile BYTEA REFERENCES ra_profiles (id) ON DELETE SET NULL,
    settings TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- The doors of RA profiles.
CREATE TABLE acme_activations (
    ra_profile BYTEA NOT NULL PRIMARY KEY REFERENCES ra_profiles (id) ON DELETE CASCADE,
    acme_profile BYTEA NOT NULL REFERENCES acme_profiles (id),
    issue_attributes TEXT,
    revoke_attributes TEXT,
    created_at BIGINT NOT NULL
);

-- Keys for external account binding, sealed. Both counters are raised by the transaction that uses the key.
CREATE TABLE acme_eab_keys (
    id BYTEA NOT NULL PRIMARY KEY,
    ra_profile BYTEA NOT NULL REFERENCES ra_profiles (id) ON DELETE CASCADE,
    description TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    names TEXT,
    uses BIGINT,
    used BIGINT NOT NULL,
    quota BIGINT,
    issued BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL
);

-- A directory is a pair of profiles, and a key has one account there. No foreign keys: an account, like a certificate,
-- outlives the RA profile that it came through.
CREATE TABLE acme_accounts (
    id BYTEA NOT NULL PRIMARY KEY,
    acme_profile BYTEA NOT NULL,
    ra_profile BYTEA NOT NULL,
    status TEXT NOT NULL,
    thumbprint BYTEA NOT NULL,
    jwk TEXT NOT NULL,
    key_identity BYTEA NOT NULL,
    contacts TEXT NOT NULL,
    terms_agreed_at BIGINT,
    eab_key BYTEA,
    eab TEXT,
    disabled INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX acme_accounts_key ON acme_accounts (thumbprint, acme_profile, ra_profile);
-- No certificate for an account's key (RFC 8555 section 11.1).
CREATE INDEX acme_accounts_identity ON acme_accounts (key_identity);
CREATE INDEX acme_accounts_profile ON acme_accounts (acme_profile, id);

-- Orders. `authorizations` is their ids one after the other, 16 bytes each. `ends_at` is the instant after which nobody
-- needs the row: the order's end, for a finished one the certificate's, for a failed one its beginning.
CREATE TABLE acme_orders (
    id BYTEA NOT NULL PRIMARY KEY,
    account BYTEA NOT NULL,
    status TEXT NOT NULL,
    ra_profile BYTEA NOT NULL,
    profile TEXT,
    identifiers TEXT NOT NULL,
    authorizations BYTEA NOT NULL,
    not_before BIGINT,
    not_after BIGINT,
    expires_at BIGINT NOT NULL,
    error TEXT,
    certificate BYTEA,
    replaces BYTEA,
    created_at BIGINT NOT NULL,
    ends_at BIGINT
);
-- An account's list, newest first.
CREATE INDEX acme_orders_account ON acme_orders (account, id);
-- How many it has open.
CREATE INDEX acme_orders_open ON acme_orders (account, expires_at) WHERE status = 'open';
CREATE INDEX acme_orders_certificate ON acme_orders (certificate) WHERE certificate IS NOT NULL;
-- The arbiter of who replaces a certificate (RFC 9773 section 5).
CREATE UNIQUE INDEX acme_orders_replaces ON acme_orders (replaces) WHERE replaces IS NOT NULL AND status <> 'invalid';
CREATE INDEX acme_orders_ends ON acme_orders (status, ends_at);

-- Authorizations with their challenges. `identifier` is its type and value, `dns:host.example`. `ends_at` as above.
CREATE TABLE acme_authorizations (
    id BYTEA NOT NULL PRIMARY KEY,
    account BYTEA NOT NULL,
    identifier TEXT COLLATE "C" NOT NULL,
    wildcard INTEGER NOT NULL,
    subdomains INTEGER NOT NULL,
    status TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    challenges TEXT NOT NULL,
    attempt_at BIGINT,
    caa_checked_at BIGINT,
    created_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
-- What a new order can take up.
CREATE INDEX acme_authorizations_usable ON acme_authorizations (account, identifier, expires_at)
    WHERE status IN ('pending', 'valid');
-- Whose next attempt is due.
CREATE INDEX acme_authorizations_attempt ON acme_authorizations (attempt_at) WHERE attempt_at IS NOT NULL;
CREATE INDEX acme_authorizations_ends ON acme_authorizations (ends_at);

-- Certificates that shall be renewed at once (RFC 9773 section 4.2).
CREATE TABLE acme_renewal_marks (
    certificate BYTEA NOT NULL PRIMARY KEY,
    explanation_url TEXT,
    marked_at BIGINT NOT NULL
);

-- Spent nonces, where several nodes share the database. One node alone keeps them in memory.
CREATE TABLE acme_nonces (
    nonce BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX acme_nonces_expires ON acme_nonces (expires_at);
