//! Programs that run until somebody ends them.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::{Ran, program, run_with};

/// Longest that anything is waited for. Most takes milliseconds; a broker that says nothing is found out after 40 s.
const PATIENCE: Duration = Duration::from_secs(90);

/// A program that runs. It is killed when the test is done with it, however the test ends.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<(DateTime<Utc>, String)>,
    /// Everything it has said so far.
    pub(crate) said: String,
    /// When each line of that was read.
    times: Vec<DateTime<Utc>>,
}

impl Running {
    /// Starts it; both of its outputs are read line by line.
    pub(crate) fn start(mut command: Command) -> Running {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (to, lines) = channel();
        let out: Box<dyn Read + Send> = Box::new(child.stdout.take().expect("piped"));
        let err: Box<dyn Read + Send> = Box::new(child.stderr.take().expect("piped"));
        for stream in [out, err] {
            let to = to.clone();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
                lines.try_for_each(|line| to.send((Utc::now(), line)))
            });
        }
        Running { child, lines, said: String::new(), times: Vec::new() }
    }

    /// The next line that contains all of these.
    pub(crate) fn wait_for(&mut self, parts: &[&str]) -> String {
        match self.hears(parts, PATIENCE) {
            Some(line) => line,
            None => panic!("no line with {parts:?} came:\n{}", self.said),
        }
    }

    /// Says this until a line with all of these answers it. What a client asks is answered soon or never, and a
    /// machine under load may be too late.
    pub(crate) fn ask(&mut self, question: &str, parts: &[&str]) -> String {
        for _ in 0..PATIENCE.as_secs() / 2 {
            self.tell(question);
            if let Some(line) = self.hears(parts, Duration::from_secs(2)) {
                return line;
            }
        }
        panic!("no line with {parts:?} answered:\n{}", self.said)
    }

    fn hears(&mut self, parts: &[&str], within: Duration) -> Option<String> {
        let until = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok((at, line)) => {
                    self.keep(at, &line);
                    if parts.iter().all(|part| line.contains(part)) {
                        return Some(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => panic!("it ended before {parts:?}:\n{}", self.said),
            }
        }
    }

    fn keep(&mut self, at: DateTime<Utc>, line: &str) {
        self.said.push_str(line);
        self.said.push('\n');
        self.times.push(at);
    }

    /// When it said the first line of those so far that hold all of these.
    pub(crate) fn when(&self, parts: &[&str]) -> Option<DateTime<Utc>> {
        let mut lines = self.said.lines().zip(&self.times);
        lines.find(|(line, _)| parts.iter().all(|part| line.contains(part))).map(|(_, at)| *at)
    }

    /// Writes a line to its standard input.
    pub(crate) fn tell(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).expect("it reads");
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("/bin/sh").args(["-c", &format!("kill -{name} {}", self.pid())]).status();
        assert!(sent.expect("a shell").success());
    }

    /// Waits until it has ended, and hears the rest of what it says.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        match self.ends_within(PATIENCE) {
            Some(status) => status,
            None => panic!("it did not end:\n{}", self.said),
        }
    }

    /// How it ended, if it does within that time; hears what it says meanwhile.
    pub(crate) fn ends_within(&mut self, within: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok((at, line)) => self.keep(at, &line),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => return Some(self.child.wait().expect("it ends")),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A daemon with an embedded broker on a free port, and its folder.
pub(crate) struct Daemon {
    pub(crate) running: Running,
    /// `mqtt://127.0.0.1:…`
    pub(crate) url: String,
    pub(crate) folder: tempfile::TempDir,
}

impl Daemon {
    pub(crate) fn start() -> Daemon {
        Daemon::start_with(&[])
    }

    pub(crate) fn start_with(variables: &[(&str, &str)]) -> Daemon {
        Daemon::start_in(tempfile::tempdir().expect("a folder"), variables)
    }

    pub(crate) fn start_in(folder: tempfile::TempDir, variables: &[(&str, &str)]) -> Daemon {
        let mut command = program(folder.path(), &["run"]);
        command.env("SMARTHOME_BROKER_EMBEDDED_LISTEN", "127.0.0.1:0").envs(variables.iter().copied());
        let mut running = Running::start(command);
        let line = running.wait_for(&["broker: mqtt://", "inside this program"]);
        let url = line.split("broker: ").nth(1).and_then(|rest| rest.split(',').next()).expect("an address");
        let url = url.to_owned();
        running.wait_for(&["connected to the broker"]);
        Daemon { running, url, folder }
    }

    /// The program on this daemon's state directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        program(self.folder.path(), args)
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run_with(self.command(args), b"")
    }

    /// Starts a command that goes on.
    pub(crate) fn start_command(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    /// A virtual home that has reported.
    pub(crate) fn home(&self, args: &[&str]) -> Running {
        let mut home = self.start_command(&[&["home", "--json"], args].concat());
        home.wait_for(&["\"reported\""]);
        home
    }

    pub(crate) fn state(&self) -> std::path::PathBuf {
        self.folder.path().join(".local/state/smarthome")
    }

    /// Whether a file of the state directory has exactly these rights.
    pub(crate) fn rights(&self, name: &str) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        let path: &Path = &self.state().join(name);
        std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    /// Stops it as systemd does.
    pub(crate) fn stop(mut self) -> (i32, String, tempfile::TempDir) {
        self.running.signal("TERM");
        let status = self.running.ended();
        (status.code().unwrap_or(-1), std::mem::take(&mut self.running.said), self.folder)
    }
}
