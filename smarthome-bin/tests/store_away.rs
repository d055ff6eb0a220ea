//! A power cut with the store unreachable at the next start: the home lives on the journal's copy until it is back.

#![allow(clippy::unwrap_used)]

mod support;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use smarthome_adapters::sqlite::SqliteStore;
use smarthome_core::engine::Collection;
use smarthome_core::ports::Documents;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::{Daemon, Ran, program, run_with};

const ZONE: (&str, &str) = ("SMARTHOME_HOME_TIME_ZONE", "UTC");

fn run(daemon: &Daemon, args: &[&str]) -> Ran {
    let mut command = daemon.command(args);
    command.env(ZONE.0, ZONE.1);
    run_with(command, b"")
}

fn patiently(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(90);
    while !done() {
        assert!(Instant::now() < until, "{what}");
    }
}

/// Whether the journal's copy holds so many modes and schedules, and all that there are.
fn copied(journal: &Path, documents: i64) -> bool {
    let read = Connection::open_with_flags(journal, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let copy = "SELECT (SELECT count(*) FROM copy), (SELECT count(*) FROM copy_complete)";
    let found = read.query_row(copy, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    found.is_ok_and(|found| found == (documents, 2))
}

/// The store's file and what SQLite keeps beside it.
fn family(store: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| format!("{}{suffix}", store.display()).into())
}

#[test]
fn a_power_cut_with_the_store_unreachable_at_the_next_start() {
    let mut daemon = Daemon::start_with(&[ZONE]);
    let out = json!({"modeNum": 2, "modeName": "out", "airconEnable": false, "lightEnable": false,
        "windowOpen": true, "gasValveEnable": false});
    assert_eq!(run(&daemon, &["mode", "set", &out.to_string()]).code, 0);
    // The next minute, or the one after where that is about to begin.
    let now = Utc::now();
    let at = now + TimeDelta::minutes(if now.second() < 45 { 1 } else { 2 });
    let leave = json!({"enabled": true, "repeat": false, "startTime": at.format("%H%M").to_string(),
        "activeDate": at.format("%Y.%m.%d").to_string(), "modeNum": 2});
    let set = run(&daemon, &["schedule", "set", "leave", &leave.to_string()]);
    assert_eq!(set.code, 0, "{}", set.err);
    let state = daemon.state();
    patiently("no copy in the journal", || copied(&state.join("journal.db"), 2));
    daemon.running.signal("KILL");
    daemon.running.ended();

    // Where the store was there is something that cannot be opened.
    let (store, away) = (state.join("store.db"), state.join("away.db"));
    for (from, to) in family(&store).iter().zip(family(&away)) {
        fs::rename(from, to).unwrap();
    }
    fs::create_dir(&store).unwrap();
    let Daemon { folder, .. } = daemon;
    let started = Utc::now();
    let daemon = Daemon::start_in(folder, &[ZONE]);
    let mut watch = daemon.start_command(&["watch"]);
    watch.wait_for(&["watching"]);
    let mut home = daemon.home(&[]);
    home.wait_for(&["\"obeyed\"", "\"command\":\"202022210\""]);
    let why = run(&daemon, &["why", "leave", "--json"]);
    let row: Value =
        serde_json::from_str(why.out.trim()).unwrap_or_else(|_| panic!("{}{}", why.out, why.err));
    let time = |name: &str| row[name].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let late = time("judged") - time("due").max(started);
    assert!(late <= TimeDelta::seconds(15), "{row} after a start at {started}");
    watch.wait_for(&["data/error/error", "store does not work", store.to_str().unwrap()]);
    let refused = run(&daemon, &["schedule", "list"]);
    assert!(refused.code == 1 && refused.err.contains(store.to_str().unwrap()), "{}", refused.err);

    let checked = run(&daemon, &["check", "--offline"]);
    assert!(checked.code == 8 && checked.out.contains("FAIL  documents"), "{}", checked.out);

    // Meanwhile somebody edits the store; then it comes back.
    let broken = r#"{"enabled":true,"repeat":false,"startTime":"2561","activeDate":"2021.03.02"}"#;
    let edits = SqliteStore::open(&away).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(edits.replace(Collection::Schedules, "broken", broken)).unwrap();
    drop(edits);
    fs::remove_dir(&store).unwrap();
    fs::rename(&away, &store).unwrap();
    watch.wait_for(&["data/error/error", "store works again"]);
    watch.wait_for(&["data/error/warning", "\"broken\"", "startTime"]);
    patiently("it stays", || !run(&daemon, &["schedule", "list"]).out.contains("leave"));
    assert!(run(&daemon, &["schedule", "list"]).out.contains("broken"));
    let told = |what: &str| watch.said.lines().filter(|line| line.contains(what)).count();
    assert_eq!((told("store does not work"), told("store works again")), (1, 1), "{}", watch.said);
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn a_store_that_no_waiting_mends_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run_with(program(folder.path(), &["user", "set", "kim", "--name", "Kim"]), b"").code, 0);
    let store = folder.path().join(".local/state/smarthome/store.db");
    for (change, says) in
        [("application_id = 7", "not a store of this program"), ("user_version = 42", "layout 42")]
    {
        let kept = fs::read(&store).unwrap();
        Connection::open(&store).unwrap().execute_batch(&format!("PRAGMA {change}")).unwrap();
        let mut command = program(folder.path(), &["run"]);
        command.env("SMARTHOME_BROKER_EMBEDDED_LISTEN", "127.0.0.1:0");
        let ran = run_with(command, b"");
        assert!(ran.code == 5 && ran.err.contains(says), "{} {}", ran.code, ran.err);
        for file in family(&store) {
            let _ = fs::remove_file(file);
        }
        fs::write(&store, kept).unwrap();
    }
}
