//! Time as an argument: the core never reads a clock.

use chrono::{DateTime, Datelike, Duration as Span, Utc};
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// A point on the host's monotonic clock, in milliseconds since a start of the host's choosing.
///
/// Everything that waits is measured on it, so that setting the wall clock neither hastens nor delays anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mono(u64);

impl Mono {
    /// The host's start.
    pub const ZERO: Mono = Mono(0);

    /// The point `millis` milliseconds after the host's start.
    pub const fn from_millis(millis: u64) -> Mono {
        Mono(millis)
    }

    /// The end of time.
    pub const MAX: Mono = Mono(u64::MAX);

    /// Milliseconds since the host's start.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The point `wait` later; saturates at the end of time. Part milliseconds are rounded up, so that a
    /// deadline is never early.
    #[must_use]
    pub fn after(self, wait: Duration) -> Mono {
        let millis = wait.as_nanos().div_ceil(1_000_000);
        Mono(self.0.saturating_add(u64::try_from(millis).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    pub fn since(self, earlier: Mono) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Both clocks, read at one moment.
///
/// The wall clock names slots and stamps records; the monotonic one measures waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    wall: DateTime<Utc>,
    mono: Mono,
}

impl Now {
    /// Both readings, or an error when the wall clock lies outside the years 1970 to 2199: a clock that is so far
    /// off is a fault to report, and calendar arithmetic stays far from its edges.
    pub fn new(wall: DateTime<Utc>, mono: Mono) -> Result<Now, TimeError> {
        match wall.year() {
            1970..=2199 => Ok(Now { wall, mono }),
            year => Err(TimeError { year }),
        }
    }

    /// 1 January 1970, at the host's start.
    pub(crate) const EPOCH: Now = Now { wall: DateTime::UNIX_EPOCH, mono: Mono::ZERO };

    /// The wall clock.
    pub fn wall(self) -> DateTime<Utc> {
        self.wall
    }

    /// The monotonic clock.
    pub fn mono(self) -> Mono {
        self.mono
    }

    /// The wall-clock time that will be at `deadline`, if nobody sets the clock until then.
    pub fn wall_at(self, deadline: Mono) -> DateTime<Utc> {
        let ahead = Span::from_std(deadline.since(self.mono)).unwrap_or(Span::MAX);
        self.wall.checked_add_signed(ahead).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The monotonic deadline for a wall-clock time written down earlier, at most `at_most` ahead: what is left of
    /// a validity after a restart, whatever happened to the clock in between.
    pub fn deadline_for(self, wall: DateTime<Utc>, at_most: Duration) -> Mono {
        let left = wall.signed_duration_since(self.wall).to_std().unwrap_or(Duration::ZERO);
        self.mono.after(left.min(at_most))
    }
}

/// A wall clock too far off to work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the clock says year {year}, only 1970 to 2199 can be right: set the system clock")]
pub struct TimeError {
    /// The year it shows.
    pub year: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(secs, 0).unwrap()
    }

    #[test]
    fn a_clock_outside_1970_to_2199_is_refused() {
        assert!(Now::new(at(0), Mono::ZERO).is_ok());
        assert_eq!(Now::new(at(-1), Mono::ZERO), Err(TimeError { year: 1969 }));
        assert_eq!(Now::new(DateTime::<Utc>::MAX_UTC, Mono::ZERO).unwrap_err().year, 262_142);
    }

    #[test]
    fn rule_18_a_deadline_survives_a_restart_but_never_grows() {
        let now = Now::new(at(1_000), Mono::from_millis(5)).unwrap();
        let two_minutes = Duration::from_secs(120);
        assert_eq!(now.deadline_for(at(1_030), two_minutes), Mono::from_millis(30_005));
        assert_eq!(now.deadline_for(at(900), two_minutes), Mono::from_millis(5));
        assert_eq!(now.deadline_for(at(999_999), two_minutes), Mono::from_millis(120_005));
        assert_eq!(now.wall_at(Mono::from_millis(30_005)), at(1_030));
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Mono::from_millis(u64::MAX).after(Duration::MAX), Mono::from_millis(u64::MAX));
        assert_eq!(Mono::ZERO.since(Mono::from_millis(9)), Duration::ZERO);
        assert_eq!(Mono::ZERO.after(Duration::from_micros(1)), Mono::from_millis(1));
    }
}
