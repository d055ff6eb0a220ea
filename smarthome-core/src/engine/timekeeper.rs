//! The wall clock, watched: whether it can be trusted, and when somebody set it.

use crate::{Mono, Now};
use chrono::{DateTime, TimeDelta, Utc};
use core::time::Duration;

/// The wall clock may run apart from the monotonic one by so much between two looks before it counts as set.
const SLACK: TimeDelta = TimeDelta::seconds(1);
/// A step forward by more than this makes judging wait.
const FAR: TimeDelta = TimeDelta::hours(1);
/// How long judging waits then: such a step is often taken back.
const WAITS: Duration = Duration::from_secs(30);

/// Somebody set the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Forward,
    Back,
}

#[derive(Debug, Default)]
pub(crate) struct Timekeeper {
    last: Option<Now>,
    /// When it was last set, or the run began.
    steady_since: Mono,
    judges_from: Mono,
    /// Over which time the clock was last set forward.
    skipped: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Timekeeper {
    /// Looks at both clocks.
    pub(crate) fn look(&mut self, now: Now) -> Option<Step> {
        let Some(last) = self.last.replace(now) else {
            self.steady_since = now.mono();
            return None;
        };
        let passed = TimeDelta::from_std(now.mono().since(last.mono())).unwrap_or(TimeDelta::MAX);
        let expected = last.wall().checked_add_signed(passed)?;
        let off = now.wall().signed_duration_since(expected);
        if off.abs() <= SLACK {
            return None;
        }
        self.steady_since = now.mono();
        if off < TimeDelta::zero() {
            return Some(Step::Back);
        }
        self.skipped = Some((expected, now.wall()));
        if off > FAR {
            self.judges_from = now.mono().after(WAITS);
        }
        Some(Step::Forward)
    }

    /// When judging may go on; `None` when it may.
    pub(crate) fn waits(&self, now: Mono) -> Option<Mono> {
        Some(self.judges_from).filter(|from| *from > now)
    }

    /// Since when nobody set the clock.
    pub(crate) fn steady_since(&self) -> Mono {
        self.steady_since
    }

    /// Whether that moment was skipped when the clock was last set forward.
    pub(crate) fn skipped(&self, at: DateTime<Utc>) -> bool {
        self.skipped.is_some_and(|(from, to)| from <= at && at <= to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(wall: i64, mono: u64) -> Now {
        Now::new(DateTime::from_timestamp(1_790_000_000 + wall, 0).unwrap(), Mono::from_millis(mono * 1_000))
            .unwrap()
    }

    #[test]
    fn rule_18_a_step_of_over_a_second_is_an_event() {
        let mut clock = Timekeeper::default();
        assert_eq!(clock.look(now(0, 0)), None);
        assert_eq!(clock.look(now(15, 15)), None);
        assert_eq!(clock.look(now(31, 30)), None, "one second is slack");
        assert_eq!(clock.look(now(50, 45)), Some(Step::Forward));
        assert_eq!(clock.waits(Mono::from_millis(45_000)), None);
        assert_eq!(clock.look(now(40, 60)), Some(Step::Back));
        assert_eq!(clock.steady_since(), Mono::from_millis(60_000));
    }

    #[test]
    fn rule_18_after_a_step_over_an_hour_nothing_is_judged_for_30_s() {
        let mut clock = Timekeeper::default();
        clock.look(now(0, 0));
        assert_eq!(clock.look(now(4_000, 10)), Some(Step::Forward));
        assert_eq!(clock.waits(Mono::from_millis(10_000)), Some(Mono::from_millis(40_000)));
        assert_eq!(clock.waits(Mono::from_millis(40_000)), None);
        assert!(clock.skipped(now(2_000, 0).wall()) && !clock.skipped(now(5, 0).wall()));
    }
}
