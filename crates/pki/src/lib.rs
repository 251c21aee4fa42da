//! X.509, PKCS#10, keys and names: types that cannot be wrong. No I/O, no policy.
