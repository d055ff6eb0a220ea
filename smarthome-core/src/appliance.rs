//! What the digits of a frame speak about: the parts of a home and the values they take.

mod part_set;

use core::fmt;

use serde::{Deserialize, Serialize};

pub use self::part_set::{PartSet, Parts};
use crate::frame::{At, Digit};

/// An appliance that a frame switches.
///
/// Serialises in snake case: `"air_conditioner"`. Displays in plain English: `air conditioner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Appliance {
    /// The air conditioner, with a wind level.
    AirConditioner,
    /// The light, with brightness, colour and light mode.
    Light,
    /// The window, opened and closed by a motor.
    Window,
    /// The valve in the gas pipe. "On" means open.
    GasValve,
}

impl Appliance {
    /// All four, in the order of the frame.
    pub const ALL: [Self; 4] = [Self::AirConditioner, Self::Light, Self::Window, Self::GasValve];

    /// Where its switch is.
    pub(crate) const fn switch_at(self) -> At {
        match self {
            Self::AirConditioner => At::AirConditioner,
            Self::Light => At::Light,
            Self::Window => At::Window,
            Self::GasValve => At::GasValve,
        }
    }
}

impl fmt::Display for Appliance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Part::from(*self).fmt(f)
    }
}

/// A part of a frame that is expected, confirmed and compared by itself: the mode digit or one
/// appliance with all its digits.
///
/// Serialises in snake case: `"gas_valve"`. Displays in plain English: `gas valve`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The mode digit.
    Mode,
    /// The air conditioner and its wind level.
    AirConditioner,
    /// The light with brightness, colour and light mode.
    Light,
    /// The window.
    Window,
    /// The gas valve.
    GasValve,
}

impl Part {
    /// All five, in the order of the frame.
    pub const ALL: [Self; 5] = [Self::Mode, Self::AirConditioner, Self::Light, Self::Window, Self::GasValve];

    /// The appliance; `None` for the mode digit.
    #[must_use]
    pub const fn appliance(self) -> Option<Appliance> {
        match self {
            Self::Mode => None,
            Self::AirConditioner => Some(Appliance::AirConditioner),
            Self::Light => Some(Appliance::Light),
            Self::Window => Some(Appliance::Window),
            Self::GasValve => Some(Appliance::GasValve),
        }
    }
}

impl From<Appliance> for Part {
    fn from(appliance: Appliance) -> Self {
        match appliance {
            Appliance::AirConditioner => Self::AirConditioner,
            Appliance::Light => Self::Light,
            Appliance::Window => Self::Window,
            Appliance::GasValve => Self::GasValve,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mode => "mode",
            Self::AirConditioner => "air conditioner",
            Self::Light => "light",
            Self::Window => "window",
            Self::GasValve => "gas valve",
        })
    }
}

/// What a command says about an appliance. For window and gas valve, on is open and off is closed.
///
/// Serialises as `"off"`, `"on"`, `"keep"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// Digit 0: switch off, close. The digits beside it are ignored.
    Off,
    /// Digit 1: switch on, open, with the digits beside it.
    On,
    /// Digit 2: leave the appliance as it is. The digits beside it are filler.
    Keep,
}

impl Switch {
    /// Its digit: 0, 1 or 2.
    #[must_use]
    pub const fn digit(self) -> Digit {
        match self {
            Self::Off => Digit::ZERO,
            Self::On => Digit::ONE,
            Self::Keep => Digit::TWO,
        }
    }

    /// The switch of a digit that a command was accepted with.
    pub(crate) const fn of_accepted(digit: Digit) -> Self {
        match digit.value() {
            0 => Self::Off,
            1 => Self::On,
            _ => Self::Keep,
        }
    }
}

impl From<bool> for Switch {
    /// On for `true`, off for `false`.
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Keep => "keep",
        })
    }
}

/// A value that has names for some of the ten digits and represents all of them.
macro_rules! named_digit {
    ($(#[$doc:meta])* $type:ident { $($constant:ident = $value:literal $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub Digit);

        impl $type {
            $(
                #[doc = concat!("Digit ", $value, ": ", $name, ".")]
                pub const $constant: Self = Self(Digit::of_accepted($value));
            )*

            /// Its digit.
            #[must_use]
            pub const fn digit(self) -> Digit {
                self.0
            }

            /// Its English name; `None` for a digit that nobody has given a meaning yet.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0.value() {
                    $($value => Some($name),)*
                    _ => None,
                }
            }
        }

        impl From<Digit> for $type {
            fn from(digit: Digit) -> Self {
                Self(digit)
            }
        }

        impl From<$type> for Digit {
            fn from(value: $type) -> Self {
                value.0
            }
        }

        impl fmt::Display for $type {
            /// The name, or the digit where there is none.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => self.0.fmt(f),
                }
            }
        }
    };
}

named_digit! {
    /// The colour of the light: eight have a name, 8 and 9 are free. Serialises as its digit.
    ///
    /// ```
    /// use smarthome_core::{Colour, Digit};
    ///
    /// assert_eq!(Colour::from(Digit::TWO), Colour::BLUE);
    /// assert_eq!(Colour::BLUE.to_string(), "blue");
    /// assert_eq!(Colour(Digit::NINE).name(), None);
    /// ```
    Colour {
        WHITE = 0 "white",
        RED = 1 "red",
        BLUE = 2 "blue",
        GREEN = 3 "green",
        YELLOW = 4 "yellow",
        PURPLE = 5 "purple",
        ORANGE = 6 "orange",
        SKY = 7 "sky",
    }
}

named_digit! {
    /// What the light does: four have a name, 4 to 9 are free. Serialises as its digit.
    LightMode {
        NORMAL = 0 "normal",
        SLEEP = 1 "sleep",
        GUIDE = 2 "guide",
        TREE = 3 "tree",
    }
}

/// What stands beside the switch of the light.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Light {
    /// Brightness in tenths, 0 to 9.
    pub brightness: Digit,
    /// Colour.
    pub colour: Colour,
    /// What the light does.
    pub mode: LightMode,
}

/// What a particular home can show, so that nothing else is sent to it.
///
/// The firmware looks a colour up in a table of its own length without checking, so a colour that
/// it lacks must never reach it: see [`Command::fit`](crate::Command::fit).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Device {
    /// How many colours it has, counted from 0. Eight by default; 10 or more means all.
    pub colours: u8,
    /// How many light modes it has, counted from 0. Four by default; 10 or more means all.
    pub light_modes: u8,
}

impl Device {
    /// Whether it has this colour.
    #[must_use]
    pub const fn has_colour(self, colour: Colour) -> bool {
        colour.digit().value() < self.colours
    }

    /// Whether it has this light mode.
    #[must_use]
    pub const fn has_light_mode(self, mode: LightMode) -> bool {
        mode.digit().value() < self.light_modes
    }
}

impl Default for Device {
    fn default() -> Self {
        Self { colours: 8, light_modes: 4 }
    }
}
