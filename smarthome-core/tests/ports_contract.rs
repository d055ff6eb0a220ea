//! The ports in memory keep the contracts.

#![allow(clippy::unwrap_used)]

use async_trait::async_trait;
use chrono::DateTime;
use smarthome_core::ports::contract::{self, BrokerUnderTest, DocumentsUnderTest, JournalUnderTest};
use smarthome_core::ports::memory::{ManualClock, MemoryBroker, MemoryDocuments, MemoryJournal, run};
use smarthome_core::ports::{Broker, Documents, Journal};
use smarthome_core::{Mono, Now};
use std::sync::{Arc, Mutex};

fn clock() -> ManualClock {
    let wall = DateTime::from_timestamp(1_760_000_000, 0).unwrap();
    ManualClock::new(Now::new(wall, Mono::from_millis(5)).unwrap())
}

#[derive(Default)]
struct Journals {
    last: Mutex<MemoryJournal>,
}

#[async_trait]
impl JournalUnderTest for Journals {
    async fn fresh(&self) -> Box<dyn Journal> {
        let journal = MemoryJournal::default();
        *self.last.lock().unwrap() = journal.clone();
        Box::new(journal)
    }
    async fn restart(&self, journal: Box<dyn Journal>) -> Box<dyn Journal> {
        drop(journal);
        Box::new(self.last.lock().unwrap().clone())
    }
}

#[test]
fn the_journal_in_memory_keeps_the_contract() {
    let clock = clock();
    run(&clock, contract::journal(&Journals::default(), &clock));
}

struct Stores(ManualClock);

#[async_trait]
impl DocumentsUnderTest for Stores {
    async fn fresh(&self) -> Box<dyn Documents> {
        Box::new(MemoryDocuments::new(Arc::new(self.0.clone())))
    }
}

#[test]
fn the_store_in_memory_keeps_the_contract() {
    let clock = clock();
    run(&clock, contract::documents(&Stores(clock.clone()), &clock));
}

struct Brokers {
    clock: ManualClock,
    last: Mutex<Option<MemoryBroker>>,
}

impl Brokers {
    fn last(&self) -> MemoryBroker {
        self.last.lock().unwrap().clone().unwrap()
    }
}

#[async_trait]
impl BrokerUnderTest for Brokers {
    async fn fresh(&self) -> Box<dyn Broker> {
        let broker = MemoryBroker::new(Arc::new(self.clock.clone()), [self.topic()]);
        *self.last.lock().unwrap() = Some(broker.clone());
        Box::new(broker)
    }
    fn topic(&self) -> String {
        "webos/server/info".into()
    }
    async fn publish(&self, topic: &str, payload: &[u8]) {
        self.last().inject(topic, payload, false);
    }
    async fn disconnect(&self) {
        self.last().disconnect("the test pulled the plug");
    }
    async fn reconnect(&self) {
        self.last().reconnect();
    }
}

#[test]
fn the_broker_in_memory_keeps_the_contract() {
    let clock = clock();
    run(&clock, contract::broker(&Brokers { clock: clock.clone(), last: Mutex::new(None) }, &clock));
}
