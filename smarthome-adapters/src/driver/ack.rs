//! Which deliveries the broker may forget, in which order.

use smarthome_core::engine::DeliveryId;
use std::collections::VecDeque;

/// Deliveries that were handed to the engine and are not acknowledged.
///
/// A delivery is settled when nothing waits any more: its batch is recorded, and every effect it caused that is not
/// journaled is done or given up. Settled ones are acknowledged in the order of arrival; one behind an unsettled one
/// waits.
#[derive(Debug, Default)]
pub(super) struct Acks {
    /// Ascending by id.
    open: VecDeque<Open>,
}

#[derive(Debug)]
struct Open {
    id: DeliveryId,
    waits_for: u32,
}

impl Acks {
    /// A delivery was handed to the engine; it waits for its batch.
    pub(super) fn arrived(&mut self, id: DeliveryId) {
        match self.open.binary_search_by_key(&id, |open| open.id) {
            Ok(at) => self.add(at),
            Err(at) => self.open.insert(at, Open { id, waits_for: 1 }),
        }
    }

    /// One more thing to wait for. A delivery that was acknowledged waits for nothing.
    pub(super) fn caused(&mut self, id: DeliveryId) {
        if let Ok(at) = self.open.binary_search_by_key(&id, |open| open.id) {
            self.add(at);
        }
    }

    /// One thing less to wait for.
    pub(super) fn settled(&mut self, id: DeliveryId) {
        if let Ok(at) = self.open.binary_search_by_key(&id, |open| open.id)
            && let Some(open) = self.open.get_mut(at)
        {
            open.waits_for = open.waits_for.saturating_sub(1);
        }
    }

    /// The next delivery to acknowledge; every one is given once.
    pub(super) fn next(&mut self) -> Option<DeliveryId> {
        if self.open.front()?.waits_for > 0 {
            return None;
        }
        self.open.pop_front().map(|open| open.id)
    }

    fn add(&mut self, at: usize) {
        if let Some(open) = self.open.get_mut(at) {
            open.waits_for = open.waits_for.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(acks: &mut Acks) -> Vec<u64> {
        std::iter::from_fn(|| acks.next()).map(|id| id.0).collect()
    }

    #[test]
    fn without_effects_a_delivery_is_settled_with_its_batch() {
        let mut acks = Acks::default();
        acks.arrived(DeliveryId(1));
        assert!(ready(&mut acks).is_empty());
        acks.settled(DeliveryId(1));
        assert_eq!(ready(&mut acks), [1]);
        assert!(ready(&mut acks).is_empty());
    }

    #[test]
    fn a_settled_one_waits_behind_an_unsettled_one() {
        let mut acks = Acks::default();
        for id in 1..=3 {
            acks.arrived(DeliveryId(id));
        }
        acks.caused(DeliveryId(1));
        for id in 1..=3 {
            acks.settled(DeliveryId(id));
        }
        assert!(ready(&mut acks).is_empty());
        acks.settled(DeliveryId(1));
        assert_eq!(ready(&mut acks), [1, 2, 3]);
    }

    #[test]
    fn every_effect_is_waited_for() {
        let mut acks = Acks::default();
        acks.arrived(DeliveryId(7));
        acks.caused(DeliveryId(7));
        acks.caused(DeliveryId(7));
        acks.settled(DeliveryId(7));
        acks.settled(DeliveryId(7));
        assert!(ready(&mut acks).is_empty());
        acks.settled(DeliveryId(7));
        assert_eq!(ready(&mut acks), [7]);
    }

    #[test]
    fn what_is_said_about_unknown_deliveries_is_ignored() {
        let mut acks = Acks::default();
        acks.arrived(DeliveryId(2));
        acks.settled(DeliveryId(1));
        acks.caused(DeliveryId(3));
        acks.settled(DeliveryId(2));
        acks.settled(DeliveryId(2));
        assert_eq!(ready(&mut acks), [2]);
        acks.caused(DeliveryId(2));
        assert!(ready(&mut acks).is_empty());
    }

    #[test]
    fn any_order_of_settling_acknowledges_in_order_of_arrival() {
        // All orders of five, by Heap's algorithm.
        fn each(orders: &mut Vec<Vec<u64>>, ids: &mut Vec<u64>, k: usize) {
            if k <= 1 {
                return orders.push(ids.clone());
            }
            for i in 0..k {
                each(orders, ids, k - 1);
                ids.swap(if k.is_multiple_of(2) { i } else { 0 }, k - 1);
            }
        }
        let mut orders = Vec::new();
        each(&mut orders, &mut (1..=5).collect(), 5);
        for order in orders {
            let mut acks = Acks::default();
            (1..=5).for_each(|id| acks.arrived(DeliveryId(id)));
            let mut seen = Vec::new();
            for id in &order {
                acks.settled(DeliveryId(*id));
                seen.extend(ready(&mut acks));
            }
            assert_eq!(seen, [1, 2, 3, 4, 5], "{order:?}");
        }
    }
}
