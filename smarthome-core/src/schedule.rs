//! Schedules: what a person wants to happen at a local wall-clock time, weekly or once.
//!
//! A schedule is due in *slots*: a local date and its start time. When a slot is due, in instants, is its
//! [`Calendar`]'s to say; what became of it, the [ledger](crate::engine::SlotRow)'s.

mod acceptance;
mod appliances;
mod book;
mod calendar;
mod document;
mod fingerprint;
mod occurrences;
mod slot;

pub use acceptance::{Unacceptable, Warning};
pub use appliances::Appliances;
pub use book::{Book, Entry};
pub use calendar::{Calendar, Due, HomeZone, Rule, UnknownZone};
pub(crate) use fingerprint::fnv;
pub use slot::{Slot, SlotError, StartTime, Weekdays};

use crate::Digit;
use alloc::boxed::Box;
use chrono::NaiveDate;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// What a schedule's document says. The title is the document's id and stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Schedule {
    /// Who made it; may be empty.
    pub author: Box<str>,
    /// A disabled one never fires.
    pub enabled: bool,
    /// When.
    pub when: When,
    /// What.
    pub what: What,
    /// How late it may fire, when not as the home's settings say.
    pub catch_up: Option<CatchUp>,
}

/// When a schedule is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Every week on these days; on none at all, never.
    Weekly {
        /// The local time.
        at: StartTime,
        /// The days.
        on: Weekdays,
    },
    /// Once.
    Once {
        /// The local time.
        at: StartTime,
        /// The local date.
        on: NaiveDate,
    },
}

impl When {
    /// The local time.
    pub const fn at(self) -> StartTime {
        match self {
            When::Weekly { at, .. } | When::Once { at, .. } => at,
        }
    }

    /// Whether this is one of its slots.
    pub fn has(self, slot: Slot) -> bool {
        slot.at == self.at()
            && match self {
                When::Weekly { on, .. } => on.contains(slot.date),
                When::Once { on, .. } => on == slot.date,
            }
    }
}

/// What a schedule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Sets a mode (scene).
    Mode {
        /// Its number, 1 to 9.
        number: Digit,
        /// What the document says of the appliances all the same. It has no effect; it is what people find there
        /// when they take the mode out again.
        beside: Appliances,
    },
    /// Sets appliances one by one.
    Appliances(Appliances),
}

impl What {
    /// The mode digit: 0 when appliances are set one by one.
    pub const fn mode(self) -> Digit {
        match self {
            What::Mode { number, .. } => number,
            What::Appliances(_) => Digit::ZERO,
        }
    }

    /// What the document says of the appliances, whether it has an effect or not.
    pub const fn appliances(self) -> Appliances {
        match self {
            What::Mode { beside, .. } => beside,
            What::Appliances(appliances) => appliances,
        }
    }
}

/// How late a schedule may fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// Not at all: what was missed stays missed.
    Skip,
    /// At most so late, in seconds.
    Within(u32),
}

impl CatchUp {
    /// As a duration.
    pub const fn duration(self) -> Duration {
        match self {
            CatchUp::Skip => Duration::ZERO,
            CatchUp::Within(seconds) => Duration::from_secs(seconds as u64),
        }
    }
}
