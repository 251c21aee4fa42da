//! What every client finds: a server with its ACME door open, names that lead to this machine, ports for challenges.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use chancery_tests::{Builder, Dns, Ran, Server, run};

use super::web::Web;
use crate::PROGRAM;

/// How long a revocation may take to be on the list.
const REVOKED: Duration = Duration::from_secs(10);

/// One server and its surroundings.
pub struct Lab {
    /// The server.
    pub server: Server,
    /// The resolver that it asks.
    pub dns: Dns,
    /// Where it sends http-01.
    pub http_port: u16,
    /// Where it sends tls-alpn-01.
    pub tls_port: u16,
    web: Option<Web>,
}

impl Lab {
    /// From nothing.
    pub fn start() -> Self {
        let dns = Dns::start();
        let (http_port, tls_port) = (port(), port());
        let server = Builder::new(PROGRAM)
            .environment("CHANCERY__ACME__VALIDATION__HTTP_PORT", &http_port.to_string())
            .environment("CHANCERY__ACME__VALIDATION__TLS_PORT", &tls_port.to_string())
            .environment("CHANCERY__ACME__VALIDATION__RESOLVER", &dns.address().to_string())
            .environment("CHANCERY__ACME__VALIDATION__ALLOW", "127.0.0.0/8")
            .start();
        let lab = Self { server, dns, http_port, tls_port, web: None };
        std::fs::create_dir(lab.webroot()).expect("a new folder");
        lab
    }

    /// The same with a web server on the http-01 port, for clients that only write files to [`Lab::webroot`].
    pub fn with_web() -> Self {
        let mut lab = Self::start();
        lab.web = Some(Web::start(lab.http_port, lab.webroot()));
        lab
    }

    /// The directory that a first start opens.
    pub fn directory(&self) -> String {
        format!("{}/acme/tls-server/directory", self.server.ready().base_url)
    }

    /// The folder that scripts run in.
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// The folder of the web server.
    pub fn webroot(&self) -> PathBuf {
        self.folder().join("webroot")
    }

    /// A script with everything that it needs to know in its environment.
    pub fn sh(&self, script: &str) -> Ran {
        self.sh_with(script, &[])
    }

    /// The same with more variables.
    pub fn sh_with(&self, script: &str, more: &[(&str, &str)]) -> Ran {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", script]).current_dir(self.folder());
        command
            .env("DIRECTORY", self.directory())
            .env("ROOT", &self.server.ready().root_pem)
            .env("HTTP_PORT", self.http_port.to_string())
            .env("TLS_PORT", self.tls_port.to_string())
            .env("RESOLVER", self.dns.address().to_string())
            .env("TXT", self.dns.txt_folder())
            .env("WEBROOT", self.webroot())
            .env("HOME", self.folder())
            .envs(more.iter().copied());
        for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
            command.env_remove(proxy);
        }
        run(&mut command)
    }

    /// A new key for external account binding: its identifier and itself, as clients take them.
    pub fn eab(&self) -> (String, String) {
        let printed = self.server.cli(["acme", "eab", "create", "--profile", "tls-server", "--json"]).ok();
        let key: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
        let text = |name: &str| key[name].as_str().unwrap_or_else(|| panic!("no {name} in {key}")).to_owned();
        (text("kid"), text("key"))
    }

    /// The chain in a file (leaf first) must lead to the root, strictly, and be good for each of these names.
    #[track_caller]
    pub fn verify(&self, chain: &str, names: &[&str]) {
        for name in names {
            let concrete = name.replace('*', "anything");
            let option = if name.parse::<std::net::IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
            let script = format!(
                "openssl verify -x509_strict -purpose sslserver {option} {concrete} -CAfile $ROOT -untrusted {chain} {chain}"
            );
            assert!(self.sh(&script).ok().contains(": OK"), "{name}");
        }
        let script = format!("openssl x509 -in {chain} -noout -ext subjectAltName | tail -n 1 | tr ',' '\\n' | wc -l");
        assert_eq!(self.sh(&script).ok().trim(), names.len().to_string(), "other names than {names:?} in {chain}");
    }

    /// The serial number of the first certificate in a file, in hexadecimal.
    #[track_caller]
    pub fn serial(&self, chain: &str) -> String {
        let printed = self.sh(&format!("openssl x509 -in {chain} -noout -serial")).ok();
        printed.trim().trim_start_matches("serial=").to_owned()
    }

    /// The first certificate in a file must be on its list of revoked certificates soon, for this reason (as openssl
    /// says it; empty for none).
    #[track_caller]
    pub fn revoked(&self, chain: &str, reason: &str) {
        let script = format!(
            "url=$(openssl x509 -in {chain} -noout -ext crlDistributionPoints | grep -o 'http://[^ ]*' | head -n 1)
             curl -sS --fail $url | openssl crl -inform DER -noout -text | grep -A 4 'Serial Number: {}' || true",
            self.serial(chain)
        );
        let begun = Instant::now();
        loop {
            let printed = self.sh(&script).ok();
            if printed.contains("Serial Number") {
                let entry = printed.split("Serial Number").nth(1).unwrap_or_default();
                assert!(entry.contains(reason), "not {reason:?}: {printed}");
                return;
            }
            assert!(begun.elapsed() < REVOKED, "{chain} is not on its list after {REVOKED:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A free port below those that the system gives to connections, so that it is still free when a client takes it.
pub fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 12_000 + u16::try_from(std::process::id() % 190).expect("below 190") * 100;
    for _ in 0..100 {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed) % 100;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port from {base} on");
}
