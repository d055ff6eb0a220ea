//! The nine digits as bytes.
//!
//! Which digit belongs to what is said once, in [`LAYOUT`] at the foot of this file.

mod digit;
mod error;
mod grammar;
#[cfg(test)]
mod proof;

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use self::digit::{Digit, DigitError};
pub use self::error::{Allowed, FrameError};
use crate::appliance::{Light, Part};

/// How many bytes a frame has.
pub(crate) const LENGTH: usize = 9;

/// Exactly nine ASCII digits: what a device sends and receives, before it is given a meaning.
///
/// | position | digit | values |
/// |---|---|---|
/// | 0 | mode | 0 appliances set one by one, 1–9 the mode (scene) of that number |
/// | 1 | air conditioner switch | 0 off, 1 on, 2 keep |
/// | 2 | wind level | 1–9 for 10–90 %, 0 occurs |
/// | 3 | light switch | 0 off, 1 on, 2 keep |
/// | 4 | brightness | as the wind level |
/// | 5 | colour | 0 white, 1 red, 2 blue, 3 green, 4 yellow, 5 purple, 6 orange, 7 sky; 8 and 9 free |
/// | 6 | light mode | 0 normal, 1 sleep, 2 guide, 3 tree; 4–9 free |
/// | 7 | window | 0 close, 1 open, 2 keep |
/// | 8 | gas valve | 0 close, 1 open, 2 keep |
///
/// The same nine digits are read in two ways: as a [`Command`](crate::Command), whose switches may
/// say *keep*, or as a [`Status`](crate::Status), whose switches are 0 or 1. A frame that is
/// neither (a switch of 3 or more) is still a `Frame`. The layout is that of the firmware and of
/// both apps that speak it; frames of eight digits, which have no mode, are not read.
///
/// Serialises as its text, `"009060210"`.
///
/// ```
/// use smarthome_core::{Command, Frame, Status};
///
/// let frame: Frame = "009060210".parse()?;
/// assert_eq!(frame.as_bytes(), b"009060210");
/// assert!(Status::try_from(frame)?.window_open());
/// assert_eq!(Frame::from(Command::try_from(frame)?), frame);
/// # Ok::<(), smarthome_core::FrameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame(pub(crate) [u8; LENGTH]);

impl Frame {
    /// Its nine ASCII bytes, each `b'0'` to `b'9'`.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// Its text of nine characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Digits are ASCII, so there is always a text.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Its nine digits, from the mode to the gas valve.
    #[must_use]
    pub fn digits(self) -> [Digit; LENGTH] {
        self.0.map(Digit::of_accepted)
    }

    /// The frame of these bytes when `switch` is what its switches may be.
    #[inline]
    pub(crate) fn parse(bytes: &[u8], switch: Allowed) -> Result<Self, FrameError> {
        let Ok(nine) = <[u8; LENGTH]>::try_from(bytes) else {
            return Err(FrameError::Length { found: bytes.len() });
        };
        if !accepts(&nine, &highest(switch)) {
            grammar::check(&nine, switch)?;
        }
        // The grammar returns no frame, so that a good one never takes the way through memory.
        Ok(Self(nine))
    }

    pub(crate) const fn digit(mut self, at: At) -> Digit {
        Digit::of_accepted(*slot(&mut self.0, at))
    }

    pub(crate) const fn with(mut self, at: At, digit: Digit) -> Self {
        *slot(&mut self.0, at) = digit.ascii();
        self
    }

    pub(crate) const fn with_light(self, light: Light) -> Self {
        self.with(At::Brightness, light.brightness)
            .with(At::Colour, light.colour.digit())
            .with(At::LightMode, light.mode.digit())
    }

    /// This frame, with the digits of `part` taken from `other`.
    pub(crate) fn with_part(mut self, part: Part, other: Self) -> Self {
        for ((field, mine), theirs) in LAYOUT.iter().zip(&mut self.0).zip(other.0) {
            if field.part == part {
                *mine = theirs;
            }
        }
        self
    }

    /// Whether all digits of `part` are the same in both.
    pub(crate) fn same_part(self, part: Part, other: Self) -> bool {
        LAYOUT
            .iter()
            .zip(self.0)
            .zip(other.0)
            .all(|((field, mine), theirs)| field.part != part || mine == theirs)
    }
}

