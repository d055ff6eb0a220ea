//! The ports in memory keep the contracts.

#![allow(clippy::unwrap_used)]

use async_trait::async_trait;
use chrono::DateTime;
use smarthome_core::engine::{
    Collection, Content, CopyChange, DeliveryId, Entry, Restored, Revision, Versioned,
};
use smarthome_core::ports::contract::{self, BrokerUnderTest, DocumentsUnderTest, JournalUnderTest};
use smarthome_core::ports::memory::{ManualClock, MemoryBroker, MemoryDocuments, MemoryJournal, run};
use smarthome_core::ports::{Broker, Documents, Inbox, Journal, Outgoing, PortError};
use smarthome_core::{Mono, Now};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
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

/// What the suite says about something that breaks a contract.
fn verdict(check: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(check)).expect_err("the suite let it pass");
    panic
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
}

#[derive(Clone, Copy, Debug)]
enum Flaw {
    SameEpoch,
    LosesRemovals,
    LosesTheSecondEntry,
    Reverses,
    RenamesWithoutReplacing,
    CopiesByHalves,
    ReplacesDocuments,
    MergesReplacements,
    MixesCollections,
    DeletesAnyRevision,
    SilentWatch,
    TakesAnything,
    ForgetsToAcknowledge,
    PublishesLater,
}

struct Flawed<T>(T, Flaw);

#[async_trait]
impl JournalUnderTest for Flawed<()> {
    async fn fresh(&self) -> Box<dyn Journal> {
        Box::new(Flawed(MemoryJournal::default(), self.1))
    }
    async fn restart(&self, journal: Box<dyn Journal>) -> Box<dyn Journal> {
        journal
    }
}

#[async_trait]
impl Journal for Flawed<MemoryJournal> {
    async fn restore(&self, now: Now) -> Result<Restored, PortError> {
        let restored = self.0.restore(now).await?;
        Ok(if matches!(self.1, Flaw::SameEpoch) { Restored { epoch: 1, ..restored } } else { restored })
    }
    async fn copy(&self, collection: Collection) -> Result<Option<Vec<Versioned<Content>>>, PortError> {
        self.0.copy(collection).await
    }
    async fn commit(&self, batch: &[Entry]) -> Result<(), PortError> {
        let mut batch = batch.to_vec();
        match self.1 {
            Flaw::LosesRemovals => {
                batch.retain(|entry| !matches!(entry, Entry::Remove(_) | Entry::Replaced(_)))
            }
            Flaw::LosesTheSecondEntry => batch.truncate(1),
            Flaw::Reverses => batch.reverse(),
            Flaw::RenamesWithoutReplacing => batch = batch.into_iter().flat_map(back_and_forth).collect(),
            Flaw::CopiesByHalves => batch = batch.into_iter().flat_map(completed).collect(),
            _ => {}
        }
        self.0.commit(&batch).await
    }
}

/// A rename that lets the rows win that the new title has.
fn back_and_forth(entry: Entry) -> Vec<Entry> {
    match entry {
        Entry::Rename { from, to } => {
            let back = Entry::Rename { from: to.clone(), to: from.clone() };
            vec![back, Entry::Rename { from, to }]
        }
        entry => vec![entry],
    }
}

/// A copy that counts as complete from its first document on.
fn completed(entry: Entry) -> Vec<Entry> {
    match entry {
        Entry::Copy(collection, change) => {
            vec![Entry::Copy(collection, change), Entry::Copy(collection, CopyChange::Complete)]
        }
        entry => vec![entry],
    }
}

#[test]
fn the_suite_finds_what_is_wrong_with_a_journal() {
    let found = |flaw| {
        let clock = clock();
        verdict(|| run(&clock, contract::journal(&Flawed((), flaw), &clock)))
    };
    assert!(found(Flaw::SameEpoch).contains("every start has a greater epoch"));
    assert!(found(Flaw::LosesRemovals).contains("removing what is not there"));
    assert!(found(Flaw::LosesTheSecondEntry).contains("what was committed is found"));
    assert!(found(Flaw::Reverses).contains("apply in order"));
    assert!(found(Flaw::RenamesWithoutReplacing).contains("a rename takes the rows along"));
    assert!(found(Flaw::CopiesByHalves).contains("a copy is none until it is complete"));
}

