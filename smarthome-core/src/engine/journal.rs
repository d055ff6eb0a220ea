//! What has to survive a crash: entries written before anything leaves, and what they amount to at the next start.

use super::effect::{Alert, EffectId};
use super::event::{Collection, Content, Revision, Versioned};
use crate::topic::Client;
use crate::{Command, Origins, PartSet, Slot, Status};
use alloc::{string::String, vec::Vec};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One change to the journal. All entries of a batch are committed together or not at all; each replaces what the
/// journal held under its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// An own command and how far it got.
    Command(CommandRow),
    /// How far an own command got; takes the place of its row, as [`Entry::Command`] does, and may be committed a moment
    /// later.
    Progress(CommandRow),
    /// A document write that the store has to be told.
    Write(WriteRow),
    /// An alert that the operator has to be told.
    Alert(AlertRow),
    /// The row of this id is final and goes.
    Remove(EffectId),
    /// The row of this id goes, because newer ones of the server's own name all that it named; may be committed a moment
    /// later than they.
    Replaced(EffectId),
    /// The home reported a status that differs from the one recorded.
    Status(KnownStatus),
    /// What became of a slot; replaces what was kept for it.
    Slot(SlotRow),
    /// Nothing is kept for that slot any more.
    RemoveSlot(SlotKey),
    /// A schedule has another title: what was kept for its slots goes over, in place of what the new title has.
    Rename {
        /// The old title.
        from: String,
        /// The new one.
        to: String,
    },
    /// The copy of a collection changes.
    Copy(Collection, CopyChange),
}

impl Entry {
    /// Whether it may be committed a moment later, with the next batch, also when a delivery caused it. Lost in a crash,
    /// it is found out again, as it would be after a crash just before:
    ///
    /// - that the broker took a frame, or that the home followed a part of it: the row is in doubt, and the home reports
    ///   again what it follows;
    /// - that a newer own command replaced a row: both are there, and the start does the same again;
    /// - what the store told: it tells again.
    ///
    /// A status may not: with the row's progress lost as well, what somebody changed after the home had followed would
    /// look as it did before.
    pub fn may_wait(&self) -> bool {
        match self {
            Entry::Progress(_) | Entry::Replaced(_) | Entry::Copy(..) => true,
            Entry::Slot(row) => match row.state {
                SlotState::Sent => true,
                SlotState::Superseded => row.command.is_some(),
                _ => false,
            },
            _ => false,
        }
    }
}

/// A change to the journal's copy of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CopyChange {
    /// This document is new or changed.
    Put(Versioned<Content>),
    /// This document is gone.
    Remove(String),
    /// From now on the copy is complete: a start without the store may work from it.
    Complete,
}

/// Names an occurrence of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SlotKey {
    /// The schedule's title.
    pub schedule: String,
    /// The slot.
    pub slot: Slot,
}

/// What became of a slot. One that is due has no row yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotState {
    /// Its frame is decided and not confirmed by the broker.
    Claimed,
    /// So it was at a crash: nobody knows whether the frame left.
    InDoubt,
    /// The broker has its frame; the home has not reported it.
    Sent,
    /// The home reported it.
    Confirmed,
    /// The home never did.
    Unconfirmed,
    /// Somebody commanded otherwise before the home reported it.
    Superseded,
    /// There was nothing to change.
    NoChange,
    /// It came too late, or its day did not exist.
    Missed,
    /// It named no mode, or asked for nothing that may be sent.
    Refused,
    /// Its frame could not leave in time.
    Expired,
}

impl SlotState {
    /// Every state.
    pub const ALL: [SlotState; 10] = [
        SlotState::Claimed,
        SlotState::InDoubt,
        SlotState::Sent,
        SlotState::Confirmed,
        SlotState::Unconfirmed,
        SlotState::Superseded,
        SlotState::NoChange,
        SlotState::Missed,
        SlotState::Refused,
        SlotState::Expired,
    ];

    /// Its name in the journal and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            SlotState::Claimed => "claimed",
            SlotState::InDoubt => "in_doubt",
            SlotState::Sent => "sent",
            SlotState::Confirmed => "confirmed",
            SlotState::Unconfirmed => "unconfirmed",
            SlotState::Superseded => "superseded",
            SlotState::NoChange => "no_change",
            SlotState::Missed => "missed",
            SlotState::Refused => "refused",
            SlotState::Expired => "expired",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<SlotState> {
        SlotState::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more happens to it.
    pub const fn is_final(self) -> bool {
        !matches!(self, SlotState::Claimed | SlotState::InDoubt | SlotState::Sent)
    }
}

/// What became of a slot, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotRow {
    /// Which.
    pub key: SlotKey,
    /// What.
    pub state: SlotState,
    /// When it was due.
    pub due: DateTime<Utc>,
    /// When that was judged.
    pub judged: DateTime<Utc>,
    /// The document's revision that was judged.
    pub revision: Revision,
    /// What that revision says without its title, in short: equal for equal schedules.
    pub fingerprint: u64,
    /// The row of its command, if one was decided.
    pub command: Option<EffectId>,
    /// What was decided to be sent.
    pub frame: Option<Command>,
    /// Why, for people: one line.
    pub why: String,
    /// When several missed slots share this row: the earliest, and how many.
    pub missed: Option<MissedSlots>,
}

/// Missed slots of one schedule that share a row, which is the latest's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissedSlots {
    /// The earliest.
    pub first: Slot,
    /// How many there are.
    pub count: u32,
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
    /// What to do with it.
    pub write: Write,
    /// When that was decided: from then on it is in force here, whenever the store takes it.
    pub decided: DateTime<Utc>,
    /// Who asked for it, and is told when the store refuses it for good.
    pub producer: Option<Client>,
}

/// What to do with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// Set these fields and leave the others; a JSON object as text.
    Merge(String),
    /// Make this the whole document; a JSON object as text.
    Replace(String),
    /// Delete it; with a revision, only that one.
    Delete(Option<Revision>),
}

impl Write {
    /// The JSON object it carries; nothing for a deletion.
    pub fn text(&self) -> &str {
        match self {
            Write::Merge(fields) | Write::Replace(fields) => fields,
            Write::Delete(_) => "",
        }
    }
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
    /// What became of slots, in the order of their keys.
    pub slots: Vec<SlotRow>,
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
            slots: Vec::new(),
            trouble: None,
        }
    }
}
