//! Where deliveries wait while the inbox is full.
//!
//! A broker sends 10 or 20 messages and then waits for acknowledgements, so a client that leaves messages in the
//! socket stalls, misses its keep-alive and is thrown out. So they are read and parked, up to a limit. Beyond it the
//! connection is closed, and the broker, which keeps what was not acknowledged, is asked again later.

use smarthome_core::Event;
use smarthome_core::engine::Link;
use std::collections::VecDeque;

/// What waits, in the order in which it is to be handed over.
#[derive(Debug)]
pub(super) struct Parking {
    messages: usize,
    bytes: usize,
    max_messages: usize,
    max_bytes: usize,
    ready: VecDeque<Parked>,
    /// What arrived on a connection that is not up yet: it is handed over behind `Link::Up`.
    held: Option<VecDeque<Parked>>,
    dropped: u64,
}

/// Something that waits.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) event: Event,
    bytes: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The broker keeps it until it is acknowledged.
    Kept,
    /// The broker has forgotten it.
    Once,
    /// News about the connection itself.
    Link,
}

/// Whether there is room for a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// There is.
    Yes,
    /// There is none and nobody will bring it again: it was counted and is to be dropped.
    Drop,
    /// There is none: the connection has to be closed, for the broker to bring it again later.
    Full,
}

impl Parking {
    pub(super) fn new(max_messages: usize, max_bytes: usize) -> Parking {
        Parking {
            messages: 0,
            bytes: 0,
            max_messages,
            max_bytes,
            ready: VecDeque::new(),
            held: None,
            dropped: 0,
        }
    }

    /// Whether a delivery of so many bytes may be parked.
    pub(super) fn room(&mut self, bytes: usize, kind: Kind) -> Room {
        if self.messages < self.max_messages && self.bytes + bytes <= self.max_bytes {
            return Room::Yes;
        }
        if kind == Kind::Once {
            self.dropped += 1;
            return Room::Drop;
        }
        Room::Full
    }

    /// Parks a delivery for which there is room.
    pub(super) fn park(&mut self, event: Event, bytes: usize, kind: Kind) {
        self.messages += 1;
        self.bytes += bytes;
        self.held.as_mut().unwrap_or(&mut self.ready).push_back(Parked { event, bytes, kind });
    }

    /// Parks news about the connection; there is always room for them.
    pub(super) fn link(&mut self, link: Link) {
        self.ready.push_back(Parked { event: Event::Link(link), bytes: 0, kind: Kind::Link });
    }

    /// A new connection begins: what arrives is held back until [`opened`](Self::opened). If the broker kept the
    /// session it brings again what was not acknowledged, so what it kept and was not handed over goes.
    pub(super) fn begin(&mut self, resumed: bool) {
        self.held = Some(VecDeque::new());
        if !resumed {
            return;
        }
        // Of the ups and downs that nobody has heard of only the last matters, and that is a down.
        let last = self.ready.iter().rposition(|parked| parked.kind == Kind::Link);
        let mut at = 0;
        let (mut messages, mut bytes) = (0, 0);
        self.ready.retain(|parked| {
            at += 1;
            let stays = match parked.kind {
                Kind::Kept => false,
                Kind::Once => true,
                Kind::Link => Some(at - 1) == last,
            };
            messages += usize::from(stays && parked.kind != Kind::Link);
            bytes += if stays { parked.bytes } else { 0 };
            stays
        });
        (self.messages, self.bytes) = (messages, bytes);
    }

    /// The connection is up: its deliveries may follow.
    pub(super) fn opened(&mut self, resumed: bool) {
        let Some(mut held) = self.held.take() else { return };
        self.link(Link::Up { resumed });
        self.ready.append(&mut held);
    }

    /// The connection is gone. What arrived before it was up was never handed over and comes again.
    pub(super) fn ended(&mut self) {
        for parked in self.held.take().into_iter().flatten() {
            self.messages -= 1;
            self.bytes -= parked.bytes;
        }
    }

    /// Takes what is to be handed over next.
    pub(super) fn next(&mut self) -> Option<Parked> {
        let parked = self.ready.pop_front()?;
        self.messages -= usize::from(parked.kind != Kind::Link);
        self.bytes -= parked.bytes;
        Some(parked)
    }

