//! Schedules: what a person wants to happen at a local wall-clock time, weekly or once.
//!
//! A schedule is due in *slots*: a local date and its start time. When a slot is due, in instants, is its
//! [`Calendar`]'s to say; what became of it, the [ledger](crate::engine::SlotRow)'s.

mod book;
mod calendar;
mod occurrences;
mod slot;

pub use book::{Book, Entry};
pub use calendar::{Calendar, Due, HomeZone, Rule, UnknownZone};
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
    /// Sets the mode (scene) of that number, 1 to 9.
    Mode(Digit),
    /// Sets appliances one by one.
    Appliances(Appliances),
}

/// What is wanted of the appliances. An absent one is kept as it is.
///
/// The digits beside a switch are there also when it is off, as clients store them; an absent level or colour is
/// filled in when the frame is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Appliances {
    /// The air conditioner on or off.
    pub air_conditioner: Option<bool>,
    /// Its wind level.
    pub wind: Option<Digit>,
    /// The light on or off.
    pub light: Option<bool>,
    /// Its brightness.
    pub brightness: Option<Digit>,
    /// Its colour.
    pub colour: Option<Digit>,
    /// Its light mode.
    pub light_mode: Option<Digit>,
    /// The window open or closed.
    pub window: Option<bool>,
    /// The gas valve open or closed.
    pub gas_valve: Option<bool>,
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
