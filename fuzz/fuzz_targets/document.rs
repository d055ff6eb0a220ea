//! Any bytes as a schedule's and a mode's document.
//!
//! `cargo +nightly fuzz run document` from the root of the repository.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| smarthome_core::testing::document(bytes));
