//! The real brokers of the test helpers: that they start, stop, come back, and take the shipped definitions.
#![cfg(feature = "testing")]

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use smarthome_adapters::testing::{Mosquitto, MosquittoConfig, free_port, wait_until};

type TestResult = Result<(), Box<dyn std::error::Error>>;

#[test]
fn free_ports_differ() {
    let ports: std::collections::BTreeSet<u16> = (0..50).map(|_| free_port()).collect();
    assert_eq!(ports.len(), 50);
}

#[tokio::test]
async fn wait_until_gives_up() {
    assert!(!wait_until(Duration::from_millis(30), async || false).await);
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn mosquitto_stops_restarts_and_dies() -> TestResult {
    let mut server = Mosquitto::start(MosquittoConfig::anonymous()).await?;
    let address = server.address();
    TcpStream::connect(address)?;
    server.stop().await;
    assert!(TcpStream::connect(address).is_err(), "stopped, yet it answers");
    server.restart().await?;
    assert_eq!(server.address(), address);
    TcpStream::connect(address)?;
    server.kill();
    assert!(TcpStream::connect(address).is_err(), "killed, yet it answers");
    server.restart().await?;
    TcpStream::connect(address)?;
    let folder = server.folder().to_owned();
    drop(server);
    assert!(TcpStream::connect(address).is_err(), "dropped, yet it answers");
    assert!(!folder.exists(), "{} is left over", folder.display());
    Ok(())
}

/// Whether a retained message can be published and read back within a second, by mosquitto's own clients.
fn works(port: u16, user: &str, password: &str) -> bool {
    let port = port.to_string();
    let common = ["-p", &port, "-u", user, "-P", password, "-t", "probe"];
    let run = |tool: &str, more: &[&str]| {
        Command::new(tool).args(common).args(more).output().is_ok_and(|o| o.status.success())
    };
    run("mosquitto_pub", &["-q", "1", "-r", "-m", "x"]) && run("mosquitto_sub", &["-C", "1", "-W", "1"])
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian packages mosquitto, mosquitto-clients); run with -- --include-ignored"]
async fn mosquitto_asks_for_the_password_and_can_be_paused() -> TestResult {
    let server = Mosquitto::start(MosquittoConfig::default()).await?;
    assert!(works(server.port(), "webos", "webos"));
    assert!(!works(server.port(), "webos", "wrong"));
    server.pause();
    let port = server.port();
    let frozen = tokio::task::spawn_blocking(move || works(port, "webos", "webos"));
    assert!(
        tokio::time::timeout(Duration::from_millis(300), frozen).await.is_err(),
        "paused, yet it answers"
    );
    server.resume();
    assert!(works(server.port(), "webos", "webos"));
    Ok(())
}
