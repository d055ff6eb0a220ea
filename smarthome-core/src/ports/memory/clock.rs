//! A clock that a test moves, and the executor that goes with it.

use super::lock;
use super::notify::Notify;
use crate::ports::Clock;
use crate::{Mono, Now};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::vec::Vec;

/// A clock that stands still until a test moves it. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Debug)]
struct State {
    now: Now,
    sleepers: Vec<Mono>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Now) -> ManualClock {
        let state = Mutex::new(State { now, sleepers: Vec::new() });
        ManualClock { shared: Arc::new(Shared { state, moved: Notify::default() }) }
    }

    /// Lets time pass on both clocks. Whoever sleeps until then wakes up.
    ///
    /// # Panics
    /// When the wall clock would leave the years that [`Now`] allows.
    pub fn advance(&self, by: Duration) {
        let now = lock(&self.shared.state).now;
        let mono = now.mono().after(by);
        self.show(now.wall_at(mono), mono);
    }

    /// Sets the wall clock, as a person or a time server does; the monotonic one stays.
    ///
    /// # Panics
    /// When `wall` is outside the years that [`Now`] allows.
    pub fn set_wall(&self, wall: DateTime<Utc>) {
        let mono = lock(&self.shared.state).now.mono();
        self.show(wall, mono);
    }

    /// When the first of those who sleep wants to wake up.
    pub fn next_sleeper(&self) -> Option<Mono> {
        lock(&self.shared.state).sleepers.iter().min().copied()
    }

    fn show(&self, wall: DateTime<Utc>, mono: Mono) {
        match Now::new(wall, mono) {
            Ok(now) => lock(&self.shared.state).now = now,
            Err(error) => panic!("the test's clock cannot show this: {error}"),
        }
        self.shared.moved.notify();
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Now {
        lock(&self.shared.state).now
    }

    async fn sleep_until(&self, at: Mono) {
        let _sleeper = Sleeper::new(&self.shared, at);
        self.shared.moved.until(|| (self.now().mono() >= at).then_some(())).await;
    }
}

/// Somebody who sleeps; no longer counted when woken or dropped.
struct Sleeper<'a> {
    shared: &'a Shared,
    at: Mono,
}

impl<'a> Sleeper<'a> {
    fn new(shared: &'a Shared, at: Mono) -> Sleeper<'a> {
        lock(&shared.state).sleepers.push(at);
        Sleeper { shared, at }
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        if let Some(index) = state.sleepers.iter().position(|at| *at == self.at) {
            state.sleepers.swap_remove(index);
        }
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs `future` to its end in this thread. When it waits for nothing but time, the clock goes on to the next moment
/// that somebody sleeps until.
///
/// # Panics
/// When it waits for something that nobody can bring about any more.
pub fn run<T>(clock: &ManualClock, future: impl Future<Output = T>) -> T {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        woken.0.store(false, Ordering::SeqCst);
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        if woken.0.load(Ordering::SeqCst) {
            continue;
        }
        match clock.next_sleeper() {
            Some(at) => clock.advance(at.since(clock.now().mono())),
            None => panic!("stalled: what the test waits for can never come"),
        }
    }
}
