//! The journal in an SQLite file: the contract, files that cannot be used, crashes, a full disk.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use common::{FILE, Offspring, now};
use rusqlite::Connection;
use smarthome_adapters::clock::SystemClock;
use smarthome_adapters::journal::{JournalError, Opened, SqliteJournal, history};
use smarthome_core::Slot;
use smarthome_core::engine::{
    Alert, AlertCode, AlertRow, Collection, Content, CopyChange, EffectId, Entry, Restored, Revision,
    SlotKey, SlotRow, SlotState, Versioned, Write, WriteRow,
};
use smarthome_core::ports::contract::{self, JournalUnderTest};
use smarthome_core::ports::{ErrorKind, Journal};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::TempDir;

fn alert(epoch: u32, counter: u64, text: &str) -> Entry {
    let raised = DateTime::<Utc>::UNIX_EPOCH;
    let alert = Alert { code: AlertCode::Expired, text: text.into() };
    Entry::Alert(AlertRow { id: EffectId { epoch, counter }, raised, alert })
}

fn open(path: &Path) -> (SqliteJournal, Opened) {
    SqliteJournal::open(path, now()).unwrap()
}

/// What a start finds.
async fn start(path: &Path) -> (SqliteJournal, Opened, Restored) {
    let (journal, opened) = open(path);
    let restored = journal.restore(now()).await.unwrap();
    (journal, opened, restored)
}

/// A journal of `rows` alerts that was closed cleanly after its first start.
async fn filled(path: &Path, rows: u64) {
    let (journal, _, _) = start(path).await;
    let mut batch: Vec<_> = (0..rows).map(|counter| alert(1, counter, "the home did not follow")).collect();
    let id = EffectId { epoch: 1, counter: rows };
    let (collection, document) = (Collection::Schedules, "나갈 때".to_string());
    batch.push(Entry::Write(WriteRow {
        id,
        collection,
        document,
        write: Write::Delete(None),
        decided: DateTime::UNIX_EPOCH,
        producer: None,
    }));
    batch.push(Entry::Copy(collection, CopyChange::Put(mode())));
    batch.push(Entry::Slot(slot("나갈 때", 1)));
    journal.commit(&batch).await.unwrap();
}

fn mode() -> Versioned<Content> {
    let updated = DateTime::<Utc>::UNIX_EPOCH;
    Versioned { id: "1. Home".into(), revision: Revision(1), updated, value: "{}".into() }
}

/// What became of a schedule's slot on that day of March 2026.
fn slot(schedule: &str, day: u32) -> SlotRow {
    let slot: Slot = format!("2026-03-{day:02}T07:30").parse().unwrap();
    SlotRow {
        key: SlotKey { schedule: schedule.into(), slot },
        state: SlotState::NoChange,
        due: slot.local().and_utc(),
        judged: slot.local().and_utc(),
        revision: Revision(3),
        fingerprint: 7,
        command: None,
        frame: None,
        why: "the light is on already".into(),
        missed: None,
    }
}

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    (directory, path)
}

fn names(directory: &TempDir) -> BTreeSet<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[derive(Default)]
struct Journals {
    last: Mutex<Option<(TempDir, PathBuf)>>,
}

