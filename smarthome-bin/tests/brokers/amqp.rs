//! RabbitMQ, with the phone and the car as AMQP clients.

use super::scene::Scene;
use super::support::Running;
use smarthome_adapters::testing::{RabbitMq, RabbitMqConfig};
use std::process::Command;

#[tokio::test]
#[ignore = "needs rabbitmq-server (Debian) and python3 with pika (PyPI); run with -- --include-ignored"]
async fn the_phone_and_the_car_are_served_over_amqp() {
    let broker = RabbitMq::start(RabbitMqConfig::default()).await.unwrap();
    let scene = Scene::new(broker.mqtt_port(), "webos");
    let mut daemon = scene.daemon(&[]);
    let mut home = scene.home(&[]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/phone_and_car.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(broker.amqp_port().to_string());
    let mut clients = Running::start(command);
    for seen in ["phone signed in", "car signed in", "car told", "phone commanded"] {
        clients.wait_for(&[seen]);
    }
    assert!(clients.ended().success(), "{}", clients.said);
    home.wait_for(&["\"obeyed\"", "022152022", "\"effect\":true"]);
    daemon.wait_for(&["command 022152022 seen from somebody else"]);
    // The server's own goes the same way, and is believed when the home says so.
    let sent = scene.run(&["send", "015222212"]);
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    home.wait_for(&["\"obeyed\"", "015222212", "\"effect\":true"]);
}
