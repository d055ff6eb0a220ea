//! One connection of the consumer, from its attempt to its end.

use super::{Consumer, End, Told, taken};
use crate::mqtt::alarm::Alarm;
use crate::mqtt::config::MAX_PACKET;
use crate::mqtt::line::{goodbye, not_answered, not_subscribed, refused_filter};
use crate::mqtt::outbox::Confirmation;
use crate::mqtt::parking::{Kind, Room};
use crate::mqtt::session::{self, Arrival, Events, Incident, Lost, Opening, Requests};
use crate::mqtt::watchdog::{Due, Watchdog, mark};
use smarthome_core::engine::{Delivery, Link};
use smarthome_core::ports::{ErrorKind, Outgoing};
use smarthome_core::{Event, Mono};
use std::pin::pin;
use std::time::Duration;

/// A subscription that ends the connection this often in a row is no accident.
const SUSPICIOUS: u32 = 2;

/// How long it may take to connect and to subscribe.
const UP_WITHIN: Duration = Duration::from_secs(15);

/// What belongs to one connection.
pub(super) struct Live<'a> {
    requests: Requests,
    mark: String,
    watchdog: Watchdog,
    alarm: Alarm<'a>,
    confirmation: Option<Confirmation>,
    resumed: bool,
    subscribing: bool,
    backlog: bool,
    useful: bool,
    /// What arrived when there was no room for it.
    waiting: Option<Arrival>,
}

enum Next {
    Happened(Result<Incident, Lost>),
    Rang,
    End(End),
}

impl<'a> Consumer<'a> {
    /// One connection, from its attempt to its end.
    pub(super) async fn connection(&mut self, useful: &mut bool) -> End {
        let opening = Opening {
            client_id: self.mqtt.config.client_id.clone(),
            persistent: true,
            will: None,
            max_incoming: std::mem::replace(&mut self.max_incoming, MAX_PACKET),
        };
        let (requests, mut events) = match session::open(&self.mqtt.config, &opening) {
            Ok(opened) => opened,
            Err(lost) => return End::Lost(lost),
        };
        let mut live = self.live(requests);
        let end = loop {
            self.pump().await;
            let step = match self.next(&mut events, &mut live).await {
                Next::Happened(Ok(incident)) => self.happened(incident, &mut live),
                Next::Happened(Err(lost)) => Err(End::Lost(lost)),
                Next::Rang => self.rang(&mut live),
                Next::End(end) => Err(end),
            };
            match step {
                Ok(()) => {}
                Err(End::Full) if self.makes_room(&mut live).await => {}
                Err(end) => break end,
            }
        };
        *useful = live.useful;
        match end {
            End::Stopped => goodbye(self.clock, &live.requests, &mut events, drop).await,
            End::Full => {}
            End::Lost(lost) => return End::Lost(self.explain(lost, &live)),
        }
        end
    }

