//! A smart-home brain without I/O.
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

// The codec allocates nothing; what is built on it does.
#[allow(unused_extern_crates)]
extern crate alloc;

mod appliance;
mod command;
mod frame;
mod status;

pub use appliance::{Appliance, Colour, Device, Light, LightMode, Part, PartSet, Parts, Switch};
pub use command::{Command, Wanted};
pub use frame::{Allowed, Digit, DigitError, Frame, FrameError};
pub use status::Status;
