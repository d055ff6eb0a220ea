//! The real program on brokers of others, with a client that nobody of this project wrote.

#![allow(clippy::unwrap_used)]

#[path = "brokers/alarm.rs"]
mod alarm;
#[path = "brokers/amqp.rs"]
mod amqp;
#[path = "brokers/backlog.rs"]
mod backlog;
#[path = "brokers/crash.rs"]
mod crash;
#[path = "brokers/deaf.rs"]
mod deaf;
#[path = "brokers/hostile.rs"]
mod hostile;
#[path = "brokers/scene.rs"]
mod scene;
#[path = "brokers/slot_crash.rs"]
mod slot_crash;
#[path = "brokers/slots.rs"]
mod slots;
mod support;
