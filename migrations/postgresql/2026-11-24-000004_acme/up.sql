-- The ACME profile whose directory a key is made for; without one it is taken at every directory of its RA profile but
-- those in trusted mode.
ALTER TABLE acme_eab_keys ADD COLUMN acme_profile BYTEA;

-- How many an account has pending.
CREATE INDEX acme_authorizations_pending ON acme_authorizations (account, expires_at) WHERE status = 'pending';
