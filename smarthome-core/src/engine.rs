//! The engine: one home's brain, without any input or output of its own.

mod config;
mod effect;
mod event;
mod journal;
mod note;

pub use config::Config;
pub use effect::{Alert, AlertCode, Class, Effect, EffectId, Intent};
pub use event::{
    Collection, Content, Delivery, DeliveryId, Documents, Done, Event, Link, OperatorRequest, ReplyTo,
    Revision, Versioned,
};
pub use journal::{AlertRow, CommandRow, CommandState, Entry, KnownStatus, Restored, WriteRow};
pub use note::Note;

use crate::{Mono, Now};
use alloc::vec::Vec;

/// One home's brain.
///
/// Everything it knows came in by [`handle`](Engine::handle); the same events at the same times give the same effects,
/// always.
#[derive(Debug)]
pub struct Engine {}

/// When the engine wants to be called again, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    /// Not before this.
    pub at: Mono,
    /// For logs and people.
    pub why: Why,
}

/// Why the engine wants to be called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Why {
    /// More is to be done at once.
    More,
    /// A command is to be judged: confirmed by now, or sent again.
    Confirmation,
    /// A command waits for the backlog's end, or for the home to report.
    Settling,
    /// Something that failed is tried again.
    Retry,
    /// Faults that were only counted are summed up.
    FaultSummary,
    /// A sign-in waits for the users.
    SignIn,
    /// A part has been away for long enough to tell.
    Lost,
    /// The gas valve stands open.
    GasOpen,
}

impl Engine {
    /// The brain of a home that is set up like this. Its first event is [`Event::Restored`].
    pub fn new(_config: Config) -> Engine {
        Engine {}
    }

    /// Takes in one event and appends what is to be done. Never blocks, never fails, never panics.
    pub fn handle(&mut self, _event: Event, _now: Now, _out: &mut Vec<Effect>) {}

    /// When to call [`handle`](Engine::handle) with [`Event::Wake`], if nothing happens before.
    pub fn next_wakeup(&self) -> Option<Wake> {
        None
    }

    /// Whether deliveries are welcome. When not, the host leaves them where they are, unacknowledged, and goes on with
    /// outcomes and wake-ups until they are again.
    pub fn accepts_deliveries(&self) -> bool {
        true
    }
}
