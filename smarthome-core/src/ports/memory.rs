//! Ports in memory, for tests: they keep the contracts, loop back, and fail when told to.
//!
//! Everything runs in one thread on a [`ManualClock`], with [`run`] as the executor: a test that waits for something
//! that cannot come any more fails at once and says so, instead of hanging.

// Doubles for tests: a test that asks for the impossible is told by a panic.
#![allow(clippy::panic, clippy::arithmetic_side_effects)]

mod broker;
mod clock;
mod documents;
mod faults;
mod inbox;
mod journal;
mod notify;

pub use broker::MemoryBroker;
pub use clock::{ManualClock, run};
pub use documents::MemoryDocuments;
pub use faults::Faults;
pub use inbox::MemoryInbox;
pub use journal::MemoryJournal;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock, also after a test panicked while it held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
