//! The ports in memory fail when told to, and in no other way.
#![allow(clippy::unwrap_used)]

use chrono::{DateTime, TimeDelta};
use smarthome_core::engine::{Alert, AlertCode, AlertRow, Collection, EffectId, Entry, Event, Link};
use smarthome_core::ports::memory::{
    ManualClock, MemoryBroker, MemoryDocuments, MemoryInbox, MemoryJournal, run,
};
use smarthome_core::ports::{Broker, Clock, Documents, ErrorKind, Inbox, Journal, Outgoing, PortError};
use smarthome_core::{Mono, Now};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

const USERS: Collection = Collection::Users;
const TOPIC: &str = "webos/server/info";

fn clock() -> ManualClock {
    ManualClock::new(Now::new(DateTime::from_timestamp(1_760_000_000, 0).unwrap(), Mono::ZERO).unwrap())
}

fn error(kind: ErrorKind) -> PortError {
    PortError::new(kind, "scripted")
}

fn alert(counter: u64) -> Entry {
    let alert = Alert { code: AlertCode::Expired, text: String::new() };
    Entry::Alert(AlertRow { id: EffectId { epoch: 1, counter }, raised: DateTime::UNIX_EPOCH, alert })
}

fn message(payload: &[u8]) -> Outgoing {
    Outgoing { topic: TOPIC.into(), payload: payload.into(), retain: false, correlation: None }
}

/// Polls once.
async fn is_pending<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    poll_fn(|context| Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending())).await
}

#[test]
fn time_passes_only_when_everybody_waits_for_it() {
    let clock = clock();
    let start = clock.now();
    run(&clock, async {
        clock.sleep_until(Mono::from_millis(90_000)).await;
        assert_eq!(clock.now().mono(), Mono::from_millis(90_000));
        assert_eq!(clock.now().wall() - start.wall(), TimeDelta::seconds(90));
        clock.sleep_until(Mono::from_millis(5)).await;
        clock.set_wall(start.wall());
        assert_eq!(clock.now().mono(), Mono::from_millis(90_000));
        clock.advance(Duration::from_secs(1));
    });
    assert_eq!(clock.now().wall() - start.wall(), TimeDelta::seconds(1));
    assert_eq!(clock.next_sleeper(), None);
}

#[test]
#[should_panic(expected = "stalled")]
fn waiting_for_what_cannot_come_is_told() {
    run(&clock(), async { MemoryInbox::default().next().await });
}

#[test]
fn a_full_inbox_makes_the_pusher_wait() {
    run(&clock(), async {
        let inbox = MemoryInbox::with_capacity(1);
        inbox.push(Event::Wake).await;
        let mut second = pin!(inbox.push(Event::Stop));
        assert!(is_pending(&mut second).await);
        assert_eq!(inbox.next().await, Event::Wake);
        second.await;
        assert_eq!(inbox.take(), [Event::Stop]);
        let mut cancelled = Box::pin(async {
            inbox.push(Event::Wake).await;
            inbox.push(Event::Wake).await;
        });
        assert!(is_pending(&mut cancelled).await);
        drop(cancelled);
        assert_eq!(inbox.take(), [Event::Wake], "what was cancelled hands nothing over");
    });
}

#[test]
fn the_journal_fails_as_often_as_it_is_told() {
    let clock = clock();
    run(&clock, async {
        let journal = MemoryJournal::default();
        journal.faults().fail_next(2, error(ErrorKind::Retry));
        for _ in 0..2 {
            assert_eq!(journal.commit(&[alert(1)]).await, Err(error(ErrorKind::Retry)));
        }
        journal.commit(&[alert(2)]).await.unwrap();
        journal.faults().fail_until_mended(error(ErrorKind::AskPerson));
        for _ in 0..9 {
            assert_eq!(journal.commit(&[alert(3)]).await, Err(error(ErrorKind::AskPerson)));
        }
        journal.faults().mend();
        journal.faults().lose_answers(1, error(ErrorKind::UnknownOutcome));
        assert_eq!(journal.commit(&[alert(4)]).await, Err(error(ErrorKind::UnknownOutcome)));
        assert_eq!(journal.batches(), [[alert(2)], [alert(4)]]);
        journal.set_trouble("set aside");
        let restored = journal.restore(clock.now()).await.unwrap();
        assert_eq!((restored.alerts.len(), restored.trouble), (2, Some("set aside".into())));
        assert_eq!(journal.restore(clock.now()).await.unwrap().trouble, None);
    });
}

