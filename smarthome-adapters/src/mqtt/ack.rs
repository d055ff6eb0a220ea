//! In which order deliveries are acknowledged: always the one in which they arrived.
//!
//! Brokers resend what was not acknowledged in the order in which they first sent it, and MQTT asks receivers to
//! acknowledge in the order of arrival. The engine settles deliveries as their effects are done, in any order, so a
//! settled one waits here for those before it.

use smarthome_core::Mono;
use smarthome_core::engine::DeliveryId;
use std::collections::VecDeque;

/// What has arrived on one connection and is not acknowledged.
#[derive(Debug)]
pub(super) struct Acks {
    /// The id of the front of `waiting`.
    first: u64,
    waiting: VecDeque<Waiting>,
    /// How many of `waiting` the broker wants to hear about.
    owed: usize,
    /// When the broker was last owed nothing.
    settled_at: Mono,
}

#[derive(Debug)]
struct Waiting {
    /// 0 for what the broker does not want to hear about.
    packet: u16,
    settled: bool,
}

impl Acks {
    pub(super) fn new() -> Acks {
        Acks { first: 1, waiting: VecDeque::new(), owed: 0, settled_at: Mono::ZERO }
    }

    /// Forgets everything that arrived: its connection is gone, and acknowledging it would confuse the next one.
    pub(super) fn forget(&mut self, now: Mono) {
        self.first = self.next();
        self.waiting.clear();
        self.owed = 0;
        self.settled_at = now;
    }

    /// Names a delivery that arrived. `packet` is 0 when the broker wants no acknowledgement.
    pub(super) fn arrived(&mut self, packet: u16) -> DeliveryId {
        let id = self.next();
        self.owed += usize::from(packet != 0);
        self.waiting.push_back(Waiting { packet, settled: false });
        DeliveryId(id)
    }

    /// Settles a delivery and calls `send` for every packet that may be acknowledged now.
    pub(super) fn settle(&mut self, id: DeliveryId, now: Mono, mut send: impl FnMut(u16)) {
        let at = id.0.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let Some(waiting) = at.and_then(|at| self.waiting.get_mut(at)) else { return };
        waiting.settled = true;
        while let Some(packet) = self.waiting.front().filter(|front| front.settled).map(|front| front.packet)
        {
            self.waiting.pop_front();
            self.first += 1;
            if packet != 0 {
                self.owed -= 1;
                if self.owed == 0 {
                    self.settled_at = now;
                }
                send(packet);
            }
        }
    }

    /// Since when everything that arrived is acknowledged; `None`: something is not.
    pub(super) fn settled_since(&self) -> Option<Mono> {
        (self.owed == 0).then_some(self.settled_at)
    }

    fn next(&self) -> u64 {
        self.first + self.waiting.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(acks: &mut Acks, id: DeliveryId, millis: u64) -> Vec<u16> {
        let mut sent = Vec::new();
        acks.settle(id, Mono::from_millis(millis), |packet| sent.push(packet));
        sent
    }

    #[test]
    fn acknowledgements_leave_in_the_order_of_arrival() {
        let mut acks = Acks::new();
        let [a, b, c] = [7, 8, 9].map(|packet| acks.arrived(packet));
        assert_eq!(settle(&mut acks, c, 1), [0u16; 0]);
        assert_eq!(settle(&mut acks, a, 2), [7]);
        assert_eq!(settle(&mut acks, a, 3), [0u16; 0], "twice does nothing");
        assert_eq!(acks.settled_since(), None);
        assert_eq!(settle(&mut acks, b, 4), [8, 9]);
        assert_eq!(acks.settled_since(), Some(Mono::from_millis(4)));
        assert_eq!(settle(&mut acks, DeliveryId(99), 5), [0u16; 0], "an id that never was");
    }

    #[test]
    fn what_needs_no_acknowledgement_gets_none_and_is_not_waited_for() {
        let mut acks = Acks::new();
        let quick = acks.arrived(0);
        assert_eq!(acks.settled_since(), Some(Mono::ZERO));
        let sure = acks.arrived(3);
        assert_eq!(settle(&mut acks, sure, 1), [0u16; 0], "arrived behind one that is not settled");
        assert_eq!(settle(&mut acks, quick, 2), [3]);
    }

    #[test]
    fn an_id_of_an_earlier_connection_does_nothing() {
        let mut acks = Acks::new();
        let old = acks.arrived(1);
        acks.forget(Mono::from_millis(5));
        assert_eq!(acks.settled_since(), Some(Mono::from_millis(5)));
        let new = acks.arrived(1);
        assert!(new > old, "ids are never reused");
        assert_eq!(settle(&mut acks, old, 6), [0u16; 0]);
        assert_eq!(settle(&mut acks, new, 7), [1]);
    }
}
