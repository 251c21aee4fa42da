DROP TABLE est_enrolments;
DROP TABLE est_codes;
DROP TABLE est_users;
DROP TABLE est_activations;
DROP TABLE est_profiles;
