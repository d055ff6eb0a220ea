//! The broker: a persistent session for what the server reads, a clean connection for what it publishes.

use crate::world::{Happening, World};
use smarthome_core::Frame;
use smarthome_core::engine::*;
use smarthome_core::ports::{ErrorKind, PortError};
use std::collections::VecDeque;

/// How many deliveries may be unacknowledged.
const WINDOW: usize = 10;

/// Whose message it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// The server's own command, sent by that effect.
    Own(EffectId),
    /// A part of it that left without the journal.
    Alone,
    /// Somebody else's command.
    Foreign,
    /// The mark behind the backlog of that session.
    Mark(u64),
    /// Anything else.
    Other,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
struct Sent {
    effect: EffectId,
    message: Message,
    arrived: bool,
    /// Nobody waits for its outcome: the part of a command that left without the journal.
    silent: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Broker {
    session: u64,
    pub(crate) up: bool,
    had_session: bool,
    pub(crate) queue: VecDeque<Message>,
    pub(crate) unacknowledged: VecDeque<(DeliveryId, Message)>,
    retained_status: Option<Vec<u8>>,
    last_delivered: u64,
    last_acknowledged: u64,
    delivery: u64,
    publisher: u64,
    pub(crate) publisher_up: bool,
    sending: VecDeque<Sent>,
    last_arrives: u64,
    last_taken: u64,
    /// In so many of a hundred cases the broker's word is lost, and the connection with it.
    pub(crate) loses: u64,
}

impl World {
    pub(crate) fn publish(&mut self, effect: EffectId, topic: String, payload: Vec<u8>, silent: bool) {
        let command = topic == self.config.topics.commands();
        let kind = match command {
            true if silent => Kind::Alone,
            true => Kind::Own(effect),
            false => Kind::Other,
        };
        if !self.broker.publisher_up {
            let result = Err(PortError::new(ErrorKind::Retry, "no connection"));
            return if silent {
            } else {
                self.host.outcomes.push_back(Event::Outcome { id: effect, result })
            };
        }
        let message = Message { topic, payload, kind };
        self.broker.sending.push_back(Sent { effect, message, arrived: false, silent });
        self.broker.last_arrives = self.broker.last_arrives.max(self.now + self.random.within(0..40));
        let publisher = self.broker.publisher;
        self.schedule(self.broker.last_arrives, Happening::Arrives { publisher, effect });
    }

    pub(crate) fn arrives(&mut self, publisher: u64, effect: EffectId) {
        let mut sending = self.broker.sending.iter_mut();
        let Some(sent) = sending.find(|sent| sent.effect == effect && !sent.arrived) else { return };
        if publisher != self.broker.publisher {
            return;
        }
        sent.arrived = true;
        let Message { topic, payload, kind } = sent.message.clone();
        self.route(topic, payload, kind);
        if self.random.chance(self.broker.loses) {
            return self.soon(1..3_000, Happening::PublisherBreaks);
        }
        self.broker.last_taken = self.broker.last_taken.max(self.now + self.random.within(0..60));
        self.schedule(self.broker.last_taken, Happening::Taken { publisher, effect });
    }

    pub(crate) fn taken(&mut self, publisher: u64, effect: EffectId) {
        let at = self.broker.sending.iter().position(|sent| sent.effect == effect && sent.arrived);
        let Some(at) = at.filter(|_| publisher == self.broker.publisher) else { return };
        let sent = self.broker.sending.remove(at).unwrap();
        if !sent.silent {
            self.host.outcomes.push_back(Event::Outcome { id: effect, result: Ok(Done::Published) });
        }
    }

    /// What is in flight arrived up to some point; nobody knows to which.
    pub(crate) fn publisher_breaks(&mut self, comes_back: bool) {
        self.broker.publisher += 1;
        self.broker.publisher_up = false;
        let mut still = true;
        for sent in std::mem::take(&mut self.broker.sending) {
            still &= sent.arrived || self.random.chance(50);
            if still && !sent.arrived {
                let Message { topic, payload, kind } = sent.message;
                self.route(topic, payload, kind);
            }
            let knows = !still && self.random.chance(30);
            let kind = if knows { ErrorKind::Retry } else { ErrorKind::UnknownOutcome };
            let result = Err(PortError::new(kind, "the connection broke"));
            if !sent.silent {
                self.host.outcomes.push_back(Event::Outcome { id: sent.effect, result });
            }
        }
        if comes_back {
            self.soon(1..8_000, Happening::Publishes);
        }
    }

