//! Foreign SCEP clients (RFC 8894) against the running binary, over plain HTTP as devices come.
//!
//! Needed: strongswan-pki and libstrongswan-extra-plugins (its curl plugin) as Debian packages, openssl.

mod strongswan;
