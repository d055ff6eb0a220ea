//! The store in an SQLite file: the contract, files that cannot be used, crashes, large stores.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use async_trait::async_trait;
use common::{FILE, Offspring};
use rusqlite::Connection;
use smarthome_adapters::clock::SystemClock;
use smarthome_adapters::sqlite::{SqliteStore, StoreError};
use smarthome_core::engine::{Collection, Content, Documents as News, Event, Revision, Versioned};
use smarthome_core::ports::contract::{self, DocumentsUnderTest};
use smarthome_core::ports::memory::MemoryInbox;
use smarthome_core::ports::{Documents, ErrorKind, PortError};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::TempDir;

const USERS: Collection = Collection::Users;

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("users.db");
    (directory, path)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).unwrap()
}

fn sql(path: &Path, statements: &str) {
    Connection::open(path).unwrap().execute_batch(statements).unwrap();
}

/// A store of `users` users that was closed cleanly.
fn filled(path: &Path, users: u32) {
    drop(open(path));
    let mut connection = Connection::open(path).unwrap();
    let transaction = connection.transaction().unwrap();
    for user in 0..users {
        let fields =
            format!(r#"{{"name":"김철수 {user}","phone":"010-1234-{user:04}","since":"2021.09.02"}}"#);
        let values =
            rusqlite::params![format!("uid-{user:06}-4f9a1c"), user + 1, 1_700_000_000_000_000_i64, fields];
        transaction
            .prepare_cached("INSERT INTO user_account VALUES (?1, ?2, ?3, ?4)")
            .unwrap()
            .execute(values)
            .unwrap();
    }
    transaction.execute("UPDATE meta SET revision = ?1", [users]).unwrap();
    transaction.commit().unwrap();
}

async fn snapshot(store: &SqliteStore) -> Vec<Versioned<Content>> {
    let inbox = MemoryInbox::default();
    tokio::select! {
        ended = store.watch(USERS, &inbox) => panic!("{ended:?}"),
        event = inbox.next() => match event {
            Event::Documents(News::Snapshot(USERS, all, _)) => all,
            other => panic!("{other:?}"),
        },
    }
}

#[derive(Default)]
struct Stores {
    kept: Mutex<Vec<TempDir>>,
}

#[async_trait]
impl DocumentsUnderTest for Stores {
    async fn fresh(&self) -> Box<dyn Documents> {
        let (directory, path) = directory();
        self.kept.lock().unwrap().push(directory);
        Box::new(open(&path))
    }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    contract::documents(&Stores::default(), &SystemClock::new().unwrap()).await;
}

#[tokio::test]
async fn an_id_with_a_zero_character_is_an_id_of_its_own() {
    let (_directory, path) = directory();
    let ids = ["a", "a\0", "a\0b", "\0"];
    {
        let store = open(&path);
        for id in ids {
            store.merge(USERS, id, &serde_json::json!({ "is": id }).to_string()).await.unwrap();
        }
    }
    let store = open(&path);
    for id in ids {
        let found = store.get(USERS, id).await.unwrap().unwrap();
        let fields: serde_json::Value = serde_json::from_str(&found.value).unwrap();
        assert_eq!((found.id.as_str(), fields["is"].as_str()), (id, Some(id)));
    }
    let all = snapshot(&store).await;
    assert_eq!(
        all.iter().map(|document| document.id.as_str()).collect::<Vec<_>>(),
        ["\0", "a", "a\0", "a\0b"]
    );
    assert!(store.delete(USERS, "a\0", None).await.unwrap().is_some());
    assert!(store.get(USERS, "a").await.unwrap().is_some());
}

#[tokio::test]
async fn documents_and_revisions_go_on_after_a_restart() {
    let (_directory, path) = directory();
    let first = {
        let store = open(&path);
        store.merge(USERS, "uid-1", r#"{"name":"Kim","phone":"010"}"#).await.unwrap();
        store.delete(USERS, "uid-1", None).await.unwrap();
        store.merge(USERS, "uid-2", r#"{"name":"Lee"}"#).await.unwrap();
        snapshot(&store).await
    };
    let store = open(&path);
    assert_eq!(snapshot(&store).await, first);
    let revision = store.merge(USERS, "uid-1", r#"{"name":"Park"}"#).await.unwrap();
    assert_eq!(revision, Revision(4));
}

#[tokio::test]
async fn a_file_of_the_first_layout_is_brought_up_to_date_and_loses_nothing() {
    let (_directory, path) = directory();
    filled(&path, 3);
    // What the first layout had was users and nothing else.
    sql(&path, "DROP TABLE modes; DROP TABLE schedule_mode; PRAGMA user_version = 1");
    for _ in 0..2 {
        let store = open(&path);
        assert_eq!(snapshot(&store).await.len(), 3);
        assert!(store.replace(Collection::Schedules, "나갈 때", "{}").await.unwrap() > Revision(3));
        assert!(store.get(Collection::Modes, "나갈 때").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_row_that_is_no_object_can_be_replaced() {
    let (_directory, path) = directory();
    let store = open(&path);
    sql(&path, "PRAGMA ignore_check_constraints = on; INSERT INTO modes VALUES ('1. Home', 9, 0, '[1]')");
    assert_eq!(store.get(Collection::Modes, "1. Home").await.unwrap(), None);
    store.replace(Collection::Modes, "1. Home", r#"{"modeNum":1}"#).await.unwrap();
    assert_eq!(&*store.get(Collection::Modes, "1. Home").await.unwrap().unwrap().value, r#"{"modeNum":1}"#);
}

/// Gets the first user, as soon as the store can be opened.
async fn opened(store: &SqliteStore) -> Option<Versioned<Content>> {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        match store.get(USERS, "uid-000000-4f9a1c").await {
            Ok(found) => return found,
            Err(error) => assert!(std::time::Instant::now() < until, "it stays closed: {error}"),
        }
    }
}

/// What keeps a file from being opened, and what mends that when it is dropped.
type Obstacle = fn(&Path) -> Box<dyn FnOnce()>;

fn obstacles() -> Vec<(&'static str, Obstacle)> {
    vec![
        ("a directory in its place", |path| {
            let (path, aside) = (path.to_path_buf(), path.with_extension("aside"));
            fs::rename(&path, &aside).unwrap();
            fs::create_dir(&path).unwrap();
            Box::new(move || {
                fs::remove_dir(&path).unwrap();
                fs::rename(aside, path).unwrap();
            })
        }),
        ("a link to a disk that is not there", |path| {
            let disk = path.with_extension("disk");
            fs::create_dir(&disk).unwrap();
            fs::rename(path, disk.join("store.db")).unwrap();
            std::os::unix::fs::symlink(disk.join("store.db"), path).unwrap();
            let elsewhere = path.with_extension("elsewhere");
            fs::rename(&disk, &elsewhere).unwrap();
            Box::new(move || fs::rename(elsewhere, disk).unwrap())
        }),
        ("the lock of another program", |path| {
            let other = Connection::open(path).unwrap();
            let locked =
                "PRAGMA locking_mode = EXCLUSIVE; BEGIN; UPDATE meta SET revision = revision; COMMIT";
            other.execute_batch(locked).unwrap();
            Box::new(move || other.close().unwrap())
        }),
    ]
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_yet_is_opened_when_it_can_be() {
    for (what, obstacle) in obstacles() {
        let (_directory, path) = directory();
        filled(&path, 3);
        let mend = obstacle(&path);
        assert!(SqliteStore::open(&path).is_err(), "{what}: whoever cannot wait is told at once");
        let store = SqliteStore::open_now_or_later(&path).unwrap_or_else(|error| panic!("{what}: {error}"));
        let listened = store.watch(USERS, &MemoryInbox::default()).await.unwrap_err();
        let written = store.merge(USERS, "uid-9", r#"{"name":"Lee"}"#).await.unwrap_err();
        for error in [listened, written] {
            assert!(error.text.contains(path.to_str().unwrap()), "{what}: {error}");
            assert_ne!(error.kind, ErrorKind::GiveUp, "{what}: {error}");
        }
        mend();
        assert!(opened(&store).await.is_some(), "{what}");
        assert_eq!(snapshot(&store).await.len(), 3, "{what}");
        assert_eq!(store.merge(USERS, "uid-9", r#"{"name":"Lee"}"#).await, Ok(Revision(4)), "{what}");
    }
}

#[tokio::test]
async fn a_file_that_vanished_is_not_taken_for_an_empty_store() {
    let (_directory, path) = directory();
    fs::create_dir(&path).unwrap();
    let store = SqliteStore::open_now_or_later(&path).unwrap();
    fs::remove_dir(&path).unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_millis(300);
    while std::time::Instant::now() < until {
        assert!(store.get(USERS, "uid-1").await.is_err());
    }
    assert!(!path.exists());
    filled(&path, 1);
    assert!(opened(&store).await.is_some());
}

#[tokio::test]
async fn what_does_not_pass_by_itself_is_not_waited_for() {
    let breaks: [fn(&Path); 3] = [
        |path| sql(path, "PRAGMA user_version = 42"),
        |path| sql(path, "PRAGMA application_id = 7"),
        |path| fs::write(path, "nonsense, nonsense").unwrap(),
    ];
    for (n, broken) in breaks.into_iter().enumerate() {
        let (_directory, path) = directory();
        filled(&path, 1);
        broken(&path);
        let error = SqliteStore::open_now_or_later(&path).unwrap_err();
        let right = match n {
            0 => matches!(error, StoreError::Newer { .. }),
            1 => matches!(error, StoreError::Foreign { .. }),
            _ => matches!(error, StoreError::Damaged { .. }),
        };
        assert!(right, "{error}");
    }
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let (_directory, path) = directory();
    filled(&path, 3);
    sql(&path, "UPDATE meta SET written_by = '9.8.7'; PRAGMA user_version = 42");
    let before = fs::read(&path).unwrap();
    let text = SqliteStore::open(&path).unwrap_err().to_string();
    for part in
        [path.to_str().unwrap(), "9.8.7", "layout 42", env!("CARGO_PKG_VERSION"), "run the newer version"]
    {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_left_alone() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("emptied", |path| fs::write(path, "").unwrap()),
        ("not a database", |path| fs::write(path, "# Notes\n".repeat(1_000)).unwrap()),
        ("cut in half", |path| fs::write(path, &fs::read(path).unwrap()[..40_000]).unwrap()),
        ("table gone", |path| sql(path, "DROP TABLE meta")),
        ("only the log left", |path| fs::rename(path, path.with_extension("db-wal")).unwrap()),
    ];
    for (how, damage) in damages {
        let (directory, path) = directory();
        filled(&path, 2_000);
        damage(&path);
        let before = fs::read(&path).ok();
        for _ in 0..2 {
            let error = SqliteStore::open(&path).unwrap_err();
            assert!(matches!(error, StoreError::Damaged { .. }), "{how}: {error}");
            assert_eq!(error.kind(), ErrorKind::AskPerson);
            let text = error.to_string();
            assert!(text.contains(path.to_str().unwrap()) && text.contains(".recover"), "{how}: {text}");
        }
        assert_eq!(fs::read(&path).ok(), before, "{how}");
        let names = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(names.into_iter().all(|name| !name.to_string_lossy().contains("damaged")), "{how}");
    }
}

#[tokio::test]
async fn rows_that_are_no_objects_are_left_out_and_never_overwritten() {
    let (_directory, path) = directory();
    filled(&path, 3);
    let store = open(&path);
    let bad = "PRAGMA ignore_check_constraints = on;
        INSERT INTO user_account VALUES ('bad-1', 9, 0, 'NaN'), ('bad-2', 9, 0, '[1]'), ('bad-3', 9, 0, '{');";
    sql(&path, bad);
    assert_eq!(snapshot(&store).await.len(), 3);
    assert_eq!(store.get(USERS, "bad-1").await.unwrap(), None);
    let error = store.merge(USERS, "bad-2", "{}").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::GiveUp);
    assert!(error.text.contains("bad-2") && error.text.contains("not a JSON object"), "{error}");
    assert!(store.delete(USERS, "bad-3", None).await.unwrap().is_some());
    let refused =
        Connection::open(&path).unwrap().execute("INSERT INTO user_account VALUES ('x', 9, 0, '[1]')", []);
    assert!(refused.unwrap_err().to_string().contains("CHECK"));
}

#[tokio::test]
async fn a_document_that_grows_too_large_is_refused_for_good() {
    let (_directory, path) = directory();
    let store = open(&path);
    let part = |name: &str| serde_json::json!({ name: "x".repeat(600_000) }).to_string();
    store.merge(USERS, "uid-1", &part("a")).await.unwrap();
    let error = store.merge(USERS, "uid-1", &part("b")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::GiveUp);
    assert!(!store.get(USERS, "uid-1").await.unwrap().unwrap().value.contains("\"b\""));
}

#[tokio::test]
async fn a_watcher_that_falls_too_far_behind_has_to_begin_anew() {
    let (_directory, path) = directory();
    filled(&path, 1);
    let store = open(&path);
    let inbox = MemoryInbox::with_capacity(1);
    let writes = async {
        // The inbox is full, so the watch stands still.
        for n in 0..5_000 {
            store.merge(USERS, "uid-1", &format!(r#"{{"n":{n}}}"#)).await.unwrap();
        }
        let mut last = Revision(0);
        while let Event::Documents(news) = inbox.next().await {
            if let News::Changed(_, document) = news {
                assert!(document.revision > last);
                last = document.revision;
            }
        }
    };
    let ended = tokio::select! {
        ended = store.watch(USERS, &inbox) => ended.unwrap_err(),
        () = writes => unreachable!(),
    };
    assert_eq!(ended.kind, ErrorKind::Retry);
    let all = snapshot(&store).await;
    assert_eq!(&*all[1].value, r#"{"n":4999}"#);
}

#[tokio::test]
async fn what_another_process_wrote_shows_at_the_next_watch() {
    let (_directory, path) = directory();
    let store = open(&path);
    let other = open(&path);
    other.merge(USERS, "uid-1", r#"{"name":"Kim"}"#).await.unwrap();
    let mine = store.merge(USERS, "uid-1", r#"{"phone":"010"}"#).await.unwrap();
    assert_eq!(mine, Revision(2));
    assert_eq!(&*snapshot(&store).await[0].value, r#"{"name":"Kim","phone":"010"}"#);
}

#[tokio::test]
async fn a_locked_file_is_to_be_tried_again() {
    let (_directory, path) = directory();
    let store = open(&path);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error: PortError = store.merge(USERS, "uid-1", "{}").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry);
    assert!(error.text.contains(path.to_str().unwrap()) && error.text.contains("locked"), "{error}");
    other.execute_batch("COMMIT").unwrap();
    store.merge(USERS, "uid-1", "{}").await.unwrap();
}

/// Merges and says which merges were taken, until it is killed. Runs as a child only.
#[tokio::test]
#[ignore = "the other half of the kill test"]
async fn child_merges_until_it_is_killed() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let store = open(Path::new(&path));
    let last = store.get(USERS, "last").await.unwrap().map_or(Revision(0), |document| document.revision);
    for n in last.0.. {
        let fields = format!(r#"{{"n":{n}}}"#);
        store.merge(USERS, &format!("uid-{n}"), &fields).await.unwrap();
        store.merge(USERS, "last", &fields).await.unwrap();
        println!("\nack {n}");
    }
}

#[tokio::test]
async fn killed_three_times_it_holds_every_merge_that_was_taken() {
    let (_directory, path) = directory();
    let mut taken: Vec<String> = Vec::new();
    for _ in 0..3 {
        let mut child = Offspring::start("child_merges_until_it_is_killed", &path);
        taken.extend((0..100).map(|_| child.said("ack ").unwrap()));
        taken.extend(child.kill("ack "));
        let store = open(&path);
        for n in &taken {
            assert!(store.get(USERS, &format!("uid-{n}")).await.unwrap().is_some(), "lost: {n}");
        }
        let revisions: Vec<_> = snapshot(&store).await.iter().map(|document| document.revision).collect();
        let distinct: std::collections::BTreeSet<_> = revisions.iter().collect();
        assert_eq!(distinct.len(), revisions.len());
    }
}
