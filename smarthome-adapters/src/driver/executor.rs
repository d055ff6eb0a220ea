//! Does what the engine wants done: each effect once, as a task of its own, which ends in the executor.
//!
//! A task's place is taken before it starts, so that nothing ever waits to tell how it ended.

use super::Ports;
use super::fault::{fault_point, is_armed};
use super::lanes::{Job, Lane};
use crate::listing::list;
use smarthome_core::engine::{Collection, DeliveryId, Done, EffectId, Intent, Write, WriteRow};
use smarthome_core::ports::{ErrorKind, Outgoing, PortError};
use smarthome_core::{Frame, Topics};
use std::collections::HashMap;
use tokio::task::{Id, JoinError, JoinSet};

/// How an effect ended.
pub(super) type Ending = Result<Done, PortError>;

/// What a task was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ticket {
    /// An effect.
    Effect { lane: Lane, id: EffectId, cause: Option<DeliveryId> },
    /// The part of a command that left without the journal.
    Close(EffectId),
    /// Acknowledgements.
    Acks,
}

/// The tasks that are under way.
pub(super) struct Executor {
    ports: Ports,
    commands: String,
    running: JoinSet<Ending>,
    tickets: HashMap<Id, Ticket>,
    to_acknowledge: Vec<DeliveryId>,
    acknowledging: bool,
}

impl Executor {
    pub(super) fn new(ports: Ports, topics: &Topics) -> Executor {
        Executor {
            ports,
            commands: topics.commands(),
            running: JoinSet::new(),
            tickets: HashMap::new(),
            to_acknowledge: Vec::new(),
            acknowledging: false,
        }
    }

    /// Begins a job.
    pub(super) fn start(&mut self, job: Job) {
        let Job { lane, id, cause, what } = job;
        let ticket = Ticket::Effect { lane, id, cause };
        match what {
            Intent::SendCommand { frame, .. } => self.send_command(frame, ticket),
            Intent::Answer { topic, payload, correlation } => {
                self.publish(Outgoing { topic, payload, retain: false, correlation }, ticket);
            }
            Intent::Report { topic, text } => self.publish(line(topic, text, false), ticket),
            Intent::Alert { topic, alert } => self.publish(line(topic, alert.to_string(), false), ticket),
            Intent::ServerState { topic, online } => {
                let state = if online { "online" } else { "offline" };
                self.publish(line(topic, state.to_owned(), true), ticket);
            }
            Intent::WriteDocument(row) => self.write(row, ticket),
            Intent::ReadCopy(collection) => self.read_copy(collection, ticket),
            Intent::ReadList(collection) => self.read_list(collection, ticket),
            // The lanes keep these.
            Intent::Record(_) | Intent::Note(_) => {}
        }
    }

    /// Publishes what may leave without the journal.
    pub(super) fn close(&mut self, id: EffectId, frame: Frame) {
        self.send_command(frame, Ticket::Close(id));
    }

    /// Has a delivery acknowledged, after those before it.
    pub(super) fn acknowledge(&mut self, delivery: DeliveryId) {
        self.to_acknowledge.push(delivery);
    }

    /// Begins with the acknowledgements that came together, unless earlier ones are under way.
    pub(super) fn start_acknowledging(&mut self) {
        if self.acknowledging || self.to_acknowledge.is_empty() {
            return;
        }
        self.acknowledging = true;
        let deliveries = std::mem::take(&mut self.to_acknowledge);
        let broker = self.ports.broker.clone();
        let acks = async move {
            for delivery in deliveries {
                fault_point("before_ack");
                broker.acknowledge(delivery).await;
                fault_point("after_ack");
            }
            Ok(Done::Published)
        };
        self.spawn(acks, Ticket::Acks);
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.to_acknowledge.is_empty()
    }

    /// The next task that ends; waits for ever when none is under way.
    pub(super) async fn next(&mut self) -> (Ticket, Ending) {
        loop {
            let Some(ended) = self.running.join_next_with_id().await else {
                return std::future::pending().await;
            };
            if let Some(ended) = self.ended(ended) {
                return ended;
            }
        }
    }

    /// A task that has ended, if there is one.
    pub(super) fn try_next(&mut self) -> Option<(Ticket, Ending)> {
        loop {
            let ended = self.running.try_join_next_with_id()?;
            if let Some(ended) = self.ended(ended) {
                return Some(ended);
            }
        }
    }

    fn ended(&mut self, ended: Result<(Id, Ending), JoinError>) -> Option<(Ticket, Ending)> {
        let (id, ending) = match ended {
            Ok((id, ending)) => (id, ending),
            Err(error) => {
                let why = PortError::new(ErrorKind::UnknownOutcome, format!("an adapter failed: {error}"));
                (error.id(), Err(why))
            }
        };
        let ticket = self.tickets.remove(&id)?;
        if ticket == Ticket::Acks {
            self.acknowledging = false;
        }
        Some((ticket, ending))
    }

    fn send_command(&mut self, frame: Frame, ticket: Ticket) {
        let payload = frame.to_string().into_bytes();
        let message = Outgoing { topic: self.commands.clone(), payload, retain: false, correlation: None };
        let broker = self.ports.broker.clone();
        let publish = async move {
            fault_point("before_publish");
            let publish = broker.publish(&message);
            if is_armed("after_publish_written") { written(publish).await } else { publish.await }?;
            Ok(Done::Published)
        };
        self.spawn(publish, ticket);
    }

    fn publish(&mut self, message: Outgoing, ticket: Ticket) {
        let broker = self.ports.broker.clone();
        self.spawn(async move { broker.publish(&message).await.map(|()| Done::Published) }, ticket);
    }

    fn write(&mut self, row: WriteRow, ticket: Ticket) {
        let documents = self.ports.documents.clone();
        let write = async move {
            let (collection, id) = (row.collection, row.document.as_str());
            match &row.write {
                Write::Merge(fields) => documents.merge(collection, id, fields).await.map(Done::Written),
                Write::Replace(whole) => documents.replace(collection, id, whole).await.map(Done::Written),
                Write::Delete(expected) => {
                    documents.delete(collection, id, *expected).await.map(Done::Deleted)
                }
            }
        };
        self.spawn(write, ticket);
    }

    fn read_copy(&mut self, collection: Collection, ticket: Ticket) {
        let journal = self.ports.journal.clone();
        self.spawn(async move { journal.copy(collection).await.map(Done::Copy) }, ticket);
    }

    fn read_list(&mut self, collection: Collection, ticket: Ticket) {
        let documents = self.ports.documents.clone();
        self.spawn(async move { list(&*documents, collection).await.map(Done::Listed) }, ticket);
    }

    fn spawn(&mut self, task: impl Future<Output = Ending> + Send + 'static, ticket: Ticket) {
        let id = self.running.spawn(task).id();
        self.tickets.insert(id, ticket);
    }
}

fn line(topic: String, text: String, retain: bool) -> Outgoing {
    Outgoing { topic, payload: text.into_bytes(), retain, correlation: None }
}

/// Publishes, and comes to `after_publish_written` when every other task had several turns since the adapter took the
/// message, or the broker already confirmed it.
async fn written(publish: impl Future<Output = Result<(), PortError>>) -> Result<(), PortError> {
    let turns = async {
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
    };
    tokio::pin!(publish);
    tokio::select! {
        biased;
        ended = &mut publish => {
            if ended.is_ok() {
                fault_point("after_publish_written");
            }
            return ended;
        }
        () = turns => fault_point("after_publish_written"),
    }
    publish.await
}

#[cfg(test)]
mod tests;
