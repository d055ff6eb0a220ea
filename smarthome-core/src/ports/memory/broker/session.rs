//! What the broker keeps for the server, and hands out.

use super::{Message, State};
use crate::Mono;
use crate::engine::{Delivery, DeliveryId, Event, Link};
use std::string::String;
use std::vec::Vec;

impl State {
    /// Takes in a message: retains it, and queues it when the server subscribes to it and has a session.
    pub(super) fn take(&mut self, topic: String, payload: Vec<u8>, retain: bool) {
        if retain && payload.is_empty() {
            self.retained.remove(&topic);
        } else if retain {
            self.retained.insert(topic.clone(), payload.clone());
        }
        if self.has_session && self.subscriptions.contains(&topic) {
            self.session.push_back((None, Message { topic, payload, retained: false }));
        }
    }

    /// Delivers what waits, when there is a connection.
    pub(super) fn deliver(&mut self, arrived: Mono) {
        if self.connected().is_none() {
            return;
        }
        for (id, message) in self.session.iter_mut().filter(|(id, _)| id.is_none()) {
            self.last_delivery = self.last_delivery.saturating_add(1);
            let delivery = DeliveryId(self.last_delivery);
            *id = Some(delivery);
            self.news.push_back(Event::Delivery(Delivery {
                id: delivery,
                topic: message.topic.clone(),
                payload: message.payload.clone(),
                retained: message.retained,
                arrived,
                reply_to: None,
            }));
        }
    }

    /// The connection that stands, by its number.
    pub(super) fn connected(&self) -> Option<u64> {
        (self.connection % 2 == 1).then_some(self.connection)
    }

    /// Whether a listener may connect.
    pub(super) fn connection_wanted(&self) -> bool {
        self.connected().is_none() && self.down.is_none()
    }

    /// Connects: `Up`, the backlog, its end, and from then on what comes.
    pub(super) fn connect(&mut self, arrived: Mono) {
        self.connection = self.connection.saturating_add(1);
        self.news.push_back(Event::Link(Link::Up { resumed: self.has_session }));
        self.has_session = true;
        let subscribed = |(topic, _): &(&String, &Vec<u8>)| self.subscriptions.contains(*topic);
        let retained = self.retained.iter().filter(subscribed).map(|(topic, payload)| Message {
            topic: topic.clone(),
            payload: payload.clone(),
            retained: true,
        });
        let retained: Vec<_> = retained.map(|message| (None, message)).collect();
        let backlog = core::mem::take(&mut self.session);
        // Retained ones that were not acknowledged are not kept: they come anew.
        let backlog = backlog.into_iter().filter(|(_, message)| !message.retained);
        self.session = retained.into_iter().chain(backlog).collect();
        self.deliver(arrived);
        self.news.push_back(Event::Link(Link::BacklogEnd));
    }

    /// Loses the connection; what was delivered and not acknowledged waits again.
    pub(super) fn lose_connection(&mut self, why: &str) {
        if self.connected().is_none() {
            return;
        }
        self.connection = self.connection.saturating_add(1);
        for (id, _) in &mut self.session {
            *id = None;
        }
        self.news.retain(|event| !matches!(event, Event::Delivery(_) | Event::Link(Link::BacklogEnd)));
        self.news.push_back(Event::Link(Link::Down { why: why.into() }));
    }
}
