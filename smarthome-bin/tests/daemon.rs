//! The daemon with its broker, a virtual home, and the commands that talk to them.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smarthome_adapters::clock::SystemClock;
use smarthome_adapters::mqtt::{Heard, MqttClient, MqttConfig};
use smarthome_core::ports::Outgoing;
use support::{Daemon, Ran, Running, program, run_with};

/// What a sign-in of that user is answered with, and within what time.
fn sign_in(url: &str, uid: &str) -> (String, Duration) {
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = MqttConfig::new("127.0.0.1", port, "phone");
        let clock = Arc::new(SystemClock::new().unwrap());
        let filters = vec!["webos/android/#".to_owned()];
        let (client, mut messages) = MqttClient::connect(config, clock, filters, None).unwrap();
        assert_eq!(messages.next().await, Some(Heard::Up));
        let payload = format!(r#"{{"Producer":"android","command":"signin","UID":"{uid}"}}"#).into_bytes();
        let asked = Instant::now();
        let topic = "webos/server/info".to_owned();
        client.publish(&Outgoing { topic, payload, retain: false, correlation: None }).await.unwrap();
        match tokio::time::timeout(Duration::from_secs(20), messages.next()).await {
            Ok(Some(Heard::Message(answer))) => {
                let text = String::from_utf8(answer.payload).unwrap();
                (format!("{} {text}", answer.topic), asked.elapsed())
            }
            other => panic!("no answer: {other:?}"),
        }
    })
}

