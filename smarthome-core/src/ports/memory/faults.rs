//! Failures on order.

use super::lock;
use super::notify::Notify;
use crate::ports::PortError;
use std::sync::Mutex;

/// What goes wrong with the next operations of a port in memory. Clear at first.
#[derive(Debug, Default)]
pub struct Faults {
    script: Mutex<Script>,
    released: Notify,
}

#[derive(Debug, Default)]
struct Script {
    held: bool,
    failing: Option<(Lasting, PortError)>,
    deaf: Option<(u32, PortError)>,
}

#[derive(Debug, Clone, Copy)]
enum Lasting {
    Times(u32),
    UntilMended,
}

/// How an operation that was let through is to end.
#[derive(Debug)]
#[must_use]
pub(super) struct Passed {
    answer_lost: Option<PortError>,
}

impl Passed {
    /// `value`, or the failure that hides it.
    pub(super) fn answer<T>(self, value: T) -> Result<T, PortError> {
        self.answer_lost.map_or(Ok(value), Err)
    }
}

impl Faults {
    /// The next `n` operations fail and do nothing.
    pub fn fail_next(&self, n: u32, error: PortError) {
        lock(&self.script).failing = (n > 0).then_some((Lasting::Times(n), error));
    }

    /// Every operation fails and does nothing, until [`mend`](Faults::mend).
    pub fn fail_until_mended(&self, error: PortError) {
        lock(&self.script).failing = Some((Lasting::UntilMended, error));
    }

    /// The next `n` operations that do not fail otherwise are done, and fail all the same: the answer was lost.
    pub fn lose_answers(&self, n: u32, error: PortError) {
        lock(&self.script).deaf = (n > 0).then_some((n, error));
    }

    /// Operations wait, neither done nor failed, until [`release`](Faults::release).
    pub fn hold(&self) {
        lock(&self.script).held = true;
    }

    /// Lets the operations that wait go on.
    pub fn release(&self) {
        lock(&self.script).held = false;
        self.released.notify();
    }

    /// Nothing fails or waits any more.
    pub fn mend(&self) {
        *lock(&self.script) = Script::default();
        self.released.notify();
    }

    /// Lets an operation through, or fails it.
    pub(super) async fn pass(&self) -> Result<Passed, PortError> {
        self.released.until(|| (!lock(&self.script).held).then_some(())).await;
        let mut script = lock(&self.script);
        if let Some((lasting, error)) = script.failing.take() {
            script.failing = match lasting {
                Lasting::Times(n) if n <= 1 => None,
                Lasting::Times(n) => Some((Lasting::Times(n - 1), error.clone())),
                Lasting::UntilMended => Some((Lasting::UntilMended, error.clone())),
            };
            return Err(error);
        }
        let answer_lost = script.deaf.take().map(|(n, error)| {
            script.deaf = (n > 1).then(|| (n - 1, error.clone()));
            error
        });
        Ok(Passed { answer_lost })
    }
}
