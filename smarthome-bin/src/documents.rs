//! Schedules and modes as the store has them.

use async_trait::async_trait;
use serde_json::{Map, Value};
use smarthome_core::engine::{Collection, Content, Documents as News, Event, Versioned};
use smarthome_core::message::document_id;
use smarthome_core::ports::{Documents, Inbox, PortError};
use smarthome_core::{HomeZone, Mode, Schedule};
use tokio::sync::Mutex;
use tokio::sync::mpsc;

use crate::control::DocumentEntry;

/// Longest id in bytes.
const LONGEST_ID: usize = 1_500;

/// Whether a document can be read again by whoever uses it, and what is wrong with it otherwise.
///
/// # Errors
///
/// What is wrong with it.
pub fn check(collection: Collection, id: &str, fields: &Map<String, Value>) -> Result<(), String> {
    document_id(id, LONGEST_ID).map_err(|why| format!("the id cannot be used: {why}"))?;
    match collection {
        Collection::Schedules => Schedule::from_fields(fields, &HomeZone::default()).map(drop),
        Collection::Modes => Mode::from_fields(fields).map(drop),
        _ => return Err(format!("the {collection} are not set in this way")),
    }
    .map_err(|fault| fault.to_string())
}

/// A document of the store as a line of an answer.
pub fn entry(document: Versioned<Content>) -> DocumentEntry {
    // The store refuses what is no object.
    let fields = serde_json::from_str(&document.value).unwrap_or_default();
    DocumentEntry { id: document.id, fields }
}

/// All documents of a kind, ascending by id.
///
/// # Errors
///
/// What the store says.
pub async fn all(
    documents: &dyn Documents,
    collection: Collection,
) -> Result<Vec<Versioned<Content>>, PortError> {
    let (to, mut snapshot) = mpsc::channel(1);
    let first = First { to: Mutex::new(Some(to)) };
    tokio::select! {
        ended = documents.watch(collection, &first) => match ended {
            Ok(never) => match never {},
            Err(error) => Err(error),
        },
        found = snapshot.recv() => Ok(found.unwrap_or_default()),
    }
}

/// Takes the snapshot, which comes first, and nothing else.
struct First {
    to: Mutex<Option<mpsc::Sender<Vec<Versioned<Content>>>>>,
}

#[async_trait]
impl Inbox for First {
    async fn push(&self, event: Event) {
        if let Event::Documents(News::Snapshot(_, found)) = event
            && let Some(to) = self.to.lock().await.take()
        {
            // Whoever asked may have gone.
            let _ = to.send(found).await;
        }
    }
}
