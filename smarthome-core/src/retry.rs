//! Growing pauses between tries.

use crate::Mono;
use core::time::Duration;

/// Doubles from `first` to `most`. No jitter: the same failures give the same pauses; hosts add jitter where many
/// clients share a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
    until: Option<Mono>,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, most: Duration) -> Backoff {
        Backoff { first, most, failures: 0, until: None }
    }

    /// One more failure: nothing is tried before the pause is over.
    pub(crate) fn failed(&mut self, now: Mono) {
        let factor = 2u32.saturating_pow(self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now.after(self.first.saturating_mul(factor).min(self.most)));
    }

    /// It worked, or there is reason to think that it will.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
        self.until = None;
    }

    /// When the pause is over, if there is one that is not.
    pub(crate) fn pause(&self, now: Mono) -> Option<Mono> {
        self.until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_most_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let mut pauses = alloc::vec::Vec::new();
        for _ in 0..7 {
            backoff.failed(Mono::ZERO);
            pauses.push(backoff.pause(Mono::ZERO).unwrap().as_millis() / 1000);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        for _ in 0..100 {
            backoff.failed(Mono::ZERO);
        }
        assert_eq!(backoff.pause(Mono::from_millis(30_000)), None);
        backoff.reset();
        assert_eq!(backoff.pause(Mono::ZERO), None);
    }
}
