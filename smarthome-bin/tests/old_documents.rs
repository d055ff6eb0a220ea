//! A first start on a store with old documents: nothing old fires, nothing old is deleted, `check` names each of them.

#![allow(clippy::unwrap_used)]

mod support;

use rusqlite::Connection;
use serde_json::{Value, json};
use smarthome_adapters::journal;
use smarthome_adapters::sqlite::SqliteStore;
use smarthome_core::engine::Collection;
use smarthome_core::ports::Documents;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use support::{Daemon, program, run_with};

const ZONE: (&str, &str) = ("SMARTHOME_HOME_TIME_ZONE", "UTC");
const OLD: usize = 200;

/// A store with old once-schedules, one of them disabled, one for a day to come, and wrong documents.
fn fill(store: &Path) {
    fs::create_dir_all(store.parent().unwrap()).unwrap();
    let documents = SqliteStore::open(store).unwrap();
    let put = |collection, id: &str, content: &Value| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(documents.replace(collection, id, &content.to_string())).unwrap();
    };
    let once = |date: &str| json!({"enabled": true, "repeat": false, "startTime": "0700", "activeDate": date, "windowOpen": true});
    for n in 0..OLD {
        let mut old = once(&format!("202{}.{:02}.{:02}", n % 5, 1 + n % 12, 1 + n % 28));
        old["enabled"] = json!(n != 7);
        put(Collection::Schedules, &format!("old {n:03}"), &old);
    }
    put(Collection::Schedules, "to come", &once("9999.01.01"));
    put(Collection::Schedules, "broken", &json!({"enabled": true, "repeat": true, "startTime": "2561"}));
    put(Collection::Modes, "1. broken", &json!({"modeNum": 1, "modeName": "broken"}));
    drop(documents);
    // As long ago as what they say.
    let file = Connection::open(store).unwrap();
    file.execute_batch("UPDATE schedule_mode SET updated = 1600000000000000").unwrap();
}

/// The old schedules that `check` names, and everything else that it warns of.
fn warned(command: std::process::Command) -> (BTreeSet<String>, Vec<String>) {
    let ran = run_with(command, b"");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let findings = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let texts = findings.filter(|found| found["result"] == "warn" && found["check"] != "daemon");
    let texts: Vec<String> = texts.map(|found| found["text"].as_str().unwrap().to_owned()).collect();
    let (old, others): (Vec<String>, Vec<String>) =
        texts.into_iter().partition(|text| text.starts_with("\"old "));
    assert!(old.iter().all(|text| text.contains("never fires") && text.contains("T07:00")), "{old:?}");
    assert_eq!(old.iter().collect::<BTreeSet<_>>().len(), old.len(), "one line each");
    (old.into_iter().collect(), others)
}

#[test]
fn two_hundred_old_documents_stay_and_are_named_by_a_check() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join(".local/state/smarthome");
    fill(&state.join("store.db"));
    let check = |args: &[&str]| {
        let mut command = program(folder.path(), &[&["check", "--json"], args].concat());
        command.env(ZONE.0, ZONE.1).env("SMARTHOME_BROKER_EMBEDDED_LISTEN", "127.0.0.1:0");
        warned(command)
    };
    let before = check(&["--offline"]);
    assert_eq!(before.0.len(), OLD);
    let [mode, schedule] = before.1.as_slice() else { panic!("{:?}", before.1) };
    assert!(mode.contains("\"1. broken\" is left out: field \"airconEnable\" is missing"), "{mode}");
    assert!(schedule.contains("\"broken\" is left out: field \"startTime\" is \"2561\""), "{schedule}");
    assert!(!state.join("journal.db").exists(), "a check makes nothing");

    let mut daemon = Daemon::start_in(folder, &[ZONE]);
    let mut watch = daemon.start_command(&["watch"]);
    watch.wait_for(&["watching"]);
    let mut home = daemon.home(&[]);
    // When a command comes back, everything that is due has been judged.
    for frame in ["015222222", "010222222"] {
        assert_eq!(daemon.run(&["send", frame]).code, 0);
        home.wait_for(&["\"obeyed\"", frame]);
    }
    assert_eq!(home.said.matches("\"obeyed\"").count(), 2, "{}", home.said);
    assert_eq!(journal::history(state.join("journal.db"), None).unwrap(), []);
    let mut command = daemon.command(&["check", "--json", "--offline"]);
    command.env(ZONE.0, ZONE.1);
    assert_eq!(warned(command), before);
    let listed = daemon.run(&["schedule", "list"]).out;
    assert_eq!(listed.lines().count(), OLD + 2, "{listed}");

    daemon.running.signal("TERM");
    assert!(daemon.running.ended().success());
    let mut command = daemon.command(&["check", "--json", "--offline"]);
    command.env(ZONE.0, ZONE.1);
    assert_eq!(warned(command), before);
}
