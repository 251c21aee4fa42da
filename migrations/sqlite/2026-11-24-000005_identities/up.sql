-- Callers with a role, known by a certificate of ours or by a subject of an OIDC issuer.
CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    scope TEXT,
    certificate_fingerprint BLOB,
    certificate_key_hash BLOB UNIQUE,
    certificate_subject TEXT,
    oidc_issuer TEXT,
    oidc_subject TEXT,
    enabled INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (oidc_issuer, oidc_subject)
);
