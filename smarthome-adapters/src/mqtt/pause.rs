//! How long to wait before the next attempt to connect.

use smarthome_core::ports::ErrorKind;
use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// A connection that lived for so long, or delivered something, was a good one.
const GOOD: Duration = Duration::from_secs(30);

/// Growing pauses, from half a second to half a minute.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
}

impl Pauses {
    pub(super) fn new() -> Pauses {
        Pauses { next: SHORTEST }
    }

    /// The pause after a connection that ended this way. `random` spreads the attempts of many clients that lost the
    /// same broker at the same moment.
    pub(super) fn after(&mut self, kind: ErrorKind, lived: Duration, useful: bool, random: u8) -> Duration {
        if useful || lived >= GOOD {
            self.next = SHORTEST;
        }
        // Only a person can change it, and until then every attempt is noise in the broker's log.
        if matches!(kind, ErrorKind::AskPerson | ErrorKind::GiveUp) {
            return LONGEST;
        }
        let base = self.next;
        self.next = (base * 2).min(LONGEST);
        (base + base * u32::from(random) / 512).min(LONGEST)
    }
}

/// A random byte; 0 if the system has none, which costs nothing but the spreading.
pub(super) fn random_byte() -> u8 {
    let mut byte = [0];
    if getrandom::fill(&mut byte).is_err() {
        return 0;
    }
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_half_a_second_to_half_a_minute() {
        let mut pauses = Pauses::new();
        let seconds: Vec<f32> =
            (0..8).map(|_| pauses.after(ErrorKind::Retry, Duration::ZERO, false, 0).as_secs_f32()).collect();
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        assert_eq!(pauses.after(ErrorKind::Retry, Duration::ZERO, false, 255), LONGEST);
        assert_eq!(pauses.after(ErrorKind::Retry, GOOD, false, 0), SHORTEST, "a long life resets");
        assert_eq!(pauses.after(ErrorKind::Retry, Duration::ZERO, true, 0), SHORTEST, "a delivery resets");
        let spread = pauses.after(ErrorKind::Retry, Duration::ZERO, false, 255);
        assert!(spread > Duration::from_secs(1) && spread < Duration::from_millis(1500), "{spread:?}");
    }

    #[test]
    fn a_refusal_is_tried_again_after_half_a_minute() {
        let mut pauses = Pauses::new();
        assert_eq!(pauses.after(ErrorKind::AskPerson, Duration::ZERO, false, 0), LONGEST);
        assert_eq!(pauses.after(ErrorKind::Retry, Duration::ZERO, false, 0), SHORTEST);
    }
}
