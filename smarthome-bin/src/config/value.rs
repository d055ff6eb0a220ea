//! A value as it stands in the file or in a variable, before it has a type.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use toml::de::DeValue;

/// A value without a type.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    /// Text in quotes.
    Text(Cow<'a, str>),
    /// A number.
    Integer(i64),
    /// Several.
    List(Vec<Value<'a>>),
    /// From a variable, where everything is text.
    Variable(&'a str),
    /// Something no setting takes; what it is called.
    Other(&'static str),
}

impl<'a> Value<'a> {
    /// The value in the file.
    pub(super) fn of_toml(value: &'a DeValue<'a>) -> Value<'a> {
        match value {
            DeValue::String(text) => Value::Text(Cow::Borrowed(text)),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::Other("a number beyond all bounds"),
            },
            DeValue::Array(items) => {
                Value::List(items.iter().map(|item| Value::of_toml(item.get_ref())).collect())
            }
            DeValue::Float(_) => Value::Other("a number with a fraction"),
            DeValue::Boolean(_) => Value::Other("a truth value"),
            DeValue::Datetime(_) => Value::Other("a date"),
            DeValue::Table(_) => Value::Other("a section"),
        }
    }

    /// The text.
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Value::Text(text) => Ok(text),
            Value::Variable(text) => Ok(text),
            other => Err(format!("is {}, not a text in quotes", other.kind())),
        }
    }

    /// The number, when it is in this range.
    pub(super) fn integer(&self, range: RangeInclusive<i64>) -> Result<i64, String> {
        let number = match self {
            Value::Integer(number) => Some(*number),
            Value::Variable(text) => text.trim().parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if range.contains(&number) => Ok(number),
            Some(number) => Err(format!("is {number}")),
            None => Err(format!("is {}", self.shown())),
        }
    }

    /// The texts of a list.
    pub(super) fn list(&self) -> Result<Vec<String>, String> {
        match self {
            Value::List(items) => items.iter().map(|item| item.text().map(str::to_owned)).collect(),
            Value::Variable(text) => Ok(text
                .split(',')
                .map(|item| item.trim().to_owned())
                .filter(|item| !item.is_empty())
                .collect()),
            other => Err(format!("is {}, not a list of texts", other.kind())),
        }
    }

    /// The path, from `base` when it is relative.
    pub(super) fn path(&self, base: &Path) -> Result<PathBuf, String> {
        match self.text()? {
            "" => Err("is empty".into()),
            path => Ok(base.join(path)),
        }
    }

    /// The value for a message.
    pub(super) fn shown(&self) -> String {
        match self {
            Value::Text(text) => format!("{text:?}"),
            Value::Variable(text) => format!("{text:?}"),
            Value::Integer(number) => number.to_string(),
            other => other.kind().into(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) | Value::Variable(_) => "a text",
            Value::Integer(_) => "a number",
            Value::List(_) => "a list",
            Value::Other(kind) => kind,
        }
    }
}
