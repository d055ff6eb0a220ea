//! When a slot is due.

use super::Slot;
use alloc::string::{String, ToString};
use chrono::{DateTime, LocalResult, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};
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
/// Three laws, on which the search for the next slot relies:
///
/// - It has no state and no clock: the same slot always gets the same answer.
/// - Of two slots with one start time, that of the later date is never due earlier; they may be due at once. Between
///   start times there is no such order: on the day of a gap 02:30 is due after 03:00.
/// - What clocks show when a slot is due is at most a day away from the slot's date.
pub trait Calendar: Send + Sync + fmt::Debug {
    /// When the slot is due.
    fn due(&self, slot: Slot) -> Due;
    /// What clocks show at an instant.
    fn local(&self, at: DateTime<Utc>) -> NaiveDateTime;
}

/// The calendar of a home: an IANA time zone.
///
/// Reads and writes the zone's name: `Europe/Berlin`. Its rules come with the program, not from the machine, and end
/// with the year 2099, whose last offset then stays.
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
            LocalResult::Single(at) => Due { at: at.to_utc(), rule: Rule::Plain },
            LocalResult::Ambiguous(first, _) => Due { at: first.to_utc(), rule: Rule::Overlap },
            LocalResult::None => {
                self.due_in_gap(slot).unwrap_or(Due { at: local.and_utc(), rule: Rule::Plain })
            }
        }
    }

    fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        let utc = at.naive_utc();
        // At the end of time, where there is no later one to show, UTC.
        utc.checked_add_offset(self.0.offset_from_utc_datetime(&utc).fix()).unwrap_or(utc)
    }
}

impl HomeZone {
    /// When a slot is due that clocks skip; `None` when they do not.
    ///
    /// Reading it with the offset before the gap moves it by the length of the gap, because that is by how much
    /// the offset grows.
    fn due_in_gap(self, slot: Slot) -> Option<Due> {
        let (begin, before) = GapInfo::new(&slot.local(), &self.0)?.begin?;
        let utc = |local: NaiveDateTime| Some(local.checked_sub_offset(before.fix())?.and_utc());
        let skipped = utc(begin)?;
        let resumes = self.local(skipped);
        let whole_day = begin <= slot.date.and_time(NaiveTime::MIN) && slot.date < resumes.date();
        Some(if whole_day {
            Due { at: skipped, rule: Rule::NoSuchDay }
        } else {
            Due { at: utc(slot.local())?, rule: Rule::Gap }
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_time_are_no_panic() {
        for zone in HomeZone::all() {
            for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                let local = zone.local(at);
                for date in [local.date(), chrono::NaiveDate::MIN, chrono::NaiveDate::MAX] {
                    for minute in [0, 12 * 60, 24 * 60 - 1] {
                        zone.due(Slot { date, at: minute.try_into().unwrap() });
                    }
                }
            }
        }
    }
}
