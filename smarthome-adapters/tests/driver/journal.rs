//! The journal fails.

use crate::home::{CAR, COMMANDS, Home};
use crate::ports::Does;
use smarthome_core::engine::{AlertCode, Entry, Note};
use smarthome_core::ports::ErrorKind;
use smarthome_core::{Command, Origin};

fn command(digits: &str) -> Command {
    digits.parse().unwrap()
}

#[tokio::test]
async fn rule_01_nothing_leaves_and_nothing_is_acknowledged_until_it_is_recorded() {
    let home = Home::ready().await;
    home.journal.commits.set(Does::Fails(ErrorKind::Retry));
    home.signs_up("u2");
    home.signs_in("u1");
    home.quiet().await;
    let before = home.journal.entries().len();
    home.signs_in("u1");
    home.pass(5_000).await;
    assert!(home.documents.merged().is_empty());
    assert!(home.broker.given_to(CAR).is_empty());
    assert!(home.broker.acknowledged().is_empty());
    assert_eq!(home.journal.entries().len(), before);
    home.journal.commits.set(Does::Works);
    home.pass(5_000).await;
    assert_eq!(home.documents.merged().len(), 1);
    assert_eq!(home.broker.acknowledged(), [1, 2, 3]);
}

#[tokio::test]
async fn pauses_between_tries_grow() {
    let home = Home::ready().await;
    home.journal.commits.set(Does::Fails(ErrorKind::Retry));
    let before = home.journal.tries();
    home.signs_up("u2");
    home.quiet().await;
    let mut tries = vec![home.journal.tries() - before];
    for pause in [100, 200, 400, 800] {
        home.pass(pause - 50).await;
        tries.push(home.journal.tries() - before);
        home.pass(50).await;
        tries.push(home.journal.tries() - before);
    }
    assert_eq!(tries, [1, 1, 2, 2, 3, 3, 4, 4, 5]);
}

#[tokio::test]
async fn a_long_absence_is_told_once_and_its_end_once() {
    let home = Home::ready().await;
    let mut notes = home.handle.notes();
    home.journal.commits.set(Does::Fails(ErrorKind::AskPerson));
    home.signs_up("u2");
    home.pass_long(20).await;
    home.journal.commits.set(Does::Works);
    home.pass_long(40).await;
    assert_eq!(home.broker.acknowledged(), [1]);
    assert!(home.stops().await.is_ok());
    let mut raised = Vec::new();
    while let Some(note) = notes.next().await {
        if let Note::Raised(alert) = note {
            raised.push(alert.code);
        }
    }
    assert_eq!(raised, [AlertCode::Lost, AlertCode::Back]);
}

#[tokio::test]
async fn a_gas_close_leaves_alone_and_once_and_counts_as_sent_afterwards() {
    let home = Home::ready().await;
    home.journal.commits.set(Does::Fails(ErrorKind::Retry));
    let mut following = home.handle.send(command("022222220"), Origin::Cli).await.unwrap();
    home.pass(3_000).await;
    assert_eq!(home.broker.given_to(COMMANDS), ["022222220"]);
    home.journal.commits.set(Does::Works);
    home.pass(5_000).await;
    assert_eq!(home.broker.given_to(COMMANDS), ["022222220"]);
    let Some(Note::Decided { id: Some(id), .. }) = following.next().await else { panic!("decided first") };
    assert!(matches!(following.next().await, Some(Note::Sending { .. })));
    assert_eq!(following.next().await, Some(Note::Sent { id }));
    let recorded = home.journal.entries();
    let is_row = |entry: &&Entry| matches!(entry, Entry::Command(row) | Entry::Progress(row) if row.id == id);
    let rows = recorded.iter().filter(is_row).count();
    assert_eq!(rows, 2, "claimed and sent");
}

#[tokio::test]
async fn of_a_command_only_the_gas_close_leaves_and_all_of_it_afterwards() {
    let home = Home::ready().await;
    home.journal.commits.set(Does::Fails(ErrorKind::Retry));
    home.handle.send(command("022152020"), Origin::Cli).await.unwrap();
    home.pass(3_000).await;
    assert_eq!(home.broker.given_to(COMMANDS), ["022222220"]);
    home.journal.commits.set(Does::Works);
    home.pass(5_000).await;
    assert_eq!(home.broker.given_to(COMMANDS), ["022222220", "022152020"]);
}

#[tokio::test]
async fn a_gas_close_is_decided_and_leaves_while_something_else_waits_for_the_journal() {
    let home = Home::ready().await;
    home.journal.commits.set(Does::Fails(ErrorKind::Retry));
    home.handle.send(command("022152022"), Origin::Cli).await.unwrap();
    home.pass(10_000).await;
    assert!(home.broker.given_to(COMMANDS).is_empty());
    home.handle.send(command("022222220"), Origin::Dashboard).await.unwrap();
    home.quiet().await;
    assert_eq!(home.broker.given_to(COMMANDS), ["022222220"]);
}

#[tokio::test]
async fn a_disk_that_hangs_holds_no_gas_close_back() {
    let home = Home::ready().await;
    home.journal.commits.set(Does::Hangs);
    home.handle.send(command("022222220"), Origin::Cli).await.unwrap();
    home.quiet().await;
    home.pass(1_950).await;
    assert!(home.broker.given_to(COMMANDS).is_empty());
    home.pass(50).await;
    assert_eq!(home.broker.given_to(COMMANDS), ["022222220"]);
    home.journal.commits.set(Does::Works);
    home.pass(1_000).await;
    assert_eq!(home.broker.given_to(COMMANDS), ["022222220"]);
}

#[tokio::test]
async fn a_command_that_waited_too_long_for_the_journal_does_not_leave() {
    let home = Home::ready().await;
    home.journal.commits.set(Does::Fails(ErrorKind::Retry));
    let mut following = home.handle.send(command("022152022"), Origin::Cli).await.unwrap();
    home.pass_long(150).await;
    home.journal.commits.set(Does::Works);
    home.pass_long(30).await;
    assert!(home.broker.given_to(COMMANDS).is_empty());
    let mut last = None;
    while let Some(note) = following.next().await {
        last = Some(note);
    }
    assert!(matches!(last, Some(Note::Expired { .. })), "{last:?}");
}
