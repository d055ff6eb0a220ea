//! adapters

#[cfg(feature = "broker")]
pub mod broker;
pub mod clock;
pub mod driver;
#[cfg(feature = "sqlite")]
pub mod journal;
#[cfg(feature = "mqtt")]
pub mod mqtt;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod state_dir;
#[cfg(feature = "testing")]
pub mod testing;
