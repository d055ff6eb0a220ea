//! What is worth a line in the log.

use super::effect::{Alert, EffectId};
use crate::topic::Client;
use crate::{Command, Frame, Origins, PartSet, Status};
use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Something that went as it should, or a detail the operator may look for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// An operator's request was decided; everything later about it carries `id`.
    Decided {
        /// The request's token.
        token: u64,
        /// The command's row; `None` when it was turned down.
        id: Option<EffectId>,
        /// The row of its gas close, when that goes ahead alone: the command has ended when both rows have.
        close: Option<EffectId>,
        /// What will leave, after interlock and device limits.
        command: Command,
        /// Why it was turned down or changed, for people.
        remark: Option<String>,
    },
    /// A command is leaving.
    Sending {
        /// Its row.
        id: EffectId,
        /// The nine digits.
        frame: Frame,
        /// 1 for the first time, 2 to 4 for the re-sends.
        send: u8,
        /// Why it is sent.
        origins: Origins,
    },
    /// The broker confirmed it.
    Sent {
        /// Its row.
        id: EffectId,
    },
    /// The home reported what a command asked for.
    Confirmed {
        /// Its row.
        id: EffectId,
    },
    /// The home never reported it.
    Unconfirmed {
        /// Its row.
        id: EffectId,
        /// What it did not follow.
        parts: PartSet,
    },
    /// Somebody commanded otherwise since; nothing of it is left to do.
    Superseded {
        /// Its row.
        id: EffectId,
    },
    /// It could not leave in time.
    Expired {
        /// Its row.
        id: EffectId,
    },
    /// Somebody else's command was seen.
    CommandSeen {
        /// What it says.
        command: Command,
    },
    /// The home reported a status that differs from the one before.
    StatusChanged {
        /// What it says.
        status: Status,
        /// Whether it was only stored, not reported now.
        retained: bool,
    },
    /// A user signed in.
    SignedIn {
        /// From where.
        client: Client,
        /// Who.
        uid: String,
    },
    /// A sign-up was recorded.
    SignedUp {
        /// From where.
        client: Client,
        /// Who.
        uid: String,
    },
    /// An alert was raised: for the log at once, whatever becomes of its publication.
    Raised(Alert),
    /// A fault in what was sent, said on a topic unless there were too many.
    Fault {
        /// The line.
        text: String,
    },
    /// A message that asks for nothing (a test, another server's) was seen.
    Logged {
        /// What.
        text: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Decided { id: Some(id), close, command, remark, .. } => {
                write!(f, "command {id} decided: {command}")?;
                close.map_or(Ok(()), |close| write!(f, ", closing the gas valve ahead as {close}"))?;
                remark.as_ref().map_or(Ok(()), |why| write!(f, " ({why})"))
            }
            Note::Decided { id: None, remark, .. } => {
                write!(f, "command turned down: {}", remark.as_deref().unwrap_or("no reason given"))
            }
            Note::Sending { id, frame, send: 1, origins } => {
                write!(f, "command {id} sending {frame} (from {origins})")
            }
            Note::Sending { id, frame, send, .. } => {
                write!(f, "command {id} sending {frame} again (send {send} of 4)")
            }
            Note::Sent { id } => write!(f, "command {id} taken by the broker"),
            Note::Confirmed { id } => write!(f, "command {id} confirmed by the home"),
            Note::Unconfirmed { id, parts } => write!(f, "command {id} not followed by the home: {parts}"),
            Note::Superseded { id } => write!(f, "command {id} superseded by a newer command"),
            Note::Expired { id } => write!(f, "command {id} expired before it could leave"),
            Note::CommandSeen { command } => write!(f, "command {command} seen from somebody else"),
            Note::StatusChanged { status, retained: false } => write!(f, "home reports {status}"),
            Note::StatusChanged { status, retained: true } => write!(f, "home last reported {status}"),
            Note::SignedIn { client, uid } => write!(f, "sign-in of {uid:?} from {client} answered"),
            Note::SignedUp { client, uid } => write!(f, "sign-up of {uid:?} from {client} recorded"),
            Note::Raised(alert) => write!(f, "{alert}"),
            Note::Fault { text } => write!(f, "fault: {text}"),
            Note::Logged { text } => f.write_str(text),
        }
    }
}
