-- The SCEP door's tables (RFC 8894).

-- How doors behave. `ra_profile` is the one of the profile's own door; the static challenge is sealed.
CREATE TABLE scep_profiles (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    enabled INTEGER NOT NULL,
    ra_profile BLOB REFERENCES ra_profiles (id) ON DELETE SET NULL,
    sealed_challenge BLOB,
    settings TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- The doors of RA profiles.
CREATE TABLE scep_activations (
    ra_profile BLOB NOT NULL PRIMARY KEY REFERENCES ra_profiles (id) ON DELETE CASCADE,
    scep_profile BLOB NOT NULL REFERENCES scep_profiles (id),
    issue_attributes TEXT,
    created_at BIGINT NOT NULL
);

-- One-time challenges, found by a keyed hash. Spent by the transaction that issues, or that has the request wait.
CREATE TABLE scep_challenges (
    id BLOB NOT NULL PRIMARY KEY,
    ra_profile BLOB NOT NULL REFERENCES ra_profiles (id) ON DELETE CASCADE,
    lookup BLOB NOT NULL,
    subject TEXT,
    names TEXT,
    description TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    mismatches BIGINT NOT NULL,
    used_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX scep_challenges_lookup ON scep_challenges (lookup);
CREATE INDEX scep_challenges_end ON scep_challenges (expires_at);

-- Transactions that led to a certificate object, whose state is theirs. `predecessor` is empty for a first enrolment. No
-- foreign keys: a transaction, like its certificate, outlives the profiles that it came through.
CREATE TABLE scep_transactions (
    transaction_id BLOB NOT NULL,
    scep_profile BLOB NOT NULL,
    ra_profile BLOB NOT NULL,
    predecessor BLOB NOT NULL,
    request BLOB NOT NULL,
    signer BLOB NOT NULL,
    certificate BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (transaction_id, scep_profile, ra_profile, predecessor)
);
CREATE INDEX scep_transactions_age ON scep_transactions (created_at);

-- The RA's own certificates. The generation lets one of several nodes renew.
CREATE TABLE scep_ra_certificates (
    scep_profile BLOB NOT NULL,
    authority BLOB NOT NULL,
    purpose TEXT NOT NULL,
    generation BIGINT NOT NULL,
    key_id BLOB NOT NULL,
    certificate BLOB NOT NULL,
    issuer BLOB NOT NULL,
    der BLOB NOT NULL,
    not_after BIGINT NOT NULL,
    PRIMARY KEY (scep_profile, authority, purpose, generation)
);