fn assert_ran(ran: &Ran, code: i32, parts: &[&str]) {
    let said = format!("{}{}", ran.out, ran.err);
    assert_eq!(ran.code, code, "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
fn a_command_goes_all_the_way_and_back() {
    let daemon = Daemon::start();
    let mut watch = daemon.start_command(&["watch"]);
    watch.wait_for(&["watching mqtt://127.0.0.1:"]);
    let mut home = daemon.home(&["--status", "009060210"]);
    let sent = daemon.run(&["send", "015222202"]);
    assert_ran(&sent, 0, &["decided    015222202\n", "sending    015222202\n", "confirmed "]);
    home.wait_for(&[
        "\"obeyed\"",
        "\"command\":\"015222202\"",
        "\"effect\":true",
        "\"status\":\"015060200\"",
    ]);
    watch.wait_for(&[
        "webos/smarthome/info",
        "command",
        "015222202",
        "air conditioner on at 50 %, window closed",
    ]);
    watch.wait_for(&["webos/live/smarthome/status", "015060200"]);

    // Nothing is to be done, which the home says as well.
    assert_ran(&daemon.run(&["send", "015222202"]), 0, &["confirmed "]);
    assert_ran(&daemon.run(&["send", "--no-wait", "--json", "022222212"]), 0, &["{\"step\":\"decided\""]);
    home.wait_for(&["\"obeyed\"", "\"status\":\"015060210\""]);
}

#[test]
fn a_frame_that_is_none_is_refused_before_anything_else() {
    let ran = support::run(&["send", "022222223"]);
    assert_ran(&ran, 3, &["position 8 (gas valve)"]);
    assert_ran(&support::run(&["send", "022222220"]), 6, &["no daemon runs", "smarthome run"]);
}

#[test]
fn the_gas_valve_opens_only_for_whom_it_is_allowed() {
    let daemon = Daemon::start();
    let mut home = daemon.home(&[]);
    // The rest is done, and that is no success.
    let why = "turned down: opening the gas valve is not allowed from cli, the rest goes out: 022222211";
    assert_ran(&daemon.run(&["send", "022222211"]), 14, &["decided    022222212 (", "confirmed ", why]);
    assert_ran(&daemon.run(&["send", "--no-wait", "022222211"]), 14, &["decided    022222212 (", why]);
    home.wait_for(&["\"obeyed\"", "\"status\":\"000000010\""]);
    drop((home, daemon));

    let daemon = Daemon::start_with(&[("SMARTHOME_SAFETY_GAS_OPEN_ALLOWED", "cli")]);
    let mut home = daemon.home(&[]);
    assert_ran(&daemon.run(&["send", "022222211"]), 0, &["decided    022222211\n", "confirmed "]);
    home.wait_for(&["\"obeyed\"", "\"status\":\"000000011\""]);
}

#[test]
fn how_a_command_ends_is_told_by_the_exit_code() {
    let daemon = Daemon::start();
    let mut home = daemon.home(&["--deaf"]);
    let mut first = daemon.start_command(&["send", "015222222"]);
    first.wait_for(&["sent "]);
    assert_ran(&daemon.run(&["send", "--timeout", "1", "010222222"]), 13, &["no end after 1 s"]);
    assert_eq!(first.ended().code(), Some(12), "{}", first.said);
    home.wait_for(&["\"obeyed\"", "\"effect\":false"]);
}

#[test]
fn a_command_that_cannot_leave_expires() {
    let folder = tempfile::tempdir().unwrap();
    // A port that was free a moment ago: nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = program(folder.path(), &["run"]);
    command.env("SMARTHOME_BROKER_URL", format!("mqtt://{nobody}")).env("SMARTHOME_COMMANDS_VALID_FOR", "1");
    let mut daemon = Running::start(command);
    daemon.wait_for(&["broker: mqtt://127.0.0.1:"]);
    let sent = run_with(program(folder.path(), &["send", "015222222"]), b"");
    assert_ran(&sent, 11, &["expired "]);
}

#[test]
fn users_are_seen_by_a_running_daemon_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let before = run_with(program(folder.path(), &["user", "set", "early", "--name", "Lee"]), b"");
    assert_ran(&before, 0, &["is set"]);
    let daemon = Daemon::start_in(folder, &[]);
    assert_ran(
        &daemon.run(&["user", "set", "late", "{\"name\":\"김민수\",\"phone\":\"010\"}"]),
        0,
        &["is set"],
    );
    let (answer, within) = sign_in(&daemon.url, "late");
    assert!(answer.starts_with("webos/android/info {"), "{answer}");
    assert!(answer.contains("김민수") && answer.contains("return_name"), "{answer}");
    assert!(within < Duration::from_secs(2), "{within:?}");
    assert!(sign_in(&daemon.url, "early").0.contains("Lee"));

    assert_eq!(daemon.run(&["user", "list", "--json"]).out.lines().count(), 2);
    assert_ran(&daemon.run(&["user", "delete", "late"]), 0, &["is deleted"]);
    assert!(sign_in(&daemon.url, "late").0.starts_with("webos/android/error "));
    assert_ran(&daemon.run(&["user", "delete", "late"]), 9, &["no user \"late\""]);
    for wrong in ["", "a/b", "..", "__x__"] {
        assert_ran(&daemon.run(&["user", "set", wrong, "--name", "x"]), 3, &["cannot be used"]);
    }
    assert_ran(&daemon.run(&["user", "set", "x", "[1]"]), 3, &["no object"]);
    assert_ran(&daemon.run(&["user", "set", "x", "{\"name\":7}"]), 3, &["has to be a text"]);

    let (code, _, folder) = daemon.stop();
    assert_eq!(code, 0);
    assert_eq!(run_with(program(folder.path(), &["user", "list"]), b"").out, "early  Lee\n");
}

#[test]
fn a_second_daemon_and_a_taken_port_are_named() {
    let daemon = Daemon::start();
    let second = daemon.run(&["run"]);
    assert_ran(&second, 5, &["in use by process", &daemon.running.pid(), "--state"]);
    let listen = daemon.url.trim_start_matches("mqtt://").to_owned();
    let mut elsewhere = daemon.command(&["--state", "elsewhere", "run"]);
    elsewhere.env("SMARTHOME_BROKER_EMBEDDED_LISTEN", &listen);
    let holder = format!("smarthome (process {})", daemon.running.pid());
    assert_ran(&run_with(elsewhere, b""), 7, &[&listen, &holder, "broker.embedded.listen"]);
}

#[test]
fn a_stop_is_in_order_and_in_time() {
    let daemon = Daemon::start();
    let mut watch = daemon.start_command(&["watch", "--json"]);
    watch.wait_for(&["live/server/state", "online"]);
    let began = Instant::now();
    let (code, said, _folder) = daemon.stop();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("stopped"), "{said}");
    watch.wait_for(&["live/server/state", "offline"]);
}

