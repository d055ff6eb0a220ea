//! What the tests of the SQLite files share: a clock reading, and children that are killed.

#![allow(dead_code)]

use chrono::Utc;
use smarthome_core::{Mono, Now};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Names the file that a child works on.
pub const FILE: &str = "SMARTHOME_TEST_FILE";

/// Both clocks.
pub fn now() -> Now {
    Now::new(Utc::now(), Mono::ZERO).unwrap()
}

/// This test executable again, running one ignored test on `file`, and what it prints.
pub struct Offspring {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Offspring {
    /// Starts it.
    pub fn start(test: &str, file: &Path) -> Offspring {
        Offspring::spawn(Command::new(std::env::current_exe().unwrap()), test, file)
    }

    /// Starts it so that no file may grow beyond `blocks` of 512 bytes, until [`Offspring::unlimit`].
    pub fn start_limited(test: &str, file: &Path, blocks: u32) -> Offspring {
        let mut command = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$0\" \"$@\"");
        command.arg("-c").arg(script).arg(std::env::current_exe().unwrap());
        Offspring::spawn(command, test, file)
    }

    fn spawn(mut command: Command, test: &str, file: &Path) -> Offspring {
        command.args([test, "--exact", "--ignored", "--nocapture"]).env(FILE, file).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Offspring { child, lines }
    }

    /// The rest of the next line that begins with `word`; `None` at the end.
    pub fn said(&mut self, word: &str) -> Option<String> {
        self.lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix(word).map(str::to_string))
    }

    /// Lets files grow again.
    pub fn unlimit(&self) {
        let pid = self.child.id().to_string();
        let done = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:"]).status().unwrap();
        assert!(done.success());
    }

    /// Kills it with SIGKILL, and gives what it still said with `word`.
    pub fn kill(mut self, word: &str) -> Vec<String> {
        self.child.kill().unwrap();
        let rest = std::iter::from_fn(|| self.said(word)).collect();
        self.child.wait().unwrap();
        rest
    }
}
