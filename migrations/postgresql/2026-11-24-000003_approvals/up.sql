-- Approvals: who asked for what, and who decided. A certificate object has at most one that is pending. The digest binds
-- it to request, attributes and RA profile version; `revocation` is what a revocation was asked for with (JSON).
CREATE TABLE approvals (
    id BYTEA NOT NULL PRIMARY KEY,
    certificate BYTEA NOT NULL,
    profile BYTEA NOT NULL,
    operation TEXT NOT NULL,
    requester_id BYTEA NOT NULL,
    requester TEXT NOT NULL,
    digest BYTEA NOT NULL,
    revocation TEXT,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    approver_id BYTEA,
    approver TEXT,
    decided_at BIGINT,
    comment TEXT
);
CREATE INDEX approvals_certificate ON approvals (certificate, id);
CREATE INDEX approvals_profile ON approvals (profile, id);
CREATE INDEX approvals_pending ON approvals (expires_at) WHERE status = 'PENDING';
CREATE INDEX approvals_decided ON approvals (approver_id, id) WHERE approver_id IS NOT NULL;
CREATE UNIQUE INDEX approvals_one_pending ON approvals (certificate) WHERE status = 'PENDING';
