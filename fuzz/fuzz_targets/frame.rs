//! Any bytes as a frame, a status, a command, and as a status with a command.
//!
//! `cargo +nightly fuzz run frame` from the root of the repository.
#![no_main]

#[path = "../../smarthome-core/tests/frame_laws/mod.rs"]
mod frame_laws;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| frame_laws::check(bytes));
