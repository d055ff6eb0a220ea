//! The real brokers of the test helpers: that they start, stop, come back, and take the shipped definitions.
#![cfg(feature = "testing")]

use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use smarthome_adapters::testing::{
    Mosquitto, MosquittoConfig, RabbitMq, RabbitMqConfig, free_port, wait_until,
};

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

/// Runs one step of the AMQP checks.
fn amqp(server: &RabbitMq, step: &[&str]) -> TestResult {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/rabbitmq_definitions.py");
    let done = Command::new("python3")
        .arg(script)
        .args([&server.amqp_port().to_string(), RabbitMq::USER, RabbitMq::USER])
        .args(step)
        .output()?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("{step:?}: {}", String::from_utf8_lossy(&done.stderr)).into())
}

/// Ends the process when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "needs RabbitMQ and pika (Debian packages rabbitmq-server, mosquitto-clients; pip install pika); run with -- --include-ignored"]
async fn rabbitmq_takes_the_shipped_definitions() -> TestResult {
    let mut server = RabbitMq::start(RabbitMqConfig::default()).await?;
    amqp(&server, &["declare"])?;

    let port = server.mqtt_port().to_string();
    let login = ["-p", &port, "-u", RabbitMq::USER, "-P", RabbitMq::USER, "-q", "1"];
    let publish = |topic: &str, body: &str| {
        Command::new("mosquitto_pub")
            .args(login)
            .args(["-t", topic, "-m", body])
            .status()
            .is_ok_and(|s| s.success())
    };
    assert!(publish("webos/android/info", "an answer"));
    amqp(&server, &["take", "webos.android", "an answer"])?;
    assert!(publish("webos/server/error", "a fault"));
    amqp(&server, &["take", "data.error", "a fault"])?;

    let mut subscriber = Running(
        Command::new("mosquitto_sub")
            .args(login)
            .args(["-c", "-i", "brain", "-t", "webos/server/info", "-C", "1"])
            .stdout(Stdio::piped())
            .spawn()?,
    );
    // Published until it is subscribed; it ends by itself after the first message.
    let came = wait_until(Duration::from_secs(20), async || {
        publish("webos/server/info", "a request") && matches!(subscriber.0.try_wait(), Ok(Some(_)))
    });
    assert!(came.await, "nothing came by MQTT");
    let mut text = String::new();
    subscriber.0.stdout.take().ok_or("no output")?.read_to_string(&mut text)?;
    assert_eq!(text, "a request\n");

    let policies = server.rabbitmqctl(&["list_queues", "name", "policy"]).await?;
    for (queue, policy) in [
        ("webos.android", "answers"),
        ("webos.car", "answers"),
        ("webos.camera", "devices"),
        ("data.log", "records"),
        ("mqtt-subscription-brainqos1", "mqtt-sessions"),
    ] {
        let line = policies.lines().find(|line| line.starts_with(queue)).ok_or(policies.clone())?;
        assert!(line.ends_with(policy), "{line}");
    }

    server.kill();
    server.restart().await?;
    amqp(&server, &["declare"])?;
    server.stop().await;
    assert!(TcpStream::connect(server.mqtt_address()).is_err(), "stopped, yet it answers");
    Ok(())
}

/// What can be seen without a server. A published crate has no such file, so there is nothing to check in it.
#[test]
fn the_shipped_definitions_hold_no_secret_and_no_unlimited_queue() -> TestResult {
    let Ok(text) = std::fs::read_to_string(RabbitMq::shipped_definitions()) else { return Ok(()) };
    let file: serde_json::Value = serde_json::from_str(&text)?;
    let list = |key: &str| file[key].as_array().cloned().unwrap_or_default();

    assert!(!text.contains("\"password\""));
    assert!(list("users").iter().all(|user| user["password_hash"] == ""));
    let exchange = list("exchanges").into_iter().find(|exchange| exchange["name"] == "webos.topic");
    assert!(exchange.is_some_and(|exchange| exchange["durable"] == true && exchange["type"] == "topic"));

    assert_eq!(list("queues").len(), 6);
    for queue in list("queues") {
        assert!(queue["durable"] == true && queue["arguments"] == serde_json::json!({}), "{queue}");
        assert!(list("bindings").iter().any(|b| b["destination"] == queue["name"]), "{queue} is not bound");
    }
    for policy in list("policies") {
        let limits = &policy["definition"];
        assert!(limits["max-length"].is_u64() && limits["overflow"] == "drop-head", "{policy}");
        if policy["name"] == "answers" {
            // A person waits ten seconds for an answer.
            assert!(limits["message-ttl"].as_u64().is_some_and(|ttl| (10_001..=20_000).contains(&ttl)));
        }
    }
    Ok(())
}
