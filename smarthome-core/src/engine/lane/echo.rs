//! Telling the server's own frames from everybody else's when they come back through its subscription.

use crate::engine::effect::EffectId;
use crate::{Frame, Mono};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

/// How long a frame that left is recognised.
const RECOGNISED: Duration = Duration::from_secs(60);

/// How long after the broker took it a frame should have come back.
const COMES_BACK: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Echo {
    row: EffectId,
    frame: Frame,
    /// Since when it is no longer in flight.
    settled: Option<Mono>,
    /// When to give up waiting for it, once the broker took it.
    give_up: Option<Mono>,
    /// Its expectation was set without it; seen late, it is still recognised and changes nothing.
    expected: bool,
}

/// Own frames that left and were not seen yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    awaited: VecDeque<Echo>,
}

impl Echoes {
    /// A frame leaves.
    pub(super) fn leaves(&mut self, row: EffectId, frame: Frame) {
        self.awaited.push_back(Echo { row, frame, settled: None, give_up: None, expected: false });
    }

    /// The broker took it (`taken`), or nobody knows.
    pub(super) fn settled(&mut self, row: EffectId, taken: bool, now: Mono) {
        for echo in self.awaited.iter_mut().filter(|echo| echo.row == row && echo.settled.is_none()) {
            echo.settled = Some(now);
            echo.give_up = taken.then(|| now.after(COMES_BACK));
        }
    }

    /// It certainly did not leave.
    pub(super) fn stayed(&mut self, row: EffectId) {
        self.awaited.retain(|echo| echo.row != row || echo.settled.is_some());
    }

    /// The row whose oldest unseen frame this is, if any, and whether its expectation is still to be set.
    pub(super) fn take(&mut self, frame: Frame, now: Mono) -> Option<(EffectId, bool)> {
        self.awaited.retain(|echo| echo.settled.is_none_or(|settled| now.since(settled) < RECOGNISED));
        let at = self.awaited.iter().position(|echo| echo.frame == frame)?;
        let echo = self.awaited.remove(at)?;
        Some((echo.row, !echo.expected))
    }

    /// Rows whose frame should have come back by now; each once.
    pub(super) fn given_up(&mut self, now: Mono) -> Vec<EffectId> {
        let late = self.awaited.iter_mut().filter(|echo| echo.give_up.is_some_and(|at| at <= now));
        late.map(|echo| {
            echo.give_up = None;
            echo.expected = true;
            echo.row
        })
        .collect()
    }

    pub(super) fn next(&self) -> Option<Mono> {
        self.awaited.iter().filter_map(|echo| echo.give_up).min()
    }
}
