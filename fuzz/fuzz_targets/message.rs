//! Any bytes as a request, a sensor reading and a document id.
//!
//! `cargo +nightly fuzz run message` from the root of the repository.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| smarthome_core::testing::message(bytes));
