//! A smart-home brain without input or output.
//!
//! It reads the nine-digit frames that a home controller speaks, watches every command until the home reports it,
//! sends again what was not followed, answers users, refuses what is unsafe, and says what has to be written down
//! before anything leaves, so that a crash loses nothing. What it never does: read a clock, open a socket or a file,
//! start a thread, allocate for a frame, panic on any input, or use random order. Time is an argument, everything
//! that happens is an [`Event`], everything it wants is an [`Effect`]: the same events at the same times give the same
//! effects, always.
//!
//! ```
//! use smarthome_core::{Config, Engine, Event, Mono, Now, engine::{Intent, Link, Restored}};
//!
//! let mut engine = Engine::new(Config::default());
//! let (mut effects, wall) = (Vec::new(), "2026-03-02T07:00:00Z".parse()?);
//! let mut clock = 0;
//! let happened = [
//!     Event::Restored(Restored::empty(wall)), // what the journal held: nothing yet
//!     Event::Link(Link::Up { resumed: false }), // the broker is there
//! ];
//! for event in happened {
//!     clock += 5;
//!     engine.handle(event, Now::new(wall, Mono::from_millis(clock))?, &mut effects);
//!     // First write down every record, in one transaction; only then let the rest leave.
//!     let (records, leaving): (Vec<_>, Vec<_>) =
//!         effects.drain(..).partition(|effect| matches!(effect.what, Intent::Record(_)));
//!     # let _ = records;
//!     for effect in leaving {
//!         println!("{}: {:?}", effect.id, effect.what); // publish it, and tell how it ended
//!     }
//!     // Sleep until `engine.next_wakeup()`, or until something happens.
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - The codec: [`Frame`], [`Status`], [`Command`], the parts they speak of ([`Part`], [`Appliance`], [`PartSet`]).
//! - The engine: [`Engine`], with everything that can happen and be wanted in [`engine`].
//! - Messages and topics: [`message`], [`topic`].
//! - Documents: [`Schedule`] and [`Mode`], read as clients write them; what is wrong with one is a [`DocumentFault`].
//! - Safety: [`Interlock`], which [`Origin`]s may open the gas valve.
//! - The ports: [`ports`], what a host plugs in. A single-threaded host needs none of them.
//!
//! # Features
//!
//! - `std` links the standard library; nothing here needs it. Without it the crate is `no_std` with `alloc`.
//! - `testing` (needs `std`) adds the in-memory ports with scripted faults, and the contract suite that every
//!   implementation of a port has to pass.
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

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod appliance;
mod command;
mod document;
pub mod engine;
mod frame;
pub mod message;
mod mode;
pub mod ports;
mod retry;
mod safety;
pub mod schedule;
mod sensors;
mod status;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
pub mod topic;

pub use appliance::{Appliance, Colour, Device, Light, LightMode, Part, PartSet, Parts, Switch};
pub use command::{Command, Wanted};
pub use document::DocumentFault;
pub use engine::{Config, Effect, Engine, Event};
pub use frame::{Allowed, Digit, DigitError, Frame, FrameError};
pub use mode::Mode;
pub use safety::{Interlock, Origin, Origins};
pub use schedule::{Appliances, Calendar, CatchUp, HomeZone, Schedule, Slot};
pub use sensors::HomeSensors;
pub use status::Status;
pub use time::{Mono, Now, TimeError};
pub use topic::Topics;
