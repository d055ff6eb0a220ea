//! A timer that is kept while other things happen.

use smarthome_core::Mono;
use smarthome_core::ports::Clock;
use std::pin::Pin;

/// Rings once the clock shows a moment. Waiting for it can be interrupted and taken up again at no cost, so that
/// traffic does not set up a timer for every message.
pub(super) struct Alarm<'a> {
    clock: &'a dyn Clock,
    at: Mono,
    sleep: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
}

impl<'a> Alarm<'a> {
    pub(super) fn at(clock: &'a dyn Clock, at: Mono) -> Alarm<'a> {
        Alarm { clock, at, sleep: clock.sleep_until(at) }
    }

    pub(super) fn set(&mut self, at: Mono) {
        *self = Alarm::at(self.clock, at);
    }

    /// Returns when the moment has come; at once when it is called again after that.
    pub(super) async fn ring(&mut self) {
        loop {
            (&mut self.sleep).await;
            self.sleep = self.clock.sleep_until(self.at);
            if self.clock.now().mono() >= self.at {
                return;
            }
        }
    }
}

/// Returns when `at` has come, on a clock whose sleeps may end earlier.
pub(super) async fn sleep_until(clock: &dyn Clock, at: Mono) {
    Alarm::at(clock, at).ring().await;
}
