//! What a UID and a user's document may be.

use serde_json::{Map, Value};
use smarthome_core::message::document_id;

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