    /// Whether half the room is free.
    pub(super) fn half_empty(&self) -> bool {
        self.messages <= self.max_messages / 2 && self.bytes <= self.max_bytes / 2
    }

    /// Whether deliveries are held back and take up half the room.
    pub(super) fn held_too_long(&self) -> bool {
        self.held.is_some() && !self.half_empty()
    }

    /// How many deliveries were dropped for want of room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many deliveries wait.
    pub(super) fn len(&self) -> usize {
        self.messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smarthome_core::Mono;
    use smarthome_core::engine::{Delivery, DeliveryId};

    fn delivery(id: u64) -> Event {
        Event::Delivery(Delivery {
            id: DeliveryId(id),
            topic: "t".into(),
            payload: Vec::new(),
            retained: false,
            arrived: Mono::ZERO,
            reply_to: None,
        })
    }

    fn down() -> Link {
        Link::Down { why: String::new() }
    }

    /// What is handed over, as a line: numbers for deliveries, letters for link events.
    fn drain(parking: &mut Parking) -> String {
        std::iter::from_fn(|| parking.next())
            .map(|parked| match parked.event {
                Event::Delivery(delivery) => delivery.id.0.to_string(),
                Event::Link(Link::Up { .. }) => "U".into(),
                Event::Link(Link::BacklogEnd) => "B".into(),
                Event::Link(Link::Down { .. }) => "D".into(),
                _ => "?".into(),
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn what_arrives_before_the_link_is_up_follows_it() {
        let mut parking = Parking::new(8, 8);
        parking.begin(true);
        parking.park(delivery(1), 1, Kind::Kept);
        assert_eq!(drain(&mut parking), "");
        parking.opened(true);
        parking.park(delivery(2), 1, Kind::Kept);
        parking.link(Link::BacklogEnd);
        parking.opened(true);
        assert_eq!(drain(&mut parking), "U 1 2 B");
        assert_eq!((parking.messages, parking.bytes), (0, 0));
    }

    #[test]
    fn rule_04_beyond_either_limit_the_broker_keeps_what_it_can_and_the_rest_is_counted() {
        for (max_messages, max_bytes) in [(2, 100), (100, 2)] {
            let mut parking = Parking::new(max_messages, max_bytes);
            for id in 0..2 {
                assert_eq!(parking.room(1, Kind::Kept), Room::Yes);
                parking.park(delivery(id), 1, Kind::Kept);
            }
            assert_eq!(parking.room(1, Kind::Kept), Room::Full);
            assert_eq!(parking.room(1, Kind::Once), Room::Drop);
            assert_eq!(parking.dropped(), 1);
            assert!(!parking.half_empty());
            parking.next();
            assert!(parking.half_empty());
            assert_eq!(parking.room(1, Kind::Once), Room::Yes);
        }
    }

    #[test]
    fn a_resumed_session_replaces_what_was_not_handed_over() {
        let mut parking = Parking::new(8, 80);
        parking.begin(false);
        parking.opened(false);
        parking.park(delivery(1), 10, Kind::Kept);
        parking.link(Link::BacklogEnd);
        parking.park(delivery(2), 5, Kind::Once);
        parking.ended();
        parking.link(down());
        parking.begin(true);
        assert_eq!((parking.messages, parking.bytes), (1, 5));
        parking.park(delivery(3), 10, Kind::Kept);
        parking.opened(true);
        assert_eq!(drain(&mut parking), "2 D U 3");
        assert_eq!((parking.messages, parking.bytes), (0, 0));
    }

    #[test]
    fn a_lost_session_replaces_nothing() {
        let mut parking = Parking::new(8, 80);
        parking.park(delivery(1), 10, Kind::Kept);
        parking.link(down());
        parking.begin(false);
        parking.opened(false);
        assert_eq!(drain(&mut parking), "1 D U");
    }

    #[test]
    fn what_was_held_goes_with_its_connection() {
        let mut parking = Parking::new(2, 80);
        parking.begin(true);
        parking.park(delivery(1), 10, Kind::Kept);
        assert!(!parking.held_too_long());
        parking.park(delivery(2), 10, Kind::Once);
        assert!(parking.held_too_long());
        parking.ended();
        assert_eq!((parking.messages, parking.bytes), (0, 0));
        assert_eq!(drain(&mut parking), "");
    }
}
