//! What the doors share of actix-web: limits, request ids, identities, error logging.