/// The accepting pass: whether every byte is a digit and none is above what its position allows.
///
/// It decides for good frames only. What it refuses goes through the grammar, which has the last
/// word and names the fault.
#[inline]
fn accepts(bytes: &[u8; LENGTH], highest: &[u8; LENGTH]) -> bool {
    // Eight bytes at a time: `value` holds what is left of each byte without the pattern of the
    // digits, 0 to 9 for a digit and 0x10 or more for anything else. Adding what its highest digit
    // lacks to 0x7f sets a byte's top bit exactly when it is too high. A byte that has that bit
    // from the start may carry into its neighbour, but then the answer is no already.
    let (
        [mode, air, wind, light, brightness, colour, light_mode, window, gas],
        [a, b, c, d, e, f, g, h, last],
    ) = (*bytes, *highest);
    let bytes = u64::from_le_bytes([mode, air, wind, light, brightness, colour, light_mode, window]);
    let highest = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let value = bytes ^ EACH.wrapping_mul(0x30);
    let lacking = EACH.wrapping_mul(0x7f).wrapping_sub(highest);
    let too_high = (value.wrapping_add(lacking) | value) & EACH.wrapping_mul(0x80);
    // `&`, not `&&`: one branch instead of two.
    (too_high == 0) & (gas ^ 0x30 <= last)
}

/// One in each of eight bytes: times a number under 256, that number in each of them.
const EACH: u64 = 0x0101_0101_0101_0101;

impl TryFrom<&[u8]> for Frame {
    type Error = FrameError;

    /// # Errors
    /// When there are not nine bytes, or one of them is not an ASCII digit.
    fn try_from(bytes: &[u8]) -> Result<Self, FrameError> {
        Self::parse(bytes, Allowed::AnyDigit)
    }
}

impl FromStr for Frame {
    type Err = FrameError;

    /// # Errors
    /// When the text is not nine ASCII digits; blanks are not trimmed.
    fn from_str(text: &str) -> Result<Self, FrameError> {
        Self::try_from(text.as_bytes())
    }
}

impl From<[Digit; LENGTH]> for Frame {
    fn from(digits: [Digit; LENGTH]) -> Self {
        Self(digits.map(Digit::ascii))
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({})", self.as_str())
    }
}

impl Serialize for Frame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(FrameVisitor)
    }
}

struct FrameVisitor;

impl de::Visitor<'_> for FrameVisitor {
    type Value = Frame;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text of nine digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Frame, E> {
        text.parse().map_err(E::custom)
    }
}

/// The name of a position, `None` from 9 on.
fn field_name(position: usize) -> Option<&'static str> {
    LAYOUT.get(position).map(|field| field.name)
}

/// The place of one digit. Total by construction, so that no index can be out of range.
const fn slot(bytes: &mut [u8; LENGTH], at: At) -> &mut u8 {
    let [mode, air, wind, light, brightness, colour, light_mode, window, gas] = bytes;
    match at {
        At::Mode => mode,
        At::AirConditioner => air,
        At::Wind => wind,
        At::Light => light,
        At::Brightness => brightness,
        At::Colour => colour,
        At::LightMode => light_mode,
        At::Window => window,
        At::GasValve => gas,
    }
}

/// The highest digit of every position, when `switch` is what the switches may be.
#[inline]
const fn highest(switch: Allowed) -> [u8; LENGTH] {
    let [a, b, c, d, e, f, g, h, i] = &LAYOUT;
    [
        a.allows(switch).highest(),
        b.allows(switch).highest(),
        c.allows(switch).highest(),
        d.allows(switch).highest(),
        e.allows(switch).highest(),
        f.allows(switch).highest(),
        g.allows(switch).highest(),
        h.allows(switch).highest(),
        i.allows(switch).highest(),
    ]
}

/// The positions of a frame, in the order of [`LAYOUT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Mode,
    AirConditioner,
    Wind,
    Light,
    Brightness,
    Colour,
    LightMode,
    Window,
    GasValve,
}

/// One position of the layout.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) part: Part,
    /// Whether it is its part's switch, and not a value beside one.
    pub(crate) is_switch: bool,
}

impl Field {
    const fn switch(name: &'static str, part: Part) -> Self {
        Self { name, part, is_switch: true }
    }

    const fn value(name: &'static str, part: Part) -> Self {
        Self { name, part, is_switch: false }
    }

    const fn allows(&self, switch: Allowed) -> Allowed {
        if self.is_switch { switch } else { Allowed::AnyDigit }
    }
}

/// The layout of the nine digits: the one table that reading, writing and every operation use.
pub(crate) const LAYOUT: [Field; LENGTH] = [
    Field::value("mode", Part::Mode),
    Field::switch("air conditioner", Part::AirConditioner),
    Field::value("wind level", Part::AirConditioner),
    Field::switch("light", Part::Light),
    Field::value("brightness", Part::Light),
    Field::value("colour", Part::Light),
    Field::value("light mode", Part::Light),
    Field::switch("window", Part::Window),
    Field::switch("gas valve", Part::GasValve),
];
