//! The wish to stop, and how long it may take.

use super::fault::fault_point;
use super::pauses::until;
use smarthome_core::Mono;
use smarthome_core::ports::Clock;
use std::pin::Pin;
use std::time::Duration;

/// How long outcomes are waited for. A stop takes five seconds at most, and the good-bye and the embedded broker come
/// after this.
const PATIENCE: Duration = Duration::from_secs(4);

/// What the wish to stop has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pressure {
    /// It was asked for just now; the patience begins.
    Begun,
    /// The patience has ended.
    Over,
}

/// The signal to stop, remembered once it came.
pub(super) struct Stop<'a> {
    signal: Pin<&'a mut (dyn Future<Output = ()> + Send)>,
    requested: bool,
    at_most: Option<Mono>,
}

impl<'a> Stop<'a> {
    pub(super) fn new(signal: Pin<&'a mut (dyn Future<Output = ()> + Send)>) -> Stop<'a> {
        Stop { signal, requested: false, at_most: None }
    }

    pub(super) fn is_requested(&self) -> bool {
        self.requested
    }

    /// Returns when the stop is asked for, and after that when the patience ends.
    pub(super) async fn pressure(&mut self, clock: &dyn Clock) -> Pressure {
        if self.requested {
            until(clock, self.at_most).await;
            return Pressure::Over;
        }
        self.signal.as_mut().await;
        self.requested = true;
        tracing::info!("stopping");
        fault_point("at_stop");
        self.hurry(clock.now().mono());
        Pressure::Begun
    }

    /// From now on outcomes are waited for no longer than that. Only the first call counts.
    fn hurry(&mut self, now: Mono) {
        self.at_most.get_or_insert_with(|| now.after(PATIENCE));
    }

    /// When the patience ends, if it has begun.
    pub(super) fn at_most(&self) -> Option<Mono> {
        self.at_most
    }
}
