//! One digit of a frame.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// One digit of a frame: a whole number from 0 to 9.
///
/// As a level (wind, brightness) a digit counts tenths: see [`Digit::percent`].
/// Serialises as a number; a number over 9 is refused.
///
/// ```
/// use smarthome_core::Digit;
///
/// let five = Digit::new(5).expect("5 is a digit");
/// assert_eq!((five.value(), five.ascii(), five.percent()), (5, b'5', 50));
/// assert_eq!(Digit::new(10), None);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digit(u8);

impl Digit {
    /// 0: as a mode digit, "no mode, the appliances were set one by one".
    pub const ZERO: Self = Self(0);
    /// 1: a switch that is on.
    pub const ONE: Self = Self(1);
    /// 2: a switch that keeps its appliance, and the usual filler beside it.
    pub const TWO: Self = Self(2);
    /// 5: half of every level.
    pub const FIVE: Self = Self(5);
    /// 9: the highest digit.
    pub const NINE: Self = Self(9);
    /// All ten digits, ascending.
    pub const ALL: [Self; 10] =
        [Self(0), Self(1), Self(2), Self(3), Self(4), Self(5), Self(6), Self(7), Self(8), Self(9)];

    /// The digit with this value; `None` over 9.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        if value <= 9 { Some(Self(value)) } else { None }
    }

    /// The digit that this ASCII byte writes; `None` for anything but `b'0'` to `b'9'`.
    #[must_use]
    pub const fn from_ascii(byte: u8) -> Option<Self> {
        Self::new(byte.wrapping_sub(b'0'))
    }

    /// The value, 0 to 9.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }

    /// The ASCII byte that writes it, `b'0'` to `b'9'`.
    #[must_use]
    pub const fn ascii(self) -> u8 {
        // The low four bits of `b'0'` are clear, so no carry can occur.
        b'0' | self.0
    }

    /// The level this digit stands for: 0 to 90 percent in steps of ten.
    ///
    /// The sliders of existing apps send 1 to 9; 0 occurs as well and is valid.
    #[must_use]
    pub const fn percent(self) -> u8 {
        self.0.saturating_mul(10)
    }

    /// The digit of a byte that is already known to be one.
    pub(crate) const fn of_accepted(byte: u8) -> Self {
        Self(byte & 0x0f)
    }
}

/// A number that is not a digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{found} is not a digit from 0 to 9")]
pub struct DigitError {
    /// The number that was offered.
    pub found: u8,
}

impl TryFrom<u8> for Digit {
    type Error = DigitError;

    /// # Errors
    /// When the number is over 9.
    fn try_from(found: u8) -> Result<Self, DigitError> {
        Self::new(found).ok_or(DigitError { found })
    }
}

impl From<Digit> for u8 {
    fn from(digit: Digit) -> Self {
        digit.0
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Digit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Digit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u8(DigitVisitor)
    }
}

struct DigitVisitor;

impl de::Visitor<'_> for DigitVisitor {
    type Value = Digit;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digit from 0 to 9")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Digit, E> {
        u8::try_from(value)
            .ok()
            .and_then(Digit::new)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Digit, E> {
        u64::try_from(value)
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
            .and_then(|value| self.visit_u64(value))
    }
}
