//! What the broker keeps while nobody is there, and what waits here while nobody takes it.

use crate::support::{PATIENCE, Server, TestResult, client, config, message, on, publish_raw, text};
use rumqttc::QoS;
use smarthome_adapters::mqtt::{MqttConfig, Protocol};
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig, RabbitMq, RabbitMqConfig, wait_until};
use smarthome_core::ports::Broker;
use std::collections::BTreeSet;
use std::time::Duration;

const REQUESTS: &str = "webos/server/info";

async fn a_thousand_while_away(config: MqttConfig) {
    let mut server = Server::start(config.clone());
    assert_eq!(server.up().await, (false, vec![]));
    server.shutdown().await;
    let messages: Vec<_> =
        (0..1_000).map(|n| (REQUESTS, format!("{n}").into_bytes(), QoS::AtLeastOnce)).collect();
    publish_raw(config.port, &messages).await;

    let mut server = Server::start(config.clone());
    let (resumed, backlog) = server.up().await;
    assert!(resumed);
    let numbers: Vec<usize> = backlog.iter().map(|delivery| text(delivery).parse().unwrap()).collect();
    assert_eq!(
        numbers,
        (0..1_000).collect::<Vec<_>>(),
        "every one once, in order, before the end of the backlog"
    );
    server.shutdown().await;

    let mut server = Server::start(config);
    assert_eq!(server.up().await, (true, vec![]), "everything was acknowledged");
    server.shutdown().await;
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn a_thousand_messages_wait_on_mosquitto() -> TestResult {
    let broker = Mosquitto::start(MosquittoConfig::default()).await?;
    a_thousand_while_away(on(&broker)).await;
    let mut v5 = config(broker.port(), "smarthome-5");
    v5.protocol = Protocol::V5;
    a_thousand_while_away(v5).await;
    Ok(())
}

#[tokio::test]
#[ignore = "needs rabbitmq-server (Debian package rabbitmq-server); run with -- --include-ignored"]
async fn a_thousand_messages_wait_on_rabbitmq() -> TestResult {
    let broker = RabbitMq::start(RabbitMqConfig::default()).await?;
    a_thousand_while_away(config(broker.mqtt_port(), "smarthome")).await;
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn acknowledgements_wait_for_earlier_deliveries() -> TestResult {
    let broker = Mosquitto::start(MosquittoConfig::default()).await?;
    let mut server = Server::start(on(&broker));
    server.up().await;
    for payload in ["a", "b", "c"] {
        server.mqtt.publish(&message(REQUESTS, payload)).await?;
    }
    let a = server.next_delivery().await;
    server.next_delivery().await;
    let c = server.next_delivery().await;
    server.mqtt.acknowledge(c.id).await;
    server.mqtt.acknowledge(a.id).await;
    server.shutdown().await;

    let mut server = Server::start(on(&broker));
    let (_, backlog) = server.up().await;
    assert_eq!(backlog.iter().map(text).collect::<Vec<_>>(), ["b", "c"]);
    Ok(())
}

/// A broker that sends more than the default 20 at a time, and tells everything it does.
async fn eager() -> Result<Mosquitto, smarthome_adapters::testing::ServerError> {
    let mut config = MosquittoConfig::default();
    config.lines = vec!["max_inflight_messages 200".into(), "log_type all".into()];
    Mosquitto::start(config).await
}

fn small_parking(broker: &Mosquitto) -> MqttConfig {
    let mut config = on(broker);
    config.park_messages = 8;
    config
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn rule_04_beyond_the_limit_the_connection_closes_and_comes_back_with_nothing_lost() -> TestResult {
    let broker = eager().await?;
    // The link, the end of the backlog, and one delivery are taken.
    let mut server = Server::start_with(small_parking(&broker), 3);
    server.up().await;
    let (other, _) = client(config(broker.port(), "other"), &[], None).await;
    for n in 0..50 {
        other.publish(&message(REQUESTS, format!("{n}"))).await?;
    }
    let closed = async || broker.log().contains("Client smarthome closed its connection");
    assert!(wait_until(PATIENCE, closed).await, "{}", broker.log());
    server.mqtt.publish(&message("webos/car/info", "x")).await.expect("the publishing connection stays");

    server.gate.let_through(10_000);
    let first = server.next_delivery().await;
    server.mqtt.acknowledge(first.id).await;
    let mut seen = BTreeSet::from([text(&first).to_owned()]);
    let mut last = first.id;
    while seen.len() < 50 {
        let delivery = server.next_delivery().await;
        assert!(delivery.id > last, "ids ascend");
        last = delivery.id;
        server.mqtt.acknowledge(delivery.id).await;
        seen.insert(text(&delivery).to_owned());
    }
    server.shutdown().await;
    // What was acknowledged on a connection that had ended by then comes once more, and then no more.
    let mut server = Server::start(on(&broker));
    server.up().await;
    server.shutdown().await;
    let mut server = Server::start(on(&broker));
    assert_eq!(server.up().await.1, [], "everything was acknowledged in the end");
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn beyond_the_limit_messages_that_nobody_keeps_are_dropped_and_the_rest_goes_on() -> TestResult {
    let broker = eager().await?;
    let mut server = Server::start_with(small_parking(&broker), 2);
    server.up().await;
    let mut messages: Vec<_> =
        (0..50).map(|n| (REQUESTS, format!("once {n}").into_bytes(), QoS::AtMostOnce)).collect();
    publish_raw(broker.port(), &messages).await;
    messages = vec![(REQUESTS, b"kept".to_vec(), QoS::AtLeastOnce)];
    publish_raw(broker.port(), &messages).await;
    let closed = async || broker.log().contains("Client smarthome closed its connection");
    assert!(wait_until(PATIENCE, closed).await, "a kept message closes the connection");

    server.gate.let_through(10_000);
    let mut once = 0;
    loop {
        let delivery = server.next_delivery().await;
        server.mqtt.acknowledge(delivery.id).await;
        if text(&delivery) == "kept" {
            break;
        }
        assert_eq!(text(&delivery), format!("once {once}"));
        once += 1;
    }
    assert_eq!(once, 9, "eight were parked, and one was in the inbox's hands");
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn pings_are_answered_while_nobody_takes_what_arrives() -> TestResult {
    let broker = eager().await?;
    let mut config = small_parking(&broker);
    config.keep_alive = Duration::from_secs(1);
    let mut server = Server::start_with(config, 2);
    server.up().await;
    for payload in ["a", "b", "c"] {
        server.mqtt.publish(&message(REQUESTS, payload)).await?;
    }
    // Mosquitto throws out who is silent for one and a half keep-alives.
    let pings = async || broker.log().matches("Received PINGREQ from smarthome\n").count() >= 4;
    assert!(wait_until(PATIENCE, pings).await, "{}", broker.log());
    server.gate.let_through(100);
    for payload in ["a", "b", "c"] {
        let delivery = server.next_delivery().await;
        assert_eq!(text(&delivery), payload);
        server.mqtt.acknowledge(delivery.id).await;
    }
    assert_eq!(server.rest(), [], "the connection was lost");
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn a_packet_that_is_too_large_does_not_come_again_and_again() -> TestResult {
    let broker = Mosquitto::start(MosquittoConfig::default()).await?;
    for protocol in [Protocol::V311, Protocol::V5] {
        let mut config = on(&broker);
        config.client_id = format!("smarthome-{protocol:?}");
        config.protocol = protocol;
        let mut server = Server::start(config.clone());
        server.up().await;
        let messages = [
            (REQUESTS, vec![b'x'; 3 << 20], QoS::AtLeastOnce),
            (REQUESTS, b"next".to_vec(), QoS::AtLeastOnce),
        ];
        publish_raw(broker.port(), &messages).await;
        let next = server.next_delivery().await;
        assert_eq!(text(&next), "next");
        server.mqtt.acknowledge(next.id).await;
        server.shutdown().await;
        let mut server = Server::start(config);
        assert_eq!(server.up().await.1, [], "the large one is gone");
        server.shutdown().await;
    }
    Ok(())
}
