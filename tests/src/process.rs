//! Other processes: run, signal, wait for.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a finished command left.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// The standard output of a command that must have succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// The standard error of a command that must have failed.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_ne!(self.code, Some(0), "was to fail; stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stderr
    }
}

/// Run to its end.
///
/// # Panics
/// When the command cannot be started: a foreign client that is missing is a failure, not a reason to skip.
pub fn run(command: &mut Command) -> Ran {
    let mut text = String::new();
    let _ = write!(text, "{command:?}");
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("cannot run {text}: {e}"));
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Send a signal by name (`TERM`, `KILL`, `STOP`, `CONT`) to one process.
pub fn signal(pid: u32, name: &str) {
    run(Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}"))).ok();
}

/// Ask again and again until there is an answer, for things that another process does in its own time.
///
/// # Panics
/// When there is none within `limit`.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> F,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
