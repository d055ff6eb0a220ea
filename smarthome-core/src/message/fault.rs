//! Bad input, named: which key or byte, and what is allowed there.

use crate::FrameError;
use crate::topic::Client;
use alloc::format;
use alloc::string::{String, ToString};

/// Who sent a message, as far as that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sender {
    /// A device.
    Client(Client),
    /// The test program.
    Test,
    /// Nobody knows.
    Unknown,
}

impl Sender {
    /// The sender that a `Producer` names.
    pub fn named(name: &str) -> Option<Sender> {
        if name == "test" { Some(Sender::Test) } else { Client::named(name).map(Sender::Client) }
    }

    /// The device whose error topic hears of its own failed requests.
    pub fn with_error_topic(self) -> Option<Client> {
        match self {
            Sender::Client(client @ (Client::Android | Client::Car | Client::Camera)) => Some(client),
            _ => None,
        }
    }
}

impl core::fmt::Display for Sender {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Sender::Client(client) => write!(f, "{client}"),
            Sender::Test => f.write_str("test"),
            Sender::Unknown => f.write_str("unknown"),
        }
    }
}

/// What is wrong with a message. Its text is one line, quotes at most 64 characters of what was sent, and never quotes
/// a value other than an id or a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The bytes are no text.
    #[error("message is not UTF-8: byte {at} starts no character")]
    NotUtf8 {
        /// The position of the first wrong byte.
        at: usize,
    },
    /// The text is no JSON.
    #[error("message is not JSON: {why}")]
    NotJson {
        /// What the parser found, and where.
        why: String,
    },
    /// JSON, but no object.
    #[error("message is not a JSON object")]
    NotAnObject,
    /// A key that has to be there is not.
    #[error("key \"{key}\" is missing")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A value that has to be a string is not.
    #[error("key \"{key}\" is not a string")]
    NotAString {
        /// The key.
        key: &'static str,
    },
    /// A value is too long.
    #[error("key \"{key}\" has {found} bytes, at most {most} are allowed")]
    TooLong {
        /// The key.
        key: &'static str,
        /// Its length in bytes.
        found: usize,
        /// The most that is allowed.
        most: usize,
    },
    /// The `Producer` is neither a device nor `test`.
    #[error("Producer {name} is not known: server, smarthome, car, android, camera or test")]
    UnknownProducer {
        /// What was given, quoted and shortened.
        name: String,
    },
    /// The command is unknown, or not this Producer's.
    #[error("command {command} is not known for this Producer")]
    UnknownCommand {
        /// What was given, quoted and shortened.
        command: String,
    },
    /// An id that can name no document.
    #[error("key \"{key}\" cannot name a document: {why}")]
    IllegalId {
        /// The key.
        key: &'static str,
        /// Which rule it breaks.
        why: &'static str,
    },
    /// There is no such user, or one without a name.
    #[error("user {uid} is not known")]
    UnknownUser {
        /// The id, quoted and shortened.
        uid: String,
    },
    /// A document of the store is wrong.
    #[error("document {id} of the {collection} is left out: {why}")]
    WrongDocument {
        /// The collection.
        collection: crate::engine::Collection,
        /// The id, quoted and shortened.
        id: String,
        /// What is wrong with it, in one line.
        why: String,
    },
    /// The users have not been read yet.
    #[error("the users could not be read yet, try again")]
    NotReady,
    /// The schedules have not been read yet.
    #[error("the schedules could not be read yet, try again")]
    SchedulesNotReady,
    /// All schedules together are larger than brokers carry.
    #[error("the schedules are too many to be sent in one answer of {most} bytes")]
    TooManySchedules {
        /// The largest answer, in bytes.
        most: usize,
    },
    /// The answer would be larger than brokers carry.
    #[error("the document of user {uid} is too large to be sent")]
    TooLarge {
        /// The id, quoted and shortened.
        uid: String,
    },
    /// The store refused a write for good.
    #[error("storing {id} in the {collection} failed: {why}")]
    StoreRefused {
        /// The collection.
        collection: crate::engine::Collection,
        /// The id, quoted and shortened.
        id: String,
        /// What the store said.
        why: String,
    },
    /// A message on a command topic that is no command.
    #[error("no command on {topic}: {error}")]
    NotACommand {
        /// Where it came.
        topic: String,
        /// What is wrong with it.
        error: FrameError,
    },
    /// A message on the status topic that is no status.
    #[error("no status on {topic}: {error}")]
    NotAStatus {
        /// Where it came.
        topic: String,
        /// What is wrong with it.
        error: FrameError,
    },
    /// A sensor reading that cannot be right.
    #[error("no sensor reading on {topic}: {why}")]
    NotAReading {
        /// Where it came.
        topic: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Fault {
    pub(super) fn not_utf8(error: core::str::Utf8Error) -> Fault {
        Fault::NotUtf8 { at: error.valid_up_to() }
    }

    pub(super) fn not_json(error: &serde_json::Error) -> Fault {
        Fault::NotJson { why: shortened(&error.to_string()) }
    }

    pub(super) fn unknown_producer(name: &str) -> Fault {
        Fault::UnknownProducer { name: quoted(name) }
    }

    pub(super) fn unknown_command(command: &str) -> Fault {
        Fault::UnknownCommand { command: quoted(command) }
    }
}

/// The first 64 characters, fewer when many have to be escaped, in quotes, with everything that does not print escaped.
pub(crate) fn quoted(text: &str) -> String {
    let mut room = 256_usize;
    let fits = |c: char| {
        room = room.checked_sub(c.escape_debug().count())?;
        Some(c)
    };
    let head: String = text.chars().take(64).map_while(fits).collect();
    let rest = if head.len() < text.len() { "..." } else { "" };
    format!("{head:?}{rest}")
}

/// The first 160 characters on one line.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(160).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