#[async_trait]
impl DocumentsUnderTest for Flawed<ManualClock> {
    async fn fresh(&self) -> Box<dyn Documents> {
        Box::new(Flawed(MemoryDocuments::new(Arc::new(self.0.clone())), self.1))
    }
}

#[async_trait]
impl Documents for Flawed<MemoryDocuments> {
    async fn watch(&self, collection: Collection, to: &dyn Inbox) -> Result<Infallible, PortError> {
        if matches!(self.1, Flaw::SilentWatch) {
            std::future::pending::<()>().await;
        }
        self.0.watch(collection, to).await
    }
    async fn merge(&self, collection: Collection, id: &str, fields: &str) -> Result<Revision, PortError> {
        match self.1 {
            Flaw::MixesCollections => return self.0.merge(Collection::Users, id, fields).await,
            Flaw::ReplacesDocuments => drop(self.0.delete(collection, id, None).await?),
            Flaw::TakesAnything if !fields.contains("name") => {
                return self.0.merge(collection, id, "{}").await;
            }
            _ => {}
        }
        self.0.merge(collection, id, fields).await
    }
    async fn replace(&self, collection: Collection, id: &str, document: &str) -> Result<Revision, PortError> {
        match self.1 {
            Flaw::MergesReplacements => self.0.merge(collection, id, document).await,
            _ => self.0.replace(collection, id, document).await,
        }
    }
    async fn delete(
        &self,
        c: Collection,
        id: &str,
        expected: Option<Revision>,
    ) -> Result<Option<Revision>, PortError> {
        let expected = expected.filter(|_| !matches!(self.1, Flaw::DeletesAnyRevision));
        self.0.delete(c, id, expected).await
    }
    async fn get(&self, collection: Collection, id: &str) -> Result<Option<Versioned<Content>>, PortError> {
        self.0.get(collection, id).await
    }
}

#[test]
fn the_suite_finds_what_is_wrong_with_a_store() {
    let found = |flaw| {
        let clock = clock();
        verdict(|| run(&clock, contract::documents(&Flawed(clock.clone(), flaw), &clock)))
    };
    assert!(found(Flaw::ReplacesDocuments).contains("leaves the document's other fields alone"));
    assert!(found(Flaw::DeletesAnyRevision).contains("expects another revision"));
    assert!(found(Flaw::SilentWatch).contains("a watch begins with a snapshot"));
    assert!(found(Flaw::MergesReplacements).contains("a replacement is the whole document"));
    assert!(found(Flaw::MixesCollections).contains("collections do not mix"));
    assert!(found(Flaw::TakesAnything).contains("values come back"));
}

struct FlawedBrokers(Brokers, Flaw);

#[async_trait]
impl BrokerUnderTest for FlawedBrokers {
    async fn fresh(&self) -> Box<dyn Broker> {
        self.0.fresh().await;
        Box::new(FlawedBroker(self.0.last(), self.1))
    }
    fn topic(&self) -> String {
        self.0.topic()
    }
    async fn publish(&self, topic: &str, payload: &[u8]) {
        self.0.publish(topic, payload).await;
    }
    async fn disconnect(&self) {
        self.0.disconnect().await;
    }
    async fn reconnect(&self) {
        self.0.reconnect().await;
    }
}

struct FlawedBroker(MemoryBroker, Flaw);

#[async_trait]
impl Broker for FlawedBroker {
    async fn listen(&self, to: &dyn Inbox) -> Result<Infallible, PortError> {
        self.0.listen(to).await
    }
    async fn acknowledge(&self, delivery: DeliveryId) {
        if !matches!(self.1, Flaw::ForgetsToAcknowledge) {
            self.0.acknowledge(delivery).await;
        }
    }
    async fn publish(&self, message: &Outgoing) -> Result<(), PortError> {
        let result = self.0.publish(message).await;
        if result.is_err() && matches!(self.1, Flaw::PublishesLater) {
            self.0.inject(&message.topic, message.payload.clone(), false);
        }
        result
    }
}

#[test]
fn the_suite_finds_what_is_wrong_with_a_broker() {
    let found = |flaw| {
        let clock = clock();
        let brokers = Brokers { clock: clock.clone(), last: Mutex::new(None) };
        verdict(|| run(&clock, contract::broker(&FlawedBrokers(brokers, flaw), &clock)))
    };
    assert!(found(Flaw::ForgetsToAcknowledge).contains("what was acknowledged does not come again"));
    assert!(found(Flaw::PublishesLater).contains("nothing is kept for later"));
}
