-- The EST door's tables (RFC 7030).

-- How doors behave. `ra_profile` is the one of the profile's own label.
CREATE TABLE est_profiles (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    enabled INTEGER NOT NULL,
    ra_profile BLOB REFERENCES ra_profiles (id) ON DELETE SET NULL,
    settings TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- The doors of RA profiles.
CREATE TABLE est_activations (
    ra_profile BLOB NOT NULL PRIMARY KEY REFERENCES ra_profiles (id) ON DELETE CASCADE,
    est_profile BLOB NOT NULL REFERENCES est_profiles (id),
    unlabelled INTEGER NOT NULL,
    issue_attributes TEXT,
    created_at BIGINT NOT NULL
);
-- One answers without a label.
CREATE UNIQUE INDEX est_activations_unlabelled ON est_activations (unlabelled) WHERE unlabelled = 1;

-- Users with a password (Argon2id). `used` is raised by the transaction that issues.
CREATE TABLE est_users (
    id BLOB NOT NULL PRIMARY KEY,
    ra_profile BLOB NOT NULL REFERENCES ra_profiles (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    salt BLOB NOT NULL,
    hash BLOB NOT NULL,
    names TEXT,
    uses BIGINT,
    used BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL
);
-- A name is free again when its user is ended.
CREATE UNIQUE INDEX est_users_name ON est_users (ra_profile, name) WHERE revoked_at IS NULL;

-- Codes, by a keyed hash of their text.
CREATE TABLE est_codes (
    id BLOB NOT NULL PRIMARY KEY,
    ra_profile BLOB NOT NULL REFERENCES ra_profiles (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    mismatches BIGINT NOT NULL,
    names TEXT,
    uses BIGINT,
    used BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL
);

-- Requests that were granted or wait, so that the same request finds its certificate object again.
CREATE TABLE est_enrolments (
    digest BLOB NOT NULL PRIMARY KEY,
    certificate BLOB NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX est_enrolments_ends ON est_enrolments (ends_at);
