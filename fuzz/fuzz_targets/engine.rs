//! Any bytes as a series of events, given to an engine and its twin.
//!
//! `cargo +nightly fuzz run engine` from the root of the repository.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| smarthome_core::testing::engine(bytes));
