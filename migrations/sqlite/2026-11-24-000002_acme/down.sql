DROP TABLE acme_nonces;
DROP TABLE acme_renewal_marks;
DROP TABLE acme_authorizations;
DROP TABLE acme_orders;
DROP TABLE acme_accounts;
DROP TABLE acme_eab_keys;
DROP TABLE acme_activations;
DROP TABLE acme_profiles;
