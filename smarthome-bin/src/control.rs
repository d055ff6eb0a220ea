//! The control socket: how the command line talks to a running daemon.
//!
//! It is `control.sock` in the state directory, for its owner only (0600). A connection carries one request, a line
//! of JSON, and the answer to it, lines of JSON of which the last has `"is": "done"` or `"is": "error"`:
//!
//! | request | answer |
//! |---|---|
//! | `{"do":"info"}` | `{"is":"info","version":…,"process":…,"broker":…}` |
//! | `{"do":"send","frame":"022222202"}` | `{"is":"step",…}` for each step, as they happen |
//! | `{"do":"documents","collection":"schedules"}` | `{"is":"document","id":…,"fields":{…}}` for each; also `modes` and `users` |
//! | `{"do":"set_document","collection":…,"id":…,"fields":{…}}` | nothing but the last line; it replaces what was there, and of a user only these fields |
//! | `{"do":"delete_document","collection":…,"id":…}` | nothing but the last line; an error of kind `no_such_document` when there is none |
//!
//! Whoever connects has 5 s to send the request, of at most 256 KiB, and 5 s to take each line of the answer; at most
//! 32 are served at once. Everybody else is told so and sent away, so that no client can cost the daemon anything.

mod client;
mod server;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use smarthome_core::engine::{Collection, Note};
use smarthome_core::{Command, Frame, Origins, PartSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use client::Connection;
pub use server::{Control, Desk};

/// Longest request. An argument of a program has at most 128 KiB, so every `user set` fits.
const LONGEST_REQUEST: u64 = 256 * 1024;
/// How long a peer may take for its part.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many are served at once.
const AT_ONCE: usize = 32;
/// Longest path of a socket that every system takes.
const LONGEST_PATH: usize = 103;

/// Where the socket is.
pub fn socket(directory: &Path) -> PathBuf {
    directory.join("control.sock")
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Who is there.
    Info,
    /// Send a command to the home.
    Send {
        /// The nine digits.
        frame: Frame,
    },
    /// Name all documents of a kind.
    Documents {
        /// Which kind.
        collection: Collection,
    },
    /// Make this the whole document; of a user, set these fields and leave the others.
    SetDocument {
        /// Which kind.
        collection: Collection,
        /// Its id.
        id: String,
        /// What it says.
        fields: Map<String, Value>,
    },
    /// Delete a document.
    DeleteDocument {
        /// Which kind.
        collection: Collection,
        /// Its id.
        id: String,
    },
}

/// One line of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Reply {
    /// Who is there.
    Info(Info),
    /// What happened to a command.
    Step(Step),
    /// A document.
    Document(DocumentEntry),
    /// That was all.
    Done,
    /// It was not done.
    Error {
        /// What kind, for programs.
        kind: Refusal,
        /// What was wrong, for people; for `no_such_document` its id.
        text: String,
    },
}

/// A running daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Its version.
    pub version: String,
    /// Its process id.
    pub process: u32,
    /// The broker it is connected to, as `mqtt://…`.
    pub broker: String,
    /// Whether that broker runs inside the daemon.
    pub embedded: bool,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DocumentEntry {
    /// Its id: a UID, a schedule's title.
    pub id: String,
    /// What it says.
    pub fields: Map<String, Value>,
}

/// Kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The request cannot be understood.
    Request,
    /// There is no such document.
    NoSuchDocument,
    /// It failed.
    Failed,
}

/// A step in the life of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// It was decided what will leave.
    Decided {
        /// After interlock and device limits.
        frame: Frame,
        /// What was changed, and why.
        remark: Option<String>,
    },
    /// It was turned down.
    TurnedDown {
        /// Why.
        why: String,
    },
    /// It is leaving.
    Sending {
        /// The nine digits.
        frame: Frame,
        /// 1 for the first time.
        send: u8,
        /// Why it is sent.
        origins: Vec<String>,
    },
    /// The broker has it.
    Sent,
    /// The home reported what was asked for.
    Confirmed,
    /// The home never did.
    Unconfirmed {
        /// What it did not follow.
        parts: PartSet,
    },
    /// A newer command took its place.
    Superseded,
    /// It could not leave in time.
    Expired,
}

impl Step {
    /// The step that a note about a command tells of; `None` for other notes.
    pub fn of(note: Note) -> Option<Step> {
        Some(match note {
            Note::Decided { id: Some(_), command, remark, .. } => {
                Step::Decided { frame: frame(command), remark }
            }
            Note::Decided { id: None, remark, .. } => {
                Step::TurnedDown { why: remark.unwrap_or_else(|| "no reason given".into()) }
            }
            Note::Sending { frame, send, origins, .. } => {
                Step::Sending { frame, send, origins: names(origins) }
            }
            Note::Sent { .. } => Step::Sent,
            Note::Confirmed { .. } => Step::Confirmed,
            Note::Unconfirmed { parts, .. } => Step::Unconfirmed { parts },
            Note::Superseded { .. } => Step::Superseded,
            Note::Expired { .. } => Step::Expired,
            _ => return None,
        })
    }

    /// Whether nothing comes after it.
    pub fn is_last(&self) -> bool {
        !matches!(self, Step::Decided { .. } | Step::Sending { .. } | Step::Sent)
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Step::Decided { frame, remark: None } => write!(f, "decided    {frame}"),
            Step::Decided { frame, remark: Some(remark) } => write!(f, "decided    {frame} ({remark})"),
            Step::TurnedDown { why } => write!(f, "turned down: {why}"),
            Step::Sending { frame, send: 1, .. } => write!(f, "sending    {frame}"),
            Step::Sending { frame, send, .. } => {
                write!(f, "sending    {frame} again, because the home did not follow (send {send} of 4)")
            }
            Step::Sent => f.write_str("sent       the broker has it"),
            Step::Confirmed => f.write_str("confirmed  the home reports what was asked for"),
            Step::Unconfirmed { parts } => write!(f, "given up   the home did not follow: {parts}"),
            Step::Superseded => f.write_str("superseded a newer command took its place"),
            Step::Expired => f.write_str("expired    it could not leave in time and was dropped"),
        }
    }
}

fn frame(command: Command) -> Frame {
    command.into()
}

fn names(origins: Origins) -> Vec<String> {
    origins.iter().map(|origin| origin.name().to_owned()).collect()
}
