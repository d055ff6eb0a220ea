//! What is wrong with a text that is not a frame.

use core::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::field_name;

/// Why bytes are not a frame, a status or a command.
///
/// The length is judged first; in nine bytes the first wrong one is named.
/// The text never contains a raw control byte, so it can go to a log as it is.
///
/// ```
/// use smarthome_core::{Command, FrameError};
///
/// let short = "00906021".parse::<Command>().unwrap_err();
/// assert_eq!(short, FrameError::Length { found: 8 });
/// assert_eq!(short.to_string(), "frame has 8 bytes, 9 are needed");
///
/// let window = "009060230".parse::<Command>().unwrap_err();
/// assert_eq!(
///     window.to_string(),
///     "byte 0x33 '3' at position 7 (window) is not allowed there: 0, 1 or 2 (2 keeps it)"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameError {
    /// The text is shorter or longer than nine bytes.
    #[error("frame has {found} {}, 9 are needed", if *.found == 1 { "byte" } else { "bytes" })]
    Length {
        /// How many bytes there were.
        found: usize,
    },
    /// A byte that its position does not allow.
    #[error("byte {} at position {}{} is not allowed there: {}", Shown(*.found), .position, Named(*.position), .allowed)]
    Byte {
        /// Where: 0 (mode) to 8 (gas valve).
        position: usize,
        /// The byte that was there.
        found: u8,
        /// What may be there.
        allowed: Allowed,
    },
}

/// What a position of a frame allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowed {
    /// Any of the ten digits: mode, levels, colour, light mode.
    AnyDigit,
    /// 0 or 1: a switch in a status, which cannot say "keep".
    OffOn,
    /// 0, 1 or 2: a switch in a command.
    OffOnKeep,
}

impl Allowed {
    /// The highest digit that is allowed; all from 0 up to it are.
    #[must_use]
    pub const fn highest(self) -> u8 {
        match self {
            Self::AnyDigit => 9,
            Self::OffOn => 1,
            Self::OffOnKeep => 2,
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnyDigit => "0 to 9",
            Self::OffOn => "0 or 1",
            Self::OffOnKeep => "0, 1 or 2 (2 keeps it)",
        })
    }
}

/// A byte in hexadecimal, and as a character where that is one visible ASCII character.
struct Shown(u8);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}", self.0)?;
        if self.0.is_ascii_graphic() || self.0 == b' ' {
            write!(f, " '{}'", char::from(self.0))?;
        }
        Ok(())
    }
}

/// The name of a position in brackets; nothing for a position that no frame has.
struct Named(usize);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        field_name(self.0).map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}
