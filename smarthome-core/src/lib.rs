//! A smart-home brain without input or output.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

mod appliance;
mod command;
pub mod engine;
mod frame;
pub mod message;
pub mod ports;
mod retry;
mod safety;
mod sensors;
mod status;
mod time;
pub mod topic;

pub use appliance::{Appliance, Colour, Device, Light, LightMode, Part, PartSet, Parts, Switch};
pub use command::{Command, Wanted};
pub use engine::{Config, Effect, Engine, Event};
pub use frame::{Allowed, Digit, DigitError, Frame, FrameError};
pub use safety::{Interlock, Origin, Origins};
pub use sensors::HomeSensors;
pub use status::Status;
pub use time::{Mono, Now, TimeError};
pub use topic::Topics;
