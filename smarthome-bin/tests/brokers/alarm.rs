//! RabbitMQ's memory alarm: it stops reading every connection until the alarm is lifted.

use super::scene::{Scene, count};
use smarthome_adapters::testing::{RabbitMq, RabbitMqConfig, wait_until};
use std::time::Duration;

#[tokio::test]
#[ignore = "needs rabbitmq-server (Debian) and python3 with paho-mqtt (PyPI); run with -- --include-ignored"]
async fn a_memory_alarm_is_told_once_and_loses_nothing_that_was_queued() {
    let broker = RabbitMq::start(RabbitMqConfig::default()).await.unwrap();
    let scene = Scene::new(broker.mqtt_port(), "webos");
    let hold = scene.folder().join("hold");
    let variables = [("SMARTHOME_HOLD_FILE", hold.to_str().unwrap()), ("SMARTHOME_COMMANDS_VALID_FOR", "5")];
    let mut daemon = scene.daemon(&variables);
    let mut outsider = scene.outsider(&["smarthome/#", "car/#"]);
    std::fs::write(&hold, "").unwrap();
    outsider.tell(
        r#"flood 500 webos/server/info {"Producer":"car","command":"signup","UID":"u{n}","name":"{n}"}"#,
    );
    outsider.wait_for(&["done"]);
    broker.rabbitmqctl(&["set_vm_memory_high_watermark", "absolute", "1MiB"]).await.unwrap();
    std::fs::remove_file(&hold).unwrap();
    daemon.wait_for(&["not connected to the broker"]);

    // Decided while nobody can be reached, and stale when somebody can.
    let sent = scene.run(&["send", "015222222"]);
    assert_eq!(sent.code, 11, "{}{}", sent.out, sent.err);
    daemon.wait_for(&["SH010"]);

    broker.rabbitmqctl(&["set_vm_memory_high_watermark", "0.6"]).await.unwrap();
    daemon.wait_for(&["SH011"]);
    let all_there = async || scene.run(&["user", "list", "--json"]).out.lines().count() == 500;
    assert!(wait_until(Duration::from_secs(60), all_there).await);
    outsider.ask(
        r#"pub webos/server/info {"Producer":"car","command":"signin","UID":"u499"}"#,
        &["webos/car/info", "\"name\":\"499\""],
    );
    assert_eq!(count(&outsider.said, &["webos/smarthome"]), 0, "{}", outsider.said);
    let memory = resident_kib(&daemon.pid());
    daemon.signal("TERM");
    daemon.ended();
    assert_eq!(count(&daemon.said, &["SH010"]), 1, "{}", daemon.said);
    assert_eq!(count(&daemon.said, &["SH011"]), 1, "{}", daemon.said);
    assert!(memory < 100 * 1024, "{memory} KiB");
}

fn resident_kib(pid: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
