//! The places to die at. A child process, this very test program, dies at each.
#![cfg(all(debug_assertions, unix))]

use crate::home::{CAR, Home};
use smarthome_adapters::driver::FAULT_POINTS;
use smarthome_core::Origin;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

fn child(name: &str, variable: &str, value: &str) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored"])
        .env(variable, value)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

#[test]
fn every_point_is_passed_in_an_ordinary_day_and_kills_when_told() {
    for point in FAULT_POINTS {
        let ended = child("kill::an_ordinary_day", "SMARTHOME_KILL_AT", point);
        assert_eq!(ended.signal(), Some(9), "{point}");
    }
    assert_eq!(child("kill::an_ordinary_day", "SMARTHOME_KILL_AT", "after_ack:3").signal(), Some(9));
}

#[test]
fn a_point_that_is_not_reached_so_often_kills_nobody() {
    for never in ["after_ack:1000", "nowhere", "before_ack:0"] {
        assert!(child("kill::an_ordinary_day", "SMARTHOME_KILL_AT", never).success(), "{never}");
    }
}

#[test]
fn while_the_hold_file_exists_nothing_is_taken_from_the_inbox() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hold");
    let ended = child("kill::a_held_day", "SMARTHOME_HOLD_FILE", file.to_str().unwrap());
    assert!(ended.success());
    assert!(!file.exists());
}

#[tokio::test]
#[ignore = "run by the tests above, in a process of its own"]
async fn an_ordinary_day() {
    let home = Home::ready().await;
    home.signs_up("u2");
    home.signs_in("u1");
    home.quiet().await;
    home.handle.send("022152022".parse().unwrap(), Origin::Cli).await.unwrap();
    home.quiet().await;
    home.stops().await.unwrap();
}

#[tokio::test]
#[ignore = "run by the tests above, in a process of its own"]
async fn a_held_day() {
    let Some(file) = std::env::var_os("SMARTHOME_HOLD_FILE") else { return };
    let home = Home::ready().await;
    std::fs::write(&file, "").unwrap();
    home.signs_in("u1");
    home.pass(1_000).await;
    assert!(home.broker.given_to(CAR).is_empty());
    std::fs::remove_file(&file).unwrap();
    home.pass(50).await;
    assert_eq!(home.broker.acknowledged(), [1]);
    home.signs_in("u1");
    home.quiet().await;
    assert_eq!(home.broker.given_to(CAR).len(), 1);
}
