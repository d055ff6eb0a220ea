//! The ports: what a host plugs into the engine. A third-party adapter depends on this crate alone.
//!
//! Every port is an object-safe trait for threaded hosts, with its contract written beside it. A single-threaded
//! embedder needs none of them and drives [`Engine`](crate::Engine) directly.

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "testing")]
pub mod memory;
mod merge;

pub use merge::{MergeError, merged};

use crate::engine::{Collection, Content, DeliveryId, Entry, Event, Restored, Revision, Versioned};
use crate::{Mono, Now};
use alloc::{boxed::Box, string::String, vec::Vec};
use async_trait::async_trait;
use core::convert::Infallible;
use core::fmt;
use serde::{Deserialize, Serialize};

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// It was not done and may be tried again later.
    Retry,
    /// Nobody knows whether it was done: read again, then decide. Repeating is safe only where repeating does no harm.
    UnknownOutcome,
    /// It will not work until a person changes something: a credential, a setting, a disk.
    AskPerson,
    /// It will never work: the request itself is wrong.
    GiveUp,
}

/// A failure, as it travels through events: what to do next, and a line for people. The source chain goes to the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct PortError {
    /// What to do.
    pub kind: ErrorKind,
    /// What went wrong, where.
    pub text: String,
}

impl PortError {
    /// A failure of that kind.
    pub fn new(kind: ErrorKind, text: impl fmt::Display) -> PortError {
        PortError { kind, text: alloc::format!("{text}") }
    }
}

/// Both clocks of the host.
#[async_trait]
pub trait Clock: Send + Sync {
    /// What they show. The monotonic one never goes back and never stops.
    fn now(&self) -> Now;
    /// Returns when `at` has come, or earlier.
    async fn sleep_until(&self, at: Mono);
}

/// Where adapters put what happened.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Hands over one event, in order. Waiting here is the back-pressure. Cancelling the future hands nothing over.
    async fn push(&self, event: Event);
}

/// What survives a crash.
///
/// - [`restore`](Journal::restore) is called once, before anything else, and counts the start.
/// - [`commit`](Journal::commit) writes all entries or none, in order, and returns when they are on the disk.
///   An entry replaces what was kept under its id; removing what is not there does nothing.
/// - After an error nothing of the batch is kept, unless the kind is
///   [`UnknownOutcome`](ErrorKind::UnknownOutcome); committing the same batch again is always safe.
#[async_trait]
pub trait Journal: Send + Sync {
    /// What was committed before this start.
    async fn restore(&self, now: Now) -> Result<Restored, PortError>;
    /// The last complete copy of a collection, ascending by id; `None` when there never was one.
    async fn copy(&self, collection: Collection) -> Result<Option<Vec<Versioned<Content>>>, PortError>;
    /// Keeps these entries.
    async fn commit(&self, batch: &[Entry]) -> Result<(), PortError>;
}

/// The store: documents that belong to people.
///
/// - [`watch`](Documents::watch) pushes a snapshot of the collection first and then every change in order, its own
///   writes included, until it fails; called again it begins with a snapshot again.
/// - [`merge`](Documents::merge) sets the given fields of a document, makes it when it is not there, and leaves its
///   other fields alone. Repeating a merge does no harm. The change reaches every watcher with a revision at least as
///   great as the one returned.
/// - [`replace`](Documents::replace) does the same with the whole document.
/// - Revisions of one document only grow, also over its deletion.
#[async_trait]
pub trait Documents: Send + Sync {
    /// Tells `to` what the collection holds, and what happens to it.
    async fn watch(&self, collection: Collection, to: &dyn Inbox) -> Result<Infallible, PortError>;
    /// Sets fields (a JSON object as text) of a document.
    async fn merge(&self, collection: Collection, id: &str, fields: &str) -> Result<Revision, PortError>;
    /// Makes this JSON object (as text) the whole document, whatever was there.
    async fn replace(&self, collection: Collection, id: &str, document: &str) -> Result<Revision, PortError>;
    /// Deletes a document; `expected` makes that conditional on its revision. Answers the deletion's revision; `None` when
    /// there was none, or another revision.
    async fn delete(
        &self,
        collection: Collection,
        id: &str,
        expected: Option<Revision>,
    ) -> Result<Option<Revision>, PortError>;
    /// Reads one document.
    async fn get(&self, collection: Collection, id: &str) -> Result<Option<Versioned<Content>>, PortError>;
}

/// A message to publish, at QoS 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic, with slashes and without wildcards.
    pub topic: String,
    /// The bytes.
    pub payload: Vec<u8>,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// MQTT 5 correlation data; ignored where the protocol has none.
    pub correlation: Option<Vec<u8>>,
}

/// The connection to the message broker.
///
/// - [`listen`](Broker::listen) pushes [`Link::Up`](crate::engine::Link::Up) when subscribed, deliveries in the
///   broker's order, [`Link::BacklogEnd`](crate::engine::Link::BacklogEnd) once after each `Up`, and
///   [`Link::Down`](crate::engine::Link::Down); it reconnects by itself with growing pauses and returns only when a
///   person has to act.
/// - A delivery that was not acknowledged comes again after a reconnect, under a new id. Acknowledging an id twice,
///   or one of an earlier connection, does nothing.
/// - [`publish`](Broker::publish) returns when the broker has taken the message. Without a connection it fails at
///   once with [`Retry`](ErrorKind::Retry); when the connection breaks meanwhile, with
///   [`UnknownOutcome`](ErrorKind::UnknownOutcome). Nothing is kept for later.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Runs the connection and tells `to` what arrives.
    async fn listen(&self, to: &dyn Inbox) -> Result<Infallible, PortError>;
    /// Lets the broker forget a delivery.
    async fn acknowledge(&self, delivery: DeliveryId);
    /// Publishes, and waits for the broker to take it.
    async fn publish(&self, message: &Outgoing) -> Result<(), PortError>;
}
