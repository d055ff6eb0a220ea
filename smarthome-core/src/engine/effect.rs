//! What the engine wants done: intentions of the home, never a vendor's call.

use super::event::{Collection, DeliveryId};
use super::journal::{Entry, WriteRow};
use super::note::Note;
use crate::{Frame, Mono};
use alloc::{string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Names an effect for good: the start it was decided in, and a counter within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EffectId {
    /// The start's number.
    pub epoch: u32,
    /// Counts up within the start.
    pub counter: u64,
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.counter)
    }
}

/// One thing to do.
///
/// The host commits the [`Intent::Record`]s of a batch in one transaction; only then does anything else of that batch
/// leave. How each of them ended comes back as [`Event::Outcome`](super::Event::Outcome), but for records and notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Its name, for the outcome.
    pub id: EffectId,
    /// The delivery that caused it. That one is acknowledged when everything it caused is recorded, done or given up.
    pub cause: Option<DeliveryId>,
    /// After this it must not leave any more.
    pub valid_until: Option<Mono>,
    /// What to do.
    pub what: Intent,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// Write this down.
    Record(Entry),
    /// Publish a frame where the home listens (QoS 1, not retained).
    SendCommand {
        /// The nine digits.
        frame: Frame,
        /// What of it may leave although the journal fails: closing the gas valve.
        unjournaled: Option<Frame>,
    },
    /// Publish an answer (QoS 1, not retained).
    Answer {
        /// Where.
        topic: String,
        /// What.
        payload: Vec<u8>,
        /// The correlation data of an MQTT 5 request.
        correlation: Option<Vec<u8>>,
    },
    /// Tell the store.
    WriteDocument(WriteRow),
    /// Read the journal's copy of a collection: [`Done::Copy`](super::Done::Copy) tells what it holds.
    ReadCopy(Collection),
    /// Ask the store for a complete list once more: [`Done::Listed`](super::Done::Listed) tells it.
    ReadList(Collection),
    /// Publish a fault line (QoS 1, not retained).
    Report {
        /// Where.
        topic: String,
        /// One line.
        text: String,
    },
    /// Publish an alert (QoS 1, not retained). The log had it already, as a [`Note::Raised`].
    Alert {
        /// Where.
        topic: String,
        /// What.
        alert: Alert,
    },
    /// Publish the server's condition (retained; newest wins).
    ServerState {
        /// Where.
        topic: String,
        /// `online`, or `offline` at a clean stop.
        online: bool,
    },
    /// Worth a line in the log, and for whoever waits for it.
    Note(Note),
}

/// How an effect is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Its row is committed before it leaves and stays until it is done: it survives a crash.
    Journaled,
    /// One slot, the newest wins.
    Latest,
    /// Sent directly, soon or never.
    Answer,
    /// Sent directly; dropped and counted under load.
    Transient,
}

impl Intent {
    /// How it is carried.
    pub fn class(&self) -> Class {
        match self {
            Intent::Record(_)
            | Intent::SendCommand { .. }
            | Intent::WriteDocument(_)
            | Intent::Alert { .. } => Class::Journaled,
            Intent::ServerState { .. } => Class::Latest,
            Intent::Answer { .. } => Class::Answer,
            Intent::ReadCopy(_) | Intent::ReadList(_) | Intent::Report { .. } | Intent::Note(_) => {
                Class::Transient
            }
        }
    }
}

/// A message to the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What kind, for good.
    pub code: AlertCode,
    /// What happened, where, and what to do. One line.
    pub text: String,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

/// A kind of alert. The code is stable and can be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AlertCode {
    /// `SH001` The home did not follow a command of the server's, although it was sent again three times. Look
    /// whether the home controller is powered and connected, then send it anew.
    Unconfirmed,
    /// `SH002` The home did not follow somebody else's command. The server does not repeat what others sent.
    ForeignUnconfirmed,
    /// `SH003` A command could not leave in time and was dropped, because a late command surprises people. Look why
    /// the broker could not be reached, then send it anew.
    Expired,
    /// `SH004` The server refused to open the gas valve. If that origin is meant to, name it in
    /// `safety.gas_open_allowed`.
    GasRefused,
    /// `SH005` A colour or light mode was asked for that the device does not have; the light was left as it is.
    /// Correct what asked for it, or `device.colours` and `device.light_modes`.
    BeyondDevice,
    /// `SH006` The gas valve stood open longer than `safety.gas_max_open` and was closed.
    GasLeftOpen,
    /// `SH010` A part the home depends on does not work. The text names it and what it said.
    Lost,
    /// `SH011` A part that did not work works again.
    Back,
    /// `SH007` A schedule did not fire: its slot came while the server was down, the clock was wrong or its day does not
    /// exist, and it is too late for it. `smarthome why TITLE` tells more; do by hand what is still wanted.
    Missed,
    /// `SH008` A schedule names a mode that does not exist. Make the mode, or edit or delete the schedule.
    ScheduleRefused,
    /// `SH020` The journal was damaged and was set aside. The text names the file; what it held of pending commands
    /// is unknown to this run.
    JournalReplaced,
    /// `SH021` The outbox is full: what cannot wait longer is dropped, expired rows and alerts first.
    OutboxFull,
    /// `SH022` A request was accepted and recorded, and the store refused it for good afterwards.
    WriteFailed,
}

impl AlertCode {
    /// Every code there is.
    pub const ALL: [AlertCode; 13] = [
        AlertCode::Unconfirmed,
        AlertCode::ForeignUnconfirmed,
        AlertCode::Expired,
        AlertCode::GasRefused,
        AlertCode::BeyondDevice,
        AlertCode::GasLeftOpen,
        AlertCode::Missed,
        AlertCode::ScheduleRefused,
        AlertCode::Lost,
        AlertCode::Back,
        AlertCode::JournalReplaced,
        AlertCode::OutboxFull,
        AlertCode::WriteFailed,
    ];

    /// The code.
    pub const fn code(self) -> &'static str {
        match self {
            AlertCode::Unconfirmed => "SH001",
            AlertCode::ForeignUnconfirmed => "SH002",
            AlertCode::Expired => "SH003",
            AlertCode::GasRefused => "SH004",
            AlertCode::BeyondDevice => "SH005",
            AlertCode::GasLeftOpen => "SH006",
            AlertCode::Missed => "SH007",
            AlertCode::ScheduleRefused => "SH008",
            AlertCode::Lost => "SH010",
            AlertCode::Back => "SH011",
            AlertCode::JournalReplaced => "SH020",
            AlertCode::OutboxFull => "SH021",
            AlertCode::WriteFailed => "SH022",
        }
    }
}

impl fmt::Display for AlertCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
