//! How the program ends: every failure with what was wrong, where, and what to do, and its exit code.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use smarthome_core::FrameError;

use crate::config::ConfigErrors;

/// The exit codes, as `smarthome --help` lists them.
pub const EXIT_CODES: &str = "\
Exit codes:
   0  done; for `send`: the home reported what was asked for
   1  failed for a reason that has no code of its own
   2  the command line is wrong
   3  a frame, a UID or a document is not acceptable
   4  the configuration is wrong
   5  the state directory cannot be used, or another process uses it
   6  no daemon is running on that state directory
   7  the broker cannot be reached or refuses, or the port is taken
   8  `check` found something that does not work
   9  there is no such user
  10  `send`: the home did not follow
  11  `send`: the command could not leave in time and was dropped
  12  `send`: a newer command took its place
  13  `send`: no end within the time given; the daemon goes on with it
  14  `send`: the daemon turned the command or a part of it down";

/// Why the program ends without having done what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Whoever read the output went away: nothing is left to be done, and nothing is wrong.
    #[error("the reader of the output has gone")]
    OutputClosed,
    /// Reading or writing a stream failed.
    #[error("{what}: {source}")]
    Stream {
        /// Which one.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The arguments do not fit together.
    #[error("{0}\nsee `smarthome --help`")]
    Usage(String),
    /// A text is not a frame, a status or a command.
    #[error("{given}: {error}")]
    Frame {
        /// The text, and where it stood.
        given: String,
        /// What is wrong with it.
        error: FrameError,
    },
    /// Some of the frames were wrong; each has been named.
    #[error("{wrong} of {all} frames could not be read")]
    Frames {
        /// How many were wrong.
        wrong: usize,
        /// How many there were.
        all: usize,
    },
    /// A UID or a user's document is not acceptable.
    #[error("{0}")]
    NotAcceptable(String),
    /// The configuration is wrong.
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    /// The state directory cannot be used.
    #[error("state directory {}: {why}", .directory.display())]
    State {
        /// Which one.
        directory: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// Nobody listens on the control socket.
    #[error(
        "no daemon runs on the state directory {}\nstart one with `smarthome run`, or name the directory it uses with `--state`",
        .directory.display()
    )]
    NoDaemon {
        /// The directory that was looked into.
        directory: PathBuf,
    },
    /// The broker or an address is not to be had.
    #[error("{0}")]
    Unavailable(String),
    /// `check` found something broken.
    #[error("{failed} of {all} checks failed")]
    Check {
        /// How many failed.
        failed: usize,
        /// How many there were.
        all: usize,
    },
    /// There is no such user.
    #[error("there is no user {0:?}")]
    NoSuchUser(String),
    /// There is no such schedule or mode.
    #[error("there is none called {0:?}")]
    NoSuchDocument(String),
    /// The home did not follow.
    #[error("the home did not follow")]
    Unconfirmed,
    /// The command was dropped.
    #[error(
        "the command could not leave in time and was dropped; send it anew when the broker can be reached"
    )]
    Expired,
    /// A newer command took its place.
    #[error("a newer command took its place")]
    Superseded,
    /// No end was seen in time.
    #[error("no end after {seconds} s; the daemon goes on with it")]
    TimedOut {
        /// How long it was waited.
        seconds: u64,
    },
    /// The daemon turned it down.
    #[error("turned down: {why}")]
    TurnedDown {
        /// Why.
        why: String,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// The exit code, as in [`EXIT_CODES`].
    pub fn code(&self) -> u8 {
        match self {
            Failure::OutputClosed => 0,
            Failure::Stream { .. } | Failure::Other(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Frame { .. } | Failure::Frames { .. } | Failure::NotAcceptable(_) => 3,
            Failure::Config(_) => 4,
            Failure::State { .. } => 5,
            Failure::NoDaemon { .. } => 6,
            Failure::Unavailable(_) => 7,
            Failure::Check { .. } => 8,
            Failure::NoSuchUser(_) | Failure::NoSuchDocument(_) => 9,
            Failure::Unconfirmed => 10,
            Failure::Expired => 11,
            Failure::Superseded => 12,
            Failure::TimedOut { .. } => 13,
            Failure::TurnedDown { .. } => 14,
        }
    }

    /// Says on standard error what is wrong, and ends with its code.
    pub fn report(&self) -> ExitCode {
        if !matches!(self, Failure::OutputClosed) {
            crate::output::complain(format_args!("error: {self}"));
        }
        ExitCode::from(self.code())
    }
}
