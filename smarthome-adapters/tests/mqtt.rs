//! The MQTT adapter against real brokers.
#![cfg(all(feature = "mqtt", feature = "testing"))]

#[path = "mqtt/basics.rs"]
mod basics;
#[path = "mqtt/contract.rs"]
mod contract;
#[path = "mqtt/proxy.rs"]
mod proxy;
#[path = "mqtt/support.rs"]
mod support;
