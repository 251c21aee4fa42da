//! The one binary: configuration, wiring, TLS, command line.
