//! The closed list of everything that can happen to a home.

use super::{effect::EffectId, journal::Restored};
use crate::{Command, Mono, Origin, ports::PortError};
use alloc::{string::String, vec::Vec};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Something that happened. Everything the engine learns reaches it as one of these, in one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// What the journal held at the start. The first event of every run, exactly once.
    Restored(Restored),
    /// The state of the connection to the broker changed.
    Link(Link),
    /// A message arrived.
    Delivery(Delivery),
    /// How an effect ended.
    Outcome {
        /// The effect.
        id: EffectId,
        /// Whether it was done.
        result: Result<Done, PortError>,
    },
    /// The store's documents, or a change to one.
    Documents(Documents),
    /// An operator asks for something through the program.
    Operator(OperatorRequest),
    /// A part the home depends on stopped or began to work.
    Health {
        /// The part's name: `store`, `journal`.
        part: String,
        /// `None`: it works. Otherwise what is wrong with it.
        trouble: Option<String>,
    },
    /// Nothing but the passing of time: the wake-up that was asked for is due.
    Wake,
    /// The host is about to stop cleanly.
    Stop,
}

/// The connection to the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Link {
    /// Connected and subscribed.
    Up {
        /// Whether the broker kept the session, so that what follows may be a backlog.
        resumed: bool,
    },
    /// What was queued while the connection was down has all been delivered.
    BacklogEnd,
    /// The connection is gone.
    Down {
        /// Why, for people.
        why: String,
    },
}

/// Names a delivery towards the adapter that acknowledges it. Ascending in the order of arrival, never reused within
/// a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(pub u64);

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// What to acknowledge.
    pub id: DeliveryId,
    /// The topic, with slashes.
    pub topic: String,
    /// The bytes, at most a megabyte.
    pub payload: Vec<u8>,
    /// Whether the broker had it stored: it tells what was, not what happens.
    pub retained: bool,
    /// When it arrived.
    pub arrived: Mono,
    /// Where an MQTT 5 requester wants its answer.
    pub reply_to: Option<ReplyTo>,
}

/// Where an MQTT 5 requester wants its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// The response topic.
    pub topic: String,
    /// The correlation data, given back as it came.
    pub correlation: Option<Vec<u8>>,
}

/// What an effect that was done has to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    /// The broker confirmed it.
    Published,
    /// The store holds it, under this revision.
    Written(Revision),
    /// The store holds it no longer; the revision is the deletion's. `None`: there was none, or one of another revision,
    /// which stays.
    Deleted(Option<Revision>),
    /// The journal's last complete copy of a collection; `None` when there never was one.
    Copy(Option<Vec<Versioned<Content>>>),
    /// A complete list of the store, as its listener tells one.
    Listed(Documents),
}

/// A document's version: of two revisions of one document the greater is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// A document and what the store knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versioned<T> {
    /// Its id within its collection: a user's UID.
    pub id: String,
    /// Its version.
    pub revision: Revision,
    /// When it was written.
    pub updated: DateTime<Utc>,
    /// What it says.
    pub value: T,
}

/// Documents of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Collection {
    /// Users: the id is the UID; `name`, and whatever clients keep there.
    Users,
    /// Modes (scenes): the id is `"<number>. <name>"`.
    Modes,
    /// Schedules: the id is the title.
    Schedules,
}

impl Collection {
    /// Every kind.
    pub const ALL: [Collection; 3] = [Collection::Users, Collection::Modes, Collection::Schedules];
}

impl core::fmt::Display for Collection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Collection::Users => "users",
            Collection::Modes => "modes",
            Collection::Schedules => "schedules",
        })
    }
}

/// A document's content: a JSON object as text.
///
/// Text and not a tree: a home may have a hundred thousand users and only the one that signs in is looked at.
pub type Content = alloc::boxed::Box<str>;

/// News from the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Documents {
    /// Every document of a collection, ascending by id, and the newest revision that the store had given out when they
    /// were read: what is newer than that is not missing.
    Snapshot(Collection, Vec<Versioned<Content>>, Revision),
    /// One document is new or changed.
    Changed(Collection, Versioned<Content>),
    /// One document is gone; the revision is the deletion's.
    Deleted(Collection, String, Revision),
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRequest {
    /// Given back with everything that is said about it.
    pub token: u64,
    /// What to send.
    pub command: Command,
    /// On whose behalf: `Cli` for a person, `Dashboard` for the page.
    pub origin: Origin,
}
