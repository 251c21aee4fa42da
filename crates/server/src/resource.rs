//! What the operating system lets this process use.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

/// Files that are open beside the clients' connections: database, log, sockets, the control socket's peers.
const OWN_FILES: u64 = 64;

/// Take all open files that the system grants, and give nobody else a right on what is written from now on.
pub fn prepare() {
    umask(rustix::fs::Mode::from_raw_mode(0o077));
    let limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum || (limit.current.is_some() && limit.maximum.is_none()) {
        // Refused when the system's own limit is lower: the present one then stands.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
}

/// How many connections each of two listeners may hold open, at two files each, so that files are left for ourselves.
pub fn connections(wanted: usize) -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    within(wanted, files)
}

fn within(wanted: usize, files: u64) -> usize {
    let left = usize::try_from(files.saturating_sub(OWN_FILES) / 4).unwrap_or(usize::MAX);
    wanted.min(left.max(4))
}

/// This machine's name, when it has one.
pub fn machine() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Some(name).filter(|name| !name.is_empty() && name != "(none)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_ourselves() {
        assert_eq!(within(4096, 1024), 240);
        assert_eq!(within(4096, 1_048_576), 4096);
        assert_eq!(within(4096, 64), 4);
        assert_eq!(within(4096, u64::MAX), 4096);
    }
}
