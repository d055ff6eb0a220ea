//! What is wrong with a document.

use crate::message::{quoted, shortened};
use alloc::format;
use alloc::string::{String, ToString};
use serde_json::Value;

/// What is wrong with a document: the field, what was found there, and what is allowed.
///
/// Its text is one line that prints, of at most 600 bytes, whatever the document holds. It does not name the document:
/// who tells it knows the id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentFault {
    /// The content is no JSON, or is nested too deeply.
    #[error("not JSON: {why}")]
    NotJson {
        /// What the parser found, and where.
        why: String,
    },
    /// JSON, but no object.
    #[error("not a JSON object but {found}")]
    NotAnObject {
        /// What it is, quoted and shortened.
        found: String,
    },
    /// A field that has to be there is not, or is null.
    #[error("field \"{field}\" is missing, allowed is {allowed}")]
    Missing {
        /// The field.
        field: &'static str,
        /// What is allowed there.
        allowed: &'static str,
    },
    /// A field holds what it may not hold.
    #[error("field \"{field}\" is {found}, allowed is {allowed}")]
    NotAllowed {
        /// The field.
        field: &'static str,
        /// What it holds, quoted and shortened.
        found: String,
        /// What is allowed there.
        allowed: &'static str,
    },
    /// The week has another number of days.
    #[error("field \"daysOfWeek\" has {found} entries, allowed are seven, Sunday first")]
    NotSevenDays {
        /// How many there are.
        found: usize,
    },
    /// A day of the week is neither set nor unset.
    #[error("field \"daysOfWeek\" has {found} at {at}, allowed is true or false")]
    NotADay {
        /// Which entry, 0 for Sunday to 6.
        at: usize,
        /// What it holds, quoted and shortened.
        found: String,
    },
}

impl DocumentFault {
    /// The field that is at fault; `None` when there are no fields at all.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotJson { .. } | Self::NotAnObject { .. } => None,
            Self::Missing { field, .. } | Self::NotAllowed { field, .. } => Some(field),
            Self::NotSevenDays { .. } | Self::NotADay { .. } => Some("daysOfWeek"),
        }
    }

    pub(super) fn not_json(error: &serde_json::Error) -> DocumentFault {
        DocumentFault::NotJson { why: shortened(&error.to_string()) }
    }

    pub(super) fn value(field: &'static str, value: &Value, allowed: &'static str) -> DocumentFault {
        DocumentFault::NotAllowed { field, found: shown(value), allowed }
    }

    pub(crate) fn day(at: usize, value: &Value) -> DocumentFault {
        DocumentFault::NotADay { at, found: shown(value) }
    }
}

/// A value as a fault shows it: short, and without looking into lists and objects, which may be deep.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(entries) => format!("a list of {}", entries.len()),
        Value::Object(_) => "an object".to_string(),
        plain => shortened(&plain.to_string()),
    }
}
