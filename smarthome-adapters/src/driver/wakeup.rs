//! When the loop is woken although nothing happened.

use smarthome_core::engine::{Wake, Why};
use smarthome_core::ports::Clock;
use smarthome_core::{Mono, Now};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The wall clock is read at least this often, so that a step of it is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a wake-up that leads nowhere is put off.
const BACK_OFF: Duration = Duration::from_millis(100);

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The alarm clock of the loop.
pub(super) struct WakeUp {
    clock: Arc<dyn Clock>,
    /// Kept over turns: it is set anew only to ring earlier, and a ring for nothing costs little.
    sleep: Option<(Mono, Sleep)>,
    last_turn: Mono,
    stuck: Stuck,
}

impl WakeUp {
    pub(super) fn new(clock: Arc<dyn Clock>) -> WakeUp {
        let last_turn = clock.now().mono();
        WakeUp { clock, sleep: None, last_turn, stuck: Stuck::default() }
    }

    /// Whether the engine is to be woken in this turn, which begins now.
    pub(super) fn is_due(&mut self, wake: Option<Wake>, now: Now) -> bool {
        let silent = now.mono().since(self.last_turn) >= HEARTBEAT;
        self.last_turn = now.mono();
        silent || self.stuck.put_off(wake).is_some_and(|at| at <= now.mono())
    }

    /// The engine was woken, and this is what it says now.
    pub(super) fn woken(&mut self, before: Option<Wake>, after: Option<Wake>, did_something: bool, now: Now) {
        self.stuck.woken(before, after, did_something, now.mono());
    }

    /// Sets the alarm for the engine's wish, the expiry of something that waits, and the wall clock.
    pub(super) fn set(&mut self, wake: Option<Wake>, other: Option<Mono>) {
        let heartbeat = Some(self.last_turn.after(HEARTBEAT));
        let at = [self.stuck.put_off(wake), other, heartbeat].into_iter().flatten().min();
        let Some(at) = at else { return };
        if self.sleep.as_ref().is_none_or(|(set, _)| at < *set) {
            let clock = self.clock.clone();
            self.sleep = Some((at, Box::pin(async move { clock.sleep_until(at).await })));
        }
    }

    /// Returns when the alarm rings, or earlier.
    pub(super) async fn rings(&mut self) {
        match &mut self.sleep {
            Some((_, sleep)) => sleep.as_mut().await,
            None => std::future::pending().await,
        }
        self.sleep = None;
    }
}

/// Notices a wake-up that does not advance, which would otherwise spin.
#[derive(Debug, Default)]
struct Stuck {
    times: u32,
    until: Option<Mono>,
}

impl Stuck {
    /// When the engine is really woken.
    fn put_off(&self, wake: Option<Wake>) -> Option<Mono> {
        wake.map(|wake| self.until.map_or(wake.at, |until| wake.at.max(until)))
    }

    fn woken(&mut self, before: Option<Wake>, after: Option<Wake>, did_something: bool, now: Mono) {
        // A long list is read by pieces, of which each is shorter than the clock can tell and most lead to nothing.
        let reads = after.is_some_and(|wake| wake.why == Why::Reading);
        let advanced = did_something || reads || before != after || after.is_none_or(|wake| wake.at > now);
        if advanced {
            *self = Stuck::default();
            return;
        }
        self.times = self.times.saturating_add(1);
        if self.times < 2 {
            return;
        }
        if self.times == 2
            && let Some(wake) = after
        {
            tracing::error!(why = ?wake.why, at = wake.at.as_millis(), "a wake-up does not advance");
        }
        self.until = Some(now.after(BACK_OFF));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wake(millis: u64) -> Option<Wake> {
        Some(Wake { at: Mono::from_millis(millis), why: Why::Retry })
    }

    #[test]
    fn a_wake_up_that_does_not_advance_is_put_off() {
        let mut stuck = Stuck::default();
        let now = Mono::from_millis(50);
        stuck.woken(wake(10), wake(10), false, now);
        assert_eq!(stuck.put_off(wake(10)), Some(Mono::from_millis(10)));
        stuck.woken(wake(10), wake(10), false, now);
        assert_eq!(stuck.put_off(wake(10)), Some(Mono::from_millis(150)));
        stuck.woken(wake(10), wake(200), false, now);
        assert_eq!(stuck.put_off(wake(10)), Some(Mono::from_millis(10)));
    }

    /// A clock that stands where it is put, and whose sleeps end at once.
    struct Standing;

    #[async_trait::async_trait]
    impl Clock for Standing {
        fn now(&self) -> Now {
            at(0)
        }

        async fn sleep_until(&self, _at: Mono) {}
    }

    fn at(millis: u64) -> Now {
        Now::new("2026-03-01T00:00:00Z".parse().unwrap(), Mono::from_millis(millis)).unwrap()
    }

    #[test]
    fn the_wall_clock_is_read_every_fifteen_seconds_although_nothing_happens() {
        let mut wake = WakeUp::new(Arc::new(Standing));
        wake.set(None, None);
        assert_eq!(wake.sleep.as_ref().map(|(at, _)| at.as_millis()), Some(15_000));
        assert!(!wake.is_due(None, at(14_999)));
        assert!(!wake.is_due(None, at(29_998)));
        assert!(wake.is_due(None, at(44_998)));
    }

    #[tokio::test]
    async fn the_alarm_is_only_set_anew_to_ring_earlier() {
        let mut alarm = WakeUp::new(Arc::new(Standing));
        let rings = |alarm: &WakeUp| alarm.sleep.as_ref().map(|(at, _)| at.as_millis());
        alarm.set(wake(500), None);
        alarm.set(wake(900), None);
        assert_eq!(rings(&alarm), Some(500));
        alarm.set(wake(900), Some(Mono::from_millis(300)));
        assert_eq!(rings(&alarm), Some(300));
        alarm.rings().await;
        alarm.set(wake(900), None);
        assert_eq!(rings(&alarm), Some(900));
    }

    #[test]
    fn a_long_list_read_by_pieces_at_one_moment_is_not_stuck() {
        let mut stuck = Stuck::default();
        let reading = Some(Wake { at: Mono::from_millis(10), why: Why::Reading });
        for _ in 0..100 {
            stuck.woken(reading, reading, false, Mono::from_millis(10));
        }
        assert_eq!(stuck.put_off(reading), reading.map(|wake| wake.at));
    }

    #[test]
    fn work_in_pieces_at_one_moment_is_not_stuck() {
        let mut stuck = Stuck::default();
        for _ in 0..100 {
            stuck.woken(wake(10), wake(10), true, Mono::from_millis(10));
        }
        assert_eq!(stuck.put_off(wake(10)), wake(10).map(|wake| wake.at));
    }
}
