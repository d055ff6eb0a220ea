//! The MQTT adapter against real brokers.
#![cfg(all(feature = "mqtt", feature = "testing"))]

#[path = "mqtt/basics.rs"]
mod basics;
#[path = "mqtt/support.rs"]
mod support;
