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

/// How many frames that were seen are remembered at most: more than brokers leave unacknowledged.
const SEEN: usize = 32;

#[derive(Debug)]
struct Echo {
    row: EffectId,
    frame: Frame,
    /// What may have left before it, without the journal.
    unjournaled: Option<Frame>,
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
    /// Own frames that were seen, each once, with the last time: a broker brings again what was not acknowledged
    /// before the connection broke.
    seen: VecDeque<(Frame, Mono)>,
    /// The connection is down, or the backlog is not read: what was not seen may still come, however late.
    waits: bool,
    /// Until when, behind a new connection, what was seen may come again; not longer than to the backlog's end.
    brings_again: Option<Mono>,
}

impl Echoes {
    /// A frame leaves.
    pub(super) fn leaves(&mut self, row: EffectId, frame: Frame, unjournaled: Option<Frame>) {
        let unjournaled = unjournaled.filter(|alone| *alone != frame);
        self.awaited.push_back(Echo {
            row,
            frame,
            unjournaled,
            settled: None,
            give_up: None,
            expected: false,
        });
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
        self.forget(now);
        let Some(at) = self.awaited.iter().position(|echo| echo.frame == frame) else {
            return self.take_unjournaled(frame);
        };
        let echo = self.awaited.remove(at)?;
        self.remember(frame, now);
        Some((echo.row, !echo.expected))
    }

    /// The part of a frame that left before it: the whole is still to come.
    fn take_unjournaled(&mut self, frame: Frame) -> Option<(EffectId, bool)> {
        let echo = self.awaited.iter_mut().find(|echo| echo.unjournaled == Some(frame))?;
        echo.unjournaled = None;
        Some((echo.row, false))
    }

    /// Whether this is an own frame that was seen shortly before the connection broke, brought again in the backlog.
    pub(super) fn again(&mut self, frame: Frame, now: Mono) -> bool {
        let brings_again = self.brings_again.is_some_and(|until| now < until);
        let again = brings_again && self.seen.iter().any(|(seen, _)| *seen == frame);
        if again {
            // It may come a third time.
            self.remember(frame, now);
        }
        again
    }

    /// A connection to the same session: it begins with what was not acknowledged.
    pub(super) fn resumed(&mut self, now: Mono) {
        self.brings_again = Some(now.after(RECOGNISED));
    }

    /// What queued up has all come.
    pub(super) fn backlog_end(&mut self, now: Mono) {
        self.brings_again = None;
        self.backlog_read(now);
    }

    /// The connection broke: what was seen long ago was acknowledged.
    pub(super) fn link_down(&mut self, now: Mono) {
        self.seen.retain(|(_, at)| now.since(*at) < RECOGNISED);
        self.forget(now);
        self.waits = true;
    }

    /// The backlog is read, or was waited for long enough: the time in which frames are recognised goes on.
    pub(super) fn backlog_read(&mut self, now: Mono) {
        if core::mem::take(&mut self.waits) {
            self.awaited
                .iter_mut()
                .filter_map(|echo| echo.settled.as_mut())
                .for_each(|settled| *settled = now);
        }
    }

    /// Rows whose frame should have come back by now; each once.
    pub(super) fn given_up(&mut self, now: Mono) -> Vec<EffectId> {
        // Also where no command is ever seen, old frames must not pile up.
        self.forget(now);
        let late = self.awaited.iter_mut().filter(|echo| echo.give_up.is_some_and(|at| at <= now));
        late.map(|echo| {
            echo.give_up = None;
            echo.expected = true;
            echo.row
        })
        .collect()
    }

    fn remember(&mut self, frame: Frame, now: Mono) {
        self.seen.retain(|(seen, _)| *seen != frame);
        if self.seen.len() >= SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back((frame, now));
    }

    fn forget(&mut self, now: Mono) {
        if self.waits {
            return;
        }
        self.awaited.retain(|echo| echo.settled.is_none_or(|settled| now.since(settled) < RECOGNISED));
    }

    #[cfg(feature = "testing")]
    pub(super) fn len(&self) -> usize {
        self.awaited.len()
    }

    pub(super) fn next(&self) -> Option<Mono> {
        self.awaited.iter().filter_map(|echo| echo.give_up).min()
    }
}
