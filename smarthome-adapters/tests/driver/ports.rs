//! Ports that do what a test says.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use smarthome_core::engine::{Collection, Content, DeliveryId, Entry, Event, Restored, Revision, Versioned};
use smarthome_core::ports::{Broker, Clock, Documents, ErrorKind, Inbox, Journal, Outgoing, PortError};
use smarthome_core::{Mono, Now};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Mutex;
use tokio::sync::{mpsc, watch};

/// A clock that stands until it is moved.
pub struct ManualClock {
    mono: watch::Sender<u64>,
}

impl ManualClock {
    pub fn new() -> ManualClock {
        ManualClock { mono: watch::channel(0).0 }
    }

    pub fn advance(&self, millis: u64) {
        self.mono.send_modify(|mono| *mono += millis);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Now {
        let millis = *self.mono.borrow();
        let start: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
        let wall = start + TimeDelta::milliseconds(i64::try_from(millis).unwrap());
        Now::new(wall, Mono::from_millis(millis)).unwrap()
    }

    async fn sleep_until(&self, at: Mono) {
        self.mono.subscribe().wait_for(|now| *now >= at.as_millis()).await.unwrap();
    }
}

/// What a port does with the next calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    Works,
    Fails(ErrorKind),
    /// Answers when told otherwise.
    Hangs,
}

/// The behaviour of one call, which may change while it waits.
pub struct Switch(watch::Sender<Does>);

impl Switch {
    fn new() -> Switch {
        Switch(watch::channel(Does::Works).0)
    }

    pub fn set(&self, does: Does) {
        self.0.send_replace(does);
    }

    async fn passes(&self) -> Result<(), PortError> {
        match self.0.subscribe().wait_for(|does| *does != Does::Hangs).await.unwrap().clone() {
            Does::Fails(kind) => Err(PortError::new(kind, "the test said so")),
            _ => Ok(()),
        }
    }
}

/// How the life of a part goes on.
pub enum Life {
    Tells(Event),
    Fails(ErrorKind),
    Panics,
}

/// A part that runs by itself and does what it is told.
pub struct Part {
    to: mpsc::UnboundedSender<Life>,
    life: tokio::sync::Mutex<mpsc::UnboundedReceiver<Life>>,
    starts: Mutex<u32>,
}

impl Part {
    fn new() -> Part {
        let (to, life) = mpsc::unbounded_channel();
        Part { to, life: tokio::sync::Mutex::new(life), starts: Mutex::new(0) }
    }

    pub fn lives(&self, life: Life) {
        self.to.send(life).unwrap();
    }

    pub fn tells(&self, event: Event) {
        self.lives(Life::Tells(event));
    }

    pub fn starts(&self) -> u32 {
        *self.starts.lock().unwrap()
    }

    async fn run(&self, inbox: &dyn Inbox) -> Result<Infallible, PortError> {
        *self.starts.lock().unwrap() += 1;
        loop {
            let next = self.life.lock().await.recv().await;
            match next.unwrap() {
                Life::Tells(event) => inbox.push(event).await,
                Life::Fails(kind) => return Err(PortError::new(kind, "the test said so")),
                Life::Panics => panic!("the test said so"),
            }
        }
    }
}

/// A journal in memory.
pub struct TestJournal {
    pub restored: Mutex<Restored>,
    pub restores: Switch,
    pub commits: Switch,
    pub tries: Mutex<u32>,
    pub entries: Mutex<Vec<Entry>>,
}

impl TestJournal {
    pub fn new(clock: &ManualClock) -> TestJournal {
        TestJournal {
            restored: Mutex::new(Restored::empty(clock.now().wall())),
            restores: Switch::new(),
            commits: Switch::new(),
            tries: Mutex::new(0),
            entries: Mutex::new(Vec::new()),
        }
    }

    pub fn tries(&self) -> u32 {
        *self.tries.lock().unwrap()
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap().clone()
    }
}

#[async_trait]
impl Journal for TestJournal {
    async fn restore(&self, _now: Now) -> Result<Restored, PortError> {
        *self.tries.lock().unwrap() += 1;
        self.restores.passes().await?;
        Ok(self.restored.lock().unwrap().clone())
    }

    async fn copy(&self, _: Collection) -> Result<Option<Vec<Versioned<Content>>>, PortError> {
        Ok(None)
    }

    async fn commit(&self, batch: &[Entry]) -> Result<(), PortError> {
        *self.tries.lock().unwrap() += 1;
        self.commits.passes().await?;
        self.entries.lock().unwrap().extend_from_slice(batch);
        Ok(())
    }
}

