//! The consuming connection: a persistent session, acknowledged by hand, that never stops being read.

use super::Mqtt;
use super::alarm::{Alarm, sleep_until};
use super::config::MAX_PACKET;
use super::line::{goodbye, not_answered, not_subscribed, refused_filter};
use super::outbox::Confirmation;
use super::parking::{Kind, Parked, Parking, Room};
use super::pause::{Pauses, random_byte};
use super::session::{self, Arrival, Events, Incident, Lost, Opening, Requests};
use super::watchdog::{Due, Watchdog};
use smarthome_core::Event;
use smarthome_core::engine::{Delivery, Link};
use smarthome_core::ports::{Clock, ErrorKind, Inbox, Outgoing};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::watch;

/// Whether the publishing connection is up, and otherwise why not, once that is known.
pub(super) type Publishing = Result<(), Option<Lost>>;

/// A subscription that ends the connection this often in a row is no accident.
const SUSPICIOUS: u32 = 2;

/// How long it may take to connect and to subscribe.
const UP_WITHIN: Duration = Duration::from_secs(15);

pub(super) struct Consumer<'a> {
    mqtt: &'a Mqtt,
    clock: &'a dyn Clock,
    inbox: &'a dyn Inbox,
    publishing: watch::Receiver<Publishing>,
    parking: Parking,
    /// What the inbox is being handed and has not taken yet.
    handing: Option<Handing<'a>>,
    /// What the engine was told, or is about to be.
    told: Told,
    /// How often in a row the broker closed the connection instead of answering the subscription.
    unanswered: u32,
    /// The largest packet to take on the next connection.
    max_incoming: usize,
}

struct Handing<'a> {
    push: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Up,
    Down(ErrorKind),
}

/// What belongs to one connection.
struct Live<'a> {
    requests: Requests,
    mark: String,
    watchdog: Watchdog,
    alarm: Alarm<'a>,
    confirmation: Option<Confirmation>,
    resumed: bool,
    subscribing: bool,
    backlog: bool,
    useful: bool,
}

/// How a connection ended.
enum End {
    Stopped,
    /// Nobody takes what arrives.
    Full,
    Lost(Lost),
}

enum Next {
    Happened(Result<Incident, Lost>),
    Rang,
    End(End),
}

