//! The consuming connection: a persistent session, acknowledged by hand, that never stops being read.

mod live;

use super::Mqtt;
use super::alarm::sleep_until;
use super::config::MAX_PACKET;
use super::parking::{Kind, Parked, Parking};
use super::pause::{Pauses, random_byte};
use super::session::Lost;
use smarthome_core::Mono;
use smarthome_core::engine::Link;
use smarthome_core::ports::{Clock, ErrorKind, Inbox};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use tokio::sync::watch;

/// Whether the publishing connection is up, and otherwise why not, once that is known.
pub(super) type Publishing = Result<(), Option<Lost>>;

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

/// How a connection ended.
enum End {
    Stopped,
    /// Nobody takes what arrives.
    Full,
    Lost(Lost),
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
        self.drained(None).await
    }

    /// Hands over until half the room is free; `false` when it is time to stop, or `until` has come.
    async fn drained(&mut self, until: Option<Mono>) -> bool {
        let mut late = pin!(async {
            match until {
                Some(until) => sleep_until(self.clock, until).await,
                None => std::future::pending().await,
            }
        });
        while !self.parking.half_empty() {
            self.pump().await;
            let Some(handing) = &mut self.handing else {
                // What is left is held back until the connection is up.
                return self.parking.half_empty();
            };
            tokio::select! {
                biased;
                () = self.mqtt.stop.cancelled() => return false,
                () = &mut handing.push => self.handing = None,
                () = &mut late => return false,
            }
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

    fn up(&mut self, resumed: bool) {
        self.parking.opened(resumed);
        if self.told != Told::Up {
            tracing::info!(broker = self.mqtt.config.address(), resumed, "connected to the broker");
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
}

/// Ready when the inbox has taken what it is being handed.
async fn taken(handing: &mut Option<Handing<'_>>) {
    match handing {
        Some(handing) => (&mut handing.push).await,
        None => std::future::pending().await,
    }
}
