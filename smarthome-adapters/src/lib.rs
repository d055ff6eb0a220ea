//! adapters

#[cfg(feature = "broker")]
pub mod broker;
#[cfg(feature = "mqtt")]
pub mod mqtt;
#[cfg(feature = "testing")]
pub mod testing;
