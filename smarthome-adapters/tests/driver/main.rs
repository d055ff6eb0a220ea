//! The driver with the real engine, on ports that do what a test says, and a clock that moves when told.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod acknowledgement;
mod commands;
mod home;
mod journal;
mod kill;
mod load;
mod ports;
mod random;
mod start_and_stop;
mod supervision;
