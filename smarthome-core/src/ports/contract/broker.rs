//! What every connection to a broker keeps to.

use super::within::Wait;
use crate::engine::{Delivery, DeliveryId, Event, Link};
use crate::ports::memory::MemoryInbox;
use crate::ports::{Broker, Clock, ErrorKind, Outgoing};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use async_trait::async_trait;

/// How the suite gets at a connection and at what is behind it.
#[async_trait]
pub trait BrokerUnderTest: Send + Sync {
    /// A connection that has not been used, with a session that the broker does not know yet. It may reach the broker.
    async fn fresh(&self) -> Box<dyn Broker>;
    /// A topic that `fresh` connections subscribe to, where only the suite publishes.
    fn topic(&self) -> String;
    /// Publishes to the broker as somebody else (QoS 1, not retained); returns when it was taken.
    async fn publish(&self, topic: &str, payload: &[u8]);
    /// Breaks the connection of the last `fresh`, and keeps it from coming back.
    async fn disconnect(&self);
    /// Lets it come back.
    async fn reconnect(&self);
    /// Returns when the acknowledgements that were given have surely reached the broker.
    async fn settle(&self) {}
}

/// Runs every clause.
///
/// # Panics
/// When one is broken.
pub async fn broker(make: &dyn BrokerUnderTest, clock: &dyn Clock) {
    macro_rules! clauses {
        ($($clause:ident: $text:literal;)*) => {$({
            let wait = Wait { clock, clause: $text };
            let broker = wait.for_("a connection", make.fresh()).await;
            let inbox = MemoryInbox::default();
            let bench = Bench { make, broker: &*broker, inbox: &inbox, wait };
            let body = async {
                bench.up().await;
                $clause(&bench).await;
            };
            wait.alongside(broker.listen(&inbox), body).await;
        })*};
    }
    without_a_connection_publishing_fails_at_once(make, clock).await;
    clauses! {
        own_messages_come_back: "a message to an own topic comes back as a delivery";
        payloads_arrive_as_they_were: "payloads arrive as they were";
        deliveries_keep_the_order: "deliveries come in the broker's order, with ascending ids";
        unacknowledged_comes_again: "what was not acknowledged comes again after a reconnect, under a new id";
        acknowledged_stays_away: "what was acknowledged does not come again";
        acknowledging_twice_does_nothing: "acknowledging twice, or an old id, does nothing";
        a_break_is_told: "a break is told, and so is the way back";
        while_down_publishing_fails: "while the connection is down publishing fails, and nothing is kept for later";
        what_came_meanwhile_is_backlog: "what came while the connection was down comes before the backlog's end";
    }
}

struct Bench<'a> {
    make: &'a dyn BrokerUnderTest,
    broker: &'a dyn Broker,
    inbox: &'a MemoryInbox,
    wait: Wait<'a>,
}

impl Bench<'_> {
    /// Waits for `Up` and the backlog's end, and gives the deliveries between them.
    async fn up(&self) -> Vec<Delivery> {
        let up = |event| matches!(event, Event::Link(Link::Up { .. })).then_some(());
        self.wait.find("the connection", self.inbox, up).await;
        let mut backlog = Vec::new();
        loop {
            match self.wait.for_("the backlog's end", self.inbox.next()).await {
                Event::Delivery(delivery) if delivery.retained => {}
                Event::Delivery(delivery) => backlog.push(delivery),
                Event::Link(Link::BacklogEnd) => return backlog,
                other => self.wait.broken(&alloc::format!("in a backlog there is {other:?}")),
            }
        }
    }

    async fn down(&self) {
        self.make.disconnect().await;
        let down = |event| matches!(event, Event::Link(Link::Down { .. })).then_some(());
        self.wait.find("the news of the break", self.inbox, down).await;
    }

    async fn back(&self) -> Vec<Delivery> {
        self.make.reconnect().await;
        self.up().await
    }

    async fn delivery(&self) -> Delivery {
        match self.wait.for_("a delivery", self.inbox.next()).await {
            Event::Delivery(delivery) => delivery,
            other => self.wait.broken(&alloc::format!("instead of a delivery there is {other:?}")),
        }
    }

    async fn acknowledge(&self, delivery: DeliveryId) {
        self.broker.acknowledge(delivery).await;
        self.wait.for_("the acknowledgement's arrival", self.make.settle()).await;
    }

    async fn publish(&self, payload: &[u8]) {
        let message = outgoing(&self.make.topic(), payload);
        let published = self.wait.for_("publish", self.broker.publish(&message)).await;
        self.wait.done("publish", published);
    }

    async fn others_publish(&self, payload: &[u8]) {
        let topic = self.make.topic();
        self.wait.for_("the other's publish", self.make.publish(&topic, payload)).await;
    }
}

fn outgoing(topic: &str, payload: &[u8]) -> Outgoing {
    Outgoing { topic: topic.into(), payload: payload.into(), retain: false, correlation: None }
}