impl<'a> Consumer<'a> {
    pub(super) fn new(
        mqtt: &'a Mqtt,
        inbox: &'a dyn Inbox,
        publishing: watch::Receiver<Publishing>,
    ) -> Consumer<'a> {
        let parking = Parking::new(mqtt.config.park_messages, mqtt.config.park_bytes);
        Consumer {
            mqtt,
            clock: &*mqtt.clock,
            inbox,
            publishing,
            parking,
            handing: None,
            told: Told::Nothing,
            unanswered: 0,
            max_incoming: MAX_PACKET,
        }
    }

    /// Runs until it is told to stop.
    pub(super) async fn run(mut self) {
        let mut pauses = Pauses::new();
        while self.publishing_is_up().await {
            let began = self.clock.now().mono();
            let mut useful = false;
            let end = self.connection(&mut useful).await;
            let now = self.clock.now().mono();
            self.mqtt.disconnected(now);
            self.parking.ended();
            let goes_on = match end {
                End::Stopped => false,
                End::Full => self.wait_for_room().await,
                End::Lost(lost) => {
                    let pause = pauses.after(lost.kind, now.since(began), useful, random_byte());
                    self.down(&lost);
                    let clock = self.clock;
                    self.meanwhile(sleep_until(clock, now.after(pause))).await.is_some()
                }
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Waits for the publishing connection; `false` when it is time to stop.
    async fn publishing_is_up(&mut self) -> bool {
        loop {
            let state = self.publishing.borrow_and_update().clone();
            match state {
                Ok(()) => return true,
                Err(Some(lost)) => self.down(&lost),
                Err(None) => {}
            }
            let mut publishing = self.publishing.clone();
            if self.meanwhile(publishing.changed()).await.is_none() {
                return false;
            }
        }
    }

    /// Waits until half the parked deliveries are handed over; `false` when it is time to stop.
    async fn wait_for_room(&mut self) -> bool {
        let parked = self.parking.len();
        self.down(&Lost::new(
            ErrorKind::Retry,
            format!("{parked} deliveries wait to be handled: closed the connection until half of them are"),
        ));
        while !self.parking.half_empty() {
            self.pump().await;
            let Some(handing) = &mut self.handing else { continue };
            if self.mqtt.stop.run_until_cancelled(&mut handing.push).await.is_none() {
                return false;
            }
            self.handing = None;
        }
        true
    }

    /// Waits for something and goes on handing over; `None` when it is time to stop.
    async fn meanwhile<T>(&mut self, what: impl Future<Output = T>) -> Option<T> {
        let mut what = pin!(what);
        loop {
            self.pump().await;
            tokio::select! {
                biased;
                () = self.mqtt.stop.cancelled() => return None,
                done = &mut what => return Some(done),
                () = taken(&mut self.handing) => self.handing = None,
            }
        }
    }

    /// Hands over what the inbox takes at once, so that nothing waits for another task to run while there is room.
    async fn pump(&mut self) {
        while self.handing.is_none() {
            let Some(Parked { event, kind, .. }) = self.parking.next() else { return };
            let mut push = self.inbox.push(event);
            if poll_fn(|cx| Poll::Ready(push.as_mut().poll(cx))).await.is_pending() {
                self.handing = Some(Handing { push, kind });
            }
        }
    }

    /// One connection, from its attempt to its end.
    async fn connection(&mut self, useful: &mut bool) -> End {
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
            if let Err(end) = step {
                break end;
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
                let filters = self.mqtt.config.topics.filters();
                if let Some(filter) = refused_filter(&filters, &granted) {
                    return Err(End::Lost(not_subscribed(&self.mqtt.config, filter)));
                }
                (live.subscribing, self.unanswered) = (false, 0);
                self.up(live);
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
        let sync = self.mqtt.is_sync(&arrival.topic);
        if sync || size > MAX_PACKET {
            let id = self.mqtt.acks().arrived(arrival.packet);
            self.mqtt.settle(id, now);
            if !sync {
                tracing::warn!(
                    topic = arrival.topic,
                    size,
                    "dropped a message over the limit of {MAX_PACKET} bytes"
                );
            } else if live.backlog && *arrival.payload == *live.mark.as_bytes() {
                live.backlog = false;
                self.parking.link(Link::BacklogEnd);
            }
            return Ok(());
        }
        let kind = if arrival.packet == 0 { Kind::Once } else { Kind::Kept };
        match self.parking.room(size, kind) {
            Room::Yes => {}
            Room::Full => return Err(End::Full),
            Room::Drop => {
                tracing::debug!(
                    dropped = self.parking.dropped(),
                    "dropped a QoS 0 message: too many are waiting"
                );
                return Ok(());
            }
        }
        let delivery = Delivery {
            id: self.mqtt.acks().arrived(arrival.packet),
            topic: arrival.topic,
            payload: arrival.payload.into(),
            retained: arrival.retained,
            arrived: now,
            reply_to: arrival.reply_to,
        };
        self.parking.park(Event::Delivery(delivery), size, kind);
        // A broker may send a long backlog before it answers the subscription. The session is subscribed already.
        if live.resumed && self.parking.held_too_long() {
            self.up(live);
        }
        Ok(())
    }

    fn up(&mut self, live: &Live<'a>) {
        self.parking.opened(live.resumed);
        if self.told != Told::Up {
            tracing::info!(
                broker = self.mqtt.config.address(),
                resumed = live.resumed,
                "connected to the broker"
            );
        }
        self.told = Told::Up;
    }

    fn down(&mut self, lost: &Lost) {
        let news = match self.told {
            Told::Nothing | Told::Up => true,
            // A person has to act: that is worth a second word.
            Told::Down(kind) => lost.kind == ErrorKind::AskPerson && kind != ErrorKind::AskPerson,
        };
        if !news {
            tracing::debug!(why = lost.why, "still not connected to the broker");
            return;
        }
        if lost.kind == ErrorKind::AskPerson {
            tracing::error!("not connected to the broker: {}", lost.why);
        } else {
            tracing::warn!("not connected to the broker: {}", lost.why);
        }
        self.told = Told::Down(lost.kind);
        self.parking.link(Link::Down { why: lost.why.clone() });
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

/// Ready when the inbox has taken what it is being handed.
async fn taken(handing: &mut Option<Handing<'_>>) {
    match handing {
        Some(handing) => (&mut handing.push).await,
        None => std::future::pending().await,
    }
}

/// Whether the broker took the mark, once that is known.
async fn answered(confirmation: &mut Option<Confirmation>) -> bool {
    match confirmation {
        Some(confirmation) => matches!(confirmation.await, Ok(Ok(()))),
        None => std::future::pending().await,
    }
}

/// A payload that nobody else publishes.
pub(super) fn mark() -> String {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // Without randomness the address of a local and the time it was made still differ between processes.
        let unique = format!("{:p}{:?}", &raw const bytes, std::time::SystemTime::now());
        return unique;
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
