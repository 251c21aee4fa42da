//! A PostgreSQL server that a test starts for itself and may therefore stop.

use std::path::PathBuf;
use std::process::Command;

use chancery_tests::{Ran, ScratchDatabase, run};
use tempfile::TempDir;

/// A cluster in a temporary folder, on a free loopback port.
pub struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// A new one, started.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port").port();
        let postgres = Self { programs: programs(), folder, port };
        // PostgreSQL does not run as root; the folder must be reachable for who it runs as.
        if root() {
            let path = postgres.folder.path();
            run(Command::new("chown").arg("postgres").arg(path)).ok();
        }
        postgres.program("initdb", "-A trust -U postgres -E UTF8 --no-locale").ok();
        postgres.go();
        postgres
    }

    /// Start it (again).
    pub fn go(&self) {
        let log = self.folder.path().join("log");
        let options = format!(
            "-w -l '{}' -o '-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories=' start",
            log.display(),
            self.port
        );
        self.program("pg_ctl", &options).ok();
    }

    /// Stop it: `fast` or `immediate` (as a crash).
    pub fn stop(&self, mode: &str) {
        self.program("pg_ctl", &format!("-w -m {mode} stop")).ok();
    }

    /// A database on it.
    pub fn database(&self) -> ScratchDatabase {
        ScratchDatabase::create_on(&format!("postgres://postgres@127.0.0.1:{}/postgres", self.port))
    }

    fn program(&self, name: &str, arguments: &str) -> Ran {
        let command = format!(
            "'{}' -D '{}' {arguments} >/dev/null 2>&1 </dev/null",
            self.programs.join(name).display(),
            self.folder.path().join("data").display()
        );
        if root() {
            run(Command::new("su").args(["postgres", "-s", "/bin/sh", "-c", &command]).current_dir("/"))
        } else {
            run(Command::new("sh").args(["-c", &command]))
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.program("pg_ctl", "-m immediate stop");
    }
}

fn root() -> bool {
    run(Command::new("id").arg("-u")).ok().trim() == "0"
}

/// The newest installed version's programs.
fn programs() -> PathBuf {
    let mut found: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|path| path.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect("PostgreSQL's server programs are under /usr/lib/postgresql")
}
