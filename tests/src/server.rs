//! One running server.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tempfile::TempDir;

use crate::api::Api;
use crate::database::ScratchDatabase;
use crate::process::{Ran, run, signal};

/// How long a start may take on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(60);

/// `ready.json`, every key of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ready {
    /// The process.
    pub pid: u32,
    /// The `https` listener as bound.
    pub https: SocketAddr,
    /// The `mtls` listener as bound.
    pub mtls: Option<SocketAddr>,
    /// The plain listener as bound.
    pub http: SocketAddr,
    /// By what address clients are told to come.
    pub base_url: String,
    /// The root certificate.
    pub root_pem: PathBuf,
    /// Its fingerprint.
    pub root_sha256: String,
    /// The first administrator's token.
    pub admin_token_file: Option<PathBuf>,
    /// The database.
    pub database: String,
}

/// A server to be started.
pub struct Builder {
    program: PathBuf,
    folder: TempDir,
    database: Option<ScratchDatabase>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    limits: String,
}

impl Builder {
    /// The program at `program`, in a new folder, on free ports.
    pub fn new(program: &str) -> Self {
        Self {
            program: program.into(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            database: ScratchDatabase::create(),
            arguments: Vec::new(),
            environment: Vec::new(),
            limits: String::new(),
        }
    }

    /// One more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// One more environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Shell commands (`ulimit`, `trap`) before the program takes the shell's place.
    #[must_use]
    pub fn limits(mut self, shell: &str) -> Self {
        self.limits = shell.into();
        self
    }

    /// SQLite, whatever `TEST_DATABASE_URL` says.
    #[must_use]
    pub fn sqlite(mut self) -> Self {
        self.database = None;
        self
    }

    /// This PostgreSQL database, whatever `TEST_DATABASE_URL` says.
    #[must_use]
    pub fn database(mut self, database: ScratchDatabase) -> Self {
        self.database = Some(database);
        self
    }

    /// The data folder that it will have.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Start it and wait until it answers.
    pub fn start(self) -> Server {
        let mut server = Server { child: None, ready: None, builder: self };
        server.start();
        server
    }

    /// Start it without waiting, for starts that are to fail: what it left within a minute.
    pub fn run(self) -> Ran {
        run(&mut self.command())
    }

    fn command(&self) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{}\nexec \"$0\" \"$@\"", self.limits)).arg(&self.program);
        command.arg("serve").arg("--data").arg(self.data());
        for listener in ["--https", "--mtls", "--http"] {
            if !self.arguments.iter().any(|argument| argument == listener) {
                command.args([listener, "127.0.0.1:0"]);
            }
        }
        if let Some(database) = &self.database {
            command.args(["--database", &database.url]);
        }
        command.args(&self.arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env_remove("TEST_DATABASE_URL").current_dir(self.folder.path());
        command
    }
}

/// A server under test. Dropped, it is killed and its folder removed.
pub struct Server {
    child: Option<Child>,
    ready: Option<Ready>,
    builder: Builder,
}

impl Server {
    /// Start it (again), on the same data, and wait until it answers.
    ///
    /// # Panics
    /// When it ends instead or takes too long; its log is in the message.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let path = self.data().join("ready.json");
        // Left by a killed predecessor: the start itself must remove it, but until then it would be read as ready.
        let stale = std::fs::read_to_string(&path).ok();
        let log = File::options().create(true).append(true).open(self.log_file()).expect("a log file");
        let mut child = self
            .builder
            .command()
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("sh starts");
        let begun = Instant::now();
        loop {
            match std::fs::read_to_string(&path) {
                Ok(text) if stale.as_ref() != Some(&text) => {
                    self.ready =
                        Some(serde_json::from_str(&text).unwrap_or_else(|e| panic!("ready.json: {e}\n{text}")));
                    break;
                }
                _ => {}
            }
            if let Some(status) = child.try_wait().expect("a child can be asked") {
                panic!("the server ended at its start ({status}):\n{}", self.log());
            }
            if begun.elapsed() > START {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the server is not ready after {START:?}:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child = Some(child);
    }

    /// What it says of itself.
    pub fn ready(&self) -> &Ready {
        self.ready.as_ref().expect("a started server is ready")
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.builder.data()
    }

    /// A folder that goes with it, outside its data folder.
    pub fn folder(&self) -> &Path {
        self.builder.folder.path()
    }

    /// Its own PostgreSQL database, when it has one.
    pub fn database(&self) -> Option<&ScratchDatabase> {
        self.builder.database.as_ref()
    }

    /// Everything that it printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.builder.folder.path().join("server.log")
    }

    /// Its REST API, with the first administrator's token.
    pub fn api(&self) -> Api {
        let file = self.ready().admin_token_file.as_ref().expect("the administrator token is alive");
        self.api_as(std::fs::read_to_string(file).expect("the token can be read").trim())
    }

    /// Its REST API, with a token.
    pub fn api_as(&self, token: &str) -> Api {
        Api::new(self.ready(), Some(token))
    }

    /// Its REST API, without credentials.
    pub fn api_anonymous(&self) -> Api {
        Api::new(self.ready(), None)
    }

    /// Its command line, on its data folder (and database).
    pub fn cli<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Ran {
        let mut command = Command::new(&self.builder.program);
        command.args(arguments).arg("--data").arg(self.data()).current_dir(self.folder());
        if let Some(database) = self.database() {
            command.args(["--database", &database.url]);
        }
        command.envs(self.builder.environment.iter().map(|(name, value)| (name, value)));
        run(command.env_remove("TEST_DATABASE_URL"))
    }

    /// The same with a text on standard input.
    pub fn cli_with<'a>(&self, input: &str, arguments: impl IntoIterator<Item = &'a str>) -> Ran {
        let file = self.folder().join("standard-input");
        std::fs::write(&file, input).expect("a file for standard input");
        let mut command = Command::new("sh");
        command.arg("-c").arg("exec \"$0\" \"$@\" < standard-input").arg(&self.builder.program);
        command.args(arguments).arg("--data").arg(self.data()).current_dir(self.folder());
        if let Some(database) = self.database() {
            command.args(["--database", &database.url]);
        }
        command.envs(self.builder.environment.iter().map(|(name, value)| (name, value)));
        let ran = run(command.env_remove("TEST_DATABASE_URL"));
        std::fs::remove_file(file).expect("the file is there");
        ran
    }

    /// A new token by the command line.
    pub fn token(&self, role: &str, profiles: &[&str]) -> String {
        let mut arguments = vec!["token", "create", "--role", role];
        for profile in profiles {
            arguments.extend(["--profile", profile]);
        }
        let printed = self.cli(arguments).ok();
        printed.trim().to_owned()
    }

    /// A second server on the same data, for starts that are to be refused.
    pub fn second_serve(&self) -> Ran {
        run(&mut self.builder.command())
    }

    /// Stop it as an operator does and wait for its end.
    ///
    /// # Panics
    /// When it has not ended after 20 seconds.
    pub fn stop(&mut self) -> ExitStatus {
        signal(self.pid(), "TERM");
        self.wait(Duration::from_secs(20))
    }

    /// Kill it without a warning.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child can be waited for");
        }
    }

    /// Wait for an end that comes by itself.
    ///
    /// # Panics
    /// When it does not come in time.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("a child can be asked") {
                return status;
            }
            if begun.elapsed() > limit {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the server has not ended after {limit:?}:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let from = log.char_indices().rev().nth(6000).map_or(0, |(at, _)| at);
            eprintln!("--- the server's log ends:\n{}", &log[from..]);
        }
    }
}
