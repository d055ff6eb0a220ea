//! When a slot is due.

use super::Slot;
use alloc::string::{String, ToString};
use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// Which rule of the calendar gave a slot its instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The local time exists once.
    Plain,
    /// It does not exist that day, because clocks are set forward over it: as much later as they are.
    Gap,
    /// It exists twice, because clocks are set back over it: the first time, once.
    Overlap,
    /// The whole day does not exist: the slot is recorded as missed. Its instant is when the day was skipped.
    NoSuchDay,
}

/// When a slot is due, and by which rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Due {
    /// The instant.
    pub at: DateTime<Utc>,
    /// The rule.
    pub rule: Rule,
}

/// A schedule's calendar: slot to due instant.
///
/// It has no state and no clock: the same slot always gets the same answer. Later slots are never due earlier.
pub trait Calendar: Send + Sync + fmt::Debug {
    /// When the slot is due.
    fn due(&self, slot: Slot) -> Due;
    /// What clocks show at an instant.
    fn local(&self, at: DateTime<Utc>) -> NaiveDateTime;
}

/// The calendar of a home: an IANA time zone.
///
/// Reads and writes the zone's name: `Europe/Berlin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HomeZone(Tz);

impl HomeZone {
    /// Every zone there is, by name.
    pub fn all() -> impl Iterator<Item = HomeZone> {
        chrono_tz::TZ_VARIANTS.into_iter().map(HomeZone)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

impl Default for HomeZone {
    /// `Asia/Seoul`, where the clients are from.
    fn default() -> Self {
        HomeZone(Tz::Asia__Seoul)
    }
}

impl Calendar for HomeZone {
    fn due(&self, slot: Slot) -> Due {
        let local = slot.local();
        match self.0.from_local_datetime(&local) {
            chrono::LocalResult::Single(at) => Due { at: at.to_utc(), rule: Rule::Plain },
            chrono::LocalResult::Ambiguous(at, _) => Due { at: at.to_utc(), rule: Rule::Overlap },
            chrono::LocalResult::None => Due { at: local.and_utc(), rule: Rule::Gap },
        }
    }

    fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.0).naive_local()
    }
}

impl fmt::Display for HomeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No zone of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone {name:?}: write its IANA name, such as Europe/Berlin or Asia/Seoul")]
pub struct UnknownZone {
    /// What was given.
    pub name: String,
}

impl FromStr for HomeZone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<HomeZone, UnknownZone> {
        name.parse().map(HomeZone).map_err(|_| UnknownZone { name: name.chars().take(64).collect() })
    }
}

impl Serialize for HomeZone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for HomeZone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<HomeZone, D::Error> {
        let name = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        name.parse().map_err(|error: UnknownZone| serde::de::Error::custom(error.to_string()))
    }
}
