//! Parts that fail are started again.

use crate::home::{COMMANDS, Home};
use crate::ports::Life;
use smarthome_adapters::driver::Notes;
use smarthome_core::Origin;
use smarthome_core::engine::{AlertCode, Collection, Documents, Event, Link, Note, Revision};
use smarthome_core::ports::ErrorKind;

fn snapshot() -> Event {
    snapshot_of(Collection::Users)
}

fn snapshot_of(collection: Collection) -> Event {
    Event::Documents(Documents::Snapshot(collection, Vec::new(), Revision(0)))
}

/// Stops the home; the alerts that were raised since `notes` began.
async fn raised(home: Home, mut notes: Notes) -> Vec<AlertCode> {
    assert!(home.stops().await.is_ok());
    let mut raised = Vec::new();
    while let Some(note) = notes.next().await {
        if let Note::Raised(alert) = note {
            raised.push(alert.code);
        }
    }
    raised
}

#[tokio::test]
async fn a_listener_that_ends_is_started_again_with_growing_pauses() {
    let home = Home::ready().await;
    assert_eq!(home.documents.watch.starts(), 1);
    let mut starts = Vec::new();
    for pause in [200, 400, 800] {
        home.documents.watch.lives(Life::Fails(ErrorKind::Retry));
        home.quiet().await;
        home.pass(pause - 50).await;
        starts.push(home.documents.watch.starts());
        home.pass(50).await;
        starts.push(home.documents.watch.starts());
    }
    assert_eq!(starts, [1, 2, 2, 3, 3, 4]);
}

#[tokio::test]
async fn one_that_worked_for_long_is_started_again_at_once() {
    let home = Home::ready().await;
    for _ in 0..3 {
        home.documents.watch.lives(Life::Fails(ErrorKind::Retry));
        home.pass(1_000).await;
    }
    let starts = home.documents.watch.starts();
    home.documents.watch.tells(snapshot());
    home.pass(10_000).await;
    home.documents.watch.lives(Life::Fails(ErrorKind::Retry));
    home.quiet().await;
    home.pass(200).await;
    assert_eq!(home.documents.watch.starts(), starts + 1);
}

#[tokio::test]
async fn a_listener_that_panics_is_started_again() {
    let home = Home::ready().await;
    home.broker.line.lives(Life::Panics);
    home.quiet().await;
    home.pass(200).await;
    assert_eq!(home.broker.line.starts(), 2);
    home.broker.line.tells(Event::Link(Link::Up { resumed: true }));
    home.signs_in("u1");
    home.quiet().await;
    assert_eq!(home.broker.acknowledged(), [1]);
}

#[tokio::test]
async fn a_listener_that_ends_without_a_word_leaves_no_link_behind() {
    let home = Home::ready().await;
    home.broker.line.lives(Life::Panics);
    home.quiet().await;
    home.handle.send("022152022".parse().unwrap(), Origin::Cli).await.unwrap();
    home.pass(1_000).await;
    assert!(home.broker.given_to(COMMANDS).is_empty());
    home.broker.line.tells(Event::Link(Link::Up { resumed: true }));
    home.broker.line.tells(Event::Link(Link::BacklogEnd));
    home.pass(6_000).await;
    assert_eq!(home.broker.given_to(COMMANDS), ["022152022"]);
}

#[tokio::test]
async fn a_long_absence_is_told_once_and_its_end_once() {
    let home = Home::ready().await;
    let notes = home.handle.notes();
    for _ in 0..20 {
        home.documents.watch.lives(Life::Fails(ErrorKind::AskPerson));
    }
    home.pass_long(400).await;
    home.documents.watch.tells(snapshot());
    home.documents.modes.tells(snapshot_of(Collection::Modes));
    home.documents.schedules.tells(snapshot_of(Collection::Schedules));
    home.pass_long(60).await;
    assert_eq!(raised(home, notes).await, [AlertCode::Lost, AlertCode::Back]);
}

#[tokio::test]
async fn every_collection_is_listened_to_and_all_begin_anew_when_one_fails() {
    let home = Home::ready().await;
    let parts = [&home.documents.watch, &home.documents.modes, &home.documents.schedules];
    assert_eq!(parts.map(|part| part.starts()), [1, 1, 1]);
    home.documents.modes.lives(Life::Panics);
    home.quiet().await;
    home.pass(200).await;
    assert_eq!(parts.map(|part| part.starts()), [2, 2, 2]);
}

#[tokio::test]
async fn a_store_of_which_a_part_works_is_not_back() {
    let home = Home::ready().await;
    let notes = home.handle.notes();
    for _ in 0..10 {
        home.documents.schedules.lives(Life::Fails(ErrorKind::Retry));
        home.pass_long(31).await;
        home.documents.watch.tells(snapshot());
        home.documents.modes.tells(snapshot_of(Collection::Modes));
        home.pass_long(31).await;
    }
    home.documents.schedules.tells(snapshot_of(Collection::Schedules));
    home.pass_long(60).await;
    assert_eq!(raised(home, notes).await, [AlertCode::Lost, AlertCode::Back]);
}
