//! How fast the SQLite files are, as a table. Only worth something in a release build:
//! `cargo test --release -p smarthome-adapters --features sqlite --test measure -- --ignored --nocapture`.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use chrono::{DateTime, Utc};
use common::now;
use smarthome_adapters::journal::SqliteJournal;
use smarthome_adapters::sqlite::SqliteStore;
use smarthome_core::engine::{Collection, CommandRow, CommandState, EffectId, Entry, Event, KnownStatus};
use smarthome_core::ports::memory::MemoryInbox;
use smarthome_core::ports::{Documents, Journal};
use smarthome_core::{Origin, PartSet, Status};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

fn command(counter: u64) -> Entry {
    let decided = DateTime::<Utc>::from_timestamp(1_760_000_000, 123_000_000).unwrap();
    Entry::Command(CommandRow {
        id: EffectId { epoch: 1, counter },
        command: "022152022".parse().unwrap(),
        origins: Origin::Cli.into(),
        decided,
        valid_until: decided + Duration::from_secs(120),
        state: CommandState::Claimed,
        sends: 0,
        outstanding: PartSet::ALL,
    })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn row(what: &str, time: Duration, remark: &str) {
    println!("| {what} | {:.3} ms | {remark} |", time.as_secs_f64() * 1e3);
}

async fn timed<T>(what: impl Future<Output = T>) -> (Duration, T) {
    let start = Instant::now();
    let value = what.await;
    (start.elapsed(), value)
}

fn synced_write(directory: &Path) -> Duration {
    let mut file = std::fs::File::create(directory.join("plain")).unwrap();
    let once = |_| {
        let start = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        start.elapsed()
    };
    median((0..500).map(once).collect())
}

async fn commits(path: &Path, rows: u64, rounds: u64) -> Duration {
    let journal = SqliteJournal::open(path, now()).unwrap().0;
    journal.restore(now()).await.unwrap();
    let mut times = Vec::new();
    for round in 0..rounds {
        let status = KnownStatus { status: Status::ZERO, at: Utc::now() };
        let mut batch: Vec<_> = (0..rows).map(|n| command(round * rows + n)).collect();
        batch.push(Entry::Status(status));
        times.push(timed(journal.commit(&batch)).await.0);
    }
    median(times)
}

async fn opening(path: &Path) -> Duration {
    let open = || async {
        let (journal, _) = SqliteJournal::open(path, now()).unwrap();
        (journal.restore(now()).await.unwrap(), journal)
    };
    let mut times = Vec::new();
    for _ in 0..9 {
        let (time, opened) = timed(open()).await;
        times.push(time);
        drop(opened);
    }
    median(times)
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measures_the_journal() {
    let directory = tempfile::tempdir_in(".").unwrap();
    println!("| what | median | |\n|---|---|---|");
    row(
        "for comparison: 4 KiB appended and synced",
        synced_write(directory.path()),
        "the disk's share of a commit",
    );
    for (rows, rounds) in [(1, 2_000), (64, 200)] {
        let path = directory.path().join(format!("commit-{rows}.db"));
        let time = commits(&path, rows, rounds).await;
        let rate = format!("{:.0} commits/s", 1.0 / time.as_secs_f64());
        row(&format!("commit of {rows} command rows and the status"), time, &rate);
    }
    let fresh = timed(async { SqliteJournal::open(directory.path().join("new.db"), now()).unwrap() }).await.0;
    row("journal: open, first start ever", fresh, "made, synced, renamed");
    for rows in [10, 10_000, 100_000] {
        let path = directory.path().join(format!("open-{rows}.db"));
        commits(&path, rows, 1).await;
        let bytes = std::fs::metadata(&path).unwrap().len() / 1024;
        let remark = |checked| format!("{bytes} KiB, {checked}");
        let checked = if bytes <= 2_048 { "checked" } else { "not checked" };
        row(
            &format!("journal: open and restore {rows} rows, closed cleanly"),
            opening(&path).await,
            &remark(checked),
        );
        let unclean = timed(async {
            rusqlite::Connection::open(&path).unwrap().execute("UPDATE meta SET clean = 0", []).unwrap();
            timed(async { SqliteJournal::open(&path, now()).unwrap() }).await.0
        });
        row(&format!("journal: open {rows} rows after a crash"), unclean.await.1, &remark("checked"));
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measures_the_store() {
    let directory = tempfile::tempdir_in(".").unwrap();
    let path = directory.path().join("users.db");
    drop(SqliteStore::open(&path).unwrap());
    fill(&path, 100_000);
    let bytes = std::fs::metadata(&path).unwrap().len() / 1024 / 1024;
    println!("| what | median | |\n|---|---|---|");
    let (time, store) = timed(async { SqliteStore::open(&path).unwrap() }).await;
    row("store: open 100,000 users, closed cleanly", time, &format!("{bytes} MiB, not checked"));
    let mut times = Vec::new();
    for _ in 0..9 {
        let inbox = MemoryInbox::default();
        let first = timed(inbox.next());
        tokio::select! {
            ended = store.watch(Collection::Users, &inbox) => panic!("{ended:?}"),
            (time, event) = first => {
                assert!(matches!(event, Event::Documents(_)));
                times.push(time);
            }
        }
    }
    let fastest = times.iter().min().unwrap().as_secs_f64() * 1e3;
    row("store: snapshot of 100,000 users", median(times), &format!("fastest {fastest:.1} ms"));
    let mut times = Vec::new();
    for n in 0..1_000 {
        let id = format!("uid-{:06}-4f9a1c", n * 97);
        times.push(timed(store.merge(Collection::Users, &id, r#"{"name":"Kim"}"#)).await.0);
    }
    row("store: merge into one of 100,000 users", median(times), "");
    let mut times = Vec::new();
    for n in 0..1_000 {
        let id = format!("uid-{:06}-4f9a1c", n * 89);
        times.push(timed(store.get(Collection::Users, &id)).await.0);
    }
    row("store: get one of 100,000 users", median(times), "");
    let (time, _second) = timed(async { SqliteStore::open(&path).unwrap() }).await;
    row("store: open 100,000 users after a crash", time, "checked");
}

fn fill(path: &Path, users: u32) {
    let mut connection = rusqlite::Connection::open(path).unwrap();
    let transaction = connection.transaction().unwrap();
    for user in 0..users {
        let fields =
            format!(r#"{{"name":"김철수 {user}","phone":"010-1234-{user:04}","since":"2021.09.02"}}"#);
        let put = "INSERT INTO user_account VALUES (?1, ?2, 1700000000000000, ?3)";
        let values = rusqlite::params![format!("uid-{user:06}-4f9a1c"), user + 1, fields];
        transaction.prepare_cached(put).unwrap().execute(values).unwrap();
    }
    transaction.execute("UPDATE meta SET revision = ?1", [users]).unwrap();
    transaction.commit().unwrap();
}
