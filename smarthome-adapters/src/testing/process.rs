//! A server as a process group of its own that cannot outlive the test.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{POLL, ServerError};

/// How much of a log an error quotes, in bytes.
const QUOTED: u64 = 4096;

/// The program's path, looked for in `PATH` and where Debian keeps servers (a user's `PATH` often lacks those).
pub(super) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/usr/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Runs a tool to its end and returns what it printed on standard output.
pub(super) fn run_tool(command: &mut Command) -> Result<String, ServerError> {
    // Not its own `{:?}`, which lists the environment too.
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let shown = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let done = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| ServerError::Io { what: format!("running {shown}"), source })?;
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(printed);
    }
    let output = format!("{printed}{}", String::from_utf8_lossy(&done.stderr));
    Err(ServerError::Command { command: shown, status: done.status, output })
}

/// A running server: the process, everything it starts, and a watchdog.
///
/// The watchdog is a shell that waits for the end of its standard input, whose other end is held here: when the
/// test process ends in whatever way, the kernel closes that end and the watchdog kills the group. (The kernel's
/// own parent-death signal is no use: it fires when the *thread* that started the server ends.)
pub(super) struct Group {
    server: &'static str,
    child: Child,
    watchdog: Child,
    log: PathBuf,
    /// Where the log of this run begins: a log is kept over restarts.
    log_start: u64,
    ended: Option<ExitStatus>,
}

impl Group {
    /// Starts `command`, with both outputs appended to the file `log`.
    pub(super) fn spawn(
        server: &'static str,
        command: &mut Command,
        log: &Path,
    ) -> Result<Self, ServerError> {
        let io = |what: &str| {
            let what = format!("{what} {server}");
            move |source| ServerError::Io { what, source }
        };
        let out = OpenOptions::new().create(true).append(true).open(log).map_err(io("opening the log of"))?;
        let log_start = out.metadata().map_err(io("reading the log of"))?.len();
        let err = out.try_clone().map_err(io("sharing the log of"))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(io("starting"))?;
        let watchdog = Command::new("sh")
            .args(["-c", r#"read -r _; kill -s KILL -- "-$0" 2>/dev/null"#, &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        let watchdog = match watchdog {
            Ok(watchdog) => watchdog,
            Err(source) => {
                signal_group(child.id(), "KILL");
                let _ = child.wait();
                return Err(io("watching")(source));
            }
        };
        Ok(Self { server, child, watchdog, log: log.to_owned(), log_start, ended: None })
    }

    /// Waits until `ready`; an error when the server ends or `limit` has passed before that.
    pub(super) async fn wait_ready(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut(&Self) -> bool,
    ) -> Result<(), ServerError> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.has_ended() {
                return Err(ServerError::Ended { server: self.server, status, log: self.log_end() });
            }
            if ready(self) {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(ServerError::NotReady {
                    server: self.server,
                    waited: limit,
                    log: self.log_end(),
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Asks the server to end by SIGTERM and waits for that; after `limit` the group is killed.
    pub(super) async fn terminate(mut self, limit: Duration) {
        // A stopped process keeps the SIGTERM for later.
        self.signal("CONT");
        signal_one(self.child.id(), "TERM");
        let end = Instant::now() + limit;
        while self.has_ended().is_none() && Instant::now() < end {
            tokio::time::sleep(POLL).await;
        }
    }

    /// Sends a signal, named as in `kill -s`, to every process of the group.
    pub(super) fn signal(&self, name: &str) {
        signal_group(self.child.id(), name);
    }

    /// What this run has printed so far.
    pub(super) fn log(&self) -> String {
        read_from(&self.log, self.log_start)
    }

    fn log_end(&self) -> String {
        let length = std::fs::metadata(&self.log).map_or(0, |file| file.len());
        read_from(&self.log, self.log_start.max(length.saturating_sub(QUOTED)))
    }

    fn has_ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Before the wait: as long as the process is not collected nobody else can be given its number.
        self.signal("KILL");
        let _ = self.child.wait();
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
    }
}

fn read_from(log: &Path, start: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        file.seek(SeekFrom::Start(start))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(text)
    };
    read()
        .map_or_else(|error| format!("(no log: {error})"), |text| String::from_utf8_lossy(&text).into_owned())
}

fn signal_group(leader: u32, name: &str) {
    signal(&format!("-{leader}"), name);
}

fn signal_one(process: u32, name: &str) {
    signal(&process.to_string(), name);
}

/// Through the shell's own `kill`: sending a signal needs `unsafe` or one more crate, and every system has a shell.
/// A process that is gone already is no failure.
fn signal(target: &str, name: &str) {
    let _ = Command::new("sh")
        .args(["-c", r#"kill -s "$0" -- "$1""#, name, target])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