#[test]
fn a_killed_daemon_is_followed_by_another() {
    let mut daemon = Daemon::start();
    daemon.running.signal("KILL");
    daemon.running.ended();
    assert!(daemon.state().join("control.sock").exists(), "the dead one's socket is still there");
    let Daemon { folder, .. } = daemon;
    let next = Daemon::start_in(folder, &[]);
    assert_ran(&next.run(&["check"]), 0, &["ok    daemon", "ok    broker"]);
}

#[test]
fn passwords_are_asked_for_and_never_shown() {
    const SECRET: &str = "hunter2-correct-horse";
    let account = [
        ("SMARTHOME_BROKER_EMBEDDED_USER", "kim"),
        ("SMARTHOME_BROKER_EMBEDDED_PASSWORD", SECRET),
        ("RUST_LOG", "trace"),
    ];
    let daemon = Daemon::start_with(&account);
    let with = |args: &[&str]| {
        let mut command = daemon.command(args);
        command.envs(account);
        command
    };
    let checked = run_with(with(&["check"]), b"");
    assert_ran(&checked, 0, &["ok    broker", "kim@127.0.0.1"]);
    let mut home = Running::start(with(&["home", "--json"]));
    home.wait_for(&["\"reported\""]);
    let stranger = daemon.run(&["home", "--broker", &daemon.url.replace("kim@", "")]);
    assert_eq!(stranger.code, 7, "{}", stranger.err);
    let (_, said, _folder) = daemon.stop();
    for text in [said, checked.out, checked.err, home.said.clone(), stranger.err] {
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn systemd_is_told_and_its_watchdog_fed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let systemd = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    systemd.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let told = |part: &str| {
        let mut buffer = [0; 1024];
        loop {
            let length = systemd.recv(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.contains(part) {
                return text;
            }
        }
    };
    let daemon =
        Daemon::start_in(folder, &[("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "600000")]);
    let ready = told("READY=1");
    assert!(ready.contains(&format!("STATUS=serving on {}", daemon.url)), "{ready}");
    // An idle daemon as well, and not only once.
    told("WATCHDOG=1");
    told("WATCHDOG=1");
    let (code, said, _folder) = daemon.stop();
    assert_eq!(code, 0, "{said}");
    told("STOPPING=1");
}

#[test]
fn a_stop_that_the_journal_does_not_survive_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let small = "trap '' XFSZ; ulimit -f 200; exec \"$0\" run";
    let mut limited = std::process::Command::new("/bin/sh");
    limited.args(["-c", small, env!("CARGO_BIN_EXE_smarthome")]).env_clear().current_dir(folder.path());
    limited.env("HOME", folder.path()).env("SMARTHOME_BROKER_EMBEDDED_LISTEN", "127.0.0.1:0");
    let mut running = Running::start(limited);
    running.wait_for(&["connected to the broker"]);
    let full = (0..100).any(|at| {
        let frame = format!("01{}222222", 1 + at % 9);
        run_with(program(folder.path(), &["send", "--no-wait", "--timeout", "1", &frame]), b"").code == 13
    });
    assert!(full, "the journal still takes everything:\n{}", running.said);
    let asked = Instant::now();
    running.signal("TERM");
    let status = running.ended();
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert!(running.said.contains("the journal could not be written before the stop"), "{}", running.said);
    assert_eq!(status.code(), Some(5), "{}", running.said);
}
