//! Reading the store's documents: the fields' values, however a client wrote them.
//!
//! Clients of three kinds have written these documents for years, each in its own way. What a value means is read
//! where it can only mean one thing; everything else is a [`DocumentFault`].

mod fault;

pub use fault::DocumentFault;

use crate::Digit;
use alloc::string::{String, ToString};
use serde_json::{Map, Value};

/// What a switch may be.
pub(crate) const SWITCH: &str = "true or false";
/// What a digit may be.
pub(crate) const DIGIT: &str = "a whole number from 0 to 9";
/// What a text may be.
pub(crate) const TEXT: &str = "a text";

/// The object that a document's content is.
pub(crate) fn object(content: &str) -> Result<Map<String, Value>, DocumentFault> {
    match serde_json::from_str(content) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(DocumentFault::NotAnObject { found: fault::shown(&other) }),
        Err(error) => Err(DocumentFault::not_json(&error)),
    }
}

/// A document's fields. One that is null counts as absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// The value of a field, read by `read`, which answers `None` for what it cannot read. `allowed` says what it can.
    pub(crate) fn optional<T>(
        self,
        field: &'static str,
        allowed: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, DocumentFault> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(value) {
                Some(read) => Ok(Some(read)),
                None => Err(DocumentFault::value(field, value, allowed)),
            },
        }
    }

    /// As [`optional`](Self::optional), of a field that has to be there.
    pub(crate) fn required<T>(
        self,
        field: &'static str,
        allowed: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, DocumentFault> {
        self.optional(field, allowed, read)?.ok_or(DocumentFault::Missing { field, allowed })
    }

    /// The fault of a field whose value is readable and yet not allowed here.
    pub(crate) fn not_allowed(self, field: &'static str, allowed: &'static str) -> DocumentFault {
        match self.0.get(field) {
            None | Some(Value::Null) => DocumentFault::Missing { field, allowed },
            Some(value) => DocumentFault::value(field, value, allowed),
        }
    }
}

/// A whole number: an integer, a double without a fraction, or a text of digits with or without a minus sign.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let double = number.as_f64()?;
            // The cast saturates, so what does not fit is not equal to what it becomes.
            let whole = double as i64;
            (whole as f64 == double && whole != i64::MAX).then_some(whole)
        }),
        Value::String(text) => {
            let text = text.trim();
            let unsigned = text.strip_prefix('-').unwrap_or(text);
            unsigned.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
        }
        _ => None,
    }
}

/// A switch: true or false, as a value or a text in any case, or 1 or 0.
pub(crate) fn switch(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(on) => Some(*on),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        other => match whole(other)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
    }
}

/// A whole number from 0 to 9.
pub(crate) fn digit(value: &Value) -> Option<Digit> {
    u8::try_from(whole(value)?).ok().and_then(Digit::new)
}

/// A text.
pub(crate) fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

/// Writes a field that is there, in its canonical form: real booleans and integers, never null.
pub(crate) fn write<T: Into<Value>>(fields: &mut Map<String, Value>, field: &str, value: Option<T>) {
    if let Some(value) = value {
        fields.insert(field.to_string(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_numbers_come_in_three_kinds() {
        for (value, number) in [
            (json!(7), Some(7)),
            (json!(7.0), Some(7)),
            (json!(-0.0), Some(0)),
            (json!("7"), Some(7)),
            (json!(" -15 "), Some(-15)),
            (json!("0730"), Some(730)),
            (json!(7.5), None),
            (json!(1e300), None),
            (json!(-1e300), None),
            // 2⁶³, one more than there is room for.
            (json!(9_223_372_036_854_775_808.0), None),
            (json!(u64::MAX), None),
            (json!("99999999999999999999"), None),
            (json!("7.0"), None),
            (json!("+7"), None),
            (json!("--7"), None),
            (json!("-"), None),
            (json!(""), None),
            (json!("٣"), None),
            (json!(true), None),
            (json!([7]), None),
        ] {
            assert_eq!(whole(&value), number, "{value}");
        }
    }

    #[test]
    fn switches_come_in_three_kinds() {
        for value in [json!(true), json!("true"), json!("True"), json!(1), json!(1.0), json!("1")] {
            assert_eq!(switch(&value), Some(true), "{value}");
        }
        for value in [json!(false), json!("false"), json!("FALSE"), json!(0), json!("0")] {
            assert_eq!(switch(&value), Some(false), "{value}");
        }
        for value in [json!(2), json!("on"), json!(""), json!([]), json!({}), json!(0.5)] {
            assert_eq!(switch(&value), None, "{value}");
        }
    }

    #[test]
    fn hostile_content_is_a_fault() {
        for content in ["", "[", "nine", "{\"a\":NaN}", &"[".repeat(100_000), &"{\"a\":".repeat(100_000)] {
            assert!(matches!(object(content), Err(DocumentFault::NotJson { .. })));
        }
        for (content, says) in [
            ("[]", "not a JSON object but a list of 0"),
            ("7", "not a JSON object but 7"),
            ("null", "not a JSON object but null"),
            ("\"a\\nb\"", "not a JSON object but \"a\\nb\""),
        ] {
            assert_eq!(object(content).unwrap_err().to_string(), says);
        }
    }
}
