//! Foreign EST clients (RFC 7030), each with the server's own root. Every script ends at the first command that fails.
//!
//! Needed: curl, openssl, python3, strongswan-pki with libcharon-extra-plugins, and a JDK with libbcpkix-java
//! and libbctls-java.

mod bouncycastle;
mod curl;
mod python;
mod strongswan;

use chancery_tests::{Ran, Server};

use crate::shell::sh;

/// Run a script beside a server, with the address of its mtls listener as `$U` and its root as `$R`, and a user
/// `gw.example` whose password is `correct horse`.
fn script(server: &Server, text: &str) -> Ran {
    let add = ["est", "user", "add", "gw.example", "--profile", "device", "--password-stdin"];
    server.cli_with("correct horse", add).ok();
    let ready = server.ready();
    let mtls = ready.mtls.expect("the mtls listener is open");
    sh(server.folder(), &format!("U=https://{mtls}\nR={}\n{text}", ready.root_pem.display()))
}
