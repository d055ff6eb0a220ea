//! Growing pauses between tries.

use smarthome_core::Mono;
use smarthome_core::ports::Clock;
use std::time::Duration;

/// Doubles from the first pause to the longest.
#[derive(Debug, Clone)]
pub(super) struct Pauses {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Pauses {
    /// Pauses that begin with `first`.
    pub(super) fn new(first: Duration, longest: Duration) -> Pauses {
        Pauses { first, longest, next: first }
    }

    /// The pause after one more failure.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        pause
    }

    /// It worked.
    pub(super) fn start_over(&mut self) {
        self.next = self.first;
    }
}

/// Returns when `at` has come, and not before; never, without one.
pub(super) async fn until(clock: &dyn Clock, at: Option<Mono>) {
    let Some(at) = at else { return std::future::pending().await };
    while clock.now().mono() < at {
        clock.sleep_until(at).await;
        // A clock may wake early; one that always does must not keep everything else from running.
        tokio::task::yield_now().await;
    }
}

/// Returns after that time.
pub(super) async fn pause(clock: &dyn Clock, wait: Duration) {
    until(clock, Some(clock.now().mono().after(wait))).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_over() {
        let mut pauses = Pauses::new(Duration::from_millis(200), Duration::from_secs(1));
        let seen: Vec<u128> = (0..5).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(seen, [200, 400, 800, 1_000, 1_000]);
        pauses.start_over();
        assert_eq!(pauses.next().as_millis(), 200);
    }
}
