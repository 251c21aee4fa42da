//! Foreign ACME clients (RFC 8555), each with the server's own root, a DNS responder of the test's own and high ports
//! for its challenges. Every script ends at the first command that fails.
//!
//! Needed: certbot, lego, dehydrated, uacme (with ualpn), acme-tiny, caddy and apache2-bin as Debian packages, curl, openssl, unshare,
//! and python3 with venv for the newest certbot.

mod acme_tiny;
mod caddy;
mod certbot;
mod dehydrated;
mod instant;
mod lab;
mod lego;
mod mod_md;
mod uacme;
mod web;
