//! Brokers that die, hang, refuse, or are not set up.

use crate::support::{RealClock, Server, TestResult, client, config, message, on, text};
use smarthome_adapters::mqtt::{Password, Protocol, probe};
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig, RabbitMq, RabbitMqConfig, wait_until};
use smarthome_core::Event;
use smarthome_core::engine::Link;
use smarthome_core::ports::{Broker, ErrorKind};
use std::time::Duration;

const REQUESTS: &str = "webos/server/info";

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn a_broker_that_dies_is_told_once_and_found_again() -> TestResult {
    let mut broker = Mosquitto::start(MosquittoConfig::default()).await?;
    let mut server = Server::start_on(on(&broker), 10_000, RealClock::faster(20));
    server.up().await;
    server.mqtt.publish(&message(REQUESTS, "before")).await?;
    server.next_delivery().await;
    broker.kill();
    server.down().await;
    let error = server.mqtt.publish(&message(REQUESTS, "meanwhile")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry);
    broker.restart().await?;
    let up = server.next().await;
    assert!(matches!(up, Event::Link(Link::Up { .. })), "{up:?} after one Down");
    server.mqtt.publish(&message(REQUESTS, "after")).await?;
    while text(&server.next_delivery().await) != "after" {}
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn a_publish_that_a_dying_broker_may_have_taken_ends_as_unknown() -> TestResult {
    let mut broker = Mosquitto::start(MosquittoConfig::default()).await?;
    let mut server = Server::start(on(&broker));
    server.up().await;
    broker.pause();
    let mqtt = server.mqtt.clone();
    let mut publishing = tokio::spawn(async move { mqtt.publish(&message(REQUESTS, "?")).await });
    assert!(
        tokio::time::timeout(Duration::from_millis(200), &mut publishing).await.is_err(),
        "nobody can confirm it"
    );
    broker.kill();
    assert_eq!(publishing.await?.unwrap_err().kind, ErrorKind::UnknownOutcome);
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn a_broker_that_hangs_is_noticed_by_the_watchdog() -> TestResult {
    let broker = Mosquitto::start(MosquittoConfig::default()).await?;
    for protocol in [Protocol::V311, Protocol::V5] {
        let mut config = on(&broker);
        config.client_id = format!("smarthome-{protocol:?}");
        config.protocol = protocol;
        // 30 s of silence and 10 s without a confirmation are 2 s on this clock.
        let mut server = Server::start_on(config, 10_000, RealClock::faster(20));
        server.up().await;
        broker.pause();
        assert!(server.down().await.contains("confirms nothing"));
        broker.resume();
        assert!(server.up().await.0, "the session was kept");
        server.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn a_mark_that_waits_behind_an_unacknowledged_delivery_is_no_stall() -> TestResult {
    let mut narrow = MosquittoConfig::default();
    narrow.lines = vec!["max_inflight_messages 1".into(), "log_type all".into()];
    let broker = Mosquitto::start(narrow).await?;
    let mut config = on(&broker);
    config.keep_alive = Duration::from_secs(1);
    let mut server = Server::start_on(config, 10_000, RealClock::faster(20));
    server.up().await;
    server.mqtt.publish(&message(REQUESTS, "slow")).await?;
    let slow = server.next_delivery().await;
    // 30 s of silence, then the mark is queued, and 10 s more pass many times over.
    let pings = async || broker.log().matches("Received PINGREQ from smarthome\n").count() >= 5;
    assert!(wait_until(Duration::from_secs(60), pings).await);
    assert!(broker.log().matches("'webos/live/server/sync'").count() >= 2, "a mark was published");
    assert_eq!(server.rest(), [], "the connection was given up");
    server.mqtt.acknowledge(slow.id).await;
    server.mqtt.publish(&message(REQUESTS, "next")).await?;
    assert_eq!(text(&server.next_delivery().await), "next");
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn a_wrong_password_is_told_with_what_to_do() -> TestResult {
    let broker = Mosquitto::start(MosquittoConfig::default()).await?;
    for protocol in [Protocol::V311, Protocol::V5] {
        let mut config = on(&broker);
        config.protocol = protocol;
        config.credentials = Some(("webos".into(), Password::new("hunter2")));
        let mut server = Server::start(config);
        let why = server.down().await;
        assert!(why.contains("user \"webos\"") && !why.contains("hunter2"), "{why}");
        let error = server.mqtt.publish(&message(REQUESTS, "x")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Retry);
        server.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_told_and_a_shutdown_does_not_wait_for_it() -> TestResult {
    let mut server = Server::start(config(smarthome_adapters::testing::free_port(), "smarthome"));
    assert!(server.down().await.contains("127.0.0.1"));
    server.shutdown().await;
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn a_client_comes_back_by_itself() -> TestResult {
    use smarthome_adapters::mqtt::Heard;
    let mut broker = Mosquitto::start(MosquittoConfig::default()).await?;
    let (watcher, mut messages) = client(config(broker.port(), "watcher"), &["webos/#"], None).await;
    broker.restart().await?;
    assert!(matches!(messages.next().await, Some(Heard::Down(_))));
    assert_eq!(messages.next().await, Some(Heard::Up));
    watcher.publish(&message(REQUESTS, "x")).await?;
    assert_eq!(crate::support::heard(&mut messages).await.payload, b"x");
    watcher.disconnect().await;
    assert_eq!(messages.next().await, None);
    Ok(())
}

#[tokio::test]
#[ignore = "needs rabbitmq-server (Debian package rabbitmq-server); run with -- --include-ignored"]
async fn rabbitmq_dies_and_hangs_and_does_not_speak_mqtt_5() -> TestResult {
    let mut broker = RabbitMq::start(RabbitMqConfig::default()).await?;
    let home = config(broker.mqtt_port(), "smarthome");
    let mut server = Server::start_on(home.clone(), 10_000, RealClock::faster(10));
    server.up().await;
    server.mqtt.publish(&message(REQUESTS, "kept")).await?;
    server.next_delivery().await;
    broker.kill();
    server.down().await;
    broker.restart().await?;
    let (resumed, backlog) = server.up().await;
    assert!(resumed);
    assert_eq!(backlog.iter().map(text).collect::<Vec<_>>(), ["kept"], "it was not acknowledged");

    broker.pause();
    server.down().await;
    broker.resume();
    assert!(server.up().await.0);

    let mut v5 = home;
    v5.protocol = Protocol::V5;
    let error = probe(&v5, RealClock::new()).await.unwrap_err();
    assert!(error.text.contains("does not speak MQTT 5"), "{}", error.text);
    Ok(())
}

#[tokio::test]
#[ignore = "needs rabbitmq-server (Debian package rabbitmq-server); run with -- --include-ignored"]
async fn rabbitmq_without_its_exchange_is_told_with_what_to_do() -> TestResult {
    let broker = RabbitMq::start(RabbitMqConfig::bare()).await?;
    let home = config(broker.mqtt_port(), "smarthome");
    let mut server = Server::start_on(home.clone(), 10_000, RealClock::faster(10));
    let mut why = server.down().await;
    if !why.contains("definitions") {
        why = server.down().await;
    }
    assert!(why.contains("webos.topic") && why.contains("definitions file"), "{why}");
    let error = probe(&home, RealClock::new()).await.unwrap_err();
    assert!(error.text.contains("webos.topic"), "{}", error.text);
    Ok(())
}
