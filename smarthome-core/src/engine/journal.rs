//! What has to survive a crash: entries written before anything leaves, and what they amount to at the next start.

use super::effect::{Alert, EffectId};
use super::event::Collection;
use crate::topic::Client;
use crate::{Command, Origins, PartSet, Status};
use alloc::{string::String, vec::Vec};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One change to the journal. All entries of a batch are committed together or not at all; each replaces what the
/// journal held under its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// An own command and how far it got.
    Command(CommandRow),
    /// A document write that the store has to be told.
    Write(WriteRow),
    /// An alert that the operator has to be told.
    Alert(AlertRow),
    /// The row of this id is final and goes.
    Remove(EffectId),
    /// The home reported a status that differs from the one recorded.
    Status(KnownStatus),
}

/// A status the home reported, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownStatus {
    /// What it said.
    pub status: Status,
    /// When it arrived.
    pub at: DateTime<Utc>,
}

/// How far an own command got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Decided, and not confirmed by the broker. Found at a start, it is in doubt: it may have left or not.
    Claimed,
    /// Confirmed by the broker, not yet followed by the home.
    Sent,
}

/// An own command that is not final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRow {
    /// The id under which it was decided.
    pub id: EffectId,
    /// The frame as it was decided, after interlock and device limits.
    pub command: Command,
    /// Why it is sent.
    pub origins: Origins,
    /// When it was decided.
    pub decided: DateTime<Utc>,
    /// After this it may not leave any more.
    pub valid_until: DateTime<Utc>,
    /// How far it got.
    pub state: CommandState,
    /// How often it left.
    pub sends: u8,
    /// The parts that the home has not shown and nobody has since commanded otherwise.
    pub outstanding: PartSet,
}

/// A document write that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteRow {
    /// The id under which it was decided.
    pub id: EffectId,
    /// Where.
    pub collection: Collection,
    /// Which document.
    pub document: String,
    /// Fields to set; the document's other fields stay. A JSON object as text.
    pub merge: String,
    /// Who asked for it, and is told when the store refuses it for good.
    pub producer: Option<Client>,
}

/// An alert that is not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRow {
    /// The id under which it was raised.
    pub id: EffectId,
    /// When.
    pub raised: DateTime<Utc>,
    /// What it says.
    pub alert: Alert,
}

/// What the journal held at a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// This start's number, greater than every earlier start's.
    pub epoch: u32,
    /// When the journal was made.
    pub created: DateTime<Utc>,
    /// Own commands that are not final, in the order of their ids.
    pub commands: Vec<CommandRow>,
    /// Document writes that are not done, in the order of their ids.
    pub writes: Vec<WriteRow>,
    /// Alerts that are not delivered, in the order of their ids.
    pub alerts: Vec<AlertRow>,
    /// The last status the home reported.
    pub status: Option<KnownStatus>,
    /// What had to be done to get here, for the operator: a damaged file set aside.
    pub trouble: Option<String>,
}

impl Restored {
    /// A first start.
    pub fn empty(created: DateTime<Utc>) -> Restored {
        Restored {
            epoch: 1,
            created,
            commands: Vec::new(),
            writes: Vec::new(),
            alerts: Vec::new(),
            status: None,
            trouble: None,
        }
    }
}
