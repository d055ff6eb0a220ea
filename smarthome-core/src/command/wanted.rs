//! What a command asks of one part.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::appliance::{Appliance, Light, Part};
use crate::frame::Digit;
use crate::status::Status;

/// What a status has to show for one part once a command is obeyed: see
/// [`Command::wanted`](crate::Command::wanted).
///
/// Off asks only for the switch, since a home keeps the digits beside a switch that goes off. On
/// asks for the switch and the digits beside it.
///
/// Serialises as `{"mode":3}`, `{"off":"light"}`, `{"air_conditioner":{"wind":5}}`,
/// `{"light":{"brightness":5,"colour":2,"mode":0}}`, `"window_open"`, `"gas_valve_open"`.
///
/// ```
/// use smarthome_core::{Command, Part, Status};
///
/// let command: Command = "022052022".parse()?; // light off; the 5, 2, 0 beside it are filler
/// let wanted = command.wanted(Part::Light).expect("the light is named");
/// assert!(wanted.shown_by("009060210".parse::<Status>()?));
/// assert_eq!(wanted.to_string(), "light off");
/// assert_eq!(command.wanted(Part::Window), None);
/// # Ok::<(), smarthome_core::FrameError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// This mode digit.
    Mode(Digit),
    /// This appliance off or closed, whatever stands beside its switch.
    Off(Appliance),
    /// The air conditioner on.
    AirConditioner {
        /// Its wind level.
        wind: Digit,
    },
    /// The light on, with just this brightness, colour and light mode.
    Light(Light),
    /// The window open.
    WindowOpen,
    /// The gas valve open.
    GasValveOpen,
}

impl Wanted {
    /// The part that it is about.
    #[must_use]
    pub fn part(&self) -> Part {
        match *self {
            Self::Mode(_) => Part::Mode,
            Self::Off(appliance) => appliance.into(),
            Self::AirConditioner { .. } => Part::AirConditioner,
            Self::Light(_) => Part::Light,
            Self::WindowOpen => Part::Window,
            Self::GasValveOpen => Part::GasValve,
        }
    }

    /// Whether the status shows it.
    #[must_use]
    pub fn shown_by(&self, status: Status) -> bool {
        match *self {
            Self::Mode(mode) => status.mode() == mode,
            Self::Off(appliance) => !status.is_on(appliance),
            Self::AirConditioner { wind } => status.is_on(Appliance::AirConditioner) && status.wind() == wind,
            Self::Light(light) => status.is_on(Appliance::Light) && status.light() == light,
            Self::WindowOpen => status.window_open(),
            Self::GasValveOpen => status.gas_open(),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Mode(mode) => write!(f, "mode {mode}"),
            Self::Off(appliance @ (Appliance::Window | Appliance::GasValve)) => {
                write!(f, "{appliance} closed")
            }
            Self::Off(appliance) => write!(f, "{appliance} off"),
            Self::AirConditioner { wind } => write!(f, "air conditioner on at {} %", wind.percent()),
            Self::Light(Light { brightness, colour, mode }) => {
                write!(f, "light on at {} %, colour {colour}, light mode {mode}", brightness.percent())
            }
            Self::WindowOpen => f.write_str("window open"),
            Self::GasValveOpen => f.write_str("gas valve open"),
        }
    }
}
