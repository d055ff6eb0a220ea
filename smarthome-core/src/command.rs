//! The nine digits as what a home is told to do.

mod shape;
mod wanted;

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use self::shape::CommandShape;
pub use self::wanted::Wanted;
use crate::appliance::{Appliance, Colour, Device, Light, LightMode, Part, PartSet, Switch};
use crate::frame::{Allowed, At, Digit, Frame, FrameError, LENGTH};
use crate::status::Status;

/// What a home is told to do: a mode digit, and for each appliance off, on or keep.
///
/// Of the 10⁹ strings of nine digits 8,100,000 are a command: those whose four switches are 0, 1
/// or 2. See [`Frame`] for the layout and [`Status::apply`] for what a command does. The mode digit
/// is always taken over. Digits beside a switch that is off or keep have no effect, but they are
/// remembered: every command is written back as it was read, and two commands that differ only
/// there are not equal.
///
/// Serialises as an object; a digit over 9, a missing and an unknown key are refused:
///
/// ```json
/// {
///   "mode": 0,
///   "air_conditioner": { "switch": "keep", "wind": 2 },
///   "light": { "switch": "on", "brightness": 5, "colour": 2, "mode": 0 },
///   "window": "close",
///   "gas_valve": "keep"
/// }
/// ```
///
/// ```
/// use smarthome_core::{Appliance, Colour, Command, Digit, Part, Switch};
///
/// let command: Command = "022152022".parse()?;
/// assert_eq!(command.switch(Appliance::Light), Switch::On);
/// assert_eq!((command.brightness(), command.colour()), (Digit::FIVE, Colour::BLUE));
/// assert!(command.names(Part::Light) && !command.names(Part::GasValve));
///
/// let close = Command::keep_all(Digit::ZERO).with_window(Switch::Off);
/// assert_eq!(close.to_string(), "022222202");
/// # Ok::<(), smarthome_core::FrameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "CommandShape", into = "CommandShape")]
pub struct Command(Frame);

/// Every appliance keeps what it has: what stands where nothing is said.
const KEEP: Frame = Frame(*b"022222222");

impl Command {
    /// The command that sets the mode digit and leaves every appliance alone: `m22222222`.
    #[must_use]
    pub const fn keep_all(mode: Digit) -> Self {
        Self(KEEP.with(At::Mode, mode))
    }

    /// The mode digit: 0 when the appliances are set one by one, 1 to 9 for a mode.
    #[must_use]
    pub const fn mode(self) -> Digit {
        self.0.digit(At::Mode)
    }

    /// What the command says about the appliance.
    #[must_use]
    pub const fn switch(self, appliance: Appliance) -> Switch {
        Switch::of_accepted(self.0.digit(appliance.switch_at()))
    }

    /// The wind level; filler unless the air conditioner is switched on.
    #[must_use]
    pub const fn wind(self) -> Digit {
        self.0.digit(At::Wind)
    }

    /// The brightness; filler unless the light is switched on.
    #[must_use]
    pub const fn brightness(self) -> Digit {
        self.0.digit(At::Brightness)
    }

    /// The colour; filler unless the light is switched on.
    #[must_use]
    pub const fn colour(self) -> Colour {
        Colour(self.0.digit(At::Colour))
    }

    /// The light mode; filler unless the light is switched on.
    #[must_use]
    pub const fn light_mode(self) -> LightMode {
        LightMode(self.0.digit(At::LightMode))
    }

    /// Brightness, colour and light mode; filler unless the light is switched on.
    #[must_use]
    pub const fn light(self) -> Light {
        Light { brightness: self.brightness(), colour: self.colour(), mode: self.light_mode() }
    }

    /// This command with another mode digit.
    #[must_use]
    pub const fn with_mode(self, mode: Digit) -> Self {
        Self(self.0.with(At::Mode, mode))
    }

    /// This command with another air conditioner.
    #[must_use]
    pub const fn with_air_conditioner(self, switch: Switch, wind: Digit) -> Self {
        Self(self.0.with(At::AirConditioner, switch.digit()).with(At::Wind, wind))
    }

    /// This command with another light.
    #[must_use]
    pub const fn with_light(self, switch: Switch, light: Light) -> Self {
        Self(self.0.with(At::Light, switch.digit()).with_light(light))
    }

    /// This command with the window opened (on), closed (off) or kept.
    #[must_use]
    pub const fn with_window(self, switch: Switch) -> Self {
        Self(self.0.with(At::Window, switch.digit()))
    }

    /// This command with the gas valve opened (on), closed (off) or kept.
    #[must_use]
    pub const fn with_gas_valve(self, switch: Switch) -> Self {
        Self(self.0.with(At::GasValve, switch.digit()))
    }

    /// Whether the command says anything about the part: always for the mode digit, which cannot
    /// be kept, and for an appliance when its switch is not keep.
    #[must_use]
    pub fn names(self, part: Part) -> bool {
        part.appliance().is_none_or(|appliance| self.switch(appliance) != Switch::Keep)
    }

    /// The parts that the command [names](Self::names).
    #[must_use]
    pub fn parts(self) -> PartSet {
        Part::ALL.into_iter().filter(|part| self.names(*part)).collect()
    }

