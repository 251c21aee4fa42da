DROP INDEX acme_authorizations_pending;
ALTER TABLE acme_eab_keys DROP COLUMN acme_profile;
