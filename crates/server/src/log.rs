//! Log lines to standard error, by a thread of their own: a blocked or closed pipe never holds the service up.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Log, LogFormat};

/// How long the thread lets lines gather after the first: one write for many, and who logs wakes nobody meanwhile.
const GATHER: Duration = Duration::from_millis(4);
/// Lines that may wait for a slow reader; what comes beyond is dropped and counted.
const WAITING: usize = 4096;

enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// Takes lines and never blocks.
#[derive(Clone)]
pub struct LogQueue {
    sender: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl LogQueue {
    /// A queue whose lines go to `sink`.
    pub fn to(sink: impl Write + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        std::thread::Builder::new()
            .name("log".into())
            .stack_size(128 * 1024)
            .spawn(move || drain(&receiver, &counter, sink))
            .expect("the operating system gives a thread at start");
        Self { sender, dropped }
    }

    /// Wait until what was logged so far is out, or `longest` has passed.
    pub fn flush(&self, longest: Duration) {
        let (done, wait) = sync_channel(1);
        if self.sender.try_send(Message::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(longest);
        }
    }

    /// How many lines were dropped because nobody read them.
    #[cfg(test)]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn drain(receiver: &Receiver<Message>, dropped: &AtomicU64, mut sink: impl Write) {
    let mut told = 0;
    let mut lines = Vec::new();
    while let Ok(first) = receiver.recv() {
        if matches!(first, Message::Line(_)) {
            std::thread::sleep(GATHER);
        }
        let mut flushed = Vec::new();
        for message in std::iter::once(first).chain(receiver.try_iter().take(WAITING)) {
            match message {
                Message::Line(line) => lines.extend_from_slice(&line),
                Message::Flush(done) => flushed.push(done),
            }
        }
        // A closed pipe answers with an error at once: the lines are lost, the service is not.
        let _ = sink.write_all(&lines);
        lines.clear();
        if !flushed.is_empty() {
            let _ = sink.flush();
        }
        for done in flushed {
            let _ = done.send(());
        }
        let now = dropped.load(Ordering::Relaxed);
        if now > told {
            let _ = writeln!(sink, "{} log lines were dropped: nobody read them in time", now - told);
            told = now;
        }
    }
}

impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Message::Line(line.to_vec())) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// Begin to log; a second call in one process changes nothing.
pub fn start(log: &Log) {
    let queue = QUEUE.get_or_init(|| LogQueue::to(io::stderr()));
    // actix tells of every worker that starts and stops; a level that names it still wins.
    let level = format!("actix_server=warn,{}", log.level);
    let filter = level.parse::<EnvFilter>().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(queue.clone());
    // An error means that a subscriber is set already, by an earlier call or by a test.
    let _ = match log.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => {
            let ansi = io::IsTerminal::is_terminal(&io::stderr());
            builder.with_ansi(ansi).with_target(false).try_init()
        }
    };
}

/// Let the last lines out, within `longest`.
pub fn flush(longest: Duration) {
    if let Some(queue) = QUEUE.get() {
        queue.flush(longest);
    }
}

/// Print to standard output without ever waiting for its reader.
pub fn print(text: String) {
    let printer = std::thread::Builder::new().name("print".into()).stack_size(128 * 1024);
    let _ = printer.spawn(move || {
        // What was logged before comes before.
        std::thread::sleep(2 * GATHER);
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    });
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A reader that reads nothing until it is told to.
    struct Blocked(Receiver<()>, Arc<std::sync::Mutex<Vec<u8>>>);

    impl Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_blocked_reader_holds_nobody_up_and_hears_what_was_lost() {
        let (go, wait) = mpsc::channel();
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut queue = LogQueue::to(Blocked(wait, Arc::clone(&seen)));
        for _ in 0..WAITING + 100 {
            queue.write_all(b"line\n").unwrap();
        }
        assert!(queue.dropped() >= 99, "{}", queue.dropped());
        drop(go);
        while !String::from_utf8_lossy(&seen.lock().unwrap()).contains("log lines were dropped") {
            std::thread::yield_now();
        }
        queue.flush(Duration::from_secs(10));
    }

    #[test]
    fn a_closed_pipe_is_no_fault() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut queue = LogQueue::to(writer);
        for _ in 0..10 {
            queue.write_all(b"line\n").unwrap();
        }
        queue.flush(Duration::from_secs(10));
    }
}