#[test]
fn a_held_journal_does_nothing_until_it_is_released() {
    run(&clock(), async {
        let journal = MemoryJournal::default();
        journal.faults().hold();
        let batch = [alert(1)];
        let mut commit = journal.commit(&batch);
        assert!(is_pending(&mut commit).await);
        assert!(journal.batches().is_empty());
        journal.faults().release();
        commit.await.unwrap();
        assert_eq!(journal.batches().len(), 1);
    });
}

#[test]
fn the_store_fails_and_breaks_its_watches() {
    let clock = clock();
    run(&clock, async {
        let store = MemoryDocuments::new(Arc::new(clock.clone()));
        store.faults().fail_next(1, error(ErrorKind::Retry));
        store.merge(USERS, "a", "{}").await.unwrap_err();
        assert_eq!(store.get(USERS, "a").await.unwrap(), None);
        store.faults().lose_answers(1, error(ErrorKind::UnknownOutcome));
        store.merge(USERS, "a", "{}").await.unwrap_err();
        assert_eq!(store.get(USERS, "a").await.unwrap().unwrap().updated, clock.now().wall());
        store.watch_faults().fail_next(1, error(ErrorKind::Retry));
        let inbox = MemoryInbox::default();
        assert_eq!(store.watch(USERS, &inbox).await, Err(error(ErrorKind::Retry)));
        assert!(inbox.take().is_empty());
        let mut watch = store.watch(USERS, &inbox);
        assert!(is_pending(&mut watch).await);
        store.break_watches(error(ErrorKind::AskPerson));
        assert_eq!(watch.await, Err(error(ErrorKind::AskPerson)));
        assert_eq!(inbox.take().len(), 1);
    });
}

#[test]
fn a_publication_in_flight_has_an_unknown_outcome_when_the_connection_breaks() {
    let clock = clock();
    run(&clock, async {
        let broker = MemoryBroker::new(Arc::new(clock.clone()), [TOPIC.to_string()]);
        let inbox = MemoryInbox::default();
        let mut listen = broker.listen(&inbox);
        assert!(is_pending(&mut listen).await);
        broker.faults().hold();
        let held = message(b"1");
        let mut publish = broker.publish(&held);
        assert!(is_pending(&mut publish).await);
        broker.disconnect("pulled");
        assert_eq!(publish.await.unwrap_err().kind, ErrorKind::UnknownOutcome);
        assert!(broker.published().is_empty());
        broker.refuse(error(ErrorKind::AskPerson));
        assert_eq!(listen.await, Err(error(ErrorKind::AskPerson)));
    });
}

#[test]
fn retained_messages_come_at_every_connect_and_are_marked() {
    let clock = clock();
    run(&clock, async {
        let broker = MemoryBroker::new(Arc::new(clock.clone()), [TOPIC.to_string()]);
        broker.inject(TOPIC, "009060210", true);
        broker.inject("other", "x", true);
        let inbox = MemoryInbox::default();
        let mut listen = broker.listen(&inbox);
        for resumed in [false, true] {
            assert!(is_pending(&mut listen).await);
            let events = inbox.take();
            let [Event::Link(up), Event::Delivery(stored), Event::Link(Link::BacklogEnd)] = &events[..]
            else {
                panic!("{events:?}")
            };
            assert_eq!(up, &Link::Up { resumed });
            assert!(stored.retained && stored.payload == b"009060210");
            broker.disconnect("pulled");
            assert!(is_pending(&mut listen).await);
            assert_eq!(inbox.take(), [Event::Link(Link::Down { why: "pulled".into() })]);
            broker.reconnect();
        }
        assert!(is_pending(&mut listen).await);
        broker.publish(&message(b"now")).await.unwrap();
        assert!(is_pending(&mut listen).await);
        let live = inbox.find(|event| match event {
            Event::Delivery(delivery) if !delivery.retained => Some(delivery),
            _ => None,
        });
        broker.acknowledge(live.await.id).await;
        assert_eq!((broker.acknowledged().len(), broker.waiting()), (1, 1));
    });
}
