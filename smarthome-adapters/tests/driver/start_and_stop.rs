//! The start, and the clean end.

use crate::home::{CAR, Home, STATE};
use crate::ports::Does;
use smarthome_adapters::driver::{DriverError, Stopped};
use smarthome_core::engine::Collection;
use smarthome_core::engine::{EffectId, Restored, Write, WriteRow};
use smarthome_core::ports::ErrorKind;
use smarthome_core::{Config, Origin};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn rule_19_what_the_journal_held_is_taken_up_before_anything_is_connected() {
    let row = WriteRow {
        id: EffectId { epoch: 1, counter: 3 },
        collection: Collection::Users,
        document: "u9".into(),
        write: Write::Merge(r#"{"name":"Park"}"#.into()),
        decided: chrono::DateTime::UNIX_EPOCH,
        producer: None,
    };
    let home = Home::start_with(Config::default(), |journal| {
        let mut restored = journal.restored.lock().unwrap();
        *restored = Restored { epoch: 2, writes: vec![row], ..restored.clone() };
        journal.restores.set(Does::Hangs);
    });
    home.quiet().await;
    assert_eq!(home.broker.line.starts() + home.documents.watch.starts(), 0);
    home.journal.restores.set(Does::Works);
    home.quiet().await;
    assert_eq!(home.broker.line.starts() + home.documents.watch.starts(), 2);
    assert_eq!(home.documents.merged(), [("u9".to_owned(), r#"{"name":"Park"}"#.to_owned())]);
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_is_asked_again_and_then_ends_the_start() {
    let home = Home::start_with(Config::default(), |j| j.restores.set(Does::Fails(ErrorKind::Retry)));
    home.pass(15_000).await;
    assert_eq!(home.journal.tries(), 8);
    let error = home.running.await.unwrap().unwrap_err();
    assert!(matches!(error, DriverError::Restore(_)));
}

#[tokio::test]
async fn a_journal_that_needs_a_person_ends_the_start_at_once() {
    let home = Home::start_with(Config::default(), |j| j.restores.set(Does::Fails(ErrorKind::AskPerson)));
    home.quiet().await;
    assert_eq!(home.journal.tries(), 1);
    let handle = home.handle.clone();
    assert!(home.running.await.unwrap().is_err());
    assert_eq!(handle.send("022222220".parse().unwrap(), Origin::Cli).await.unwrap_err(), Stopped);
    assert_eq!(handle.notes().next().await, None);
}

#[tokio::test]
async fn a_stop_during_the_start_is_a_stop() {
    let home = Home::start_with(Config::default(), |j| j.restores.set(Does::Hangs));
    home.quiet().await;
    assert_eq!(home.stops().await, Ok(()));
}

#[tokio::test]
async fn a_stop_says_offline_and_takes_no_time_when_nothing_is_under_way() {
    let home = Home::ready().await;
    let (broker, good_bye) = (home.broker.clone(), home.said_good_bye.clone());
    assert_eq!(home.stops().await, Ok(()));
    assert_eq!(broker.given_to(STATE), ["online", "offline"]);
    assert!(broker.given.lock().unwrap().iter().all(|message| message.retain == (message.topic == STATE)));
    assert!(good_bye.load(Ordering::SeqCst));
}

#[tokio::test]
async fn rule_20_a_stop_waits_for_what_is_under_way_and_takes_no_more_deliveries() {
    let mut home = Home::ready().await;
    *home.broker.one_by_one.lock().unwrap() = true;
    home.signs_in("u1");
    home.quiet().await;
    home.asks_to_stop();
    home.quiet().await;
    home.signs_in("u1");
    home.pass(1_000).await;
    assert!(!home.running.is_finished());
    home.broker.confirm("offline");
    home.broker.confirm("Kim");
    home.quiet().await;
    assert!(home.running.is_finished());
    assert_eq!(home.broker.acknowledged(), [1]);
    assert_eq!(home.broker.given_to(CAR).len(), 1);
}

#[tokio::test]
async fn a_stop_waits_four_seconds_at_most_and_then_says_no_good_bye() {
    let mut home = Home::ready().await;
    *home.broker.one_by_one.lock().unwrap() = true;
    home.signs_in("u1");
    home.quiet().await;
    home.asks_to_stop();
    home.quiet().await;
    home.pass(3_950).await;
    assert!(!home.running.is_finished());
    home.pass(50).await;
    assert!(home.running.is_finished());
    assert!(home.broker.acknowledged().is_empty());
    assert!(!home.said_good_bye.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_stop_while_the_journal_fails_tries_for_four_seconds_and_says_so() {
    let mut home = Home::ready().await;
    home.journal.commits.set(Does::Fails(ErrorKind::Retry));
    home.signs_up("u2");
    home.pass(60_000).await;
    home.asks_to_stop();
    home.quiet().await;
    home.pass(3_900).await;
    assert!(!home.running.is_finished());
    home.pass(100).await;
    assert!(matches!(home.running.await.unwrap(), Err(DriverError::Stop(_))));
    assert!(home.documents.merged().is_empty());
    assert!(home.broker.acknowledged().is_empty());
}

#[tokio::test]
async fn a_journal_that_comes_back_during_the_stop_is_written() {
    let mut home = Home::ready().await;
    home.journal.commits.set(Does::Fails(ErrorKind::Retry));
    home.signs_up("u2");
    home.quiet().await;
    home.asks_to_stop();
    home.quiet().await;
    home.journal.commits.set(Does::Works);
    home.pass(2_000).await;
    assert_eq!(home.broker.acknowledged(), [1]);
    assert_eq!(home.documents.merged().len(), 1);
    assert_eq!(home.running.await.unwrap(), Ok(()));
}
