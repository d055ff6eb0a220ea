//! Commands from the program, followed to their end.

use crate::home::{COMMANDS, Home};
use crate::ports::Does;
use smarthome_core::Origin;
use smarthome_core::engine::{CommandState, Entry, Note};
use smarthome_core::ports::ErrorKind;

#[tokio::test]
async fn a_command_is_recorded_before_it_leaves_and_followed_until_the_home_does() {
    let home = Home::ready().await;
    home.journal.commits.set(Does::Hangs);
    let mut following = home.handle.send("022152022".parse().unwrap(), Origin::Cli).await.unwrap();
    home.quiet().await;
    assert!(home.broker.given_to(COMMANDS).is_empty());
    home.journal.commits.set(Does::Works);
    home.quiet().await;
    assert_eq!(home.broker.given_to(COMMANDS), ["022152022"]);
    home.arrives(COMMANDS, "022152022");
    home.status("000152000");
    home.quiet().await;
    let mut notes = Vec::new();
    while let Some(note) = following.next().await {
        notes.push(note);
    }
    let Some(Note::Decided { token, id: Some(id), .. }) = notes.first().cloned() else { panic!("{notes:?}") };
    assert_eq!(token, following.token());
    assert!(matches!(notes.get(1), Some(Note::Sending { send: 1, .. })), "{notes:?}");
    assert_eq!(notes.get(2..), Some(&[Note::Sent { id }, Note::Confirmed { id }][..]));
    assert!(home.journal.entries().contains(&Entry::Remove(id)));
}

#[tokio::test]
async fn a_command_that_the_broker_does_not_take_is_tried_again_by_the_engine() {
    let home = Home::ready().await;
    home.broker.publishes.set(Does::Fails(ErrorKind::Retry));
    let mut following = home.handle.send("022152022".parse().unwrap(), Origin::Cli).await.unwrap();
    home.pass(400).await;
    assert_eq!(home.broker.given_to(COMMANDS).len(), 1);
    home.broker.publishes.set(Does::Works);
    home.pass(1_000).await;
    assert_eq!(home.broker.given_to(COMMANDS).len(), 2);
    let mut sent = 0;
    while sent == 0 {
        sent += usize::from(matches!(following.next().await.unwrap(), Note::Sent { .. }));
    }
}

#[tokio::test]
async fn wake_ups_come_when_the_engine_asked_for_them() {
    let home = Home::ready().await;
    home.handle.send("022152022".parse().unwrap(), Origin::Cli).await.unwrap();
    home.quiet().await;
    home.arrives(COMMANDS, "022152022");
    home.quiet().await;
    home.pass(9_950).await;
    assert_eq!(home.broker.given_to(COMMANDS).len(), 1);
    home.pass(50).await;
    assert_eq!(home.broker.given_to(COMMANDS).len(), 2, "sent again after ten seconds");
}

#[tokio::test]
async fn a_slow_reader_of_notes_is_told_how_many_it_missed() {
    let home = Home::ready().await;
    let mut notes = home.handle.notes();
    for n in 0..1_100 {
        home.status(["000000000", "000152000"][n % 2]);
        home.quiet().await;
    }
    assert!(home.stops().await.is_ok());
    let mut read = 0;
    while notes.next().await.is_some() {
        read += 1;
    }
    assert_eq!(read, 1_024);
    assert!(notes.missed() >= 70, "{}", notes.missed());
}

fn is_mark(entry: &Entry) -> bool {
    matches!(entry, Entry::Progress(row) if row.state == CommandState::Sent)
}

/// A command that the broker took and nothing else happened to since.
async fn taken() -> Home {
    let home = Home::ready().await;
    let mut following = home.handle.send("022152022".parse().unwrap(), Origin::Cli).await.unwrap();
    while !matches!(following.next().await.unwrap(), Note::Sent { .. }) {}
    home.quiet().await;
    assert!(!home.journal.entries().iter().any(is_mark), "said before it is recorded");
    home
}

#[tokio::test]
async fn the_brokers_word_and_the_homes_are_one_commit() {
    let home = taken().await;
    let tries = home.journal.tries();
    home.arrives(COMMANDS, "022152022");
    home.status("000152000");
    home.quiet().await;
    assert_eq!(home.journal.tries(), tries + 1);
    let entries = home.journal.entries();
    let mark = entries.iter().position(is_mark).unwrap();
    assert!(entries.iter().skip(mark).any(|entry| matches!(entry, Entry::Remove(_))), "{entries:?}");
}

#[tokio::test]
async fn the_brokers_word_alone_is_recorded_soon() {
    let home = taken().await;
    home.pass(50).await;
    assert!(home.journal.entries().iter().any(is_mark));
}

#[tokio::test]
async fn a_stop_records_the_brokers_word() {
    let home = taken().await;
    let journal = home.journal.clone();
    home.stops().await.unwrap();
    assert!(journal.entries().iter().any(is_mark));
}

#[tokio::test]
async fn the_frames_own_echo_hurries_nothing() {
    let home = Home::ready().await;
    home.broker.publishes.set(Does::Hangs);
    home.handle.send("022152022".parse().unwrap(), Origin::Cli).await.unwrap();
    home.quiet().await;
    let tries = home.journal.tries();
    // It comes back before the broker's word for it, and the loop finds both.
    let echo = home.arrives(COMMANDS, "022152022");
    home.broker.publishes.set(Does::Works);
    home.quiet().await;
    assert_eq!(home.journal.tries(), tries, "nobody waits for what it shows");
    assert_eq!(home.broker.acknowledged.lock().unwrap().last(), Some(&echo));
}
