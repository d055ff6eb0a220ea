//! Users, schedules and modes: what a document may be, and what the store has.

use serde_json::{Map, Value};
use smarthome_adapters::listing::list;
use smarthome_core::engine::{Collection, Content, Documents as News, Versioned};
use smarthome_core::message::document_id;
use smarthome_core::ports::{Documents, PortError};
use smarthome_core::{HomeZone, Mode, Schedule};

use crate::control::DocumentEntry;
use crate::users;

/// Longest id in bytes.
const LONGEST_ID: usize = 1_500;

/// Whether a document can be read again by whoever uses it, and what is wrong with it otherwise.
fn check(collection: Collection, id: &str, fields: &Map<String, Value>) -> Result<(), String> {
    if collection == Collection::Users {
        return users::check_uid(id).and_then(|()| users::check_fields(fields));
    }
    document_id(id, LONGEST_ID).map_err(|why| format!("the id cannot be used: {why}"))?;
    let fault = match collection {
        Collection::Modes => Mode::from_fields(fields).err(),
        // The zone only says which date a point in time is on.
        _ => Schedule::from_fields(fields, &HomeZone::default()).err(),
    };
    fault.map_or(Ok(()), |fault| Err(fault.to_string()))
}

/// Why something was not done with a document.
#[derive(Debug)]
pub enum NotDone {
    /// The document cannot be used: what is wrong with it.
    Unacceptable(String),
    /// There is none of that id.
    Absent(String),
    /// The store failed.
    Failed(PortError),
}

/// Sets a document: of a user these fields, of others the whole.
///
/// # Errors
///
/// When it cannot be used, or the store fails.
pub async fn set(
    store: &dyn Documents,
    collection: Collection,
    id: &str,
    fields: &Map<String, Value>,
) -> Result<(), NotDone> {
    check(collection, id, fields).map_err(NotDone::Unacceptable)?;
    let text = Value::Object(fields.clone()).to_string();
    let set = match collection {
        Collection::Users => store.merge(collection, id, &text).await,
        _ => store.replace(collection, id, &text).await,
    };
    set.map(drop).map_err(NotDone::Failed)
}

/// Deletes a document.
///
/// # Errors
///
/// When there is none, or the store fails.
pub async fn delete(store: &dyn Documents, collection: Collection, id: &str) -> Result<(), NotDone> {
    match store.delete(collection, id, None).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(NotDone::Absent(id.to_owned())),
        Err(error) => Err(NotDone::Failed(error)),
    }
}

/// All documents of a kind, ascending by id.
///
/// # Errors
///
/// When the store fails.
pub async fn all(store: &dyn Documents, collection: Collection) -> Result<Vec<DocumentEntry>, NotDone> {
    let News::Snapshot(_, found, _) = list(store, collection).await.map_err(NotDone::Failed)? else {
        return Ok(Vec::new());
    };
    Ok(found.into_iter().map(entry).collect())
}

/// A document as clients of the socket see it.
pub fn entry(document: Versioned<Content>) -> DocumentEntry {
    // The store refuses what is no object.
    DocumentEntry { fields: serde_json::from_str(&document.value).unwrap_or_default(), id: document.id }
}
