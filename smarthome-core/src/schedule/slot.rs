//! A slot: a local date and a start time.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// The local time of day at which a schedule is due, to the minute.
///
/// Reads and writes `HHMM` (`"0730"`); [`Display`](fmt::Display) writes `07:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct StartTime(u16);

impl StartTime {
    /// `hour` 0 to 23, `minute` 0 to 59.
    pub const fn new(hour: u32, minute: u32) -> Option<StartTime> {
        if hour < 24 && minute < 60 {
            Some(StartTime(hour.wrapping_mul(60).wrapping_add(minute) as u16))
        } else {
            None
        }
    }

    /// Minutes since midnight.
    pub const fn minutes(self) -> u16 {
        self.0
    }

    /// As a time of day.
    pub fn time(self) -> NaiveTime {
        NaiveTime::from_num_seconds_from_midnight_opt(u32::from(self.0).saturating_mul(60), 0)
            .unwrap_or(NaiveTime::MIN)
    }

    /// The minute that a time of day lies in.
    pub fn of(time: NaiveTime) -> StartTime {
        StartTime(u16::try_from(time.num_seconds_from_midnight().wrapping_div(60)).unwrap_or_default())
    }
}

impl TryFrom<u16> for StartTime {
    type Error = SlotError;

    fn try_from(minutes: u16) -> Result<StartTime, SlotError> {
        if minutes < 24 * 60 { Ok(StartTime(minutes)) } else { Err(SlotError) }
    }
}

impl From<StartTime> for u16 {
    fn from(time: StartTime) -> u16 {
        time.0
    }
}

impl fmt::Display for StartTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.wrapping_div(60), self.0.wrapping_rem(60))
    }
}

/// Days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "[bool; 7]", into = "[bool; 7]")]
pub struct Weekdays(u8);

impl Weekdays {
    /// No day.
    pub const NONE: Weekdays = Weekdays(0);
    /// Every day.
    pub const ALL: Weekdays = Weekdays(0x7f);

    /// Whether the weekday of that date is one of them.
    pub fn contains(self, date: NaiveDate) -> bool {
        self.0 & 1_u8.wrapping_shl(date.weekday().num_days_from_sunday()) != 0
    }

    /// Whether there is no day.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl From<[bool; 7]> for Weekdays {
    /// The first is Sunday.
    fn from(days: [bool; 7]) -> Weekdays {
        Weekdays(days.iter().rev().fold(0, |set, day| set.wrapping_shl(1) | u8::from(*day)))
    }
}

impl From<Weekdays> for [bool; 7] {
    fn from(days: Weekdays) -> [bool; 7] {
        core::array::from_fn(|day| days.0.wrapping_shr(u32::try_from(day).unwrap_or_default()) & 1 != 0)
    }
}

/// A local date and a start time: one occurrence of a schedule, whatever the zone's rules make of it.
///
/// Reads and writes `2026-03-29T02:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The local date.
    pub date: NaiveDate,
    /// The local time.
    pub at: StartTime,
}

impl Slot {
    /// As a local date and time.
    pub fn local(self) -> NaiveDateTime {
        self.date.and_time(self.at.time())
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.date, self.at)
    }
}

/// No local date and time to the minute, as in `2026-03-29T02:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a local date and time such as 2026-03-29T02:30")]
pub struct SlotError;

impl FromStr for Slot {
    type Err = SlotError;

    fn from_str(text: &str) -> Result<Slot, SlotError> {
        let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").map_err(|_| SlotError)?;
        let slot = Slot { date: local.date(), at: StartTime::of(local.time()) };
        // One way to write each, so that a text can be a key.
        if alloc::string::ToString::to_string(&slot) == text { Ok(slot) } else { Err(SlotError) }
    }
}

impl Serialize for Slot {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Slot {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Slot, D::Error> {
        let text = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn slots_are_written_as_they_are_read() {
        for text in ["2026-03-29T02:30", "1999-12-31T23:59", "2011-12-30T00:00"] {
            assert_eq!(text.parse::<Slot>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "2026-03-29",
            "2026-3-29T02:30",
            "2026-02-30T02:30",
            "2026-03-29T24:00",
            "2026-03-29T02:30:00",
        ] {
            assert!(text.parse::<Slot>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_week_begins_with_sunday() {
        let days = Weekdays::from([true, false, false, false, false, false, true]);
        let on = |day| days.contains(NaiveDate::from_ymd_opt(2026, 3, day).unwrap());
        assert_eq!([1, 2, 6, 7, 8].map(on), [true, false, false, true, true], "1 March 2026 is a Sunday");
        assert_eq!(<[bool; 7]>::from(days), [true, false, false, false, false, false, true]);
        assert!(Weekdays::NONE.is_empty());
    }
}
