//! The contracts of the ports as a suite that every implementation passes: in memory first, then the real ones.
//!
//! [`journal`], [`documents`] and [`broker`] run all clauses, one function a clause, and panic with the name of the
//! clause that is broken. They never sleep: waiting is bounded by the clock they are given, so that on a
//! [`ManualClock`](super::memory::ManualClock) the whole suite takes no time.
//!
//! An implementation is brought in by a small trait that makes it, and does to it from outside what a clause needs.

// A suite of tests: what is broken is told by a panic.
#![allow(clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod broker;
mod documents;
mod journal;
mod within;

pub use broker::{BrokerUnderTest, broker};
pub use documents::{DocumentsUnderTest, documents};
pub use journal::{JournalUnderTest, journal};
