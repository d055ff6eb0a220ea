//! The MQTT adapter against real brokers.
#![cfg(all(feature = "mqtt", feature = "testing"))]

#[path = "mqtt/backlog.rs"]
mod backlog;
#[path = "mqtt/basics.rs"]
mod basics;
#[path = "mqtt/contract.rs"]
mod contract;
#[path = "mqtt/faults.rs"]
mod faults;
#[path = "mqtt/proxy.rs"]
mod proxy;
#[path = "mqtt/support.rs"]
mod support;
