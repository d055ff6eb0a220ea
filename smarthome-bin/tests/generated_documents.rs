//! Three hundred documents of each kind, a third of them damaged, through the real store and the real daemon: every
//! good one is used, and every other is named once, with its fault.

#![allow(clippy::unwrap_used)]

mod support;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde_json::{Value, json};
use smarthome_adapters::sqlite::SqliteStore;
use smarthome_core::engine::Collection;
use smarthome_core::ports::{Documents, ErrorKind};
use smarthome_core::testing::{Random, documents};
use smarthome_core::{Calendar, Digit, HomeZone, Mode, Schedule};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use support::{Daemon, program};

const EACH: usize = 300;
/// The good schedules lie in these years.
const YEARS: [&str; 2] = ["2021-01-01T00:00", "2032-01-01T00:00"];

/// What is put into the store, and what has to become of it.
#[derive(Default)]
struct Expected {
    /// By the document's id, what its fault has to name.
    named: BTreeMap<String, String>,
    schedules: BTreeMap<String, Schedule>,
    modes: BTreeMap<String, Mode>,
}

impl Expected {
    async fn put(&mut self, store: &SqliteStore, random: &mut Random) {
        for number in 0..EACH {
            if number % 3 == 0 {
                self.damaged(store, Collection::Schedules, documents::damaged_schedule(random, number)).await;
                self.damaged(store, Collection::Modes, documents::damaged_mode(random, number)).await;
                continue;
            }
            let good = documents::good_schedule(random, number);
            store.replace(Collection::Schedules, &good.id, &good.content).await.unwrap();
            self.schedules.insert(good.id, good.means);
            let good = documents::good_mode(random, number);
            store.replace(Collection::Modes, &good.id, &good.content).await.unwrap();
            self.modes.insert(good.id, good.means);
        }
        let mut first: BTreeSet<Digit> = BTreeSet::new();
        for (id, mode) in &self.modes {
            if !first.insert(mode.number()) {
                self.named.insert(id.clone(), format!("mode {} is ", mode.number()));
            }
        }
        assert_eq!(first.len(), 9, "every number is a mode's");
    }

    /// What is no object is none of the store's: it refuses it.
    async fn damaged(&mut self, store: &SqliteStore, collection: Collection, bad: documents::Damaged) {
        let put = store.replace(collection, &bad.id, &bad.content).await;
        match bad.field {
            Some(field) => {
                put.unwrap();
                self.named.insert(bad.id, format!("field \"{field}\""));
            }
            None => assert_eq!(put.unwrap_err().kind, ErrorKind::GiveUp, "{}", bad.content),
        }
    }
}

/// A schedule for every mode, due soon.
async fn put_firing(store: &SqliteStore, at: DateTime<Utc>) {
    let start = HomeZone::default().local(at).format("%H%M").to_string();
    for number in 1..=9 {
        let fields = json!({"enabled": true, "repeat": true, "startTime": start, "daysOfWeek": [1, 1, 1, 1, 1, 1, 1],
            "modeNum": number});
        let id = format!("fires {number}");
        store.replace(Collection::Schedules, &id, &fields.to_string()).await.unwrap();
    }
}

/// The titles that `smarthome next` tells of in those years, and of which a firing is to be expected there.
fn check_next(daemon: &Daemon, schedules: &BTreeMap<String, Schedule>) {
    let ran = daemon.run(&["next", "--from", YEARS[0], "--to", YEARS[1], "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let title =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["title"].as_str().unwrap().to_owned();
    let told: BTreeSet<String> =
        ran.out.lines().map(title).filter(|title| !title.starts_with("fires ")).collect();
    let zone = HomeZone::default();
    let [from, to] = YEARS.map(|at| zone.due(at.parse().unwrap()).at);
    let fires = |schedule: &Schedule| {
        schedule.enabled && schedule.when.occurrences(from, &zone).next().is_some_and(|(_, due)| due.at < to)
    };
    let wanted = schedules.iter().filter(|(_, schedule)| fires(schedule));
    let wanted: BTreeSet<String> = wanted.map(|(title, _)| title.clone()).collect();
    assert!(wanted.len() > 100, "{}", wanted.len());
    assert_eq!(told, wanted);
}

#[test]
fn every_good_document_is_used_and_every_other_named_once() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join(".local/state/smarthome");
    let (store, away) = (state.join("store.db"), state.join("away.db"));
    // What keeps the store away until somebody listens.
    fs::create_dir_all(&store).unwrap();
    // The next minute but one where the next is about to begin.
    let now = Utc::now();
    let at = now + TimeDelta::minutes(if now.second() < 40 { 1 } else { 2 });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut expected = Expected::default();
    runtime.block_on(async {
        let store = SqliteStore::open(&away).unwrap();
        expected.put(&store, &mut Random::new(4)).await;
        put_firing(&store, at).await;
    });
    let daemon = Daemon::start_in(folder, &[("SMARTHOME_SAFETY_GAS_OPEN_ALLOWED", "schedule, mode")]);
    let mut home = daemon.home(&[]);
    let mut watch = support::Running::start(program(daemon.folder.path(), &["watch", "--json"]));
    // The retained state is the first that a watcher hears.
    watch.wait_for(&["live/server/state", "online"]);
    fs::remove_dir(&store).unwrap();
    fs::rename(&away, &store).unwrap();

    let mut named: BTreeMap<String, String> = BTreeMap::new();
    while named.len() < expected.named.len() {
        let line = watch.wait_for(&["data/error/warning"]);
        let line: Value = serde_json::from_str(&line).unwrap();
        let text = line["text"].as_str().unwrap().to_owned();
        let id = text.split('"').nth(1).unwrap_or_else(|| panic!("{text}")).to_owned();
        let fault = expected.named.get(&id).unwrap_or_else(|| panic!("nothing is wrong with it: {text}"));
        assert!(text.starts_with("document ") && text.contains(fault), "{text} does not name {fault}");
        assert_eq!(named.insert(id, text), None, "named twice");
    }
    check_next(&daemon, &expected.schedules);
    // In the order of their titles, and nothing else is said meanwhile.
    for number in 1..=9 {
        home.wait_for(&["\"obeyed\"", &format!("\"command\":\"{number}")]);
    }
    assert_eq!(watch_count(&mut watch, &daemon), expected.named.len());
    assert_eq!(daemon.stop().0, 0);
}

/// How many warnings there were until a message of ours.
fn watch_count(watch: &mut support::Running, daemon: &Daemon) -> usize {
    assert_eq!(daemon.run(&["send", "--no-wait", "012222222"]).code, 0);
    watch.wait_for(&["smarthome/info", "012222222"]);
    watch.said.lines().filter(|line| line.contains("data/error/warning")).count()
}
