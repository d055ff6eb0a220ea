//! A smart-home brain without input or output.
#![cfg_attr(not(feature = "std"), no_std)]
extern crate alloc;

pub mod engine;
pub mod ports;
mod safety;
mod time;
pub mod topic;

pub use engine::{Config, Effect, Engine, Event};
pub use safety::{Interlock, Origin, Origins};
pub use time::{Mono, Now, TimeError};
pub use topic::Topics;