#[async_trait]
impl JournalUnderTest for Journals {
    async fn fresh(&self) -> Box<dyn Journal> {
        let (directory, path) = directory();
        let journal = open(&path).0;
        *self.last.lock().unwrap() = Some((directory, path));
        Box::new(journal)
    }
    async fn restart(&self, journal: Box<dyn Journal>) -> Box<dyn Journal> {
        drop(journal);
        Box::new(open(&self.last.lock().unwrap().as_ref().unwrap().1).0)
    }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    contract::journal(&Journals::default(), &SystemClock::new().unwrap()).await;
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let (directory, path) = directory();
    filled(&path, 3).await;
    let newer = Connection::open(&path).unwrap();
    newer.execute_batch("UPDATE meta SET written_by = '9.8.7'; PRAGMA user_version = 42").unwrap();
    newer.close().unwrap();
    let before = fs::read(&path).unwrap();
    let error = SqliteJournal::open(&path, now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AskPerson);
    let text = error.to_string();
    for part in
        [path.to_str().unwrap(), "9.8.7", "layout 42", env!("CARGO_PKG_VERSION"), "run the newer version"]
    {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(names(&directory).iter().all(|name| !name.contains("damaged")));
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_left_alone() {
    let (_directory, path) = directory();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE bills (amount INTEGER)").unwrap();
    let before = fs::read(&path).unwrap();
    let error = SqliteJournal::open(&path, now()).unwrap_err();
    assert!(matches!(error, JournalError::Foreign { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_directory_that_is_missing_is_named() {
    let (directory, _) = directory();
    let error = SqliteJournal::open(directory.path().join("nowhere/journal.db"), now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AskPerson);
    assert!(
        error.line().contains("nowhere/journal.db") && error.line().contains("No such file"),
        "{}",
        error.line()
    );
}

type Damage = fn(&Path);

/// Every way to break a file, by name.
fn damages() -> Vec<(&'static str, Damage)> {
    fn sql(path: &Path, statements: &str) {
        Connection::open(path).unwrap().execute_batch(statements).unwrap();
    }
    fn overwrite(path: &Path, at: usize, with: &[u8]) {
        let mut bytes = fs::read(path).unwrap();
        bytes[at..at + with.len()].copy_from_slice(with);
        fs::write(path, bytes).unwrap();
    }
    vec![
        ("emptied", |path| fs::write(path, "").unwrap()),
        ("not a database", |path| fs::write(path, "# Notes\n".repeat(1_000)).unwrap()),
        ("cut in half", |path| fs::write(path, &fs::read(path).unwrap()[..40_000]).unwrap()),
        ("header overwritten", |path| overwrite(path, 0, &[0; 16])),
        ("page overwritten", |path| overwrite(path, 40_000, &[0xA5; 20_000])),
        ("frame changed", |path| sql(path, "INSERT INTO status VALUES (1, '99', '2026-01-01T00:00:00Z')")),
        ("time changed", |path| sql(path, "UPDATE alert SET raised = 'yesterday' WHERE counter = 7")),
        ("unknown alert", |path| sql(path, "UPDATE alert SET code = 'SH999' WHERE counter = 7")),
        ("unknown state", |path| sql(path, "UPDATE slot SET state = 'maybe'")),
        ("slot without a day", |path| sql(path, "UPDATE slot SET slot = '2026-02-30T07:30'")),
        ("half of an id", |path| sql(path, "UPDATE slot SET epoch = 1")),
        ("half of what was missed", |path| sql(path, "UPDATE slot SET missed_count = 2")),
        ("copy changed", |path| sql(path, "UPDATE copy SET updated = 'today'")),
        ("unknown write", |path| sql(path, "UPDATE document_write SET kind = 'burn'")),
        ("table gone", |path| sql(path, "DROP TABLE alert")),
        ("meta empty", |path| sql(path, "DELETE FROM meta")),
        ("layout of no version", |path| sql(path, "PRAGMA user_version = 0")),
        ("only the log left", |path| {
            fs::rename(path, path.with_extension("db-wal")).unwrap();
        }),
    ]
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_never_silently_replaced() {
    for (how, damage) in damages() {
        let (directory, path) = directory();
        filled(&path, 2_000).await;
        damage(&path);
        let held = fs::read(&path).ok();
        let (journal, _, restored) = start(&path).await;
        let aside: Vec<_> = names(&directory).into_iter().filter(|name| name.contains(".damaged-")).collect();
        let trouble = restored.trouble.as_deref().unwrap_or_default();
        assert!(!aside.is_empty(), "{how}: {trouble}");
        let name = aside[0].trim_end_matches("-wal");
        assert!(trouble.contains(directory.path().join(name).to_str().unwrap()), "{how}: {trouble}");
        assert!(name.ends_with('Z') && name.contains("T"), "{how}: {name}");
        if !how.contains("log")
            && !how.contains("changed")
            && !how.contains("unknown")
            && !how.contains("gone")
            && !how.contains("slot without")
            && !how.contains("half of ")
        {
            assert_eq!(fs::read(directory.path().join(name)).ok(), held, "{how}: kept as it was");
        }
        assert_eq!(restored.alerts, vec![], "{how}");
        assert!(restored.epoch > 1, "{how}: epoch {}", restored.epoch);
        journal.commit(&[alert(restored.epoch, 1, "works")]).await.unwrap();
        drop(journal);
        let (_journal, opened, again) = start(&path).await;
        assert_eq!((again.trouble, again.alerts.len(), opened.created), (None, 1, false), "{how}");
        assert!(again.epoch > restored.epoch, "{how}");
    }
}

#[tokio::test]
async fn two_damaged_files_in_one_second_are_both_kept() {
    let (directory, path) = directory();
    let now = now();
    for _ in 0..3 {
        fs::write(&path, "nonsense, nonsense").unwrap();
        let (_journal, opened) = SqliteJournal::open(&path, now).unwrap();
        assert!(opened.created && opened.set_aside.is_some());
    }
    assert_eq!(names(&directory).iter().filter(|name| name.contains(".damaged-")).count(), 3);
}

#[tokio::test]
async fn a_large_file_is_checked_only_after_a_crash() {
    let (_directory, path) = directory();
    filled(&path, 50_000).await;
    assert!(fs::metadata(&path).unwrap().len() > 2 * 1024 * 1024);
    let (journal, opened, _) = start(&path).await;
    assert!(!opened.checked && !opened.created);
    // A second connection closes nothing cleanly: the first one still writes.
    let (_second, opened) = open(&path);
    assert!(opened.checked);
    drop(journal);
}

/// The file that the first layout had, with what may have been in it, closed cleanly.
fn of_the_first_layout(path: &Path) {
    let file = Connection::open(path).unwrap();
    file.execute_batch(include_str!("journal/layout_1.sql")).unwrap();
    file.close().unwrap();
}

#[tokio::test]
async fn a_file_of_the_first_layout_is_brought_up_to_date_and_loses_nothing() {
    let (directory, path) = directory();
    of_the_first_layout(&path);
    assert_eq!(history(&path, None).unwrap(), [], "no ledger yet, and reading changes nothing");
    let (journal, opened, restored) = start(&path).await;
    assert_eq!((opened.migrated_from, opened.set_aside, opened.created), (Some(1), None, false));
    assert_eq!((restored.epoch, restored.trouble), (13, None));
    assert_eq!(restored.commands.len(), 1);
    assert_eq!(restored.commands[0].command.to_string(), "015222222");
    let writes: Vec<_> = restored.writes.into_iter().map(|row| (row.document, row.write)).collect();
    assert_eq!(writes, [("uid-1".into(), Write::Merge(r#"{"name":"Kim"}"#.into()))]);
    assert_eq!(restored.alerts.len(), 1);
    assert_eq!(restored.status.map(|known| known.status.to_string()), Some("000152000".into()));
    assert_eq!((restored.slots.len(), journal.copy(Collection::Users).await), (0, Ok(None)));
    journal.commit(&[Entry::Slot(slot("나갈 때", 1))]).await.unwrap();
    drop(journal);
    let (_journal, opened, restored) = start(&path).await;
    assert_eq!((opened.migrated_from, restored.slots), (None, vec![slot("나갈 때", 1)]));
    assert!(names(&directory).iter().all(|name| !name.contains("damaged")));
}

#[tokio::test]
async fn the_ledger_is_read_newest_first_while_a_daemon_writes_it() {
    let (_directory, path) = directory();
    let (journal, _, _) = start(&path).await;
    let rows = [slot("b", 1), slot("a", 3), slot("a", 2), slot("b", 3)];
    for row in &rows {
        journal.commit(&[Entry::Slot(row.clone())]).await.unwrap();
    }
    let wanted = [1, 3, 2, 0].map(|at| rows[at].clone());
    assert_eq!(history(&path, None).unwrap(), wanted);
    assert_eq!(history(&path, Some("a")).unwrap(), [rows[1].clone(), rows[2].clone()]);
    assert_eq!(history(&path, Some("A")).unwrap(), []);
    journal.commit(&[Entry::Slot(slot("a", 4))]).await.unwrap();
    assert_eq!(history(&path, Some("a")).unwrap()[0], slot("a", 4));
    drop(journal);
    assert_eq!(history(&path, None).unwrap().len(), 5, "without a daemon as well");
    let (_journal, opened, restored) = start(&path).await;
    assert_eq!((opened.set_aside, restored.slots.len()), (None, 5));
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_says_why_and_is_left_alone() {
    let (directory, path) = directory();
    let missing = history(&path, None).unwrap_err();
    assert!(missing.line().contains("journal.db") && missing.line().contains("No such file"), "{missing}");
    assert_eq!(names(&directory).len(), 0, "nothing is made");
    filled(&path, 3).await;
    Connection::open(&path).unwrap().execute_batch("UPDATE slot SET state = 'maybe'").unwrap();
    let damaged = history(&path, None).unwrap_err();
    assert!(damaged.line().contains("maybe"), "{damaged}");
    fs::write(&path, "nonsense, nonsense".repeat(100)).unwrap();
    assert!(matches!(history(&path, None), Err(JournalError::Damaged { .. })));
    assert_eq!(fs::read(&path).unwrap(), "nonsense, nonsense".repeat(100).as_bytes());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, path) = directory();
    let (journal, _, _) = start(&path).await;
    journal.commit(&[alert(1, 1, "x")]).await.unwrap();
    for name in names(&directory) {
        let mode = fs::metadata(directory.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[tokio::test]
async fn people_can_read_it_while_it_is_in_use() {
    let (_directory, path) = directory();
    let (journal, _, _) = start(&path).await;
    journal.commit(&[alert(1, 1, "the home did not follow")]).await.unwrap();
    let reader = Connection::open_with_flags(&path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let found = reader.query_row("SELECT code, text FROM alert", [], row).unwrap();
    assert_eq!(found, ("SH003".into(), "the home did not follow".into()));
}

#[tokio::test]
async fn a_full_disk_is_to_be_tried_again_and_keeps_nothing_of_the_batch() {
    let (_directory, path) = directory();
    let (journal, _, restored) = start(&path).await;
    journal.commit(&[alert(1, 0, "before")]).await.unwrap();
    journal.limit_pages(30).await;
    let large = "x".repeat(3_000);
    let batch: Vec<_> = (1..100).map(|counter| alert(1, counter, &large)).collect();
    for _ in 0..3 {
        let error = journal.commit(&batch).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Retry);
        assert!(error.text.contains(path.to_str().unwrap()) && error.text.contains("full"), "{error}");
    }
    journal.commit(&[alert(1, 200, "small ones still fit")]).await.unwrap();
    journal.limit_pages(1_000_000).await;
    journal.commit(&batch[..2]).await.unwrap();
    drop(journal);
    let (_journal, _, again) = start(&path).await;
    let kept: Vec<_> = again.alerts.iter().map(|row| row.id.counter).collect();
    assert_eq!((restored.epoch, kept), (1, vec![0, 1, 2, 200]));
}

#[tokio::test]
async fn a_file_that_is_moved_away_takes_no_more_until_it_is_back() {
    let (_directory, path) = directory();
    let (journal, _, _) = start(&path).await;
    let elsewhere = path.with_extension("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    for _ in 0..2 {
        let error = journal.commit(&[alert(1, 1, "lost")]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::AskPerson);
        assert!(error.text.contains(path.to_str().unwrap()) && error.text.contains("moved"), "{error}");
        fs::write(&path, "an impostor").unwrap();
    }
    fs::rename(&elsewhere, &path).unwrap();
    journal.commit(&[alert(1, 1, "kept")]).await.unwrap();
    drop(journal);
    assert_eq!(start(&path).await.2.alerts.len(), 1);
}

/// Commits two rows a batch and says which batches were taken, until it is killed. Runs as a child only.
#[tokio::test]
#[ignore = "the other half of the kill tests"]
async fn child_commits_until_it_is_killed() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let (journal, _, restored) = start(Path::new(&path)).await;
    let text = "x".repeat(500);
    for counter in 0_u64.. {
        let half = |n| alert(restored.epoch, counter * 2 + n, &text);
        match journal.commit(&[half(0), half(1)]).await {
            Ok(()) => println!("\nack {}.{counter}", restored.epoch),
            Err(error) => println!("\nfailed {:?} {}", error.kind, error.text),
        }
    }
}

/// The batches, as `epoch.counter`, of which a start finds both rows; one of half a batch would be a failure.
fn batches(restored: &Restored) -> BTreeSet<String> {
    let ids: BTreeSet<_> = restored.alerts.iter().map(|row| row.id).collect();
    let other = |id: &EffectId| EffectId { counter: id.counter ^ 1, ..*id };
    assert!(ids.iter().all(|id| ids.contains(&other(id))), "half a batch was kept");
    ids.iter().map(|id| format!("{}.{}", id.epoch, id.counter / 2)).collect()
}

#[tokio::test]
async fn killed_three_times_it_holds_every_batch_that_was_taken() {
    let (_directory, path) = directory();
    let mut taken = BTreeSet::new();
    for round in 1..=3_usize {
        let mut child = Offspring::start("child_commits_until_it_is_killed", &path);
        for _ in 0..150 {
            taken.insert(child.said("ack ").unwrap());
        }
        taken.extend(child.kill("ack "));
        let (_journal, opened, restored) = start(&path).await;
        assert!(opened.checked && restored.trouble.is_none());
        let found = batches(&restored);
        assert!(found.is_superset(&taken), "lost: {:?}", taken.difference(&found));
        // What was on the disk when the child could not say so any more: one a round at most.
        assert!(found.len() <= taken.len() + round);
    }
}

#[tokio::test]
async fn a_file_that_cannot_grow_is_to_be_tried_again_and_heals() {
    let (_directory, path) = directory();
    let mut child = Offspring::start_limited("child_commits_until_it_is_killed", &path, 400);
    let mut taken = BTreeSet::new();
    let failure = loop {
        let line = child.said("").unwrap();
        match line.split_once(' ') {
            Some(("ack", id)) => drop(taken.insert(id.to_string())),
            Some(("failed", failure)) => break failure.to_string(),
            _ => {}
        }
    };
    assert!(failure.starts_with("Retry") && failure.contains(path.to_str().unwrap()), "{failure}");
    child.unlimit();
    for _ in 0..20 {
        taken.insert(child.said("ack ").unwrap());
    }
    taken.extend(child.kill("ack "));
    let (_journal, _, restored) = start(&path).await;
    let found = batches(&restored);
    assert_eq!(restored.trouble, None);
    assert!(found.is_superset(&taken), "lost: {:?}", taken.difference(&found));
    assert!(found.len() <= taken.len() + 1, "kept though refused: {:?}", found.difference(&taken));
}
