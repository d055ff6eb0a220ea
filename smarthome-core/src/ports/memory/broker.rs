//! A broker in memory, with one client connected to it.

mod session;

use super::notify::Notify;
use super::{Faults, lock};
use crate::engine::{DeliveryId, Event};
use crate::ports::{Broker, Clock, ErrorKind, Inbox, Outgoing, PortError};
use async_trait::async_trait;
use core::convert::Infallible;
use std::boxed::Box;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::string::String;
use std::sync::{Arc, Mutex};
use std::vec::Vec;

/// A broker and the server's connection to it, in memory. Clones are the same broker and the same connection.
///
/// Topics are compared exactly. The session is persistent: what was not acknowledged, and what comes while the
/// connection is down, is delivered after the next connect. Retained messages come at every connect, before the
/// backlog. Every message on a topic that the server subscribes to comes back as a delivery, its own included.
#[derive(Clone)]
pub struct MemoryBroker {
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Notify,
    faults: Faults,
}

#[derive(Default)]
struct State {
    subscriptions: BTreeSet<String>,
    /// Why there is no connection.
    down: Option<String>,
    /// Why it will never work.
    refused: Option<PortError>,
    /// Counts connections, so that a publication notices that its own has gone.
    connection: u64,
    has_session: bool,
    last_delivery: u64,
    /// What the listener has not been told.
    news: VecDeque<Event>,
    /// What waits in the session, in order; with an id when it is delivered and not acknowledged.
    session: VecDeque<(Option<DeliveryId>, Message)>,
    retained: BTreeMap<String, Vec<u8>>,
    published: Vec<Outgoing>,
    acknowledged: Vec<DeliveryId>,
}

#[derive(Clone)]
struct Message {
    topic: String,
    payload: Vec<u8>,
    retained: bool,
}

impl core::fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("MemoryBroker").finish_non_exhaustive()
    }
}

impl MemoryBroker {
    /// A broker that can be reached; the server subscribes to these topics.
    pub fn new(clock: Arc<dyn Clock>, subscriptions: impl IntoIterator<Item = String>) -> MemoryBroker {
        let state = State { subscriptions: subscriptions.into_iter().collect(), ..State::default() };
        let shared =
            Shared { state: Mutex::new(state), changed: Notify::default(), faults: Faults::default() };
        MemoryBroker { clock, shared: Arc::new(shared) }
    }

    /// What goes wrong with publications. Held ones end with an unknown outcome when the connection breaks.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Publishes as somebody else.
    pub fn inject(&self, topic: &str, payload: impl Into<Vec<u8>>, retain: bool) {
        let mut state = lock(&self.shared.state);
        state.take(topic.into(), payload.into(), retain);
        state.deliver(self.clock.now().mono());
        drop(state);
        self.shared.changed.notify();
    }

    /// Breaks the connection, until [`reconnect`](MemoryBroker::reconnect).
    pub fn disconnect(&self, why: &str) {
        let mut state = lock(&self.shared.state);
        if state.down.is_none() {
            state.down = Some(why.into());
            state.lose_connection(why);
        }
        drop(state);
        self.shared.faults.release();
        self.shared.changed.notify();
    }

    /// Lets the server connect again.
    pub fn reconnect(&self) {
        lock(&self.shared.state).down = None;
        self.shared.changed.notify();
    }

    /// Ends the listening with this error, as a broker does that refuses the password.
    pub fn refuse(&self, error: PortError) {
        lock(&self.shared.state).refused = Some(error);
        self.shared.changed.notify();
    }

    /// Everything that the server published and the broker took, in order.
    pub fn published(&self) -> Vec<Outgoing> {
        lock(&self.shared.state).published.clone()
    }

    /// Waits until the server has published something that is looked for, now or earlier.
    pub async fn until_published(&self, mut wanted: impl FnMut(&Outgoing) -> bool) -> Outgoing {
        let look = || lock(&self.shared.state).published.iter().find(|message| wanted(message)).cloned();
        self.shared.changed.until(look).await
    }

    /// Every delivery that was acknowledged for the first time, in order.
    pub fn acknowledged(&self) -> Vec<DeliveryId> {
        lock(&self.shared.state).acknowledged.clone()
    }

    /// How many messages wait in the server's session, delivered or not.
    pub fn waiting(&self) -> usize {
        lock(&self.shared.state).session.len()
    }

    fn next_news(&self) -> Option<Result<Event, PortError>> {
        let mut state = lock(&self.shared.state);
        if let Some(error) = &state.refused {
            return Some(Err(error.clone()));
        }
        if state.news.is_empty() && state.connection_wanted() {
            state.connect(self.clock.now().mono());
        }
        state.news.pop_front().map(Ok)
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn listen(&self, to: &dyn Inbox) -> Result<Infallible, PortError> {
        let _connection = Listening(self);
        loop {
            let event = self.shared.changed.until(|| self.next_news()).await?;
            to.push(event).await;
        }
    }

    async fn acknowledge(&self, delivery: DeliveryId) {
        let mut state = lock(&self.shared.state);
        let known = state.session.iter().position(|(id, _)| *id == Some(delivery));
        if let Some(index) = known {
            state.session.remove(index);
            state.acknowledged.push(delivery);
        }
    }

    async fn publish(&self, message: &Outgoing) -> Result<(), PortError> {
        let Some(connection) = lock(&self.shared.state).connected() else {
            return Err(PortError::new(ErrorKind::Retry, "no connection to the broker"));
        };
        let passed = self.shared.faults.pass().await?;
        {
            let mut state = lock(&self.shared.state);
            if state.connected() != Some(connection) {
                let text = "the connection to the broker broke before it confirmed";
                return Err(PortError::new(ErrorKind::UnknownOutcome, text));
            }
            state.published.push(message.clone());
            state.take(message.topic.clone(), message.payload.clone(), message.retain);
            state.deliver(self.clock.now().mono());
        }
        self.shared.changed.notify();
        passed.answer(())
    }
}

/// A listener that is gone has no connection any more; the session stays.
struct Listening<'a>(&'a MemoryBroker);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.shared.state);
        state.lose_connection("the listener is gone");
        state.news.clear();
    }
}
