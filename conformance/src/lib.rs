//! Foreign clients and outside judges against the running binary.
