//! In what groups the server wrote: asked over the control socket beside its `ready.json`, before and after the load.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

/// A server that does not answer is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// In how many transactions the server has committed how many certificates since its start.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct Groups {
    transactions: u64,
    certificates: u64,
}

/// The server's answer, as its control socket spells it.
#[derive(Deserialize)]
struct Reply {
    #[serde(rename = "Ok")]
    ok: Answer,
}

#[derive(Deserialize)]
struct Answer {
    with: Groups,
}

impl Groups {
    /// Ask the server whose `ready.json` this is; `None` when it cannot be asked (another user, an older server).
    pub fn ask(ready: &Path) -> Option<Self> {
        let mut socket = UnixStream::connect(ready.parent()?.join("control.sock")).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).ok()?;
        socket.set_write_timeout(Some(PATIENCE)).ok()?;
        socket.write_all(b"{\"command\":\"write-groups\"}\n").ok()?;
        let mut reply = Vec::new();
        socket.read_to_end(&mut reply).ok()?;
        Self::parse(&reply)
    }

    fn parse(reply: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Reply>(reply).ok().map(|reply| reply.ok.with)
    }

    /// How many certificates went into one transaction since `before`, on average, rounded up; `None` when there was none.
    pub fn since(self, before: Self) -> Option<usize> {
        let transactions = self.transactions.checked_sub(before.transactions).filter(|count| *count > 0)?;
        let certificates = self.certificates.checked_sub(before.certificates)?;
        usize::try_from(certificates.div_ceil(transactions)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_the_control_socket_is_read() {
        let reply = br#"{"Ok":{"answer":"write-groups","with":{"transactions":3,"certificates":20}}}"#;
        assert_eq!(Groups::parse(reply), Some(Groups { transactions: 3, certificates: 20 }));
        assert_eq!(Groups::parse(br#"{"Err":{"message":"no"}}"#), None);
        assert_eq!(Groups::parse(b""), None);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Groups::ask(&folder.path().join("ready.json")), None);
    }

    #[test]
    fn the_mean_is_of_this_run_and_rounded_up() {
        let of = |transactions, certificates| Groups { transactions, certificates };
        assert_eq!(of(13, 121).since(of(3, 20)), Some(11));
        assert_eq!(of(3, 20).since(of(3, 20)), None);
        assert_eq!(of(1, 1).since(of(3, 20)), None, "another server's process");
    }
}
