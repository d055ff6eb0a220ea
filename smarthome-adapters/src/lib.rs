//! Adapters that plug `smarthome-core` into the world, and the driver that runs its engine.

#[cfg(feature = "broker")]
pub mod broker;
pub mod clock;
pub mod driver;
#[cfg(feature = "sqlite")]
pub mod journal;
pub mod listing;
#[cfg(feature = "mqtt")]
pub mod mqtt;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod state_dir;
#[cfg(feature = "testing")]
pub mod testing;