    fn live(&self, requests: Requests) -> Live<'a> {
        let now = self.clock.now().mono();
        let watchdog = Watchdog::new(self.mqtt.config.silence, now);
        let alarm = Alarm::at(self.clock, now.after(UP_WITHIN));
        let mark = mark();
        Live {
            requests,
            mark,
            watchdog,
            alarm,
            confirmation: None,
            resumed: false,
            subscribing: false,
            backlog: true,
            useful: false,
            waiting: None,
        }
    }

    async fn next(&mut self, events: &mut Events, live: &mut Live<'a>) -> Next {
        // Kept until it is ready: dropped half-way, it may lose a packet.
        let mut polled = pin!(events.poll());
        loop {
            tokio::select! {
                biased;
                () = self.mqtt.stop.cancelled() => return Next::End(End::Stopped),
                () = taken(&mut self.handing) => self.handing = None,
                result = &mut polled => return Next::Happened(result),
                result = answered(&mut live.confirmation) => {
                    live.confirmation = None;
                    // Refused or lost with its connection, the mark is owed again.
                    let now = self.clock.now().mono();
                    if result { live.watchdog.confirmed(now) } else { live.watchdog.published(false, now) }
                    return Next::Rang;
                }
                _ = self.publishing.changed() => {
                    if let Err(lost) = self.publishing.borrow_and_update().clone() {
                        let unknown = || Lost::new(ErrorKind::Retry, "the publishing connection is gone");
                        return Next::End(End::Lost(lost.unwrap_or_else(unknown)));
                    }
                }
                () = live.alarm.ring() => return Next::Rang,
            }
            self.pump().await;
        }
    }

    fn happened(&mut self, incident: Incident, live: &mut Live<'a>) -> Result<(), End> {
        match incident {
            Incident::Connected(granted) => {
                live.resumed = granted.resumed;
                self.parking.begin(granted.resumed);
                // The broker brings again what is being handed over, too.
                if granted.resumed && self.handing.as_ref().is_some_and(|handing| handing.kind == Kind::Kept)
                {
                    self.handing = None;
                }
                self.mqtt.connected(live.requests.clone());
                live.subscribing = live.requests.subscribe(&self.mqtt.config.topics.filters());
            }
            Incident::Subscribed(granted) => {
                (live.subscribing, self.unanswered) = (false, 0);
                let filters = self.mqtt.config.topics.filters();
                if let Some(filter) = refused_filter(&filters, &granted) {
                    return Err(End::Lost(not_subscribed(&self.mqtt.config, filter)));
                }
                self.up(live.resumed);
                return self.rang(live);
            }
            Incident::Arrived(arrival) => return self.arrived(arrival, live),
            _ => {}
        }
        Ok(())
    }

    fn arrived(&mut self, arrival: Arrival, live: &mut Live<'a>) -> Result<(), End> {
        let now = self.clock.now().mono();
        live.useful = true;
        live.watchdog.heard(now);
        let size = arrival.size();
        if self.mqtt.is_sync(&arrival.topic) || size > MAX_PACKET {
            self.keep_back(&arrival, live);
            return Ok(());
        }
        let kind = if arrival.packet == 0 { Kind::Once } else { Kind::Kept };
        match self.parking.room(size, kind) {
            Room::Yes => {}
            Room::Full => {
                live.waiting = Some(arrival);
                return Err(End::Full);
            }
            Room::Drop => {
                let dropped = self.parking.dropped();
                tracing::debug!(dropped, "dropped a QoS 0 message: too many are waiting");
                return Ok(());
            }
        }
        self.park(arrival, kind, now);
        // A broker may send a long backlog before it answers the subscription. The session is subscribed already.
        if live.resumed && self.parking.held_too_long() {
            self.up(live.resumed);
        }
        Ok(())
    }

    /// Leaves the rest in the socket until there is room again, though not for so long that the broker misses a ping.
    /// Mosquitto sends far beyond its window once acknowledgements flow, and what is closed on it comes again whole,
    /// handled or not.
    async fn makes_room(&mut self, live: &mut Live<'a>) -> bool {
        let until = self.clock.now().mono().after(self.mqtt.config.keep_alive / 2);
        if !self.drained(Some(until)).await {
            return false;
        }
        if let Some(arrival) = live.waiting.take() {
            self.park(arrival, Kind::Kept, self.clock.now().mono());
        }
        true
    }

    fn park(&mut self, arrival: Arrival, kind: Kind, now: Mono) {
        let size = arrival.size();
        let delivery = Delivery {
            id: self.mqtt.acks().arrived(arrival.packet),
            topic: arrival.topic,
            payload: arrival.payload.into(),
            retained: arrival.retained,
            arrived: now,
            reply_to: arrival.reply_to,
        };
        self.parking.park(Event::Delivery(delivery), size, kind);
    }

    /// Acknowledges what is not for the engine: marks, and what is too large.
    fn keep_back(&mut self, arrival: &Arrival, live: &mut Live<'a>) {
        let id = self.mqtt.acks().arrived(arrival.packet);
        self.mqtt.settle(id, self.clock.now().mono());
        if !self.mqtt.is_sync(&arrival.topic) {
            let (topic, size) = (&arrival.topic, arrival.size());
            tracing::warn!(topic, size, "dropped a message over the limit of {MAX_PACKET} bytes");
        } else if live.backlog && *arrival.payload == *live.mark.as_bytes() {
            live.backlog = false;
            self.parking.link(Link::BacklogEnd);
        }
    }

    /// Publishes the mark when it is due.
    fn rang(&mut self, live: &mut Live<'a>) -> Result<(), End> {
        let now = self.clock.now().mono();
        if self.told != Told::Up {
            // It does not close the connection either, so it is not the subscription that it dislikes.
            live.subscribing = false;
            let why = format!("{}: the broker does not answer", self.mqtt.config.address());
            return Err(End::Lost(Lost::new(ErrorKind::Retry, why)));
        }
        let due = live.watchdog.due(now, self.mqtt.acks().settled_since());
        match due {
            Due::Wait(at) => live.alarm.set(at),
            Due::Stalled => {
                let why = format!("{}: the broker delivers nothing any more", self.mqtt.config.address());
                return Err(End::Lost(Lost::new(ErrorKind::Retry, why)));
            }
            Due::Mark => {
                let mark = Outgoing {
                    topic: self.mqtt.config.topics.sync(),
                    payload: live.mark.clone().into_bytes(),
                    retain: false,
                    correlation: None,
                };
                live.confirmation = self.mqtt.outbox.try_publish(&mark, now).ok();
                live.watchdog.published(live.confirmation.is_some(), now);
                if let Due::Wait(at) = live.watchdog.due(now, self.mqtt.acks().settled_since()) {
                    live.alarm.set(at);
                }
            }
        }
        Ok(())
    }

    /// Adds to an error what is known beyond the error itself.
    fn explain(&mut self, mut lost: Lost, live: &Live<'a>) -> Lost {
        if let Some(size) = lost.oversized {
            // The broker brings it again and again. Taken once, it can be acknowledged and dropped.
            self.max_incoming = size.saturating_add(1024);
            lost.why =
                format!("a message of {size} bytes is over the limit of {MAX_PACKET}; it will be dropped");
        }
        if live.subscribing {
            self.unanswered += 1;
            if self.unanswered >= SUSPICIOUS {
                lost.kind = ErrorKind::AskPerson;
                lost.why = not_answered(&lost.why);
            }
        }
        lost
    }
}

/// Whether the broker took the mark, once that is known.
async fn answered(confirmation: &mut Option<Confirmation>) -> bool {
    match confirmation {
        Some(confirmation) => matches!(confirmation.await, Ok(Ok(()))),
        None => std::future::pending().await,
    }
}
