ALTER TABLE acme_eab_keys DROP COLUMN acme_profile;
