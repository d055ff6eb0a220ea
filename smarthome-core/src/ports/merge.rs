//! Merging fields into a document, the way every store does it.

use crate::engine::Content;
use alloc::string::{String, ToString};
use serde_json::{Map, Value};

/// The document that results when the top-level members of `fields` replace those of the same name in `old`; the
/// other members of `old` stay. Nested objects are replaced whole.
///
/// Both are JSON objects as text. What JSON does not know, such as `NaN`, is refused.
///
/// ```
/// use smarthome_core::ports::merged;
/// let old = r#"{"name":"Kim","colour":"red"}"#;
/// assert_eq!(&*merged(Some(old), r#"{"name":"Lee"}"#)?, r#"{"colour":"red","name":"Lee"}"#);
/// # Ok::<(), smarthome_core::ports::MergeError>(())
/// ```
pub fn merged(old: Option<&str>, fields: &str) -> Result<Content, MergeError> {
    let object =
        |text: &str| serde_json::from_str::<Map<String, Value>>(text).map_err(|error| error.to_string());
    let fields = object(fields).map_err(|detail| MergeError::Fields { detail })?;
    let mut document = match old {
        None => Map::new(),
        Some(old) => object(old).map_err(|detail| MergeError::Document { detail })?,
    };
    document.extend(fields);
    Ok(Value::Object(document).to_string().into())
}

/// Why fields cannot be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// What is to be merged is not a JSON object.
    #[error("the fields are not a JSON object: {detail}")]
    Fields {
        /// What is wrong, and where.
        detail: String,
    },
    /// What is stored is not a JSON object.
    #[error("the stored document is not a JSON object: {detail}")]
    Document {
        /// What is wrong, and where.
        detail: String,
    },
}
