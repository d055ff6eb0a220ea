//! Schedules through the program: set, seen by the running daemon, fired, confirmed, and asked about.

#![allow(clippy::unwrap_used)]

mod support;

use chrono::{TimeDelta, Timelike, Utc};
use serde_json::{Value, json};
use support::{Daemon, Ran, run_with};

const ZONE: (&str, &str) = ("SMARTHOME_HOME_TIME_ZONE", "UTC");

fn run(daemon: &Daemon, args: &[&str]) -> Ran {
    let mut command = daemon.command(args);
    command.env(ZONE.0, ZONE.1);
    run_with(command, b"")
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_once_schedule_fires_at_its_minute_is_confirmed_and_goes() {
    let daemon = Daemon::start_with(&[ZONE]);
    let mut home = daemon.home(&[]);
    // The next minute, or the one after where that is about to begin.
    let now = Utc::now();
    let at = now + TimeDelta::minutes(if now.second() < 55 { 1 } else { 2 });
    let fields = json!({
        "enabled": true, "repeat": false, "startTime": at.format("%H%M").to_string(),
        "activeDate": at.format("%Y.%m.%d").to_string(), "airconEnable": true, "airconWindPower": 7,
    });
    let set = run(&daemon, &["schedule", "set", "cool", &fields.to_string()]);
    assert_eq!(set.code, 0, "{}", set.err);
    home.wait_for(&["017222222"]);
    // It has gone, and the journal knows why.
    let gone = || run(&daemon, &["schedule", "list"]).out.is_empty();
    while !gone() {}
    let why = run(&daemon, &["why", "cool", "--json"]);
    let rows = lines(&why.out);
    assert_eq!(rows.len(), 1, "{}{}", why.out, why.err);
    assert_eq!(rows[0]["state"], "confirmed");
    assert_eq!(rows[0]["frame"], "017222222");
    daemon.stop();
}

#[test]
fn what_cannot_be_a_schedule_or_a_mode_is_refused_with_the_field() {
    let daemon = Daemon::start_with(&[ZONE]);
    for (fields, says) in [
        ("[]", "no object"),
        ("{", "no JSON"),
        (r#"{"repeat":true,"enabled":true}"#, "startTime"),
        (r#"{"repeat":true,"enabled":true,"startTime":"2561","daysOfWeek":[1,1,1,1,1,1,1]}"#, "startTime"),
        (r#"{"repeat":true,"enabled":true,"startTime":"0700","daysOfWeek":[0,0,0,0,0,0,0]}"#, "daysOfWeek"),
        (r#"{"repeat":false,"enabled":true,"startTime":"0700","activeDate":"2021.01.01"}"#, "has passed"),
    ] {
        let refused = run(&daemon, &["schedule", "set", "x", fields]);
        assert_eq!(refused.code, 3, "{fields}: {}", refused.err);
        assert!(refused.err.contains(says), "{fields}: {}", refused.err);
    }
    let refused = run(&daemon, &["mode", "set", r#"{"modeNum":2,"modeName":"out"}"#]);
    assert!(refused.code == 3 && refused.err.contains("airconEnable"), "{}", refused.err);
    assert_eq!(run(&daemon, &["schedule", "delete", "x"]).code, 9);
    daemon.stop();
}

#[test]
fn next_names_what_will_fire_with_and_without_a_daemon() {
    let daemon = Daemon::start_with(&[ZONE]);
    let mode = json!({"modeNum": 2, "modeName": "out", "airconEnable": false, "lightEnable": false,
        "windowOpen": false, "gasValveEnable": false});
    assert_eq!(run(&daemon, &["mode", "set", &mode.to_string()]).code, 0);
    let daily = json!({"enabled": true, "repeat": true, "startTime": "0730", "daysOfWeek": [1, 1, 1, 1, 1, 1, 1],
        "modeNum": 2});
    assert_eq!(run(&daemon, &["schedule", "set", "leave", &daily.to_string()]).code, 0);
    let next = |daemon: &Daemon| {
        run(daemon, &["next", "--from", "2026-12-01T00:00", "--to", "2026-12-03T00:00", "--json"]).out
    };
    let with = next(&daemon);
    let slots: Vec<_> = lines(&with).iter().map(|firing| firing["slot"].clone()).collect();
    assert_eq!(slots, ["2026-12-01T07:30", "2026-12-02T07:30"]);
    assert_eq!(lines(&with)[0]["what"], "202022200 (mode 2. out)");
    let (_, _, folder) = daemon.stop();
    let mut command = support::program(
        folder.path(),
        &["next", "--from", "2026-12-01T00:00", "--to", "2026-12-03T00:00", "--json"],
    );
    command.env(ZONE.0, ZONE.1);
    assert_eq!(run_with(command, b"").out, with);
}
