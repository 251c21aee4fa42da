//! The status door: CRLs and issuer certificates, for everybody.
