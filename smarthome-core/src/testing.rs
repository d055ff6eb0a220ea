//! What tests, fuzzers and simulations share: a seeded generator, generated documents, an engine under watch, and the
//! bodies of the fuzz targets.
//!
//! Everything here panics when a promise is broken, and says which.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::manual_is_multiple_of)]
#![allow(clippy::should_implement_trait)]
// What is broken is told where a test says it.
#![allow(clippy::disallowed_macros)]

mod bytes;
pub mod documents;
mod fuzz;
mod laws;
mod random;
mod watched;

pub use fuzz::{document, engine, message};
pub use random::Random;
pub use watched::Watched;
