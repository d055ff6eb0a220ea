//! The users of a store, and what a UID and a document may be.

use async_trait::async_trait;
use serde_json::{Map, Value};
use smarthome_core::engine::{Collection, Content, Documents as News, Event, Versioned};
use smarthome_core::message::document_id;
use smarthome_core::ports::{Documents, Inbox, PortError};
use tokio::sync::Mutex;
use tokio::sync::mpsc;

/// Longest UID in bytes.
const LONGEST_UID: usize = 128;

/// Whether users can have this id, and what is wrong with it otherwise.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_uid(uid: &str) -> Result<(), String> {
    document_id(uid, LONGEST_UID).map_err(|why| {
        let shown: String = uid.chars().take(40).collect();
        format!("the UID {shown:?} cannot be used: {why}")
    })
}

/// Whether a user can have these fields.
///
/// # Errors
///
/// What is wrong with them.
pub fn check_fields(fields: &Map<String, Value>) -> Result<(), String> {
    match fields.get("name") {
        // Old clients hang on an answer without a name that is a text.
        Some(name) if !name.is_string() => Err(format!("\"name\" is {name}, and it has to be a text")),
        _ if fields.is_empty() => Err("there is no field to set".into()),
        _ => Ok(()),
    }
}

/// All users, ascending by id.
///
/// # Errors
///
/// What the store says.
pub async fn all(documents: &dyn Documents) -> Result<Vec<Versioned<Content>>, PortError> {
    let (to, mut snapshot) = mpsc::channel(1);
    let first = First { to: Mutex::new(Some(to)) };
    tokio::select! {
        ended = documents.watch(Collection::Users, &first) => match ended {
            Ok(never) => match never {},
            Err(error) => Err(error),
        },
        users = snapshot.recv() => Ok(users.unwrap_or_default()),
    }
}

/// Takes the snapshot, which comes first, and nothing else.
struct First {
    to: Mutex<Option<mpsc::Sender<Vec<Versioned<Content>>>>>,
}

#[async_trait]
impl Inbox for First {
    async fn push(&self, event: Event) {
        if let Event::Documents(News::Snapshot(_, users)) = event
            && let Some(to) = self.to.lock().await.take()
        {
            // Whoever asked may have gone.
            let _ = to.send(users).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_that_are_no_document_ids_are_refused() {
        for good in ["4711", "한글", "a.b", "__x", "...", &"x".repeat(128)] {
            assert_eq!(check_uid(good), Ok(()), "{good}");
        }
        for bad in ["", "a/b", ".", "..", "____", "__x__", &"x".repeat(129), &"한".repeat(43)] {
            assert!(check_uid(bad).is_err(), "{bad}");
        }
    }
}
