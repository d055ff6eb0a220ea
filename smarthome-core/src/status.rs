//! The nine digits as what the home reports.

mod shape;

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use self::shape::StatusShape;
use crate::appliance::{Appliance, Colour, Light, LightMode, Part, PartSet, Switch};
use crate::command::Command;
use crate::frame::{Allowed, At, Digit, Frame, FrameError, LENGTH};

/// What a home reports about itself: a mode digit and four appliances, each on or off.
///
/// Of the 10⁹ strings of nine digits 1,600,000 are a status: those whose four switches are 0 or 1.
/// See [`Frame`] for the layout. The digits beside a switch that is off are remembered by the home
/// and are kept here too, so that every status is written back as it was read.
///
/// Serialises as an object; a digit over 9, a missing and an unknown key are refused:
///
/// ```json
/// {
///   "mode": 0,
///   "air_conditioner": { "on": false, "wind": 9 },
///   "light": { "on": false, "brightness": 6, "colour": 0, "mode": 2 },
///   "window": "open",
///   "gas_valve": "closed"
/// }
/// ```
///
/// ```
/// use smarthome_core::{Appliance, Status};
///
/// let status: Status = "009060210".parse()?;
/// assert!(!status.is_on(Appliance::AirConditioner));
/// assert_eq!(status.wind().percent(), 90);
/// assert!(status.window_open() && !status.gas_open());
/// assert_eq!(status.to_string(), "009060210");
/// # Ok::<(), smarthome_core::FrameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "StatusShape", into = "StatusShape")]
pub struct Status(Frame);

impl Status {
    /// `000000000`: everything off and closed. What a home starts with when it cannot read its own
    /// last status.
    pub const ZERO: Self = Self(Frame([b'0'; LENGTH]));

    /// The mode digit: 0 when the appliances were set one by one, 1 to 9 for a mode.
    #[must_use]
    pub const fn mode(self) -> Digit {
        self.0.digit(At::Mode)
    }

    /// Whether the appliance is on; for window and gas valve, whether it is open.
    #[must_use]
    pub const fn is_on(self, appliance: Appliance) -> bool {
        self.0.digit(appliance.switch_at()).value() == 1
    }

    /// The wind level of the air conditioner, also while it is off.
    #[must_use]
    pub const fn wind(self) -> Digit {
        self.0.digit(At::Wind)
    }

    /// The brightness of the light, also while it is off.
    #[must_use]
    pub const fn brightness(self) -> Digit {
        self.0.digit(At::Brightness)
    }

    /// The colour of the light, also while it is off.
    #[must_use]
    pub const fn colour(self) -> Colour {
        Colour(self.0.digit(At::Colour))
    }

    /// What the light does, also while it is off.
    #[must_use]
    pub const fn light_mode(self) -> LightMode {
        LightMode(self.0.digit(At::LightMode))
    }

    /// Brightness, colour and light mode, also while the light is off.
    #[must_use]
    pub const fn light(self) -> Light {
        Light { brightness: self.brightness(), colour: self.colour(), mode: self.light_mode() }
    }

    /// Whether the window is open.
    #[must_use]
    pub const fn window_open(self) -> bool {
        self.is_on(Appliance::Window)
    }

    /// Whether the gas valve is open.
    #[must_use]
    pub const fn gas_open(self) -> bool {
        self.is_on(Appliance::GasValve)
    }

    /// This status with another mode digit.
    #[must_use]
    pub const fn with_mode(self, mode: Digit) -> Self {
        Self(self.0.with(At::Mode, mode))
    }

    /// This status with the appliance switched and nothing beside the switch changed.
    #[must_use]
    pub const fn with_switch(self, appliance: Appliance, on: bool) -> Self {
        Self(self.0.with(appliance.switch_at(), if on { Digit::ONE } else { Digit::ZERO }))
    }

    /// This status with another air conditioner.
    #[must_use]
    pub const fn with_air_conditioner(self, on: bool, wind: Digit) -> Self {
        Self(self.with_switch(Appliance::AirConditioner, on).0.with(At::Wind, wind))
    }

    /// This status with another light.
    #[must_use]
    pub const fn with_light(self, on: bool, light: Light) -> Self {
        Self(self.with_switch(Appliance::Light, on).0.with_light(light))
    }

    /// This status with the window open or closed.
    #[must_use]
    pub const fn with_window(self, open: bool) -> Self {
        self.with_switch(Appliance::Window, open)
    }

    /// This status with the gas valve open or closed.
    #[must_use]
    pub const fn with_gas_valve(self, open: bool) -> Self {
        self.with_switch(Appliance::GasValve, open)
    }

    /// The status of a home in this status once it has obeyed the command, as the firmware does it:
    ///
    /// - the mode digit is always taken over;
    /// - switch 0: only the switch changes, what stands beside it is ignored;
    /// - switch 1: the switch and the digits beside it are taken over;
    /// - switch 2: the appliance keeps everything.
    ///
    /// ```
    /// use smarthome_core::{Command, Status};
    ///
    /// let status: Status = "009060210".parse()?;
    /// let command: Command = "022152202".parse()?; // light on, brightness 5, blue, light mode 2; close the window
    /// assert_eq!(status.apply(command).to_string(), "009152200");
    /// # Ok::<(), smarthome_core::FrameError>(())
    /// ```
    #[must_use]
    pub fn apply(self, command: Command) -> Self {
        let new = command.frame();
        let frame =
            Appliance::ALL.into_iter().fold(self.0, |frame, appliance| match command.switch(appliance) {
                Switch::Off => frame.with(appliance.switch_at(), Digit::ZERO),
                Switch::On => frame.with_part(appliance.into(), new),
                Switch::Keep => frame,
            });
        Self(frame.with(At::Mode, command.mode()))
    }

    /// The parts in which any digit differs, also a digit beside a switch that is off.
    #[must_use]
    pub fn differences(self, other: Self) -> PartSet {
        Part::ALL.into_iter().filter(|part| !self.0.same_part(*part, other.0)).collect()
    }

    /// Its nine ASCII bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; LENGTH] {
        self.0.0
    }

    pub(crate) const fn frame(self) -> Frame {
        self.0
    }
}

impl TryFrom<&[u8]> for Status {
    type Error = FrameError;

    /// # Errors
    /// When there are not nine bytes, one is not a digit, or a switch is neither 0 nor 1.
    #[inline]
    fn try_from(bytes: &[u8]) -> Result<Self, FrameError> {
        Frame::parse(bytes, Allowed::OffOn).map(Self)
    }
}

impl TryFrom<Frame> for Status {
    type Error = FrameError;

    /// # Errors
    /// When a switch is neither 0 nor 1.
    fn try_from(frame: Frame) -> Result<Self, FrameError> {
        Self::try_from(frame.as_bytes().as_slice())
    }
}

impl FromStr for Status {
    type Err = FrameError;

    /// # Errors
    /// As for bytes; blanks are not trimmed.
    fn from_str(text: &str) -> Result<Self, FrameError> {
        Self::try_from(text.as_bytes())
    }
}

impl From<Status> for Frame {
    fn from(status: Status) -> Self {
        status.0
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Status({})", self.0)
    }
}
