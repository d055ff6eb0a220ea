//! adapters

#[cfg(feature = "broker")]
pub mod broker;
#[cfg(feature = "testing")]
pub mod testing;
