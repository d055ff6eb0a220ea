//! Waiting for a condition that others bring about.

use super::lock;
use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::sync::Mutex;
use std::vec::Vec;

/// Wakes everybody who waits, to look again.
#[derive(Debug, Default)]
pub(super) struct Notify {
    waiting: Mutex<Vec<Waker>>,
}

impl Notify {
    /// Lets everybody look again.
    pub(super) fn notify(&self) {
        let waiting = core::mem::take(&mut *lock(&self.waiting));
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Waits until `look` finds something.
    pub(super) async fn until<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        poll_fn(|context| {
            // Signed up before looking, so that nothing is missed in between.
            {
                let mut waiting = lock(&self.waiting);
                if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                    waiting.push(context.waker().clone());
                }
            }
            look().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
