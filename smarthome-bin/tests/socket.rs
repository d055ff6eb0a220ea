//! The control socket, and clients that mean it no good.

mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use support::{Daemon, program, run_with};

/// What the daemon answers to these bytes.
fn ask(daemon: &Daemon, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(daemon.state().join("control.sock")).expect("it listens");
    // It may close before it has read everything.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    // A connection that is closed with bytes unread ends in a reset, behind the answer.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).expect("JSON is UTF-8")
}

#[test]
fn the_socket_is_for_its_owner_only() {
    let daemon = Daemon::start();
    assert_eq!(daemon.rights("control.sock"), 0o600);
    assert_eq!(daemon.rights("."), 0o700);
    let state = daemon.state();
    let (code, said, _folder) = daemon.stop();
    assert_eq!(code, 0, "{said}");
    assert!(!state.join("control.sock").exists());
}

#[test]
fn what_is_no_request_is_told_so() {
    let daemon = Daemon::start();
    for request in [
        &b"garbage\n"[..],
        b"\n",
        b"\xff\xfe\x00\n",
        b"{\"do\":\"dance\"}\n",
        b"{\"do\":\"send\",\"frame\":\"9\"}\n",
        b"{\"do\":\"send\",\"frame\":\"022222223\"}\n",
        b"{\"do\":\"send\",\"frame\":\"022222222\",\"origin\":\"auto_close\"}\n",
        b"{\"do\":\"set_user\",\"uid\":\"a/b\",\"fields\":{\"name\":\"x\"}}\n",
        b"{\"do\":\"info\"}",
        &[b'['; 100_000],
        &[b'x'; 4_000_000],
    ] {
        let answer = ask(&daemon, request);
        let shown = String::from_utf8_lossy(request.get(..60.min(request.len())).unwrap()).into_owned();
        // What was far too long may find the connection closed before the answer is read.
        let cut_off = answer.is_empty() && request.len() > 1_000_000;
        assert!(cut_off || answer.starts_with("{\"is\":\"error\",\"kind\":\"request\""), "{shown}: {answer}");
    }
    let info = ask(&daemon, b"{\"do\":\"info\"}\n");
    assert!(info.contains(&daemon.url) && info.ends_with("{\"is\":\"done\"}\n"), "{info}");
}

#[test]
fn silent_and_crowding_clients_do_not_hold_up_the_daemon() {
    let daemon = Daemon::start();
    let _home = daemon.home(&[]);
    let socket = daemon.state().join("control.sock");
    let mut crowd: Vec<UnixStream> =
        (0..200).map(|_| UnixStream::connect(&socket).expect("it listens")).collect();
    let mut told = String::new();
    // The first ones have a place each, the last one has none.
    crowd.pop().expect("there are many").read_to_string(&mut told).expect("it is told so");
    assert!(told.contains("too many clients"), "{told}");
    // Half a request and then silence: sent away after a while.
    let mut slow = crowd.swap_remove(0);
    slow.write_all(b"{\"do\":").expect("it reads");
    told.clear();
    slow.read_to_string(&mut told).expect("it is told so");
    assert!(told.contains("no request came"), "{told}");
    // The others were as silent, and go as well.
    for mut other in crowd {
        let _ = other.read_to_string(&mut told);
    }
    assert_eq!(daemon.run(&["send", "022222220"]).code, 0);
}

#[test]
fn a_command_that_finds_no_place_says_so() {
    let daemon = Daemon::start();
    let socket = daemon.state().join("control.sock");
    let _crowd: Vec<UnixStream> =
        (0..40).map(|_| UnixStream::connect(&socket).expect("it listens")).collect();
    // It is sent away before it has asked, or while it asks.
    for _ in 0..5 {
        let ran = daemon.run(&["user", "list"]);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.err.contains("too many clients at once, try again"), "{}", ran.err);
    }
}

#[test]
fn a_path_that_no_socket_can_have_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(120);
    for args in [&["--state", &long, "run"][..], &["--state", &long, "send", "022222222"]] {
        let mut command = program(folder.path(), args);
        command.env("SMARTHOME_BROKER_EMBEDDED_LISTEN", "127.0.0.1:0");
        let ran = run_with(command, b"");
        assert_eq!(ran.code, 5, "{}", ran.err);
        assert!(ran.err.contains("choose a state directory with a shorter path"), "{}", ran.err);
    }
}
