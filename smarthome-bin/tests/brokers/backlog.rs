//! Five thousand messages wait while the engine is held; each is handled once.

use super::scene::{Scene, count, stop};
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig, RabbitMq, RabbitMqConfig, wait_until};
use std::time::Duration;

const MESSAGES: u64 = 5_000;

/// Every message is a fault, and faults are counted exactly: lines and summaries add up to what was handled.
fn held_and_released(port: u16) {
    let scene = Scene::new(port, "webos");
    let hold = scene.folder().join("hold");
    let mut daemon = scene.daemon(&[("SMARTHOME_HOLD_FILE", hold.to_str().unwrap())]);
    let mut outsider = scene.outsider(&["smarthome/#", "car/#", "android/#"]);
    std::fs::write(&hold, "").unwrap();
    outsider.tell(&format!(r#"flood {MESSAGES} webos/server/info {{"Producer":"car","command":"c{{n}}"}}"#));
    outsider.wait_for(&["done"]);
    std::fs::remove_file(&hold).unwrap();
    while faults(&outsider.said) < MESSAGES {
        outsider.wait_for(&["webos/car/error"]);
    }
    // What comes after them all is heard after them all.
    assert!(scene.run(&["user", "set", "u1", "--name", "Kim"]).code == 0);
    outsider.ask(
        r#"pub webos/server/info {"Producer":"android","command":"signin","UID":"u1"}"#,
        &["webos/android/info", "Kim"],
    );
    daemon.signal("TERM");
    daemon.ended();
    assert_eq!(faults(&outsider.said), MESSAGES, "{}\n{}", outsider.said, daemon.said);
    assert_eq!(count(&daemon.said, &["connected to the broker"]), 1, "{}", daemon.said);
}

fn faults(said: &str) -> u64 {
    let lines = said.lines().filter_map(|line| line.strip_prefix("webos/car/error "));
    lines.map(|line| line.split_once(" more faults").map_or(1, |(count, _)| count.parse().unwrap())).sum()
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian) and python3 with paho-mqtt (PyPI); run with -- --include-ignored"]
async fn five_thousand_held_messages_are_handled_once_on_mosquitto() {
    let broker = Mosquitto::start(unbounded()).await.unwrap();
    held_and_released(broker.port());
}

#[tokio::test]
#[ignore = "needs rabbitmq-server (Debian) and python3 with paho-mqtt (PyPI); run with -- --include-ignored"]
async fn five_thousand_held_messages_are_handled_once_on_rabbitmq() {
    let broker = RabbitMq::start(RabbitMqConfig::default()).await.unwrap();
    held_and_released(broker.mqtt_port());
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian) and python3 with paho-mqtt (PyPI); run with -- --include-ignored"]
async fn sign_ups_sent_while_the_daemon_is_away_are_all_there() {
    let broker = Mosquitto::start(unbounded()).await.unwrap();
    let scene = Scene::new(broker.port(), "webos");
    stop(scene.daemon(&[]));
    let mut outsider = scene.outsider(&["car/#"]);
    outsider.tell(
        r#"flood 500 webos/server/info {"Producer":"car","command":"signup","UID":"u{n}","name":"{n}"}"#,
    );
    outsider.wait_for(&["done"]);
    let _daemon = scene.daemon(&[]);
    outsider.ask(
        r#"pub webos/server/info {"Producer":"car","command":"signin","UID":"u499"}"#,
        &["webos/car/info", "\"name\":\"499\""],
    );
    // Known at once, and soon in the store.
    let listed = async || scene.run(&["user", "list", "--json"]).out.lines().count() == 500;
    assert!(wait_until(Duration::from_secs(30), listed).await);
}

/// Mosquitto drops what waits for a slow client beyond a thousand, unless told.
fn unbounded() -> MosquittoConfig {
    let mut config = MosquittoConfig::default();
    config.lines = vec!["max_queued_messages 0".into()];
    config
}