    /// This command with the appliance left alone: switch 2 and filler 2 beside it.
    ///
    /// The mode digit cannot be kept; for [`Part::Mode`] the command stays as it is.
    #[must_use]
    pub fn keep(self, part: Part) -> Self {
        match part {
            Part::Mode => self,
            appliance => Self(self.0.with_part(appliance, KEEP)),
        }
    }

    /// This command with every appliance outside `parts` left alone, as by [`keep`](Self::keep).
    #[must_use]
    pub fn only(self, parts: PartSet) -> Self {
        PartSet::ALL.difference(parts).into_iter().fold(self, Self::keep)
    }

    /// What a status has to show for the part once the command is obeyed; `None` when the command
    /// does not name it.
    #[must_use]
    pub fn wanted(self, part: Part) -> Option<Wanted> {
        let Some(appliance) = part.appliance() else {
            return Some(Wanted::Mode(self.mode()));
        };
        match (self.switch(appliance), appliance) {
            (Switch::Keep, _) => None,
            (Switch::Off, _) => Some(Wanted::Off(appliance)),
            (Switch::On, Appliance::AirConditioner) => Some(Wanted::AirConditioner { wind: self.wind() }),
            (Switch::On, Appliance::Light) => Some(Wanted::Light(self.light())),
            (Switch::On, Appliance::Window) => Some(Wanted::WindowOpen),
            (Switch::On, Appliance::GasValve) => Some(Wanted::GasValveOpen),
        }
    }

    /// The smallest command that turns `from` into `to`: the mode digit of `to`, the appliances
    /// that differ, and keep for the others.
    ///
    /// No command changes the digits beside a switch without switching on. So `to` is reached
    /// exactly when, wherever its switch is off, the digits beside it are those of `from`;
    /// otherwise all else is reached, and those digits stay. An appliance that is off in both is
    /// kept.
    ///
    /// ```
    /// use smarthome_core::{Command, Status};
    ///
    /// let (from, to): (Status, Status) = ("009060210".parse()?, "009152200".parse()?);
    /// let command = Command::between(from, to);
    /// assert_eq!(command.to_string(), "022152202");
    /// assert_eq!(from.apply(command), to);
    /// # Ok::<(), smarthome_core::FrameError>(())
    /// ```
    #[must_use]
    pub fn between(from: Status, to: Status) -> Self {
        let frame = Appliance::ALL.into_iter().fold(KEEP, |frame, appliance| {
            let part = Part::from(appliance);
            match (from.is_on(appliance), to.is_on(appliance)) {
                (_, true) if from.frame().same_part(part, to.frame()) => frame,
                (_, true) => frame.with_part(part, to.frame()),
                (true, false) => frame.with(appliance.switch_at(), Digit::ZERO),
                (false, false) => frame,
            }
        });
        Self(frame).with_mode(to.mode())
    }

    /// What of this command may leave to the device, and the appliances that must not.
    ///
    /// A light that is switched on with a colour or a light mode which the device lacks is left
    /// alone instead, and is in the returned set: nothing is clamped to a value that nobody asked
    /// for. Beside a light that is off or kept, a colour or light mode that the device lacks has no
    /// meaning; it is replaced by the usual filler 2, and the set stays empty.
    ///
    /// ```
    /// use smarthome_core::{Command, Device, Part, PartSet};
    ///
    /// let command: Command = "012158022".parse()?; // air conditioner 20 %; light on in colour 8
    /// let (fitting, refused) = command.fit(Device::default());
    /// assert_eq!(fitting.to_string(), "012222222");
    /// assert_eq!(refused, PartSet::from(Part::Light));
    /// # Ok::<(), smarthome_core::FrameError>(())
    /// ```
    #[must_use]
    pub fn fit(self, device: Device) -> (Self, PartSet) {
        let (colour, mode) = (device.has_colour(self.colour()), device.has_light_mode(self.light_mode()));
        if self.switch(Appliance::Light) == Switch::On && !(colour && mode) {
            return (self.keep(Part::Light), Part::Light.into());
        }
        let mut frame = self.0;
        if !colour {
            frame = frame.with(At::Colour, Digit::TWO);
        }
        if !mode {
            frame = frame.with(At::LightMode, Digit::TWO);
        }
        (Self(frame), PartSet::EMPTY)
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

impl TryFrom<&[u8]> for Command {
    type Error = FrameError;

    /// # Errors
    /// When there are not nine bytes, one is not a digit, or a switch is over 2.
    #[inline]
    fn try_from(bytes: &[u8]) -> Result<Self, FrameError> {
        Frame::parse(bytes, Allowed::OffOnKeep).map(Self)
    }
}

impl TryFrom<Frame> for Command {
    type Error = FrameError;

    /// # Errors
    /// When a switch is over 2.
    fn try_from(frame: Frame) -> Result<Self, FrameError> {
        Self::try_from(frame.as_bytes().as_slice())
    }
}

impl FromStr for Command {
    type Err = FrameError;

    /// # Errors
    /// As for bytes; blanks are not trimmed.
    fn from_str(text: &str) -> Result<Self, FrameError> {
        Self::try_from(text.as_bytes())
    }
}

impl From<Command> for Frame {
    fn from(command: Command) -> Self {
        command.0
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.0)
    }
}
