//! The MQTT adapter against real brokers.
#![cfg(all(feature = "mqtt", feature = "testing"))]
// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "mqtt/backlog.rs"]
mod backlog;
#[path = "mqtt/basics.rs"]
mod basics;
#[path = "mqtt/contract.rs"]
mod contract;
#[path = "mqtt/faults.rs"]
mod faults;
#[path = "mqtt/latency.rs"]
mod latency;
#[path = "mqtt/proxy.rs"]
mod proxy;
#[path = "mqtt/support.rs"]
mod support;
#[cfg(feature = "tls")]
#[path = "mqtt/tls.rs"]
mod tls;
