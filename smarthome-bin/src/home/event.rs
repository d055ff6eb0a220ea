//! What happens in a virtual home.

use serde::Serialize;
use smarthome_core::{Appliance, Command, Frame, Status};

use crate::words;

/// Something that happened in a virtual home.
///
/// It displays as a line for people and serialises as an object with the key `event`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum HomeEvent {
    /// The broker is there.
    Connected,
    /// It is not, and is tried again.
    Disconnected {
        /// Why.
        why: String,
    },
    /// It knows how it was.
    Started {
        /// How.
        #[serde(serialize_with = "as_frame")]
        status: Status,
        /// Whether the broker held it.
        remembered: bool,
    },
    /// A command arrived.
    Received {
        /// Where.
        topic: String,
        /// What it says.
        #[serde(serialize_with = "as_frame")]
        command: Command,
    },
    /// Something arrived that is no command.
    Ignored {
        /// Where.
        topic: String,
        /// What is wrong with it.
        why: String,
    },
    /// A command was obeyed.
    Obeyed {
        /// What it says.
        #[serde(serialize_with = "as_frame")]
        command: Command,
        /// Whether that changed anything.
        effect: bool,
        /// How the home is now.
        #[serde(serialize_with = "as_frame")]
        status: Status,
    },
    /// Somebody pressed a button.
    Pressed {
        /// Which.
        appliance: Appliance,
        /// How the home is now.
        #[serde(serialize_with = "as_frame")]
        status: Status,
    },
    /// Somebody moved the window.
    WindowMoved,
    /// The window's sensor saw it.
    Sensed {
        /// How the home is now.
        #[serde(serialize_with = "as_frame")]
        status: Status,
    },
    /// The status was reported.
    Reported {
        /// How the home is.
        #[serde(serialize_with = "as_frame")]
        status: Status,
    },
}

impl std::fmt::Display for HomeEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HomeEvent::Connected => f.write_str("connected to the broker"),
            HomeEvent::Disconnected { why } => write!(f, "no connection to the broker, trying again: {why}"),
            HomeEvent::Started { status, remembered: true } => {
                write!(f, "started as last reported: {status}")
            }
            HomeEvent::Started { status, remembered: false } => {
                write!(f, "started with {status}, as the broker holds no status")
            }
            HomeEvent::Received { topic, command } => {
                write!(f, "command  {command}  {} (on {topic})", words::command(*command))
            }
            HomeEvent::Ignored { topic, why } => write!(f, "ignored what came on {topic}: {why}"),
            HomeEvent::Obeyed { effect: true, status, .. } => write!(f, "obeyed   {status}"),
            HomeEvent::Obeyed { effect: false, status, .. } => write!(f, "nothing changed, still {status}"),
            HomeEvent::Pressed { appliance, status } => {
                write!(f, "pressed  {status}  the button of the {appliance}")
            }
            HomeEvent::WindowMoved => f.write_str("the window was moved by hand; its sensor reports in 2 s"),
            HomeEvent::Sensed { status } => write!(f, "sensed   {status}  the window is elsewhere"),
            HomeEvent::Reported { status } => write!(f, "reported {status}  {}", words::status(*status)),
        }
    }
}

fn as_frame<T: Copy + Into<Frame>, S: serde::Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let frame: Frame = (*value).into();
    frame.serialize(serializer)
}
