//! The host's clocks.

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use smarthome_core::ports::Clock;
use smarthome_core::{Mono, Now, TimeError};
use std::time::Duration;
use tokio::time::Instant;

/// The system's wall clock, and a monotonic clock that starts with this value.
///
/// Both are read in whole milliseconds. The monotonic clock does not run while the machine is suspended: a suspend
/// shows as a step of the wall clock, and waits go on where they were.
///
/// A wall clock that shows an impossible year later on is not believed: the last start's reading runs on instead.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    first: Now,
}

impl SystemClock {
    /// The clocks of this machine, or an error when the wall clock cannot be right.
    pub fn new() -> Result<SystemClock, TimeError> {
        let first = Now::new(Utc::now().trunc_subsecs(3), Mono::ZERO)?;
        Ok(SystemClock { start: Instant::now(), first })
    }

    fn reading(&self, wall: DateTime<Utc>, mono: Mono) -> Now {
        Now::new(wall.trunc_subsecs(3), mono).unwrap_or_else(|_| self.run_on(mono))
    }

    fn run_on(&self, mono: Mono) -> Now {
        let ahead = TimeDelta::from_std(mono.since(Mono::ZERO)).unwrap_or(TimeDelta::MAX);
        let wall = self.first.wall().checked_add_signed(ahead).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Now::new(wall, mono).unwrap_or(self.first)
    }

    fn mono(&self) -> Mono {
        Mono::from_millis(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Now {
        self.reading(Utc::now(), self.mono())
    }

    async fn sleep_until(&self, at: Mono) {
        match self.start.checked_add(Duration::from_millis(at.as_millis())) {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_sleep_ends_at_its_time_and_not_before() {
        let clock = SystemClock::new().unwrap();
        let at = clock.now().mono().after(Duration::from_millis(1_500));
        clock.sleep_until(at).await;
        assert!(clock.now().mono() >= at);
        clock.sleep_until(Mono::ZERO).await;
        assert!(clock.now().mono().since(at) < Duration::from_millis(5));
    }

    #[tokio::test(start_paused = true)]
    async fn an_impossible_year_is_not_believed() {
        let clock = SystemClock::new().unwrap();
        let at = Mono::from_millis(3_000);
        let absurd = clock.reading(DateTime::<Utc>::MAX_UTC, at);
        assert_eq!(absurd.wall(), clock.first.wall() + TimeDelta::seconds(3));
        assert_eq!(absurd.mono(), at);
    }
}