/// A store that remembers what it was told to write.
pub struct TestDocuments {
    /// The listener of the users.
    pub watch: Part,
    pub modes: Part,
    pub schedules: Part,
    pub merges: Switch,
    pub merged: Mutex<Vec<(String, String)>>,
}

impl TestDocuments {
    pub fn new() -> TestDocuments {
        TestDocuments {
            watch: Part::new(),
            modes: Part::new(),
            schedules: Part::new(),
            merges: Switch::new(),
            merged: Mutex::new(Vec::new()),
        }
    }

    pub fn merged(&self) -> Vec<(String, String)> {
        self.merged.lock().unwrap().clone()
    }
}

#[async_trait]
impl Documents for TestDocuments {
    async fn watch(&self, collection: Collection, to: &dyn Inbox) -> Result<Infallible, PortError> {
        match collection {
            Collection::Users => self.watch.run(to).await,
            Collection::Modes => self.modes.run(to).await,
            _ => self.schedules.run(to).await,
        }
    }

    async fn merge(&self, _collection: Collection, id: &str, fields: &str) -> Result<Revision, PortError> {
        self.merges.passes().await?;
        let mut merged = self.merged.lock().unwrap();
        merged.push((id.into(), fields.into()));
        Ok(Revision(merged.len() as u64))
    }

    async fn replace(&self, collection: Collection, id: &str, document: &str) -> Result<Revision, PortError> {
        self.merge(collection, id, document).await
    }

    async fn delete(
        &self,
        _: Collection,
        _: &str,
        _: Option<Revision>,
    ) -> Result<Option<Revision>, PortError> {
        Ok(None)
    }

    async fn get(&self, _: Collection, _: &str) -> Result<Option<Versioned<Content>>, PortError> {
        Ok(None)
    }
}

/// A broker that remembers what it was given.
pub struct TestBroker {
    pub line: Part,
    pub publishes: Switch,
    /// In the order in which they were given, whatever became of them.
    pub given: Mutex<Vec<Outgoing>>,
    /// Those that were confirmed.
    pub taken: Mutex<Vec<Outgoing>>,
    pub acknowledged: Mutex<Vec<u64>>,
    /// While it holds answers, in the order of their topics' publication: each is let go by name.
    holds: Mutex<VecDeque<(String, tokio::sync::oneshot::Sender<()>)>>,
    pub one_by_one: Mutex<bool>,
    pub under_way: Mutex<(usize, usize)>,
}

impl TestBroker {
    pub fn new() -> TestBroker {
        TestBroker {
            line: Part::new(),
            publishes: Switch::new(),
            given: Mutex::default(),
            taken: Mutex::default(),
            acknowledged: Mutex::default(),
            holds: Mutex::default(),
            one_by_one: Mutex::new(false),
            under_way: Mutex::default(),
        }
    }

    pub fn given_to(&self, topic: &str) -> Vec<String> {
        let given = self.given.lock().unwrap();
        let payload = |m: &Outgoing| String::from_utf8(m.payload.clone()).unwrap();
        given.iter().filter(|message| message.topic == topic).map(payload).collect()
    }

    pub fn acknowledged(&self) -> Vec<u64> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Confirms the oldest held message whose payload contains `part`.
    pub fn confirm(&self, part: &str) {
        let mut holds = self.holds.lock().unwrap();
        let at = holds.iter().position(|(payload, _)| payload.contains(part)).unwrap();
        holds.remove(at).unwrap().1.send(()).unwrap();
    }

    /// How many are held.
    pub fn held(&self) -> usize {
        self.holds.lock().unwrap().len()
    }

    /// The most that were under way at once.
    pub fn most(&self) -> usize {
        self.under_way.lock().unwrap().1
    }
}

#[async_trait]
impl Broker for TestBroker {
    async fn listen(&self, to: &dyn Inbox) -> Result<Infallible, PortError> {
        self.line.run(to).await
    }

    async fn acknowledge(&self, delivery: DeliveryId) {
        self.acknowledged.lock().unwrap().push(delivery.0);
    }

    async fn publish(&self, message: &Outgoing) -> Result<(), PortError> {
        self.given.lock().unwrap().push(message.clone());
        {
            let mut under_way = self.under_way.lock().unwrap();
            under_way.0 += 1;
            under_way.1 = under_way.1.max(under_way.0);
        }
        if *self.one_by_one.lock().unwrap() {
            let (go, gone) = tokio::sync::oneshot::channel();
            let payload = String::from_utf8_lossy(&message.payload).into_owned();
            self.holds.lock().unwrap().push_back((payload, go));
            gone.await.unwrap();
        }
        let result = self.publishes.passes().await;
        self.under_way.lock().unwrap().0 -= 1;
        result?;
        self.taken.lock().unwrap().push(message.clone());
        Ok(())
    }
}