fn payloads(deliveries: &[Delivery]) -> Vec<&[u8]> {
    deliveries.iter().map(|delivery| &*delivery.payload).collect()
}

async fn without_a_connection_publishing_fails_at_once(make: &dyn BrokerUnderTest, clock: &dyn Clock) {
    let wait = Wait { clock, clause: "without a connection publishing fails at once, to be tried again" };
    let broker = wait.for_("a connection", make.fresh()).await;
    let message = outgoing(&make.topic(), b"1");
    let published = wait.for_("publish", broker.publish(&message)).await;
    wait.same("the failure", published.map_err(|error| error.kind), Err(ErrorKind::Retry));
}

async fn own_messages_come_back(b: &Bench<'_>) {
    b.publish(b"hello").await;
    let delivery = b.delivery().await;
    b.wait.same("the topic", delivery.topic, b.make.topic());
    b.wait.same("the payload", delivery.payload, b"hello".to_vec());
    b.wait.holds("it is not marked as stored", !delivery.retained);
    b.acknowledge(delivery.id).await;
}

async fn payloads_arrive_as_they_were(b: &Bench<'_>) {
    let large = vec![0xA5; 100_000];
    for payload in [&b""[..], "김철수 🏠".as_bytes(), &[0, 255, 0, 10], &large] {
        b.others_publish(payload).await;
        let delivery = b.delivery().await;
        b.wait.holds("the payload is the same", delivery.payload == payload);
        b.acknowledge(delivery.id).await;
    }
}

async fn deliveries_keep_the_order(b: &Bench<'_>) {
    let mut last = None;
    for n in 0..50_u8 {
        b.others_publish(&[n]).await;
    }
    for n in 0..50_u8 {
        let delivery = b.delivery().await;
        b.wait.same("the payload", delivery.payload, vec![n]);
        b.wait.holds("the ids ascend", Some(delivery.id) > last);
        last = Some(delivery.id);
        b.acknowledge(delivery.id).await;
    }
}

async fn unacknowledged_comes_again(b: &Bench<'_>) {
    let mut last = DeliveryId(0);
    for payload in [b"1", b"2", b"3"] {
        b.others_publish(payload).await;
        last = b.delivery().await.id;
    }
    for _ in 0..2 {
        b.down().await;
        let again = b.back().await;
        b.wait.same("the payloads", payloads(&again), vec![&b"1"[..], b"2", b"3"]);
        b.wait.holds("the ids are new", again.iter().all(|delivery| delivery.id > last));
        last = again.iter().map(|delivery| delivery.id).max().unwrap_or(last);
    }
}

async fn acknowledged_stays_away(b: &Bench<'_>) {
    for payload in [b"1", b"2", b"3"] {
        b.others_publish(payload).await;
    }
    for _ in 0..2 {
        let delivery = b.delivery().await;
        b.acknowledge(delivery.id).await;
    }
    b.delivery().await;
    b.down().await;
    b.wait.same("what comes again", payloads(&b.back().await), vec![&b"3"[..]]);
}

async fn acknowledging_twice_does_nothing(b: &Bench<'_>) {
    b.others_publish(b"1").await;
    b.others_publish(b"2").await;
    let (first, second) = (b.delivery().await, b.delivery().await);
    b.acknowledge(first.id).await;
    b.acknowledge(first.id).await;
    b.down().await;
    b.wait.same("what comes again", payloads(&b.back().await), vec![&b"2"[..]]);
    for old_or_unknown in [second.id, DeliveryId(u64::MAX)] {
        b.acknowledge(old_or_unknown).await;
    }
    b.down().await;
    b.wait.same("what comes once more", payloads(&b.back().await), vec![&b"2"[..]]);
}

async fn a_break_is_told(b: &Bench<'_>) {
    for payload in [b"1", b"2"] {
        b.down().await;
        b.back().await;
        b.publish(payload).await;
        b.wait.same("what comes next", b.delivery().await.payload, payload.to_vec());
    }
}

async fn while_down_publishing_fails(b: &Bench<'_>) {
    b.down().await;
    let message = outgoing(&b.make.topic(), b"lost");
    let published = b.wait.for_("publish", b.broker.publish(&message)).await;
    b.wait.same("the failure", published.map_err(|error| error.kind), Err(ErrorKind::Retry));
    b.wait.same("the backlog", payloads(&b.back().await), Vec::<&[u8]>::new());
    b.publish(b"next").await;
    b.wait.same("what comes next", b.delivery().await.payload, b"next".to_vec());
}

async fn what_came_meanwhile_is_backlog(b: &Bench<'_>) {
    b.down().await;
    for payload in [b"1", b"2"] {
        b.others_publish(payload).await;
    }
    b.wait.same("the backlog", payloads(&b.back().await), vec![&b"1"[..], b"2"]);
    b.others_publish(b"3").await;
    b.wait.same("what comes next", b.delivery().await.payload, b"3".to_vec());
}
