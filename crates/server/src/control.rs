//! The control socket: how the command line speaks to the running server. One JSON line asks, one JSON line answers.
//!
//! It lies in the data folder (mode 0700) with mode 0600, and the kernel says who is at the other end: only the user that
//! the server runs as, and root, are heard.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::command::{Answer, Command, Failure};
use crate::data_folder::{DataFolder, FolderError};
use crate::node::Node;

const NAME: &str = "control.sock";
/// A request, with a CSR or a profile in it, is far smaller.
const LONGEST: u64 = 4 * 1024 * 1024;
/// A peer that says nothing is let go.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client waits for the answer: making an authority or verifying a long trail takes minutes.
const LONGEST_WORK: Duration = Duration::from_secs(15 * 60);
/// Longest path that fits into a socket address on every system that we know.
const LONGEST_PATH: usize = 100;

/// What goes over the socket: a command, and the database that it is meant for when its user named one (without its
/// password).
#[derive(Debug, Serialize, Deserialize)]
struct Request<C> {
    #[serde(flatten)]
    command: C,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    database: Option<String>,
}

impl Request<Command> {
    async fn execute(self, node: &Node, peer: u32) -> Result<Answer, Failure> {
        if let Some(named) = self.database.filter(|named| !is_same_database(named, &node.database)) {
            return Err(Failure::new(format!(
                "a server runs on this data folder with the database {}, and this command names {named}: leave the \
                 database out (--database, database.url, CHANCERY__DATABASE__URL) to work on the server's, or name \
                 another folder with --data",
                node.database
            )));
        }
        self.command.execute(node, peer).await
    }
}

/// Whether two URLs, without passwords, name one database: users and options do not count.
fn is_same_database(one: &str, other: &str) -> bool {
    fn place(url: &str) -> String {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        if scheme == "sqlite" {
            let path = std::fs::canonicalize(rest).unwrap_or_else(|_| rest.into());
            return format!("sqlite://{}", path.display());
        }
        let rest = rest.split('?').next().unwrap_or(rest);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        format!("postgres://{}", rest.replacen(":5432/", "/", 1))
    }
    place(one) == place(other)
}

/// The server's end.
pub struct ControlSocket {
    listener: UnixListener,
    folder: DataFolder,
    own: u32,
}

impl ControlSocket {
    /// Open it; one that an earlier process left behind is replaced, for the caller holds the folder's lock.
    pub fn bind(folder: &DataFolder) -> Result<Self, FolderError> {
        folder.remove(NAME)?;
        let path = folder.file(NAME);
        let fault = |source| FolderError::File { what: "open", path: path.clone(), source };
        let (address, _directory) = address(folder).map_err(fault)?;
        let listener = UnixListener::bind(address).map_err(fault)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(fault)?;
        Ok(Self { listener, folder: folder.clone(), own: rustix::process::geteuid().as_raw() })
    }

    /// Answer for ever.
    pub async fn run(&self, node: &Node) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let (node, own) = (node.clone(), self.own);
                    tokio::spawn(async move {
                        if let Err(error) = answer(stream, own, &node).await {
                            tracing::debug!(%error, "control connection");
                        }
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: do not spin.
                    tracing::warn!(%error, "the control socket cannot accept");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    /// Close it and take it away.
    pub fn remove(self) -> Result<(), FolderError> {
        self.folder.remove(NAME).map(drop)
    }
}

/// Whether the user `peer` may command a server that runs as `own`.
fn may_command(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

async fn answer(mut stream: UnixStream, own: u32, node: &Node) -> std::io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let reply = if may_command(peer, own) {
        match tokio::time::timeout(PATIENCE, request(&mut stream)).await {
            Ok(Ok(request)) => request.execute(node, peer).await,
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::new("no request came in time")),
        }
    } else {
        tracing::warn!(uid = peer, "a user who may not command this server used its control socket");
        Err(Failure::new(format!("user {peer} may not command this server: only user {own} and root may")))
    };
    let mut line = serde_json::to_vec(&reply)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    stream.shutdown().await
}

async fn request(stream: &mut UnixStream) -> Result<Request<Command>, Failure> {
    let mut line = Vec::new();
    let unreadable = |why: String| Failure::new(format!("the request cannot be read: {why}"));
    BufReader::new(stream.take(LONGEST))
        .read_until(b'\n', &mut line)
        .await
        .map_err(|why| unreadable(why.to_string()))?;
    serde_json::from_slice(&line)
        .map_err(|why| unreadable(format!("{why} (are the command and the running server of the same version?)")))
}

/// Whether what listens in a folder of the user `owner` is to be believed by a client that runs as `own`: the folder's
/// own server, or root's. Anyone else has put his own socket there, to read what is asked and answer what he likes.
fn may_answer(peer: u32, owner: u32, own: u32) -> bool {
    peer == own || peer == 0 || (own == 0 && peer == owner)
}

/// Ask the server of this data folder, which must work on `database` when one is named; `None` when none answers there.
pub async fn ask(
    folder: &DataFolder,
    command: &Command,
    database: Option<&str>,
) -> Result<Option<Result<Answer, Failure>>, Failure> {
    let path = folder.file(NAME);
    let fault = |why: std::io::Error| Failure::new(format!("cannot speak to the server at {}: {why}", path.display()));
    let (address, _directory) = address(folder).map_err(fault)?;
    let mut stream = match UnixStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => return Err(fault(error)),
    };
    let (peer, owner) = (stream.peer_cred().map_err(fault)?.uid(), folder.owner()?);
    if !may_answer(peer, owner, rustix::process::geteuid().as_raw()) {
        return Err(Failure::new(format!(
            "the socket {} is answered by user {peer}, who is neither you nor root: nothing was asked; see who runs \
             there, or name another folder with --data",
            path.display()
        )));
    }
    let request = Request { command, database: database.map(ToOwned::to_owned) };
    let mut line = serde_json::to_vec(&request).map_err(|why| Failure::new(why.to_string()))?;
    line.push(b'\n');
    tokio::time::timeout(PATIENCE, stream.write_all(&line))
        .await
        .map_err(|_| Failure::new("the server does not take the request; it may hang"))?
        .map_err(fault)?;
    let reply = read_reply(&mut stream, LONGEST_WORK).await?.map_err(fault)?;
    if reply.is_empty() {
        return Err(Failure::new("the server stopped before it answered; whether it did what was asked is not known"));
    }
    serde_json::from_slice(&reply).map(Some).map_err(|why| {
        Failure::new(format!("the server's answer cannot be read: {why} (are both of the same version?)"))
    })
}

/// Everything until the server closes the connection, which it must within `longest`.
async fn read_reply(stream: &mut UnixStream, longest: Duration) -> Result<std::io::Result<Vec<u8>>, Failure> {
    let mut reply = Vec::new();
    match tokio::time::timeout(longest, stream.read_to_end(&mut reply)).await {
        Ok(read) => Ok(read.map(|_| reply)),
        Err(_) => Err(Failure::new(format!(
            "the server did not answer within {} s; whether it did what was asked is not known",
            longest.as_secs()
        ))),
    }
}

/// The socket's address. A path that is too long for one goes through the open folder instead, where /proc allows it.
fn address(folder: &DataFolder) -> std::io::Result<(PathBuf, Option<std::fs::File>)> {
    use std::os::fd::AsRawFd;

    let path = folder.file(NAME);
    if path.as_os_str().len() <= LONGEST_PATH {
        return Ok((path, None));
    }
    let directory = std::fs::File::open(folder.path())?;
    let short = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", directory.as_raw_fd()));
    Ok((short, Some(directory)))
}

#[cfg(test)]
mod tests;