    /// A message reaches everybody who listens: the server, the home, and the broker's memory.
    pub(crate) fn route(&mut self, topic: String, payload: Vec<u8>, kind: Kind) {
        let topics = &self.config.topics;
        let commands = topic == topics.commands() || topic == format!("{}/smarthome", topics.prefix());
        if let Some(frame) = Frame::try_from(payload.as_slice()).ok().filter(|_| commands) {
            self.to_home(frame);
        }
        if topic == self.config.topics.status() {
            self.broker.retained_status = Some(payload.clone());
        }
        if self.config.topics.inbound(&topic).is_some() {
            self.broker.queue.push_back(Message { topic, payload, kind });
            self.pump();
        }
    }

    fn pump(&mut self) {
        while self.broker.up && self.broker.unacknowledged.len() < WINDOW {
            let Some(message) = self.broker.queue.pop_front() else { return };
            let id = self.deliver(message.clone(), false);
            self.broker.unacknowledged.push_back((id, message));
        }
    }

    fn deliver(&mut self, message: Message, retained: bool) -> DeliveryId {
        self.broker.delivery += 1;
        let (id, session) = (DeliveryId(self.broker.delivery), self.broker.session);
        self.broker.last_delivered = self.broker.last_delivered.max(self.now + self.random.within(0..40));
        let happening = Happening::Delivered { session, id, message, retained };
        self.schedule(self.broker.last_delivered, happening);
        id
    }

    pub(crate) fn delivered(&mut self, session: u64, id: DeliveryId, message: Message, retained: bool) {
        if session != self.broker.session {
            return;
        }
        let Message { topic, payload, kind } = message;
        if let Kind::Mark(of) = kind {
            if of == session {
                self.host.inbox.push_back(Event::Link(Link::BacklogEnd));
            }
            return self.acknowledged(session, id);
        }
        self.books.kinds.insert(id, kind);
        let arrived = self.mono();
        let delivery = Delivery { id, topic, payload, retained, arrived, reply_to: None };
        self.host.inbox.push_back(Event::Delivery(delivery));
    }

    pub(crate) fn acknowledge(&mut self, id: DeliveryId) {
        let session = self.broker.session;
        // They travel on one connection, in order.
        self.broker.last_acknowledged =
            self.broker.last_acknowledged.max(self.now + self.random.within(0..40));
        self.schedule(self.broker.last_acknowledged, Happening::Acknowledged { session, id });
    }

    pub(crate) fn acknowledged(&mut self, session: u64, id: DeliveryId) {
        if session == self.broker.session {
            self.broker.unacknowledged.retain(|(other, _)| *other != id);
            self.pump();
        }
    }

    pub(crate) fn connects(&mut self) {
        if self.broker.up || !self.host.running {
            return;
        }
        self.broker.up = true;
        let resumed = std::mem::replace(&mut self.broker.had_session, true);
        self.host.inbox.push_back(Event::Link(Link::Up { resumed }));
        if let Some(payload) = self.broker.retained_status.clone() {
            let message = Message { topic: self.config.topics.status(), payload, kind: Kind::Other };
            self.deliver(message, true);
        }
        let session = self.broker.session;
        if self.random.chance(90) {
            self.soon(1..200, Happening::Marked { session });
        }
        self.pump();
    }

    pub(crate) fn marked(&mut self, session: u64) {
        if session == self.broker.session {
            let topic = self.config.topics.sync();
            self.broker.queue.push_back(Message { topic, payload: b"x".to_vec(), kind: Kind::Mark(session) });
            self.pump();
        }
    }

    /// What was not acknowledged comes again, under new ids.
    pub(crate) fn disconnects(&mut self) {
        if !self.broker.up {
            return;
        }
        self.broker.session += 1;
        self.broker.up = false;
        while let Some((_, message)) = self.broker.unacknowledged.pop_back() {
            self.broker.queue.push_front(message);
        }
        self.host.inbox.retain(|event| !matches!(event, Event::Delivery(_)));
        self.host.acks.clear();
        self.host.inbox.push_back(Event::Link(Link::Down { why: "the cable is out".into() }));
    }
}
