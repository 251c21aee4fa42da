//! The built-in certification authority: key provider, issuing, CRLs.
