DROP TABLE scep_ra_certificates;
DROP TABLE scep_transactions;
DROP TABLE scep_challenges;
DROP TABLE scep_activations;
DROP TABLE scep_profiles;
