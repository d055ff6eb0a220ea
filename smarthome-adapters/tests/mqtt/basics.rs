//! Settings, and what MQTT 5 adds.

use crate::support::{PATIENCE, RealClock, Server, TestResult, client, config, heard, message, on, text};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use smarthome_adapters::mqtt::{Mqtt, MqttConfig, Password, Protocol, probe};
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig};
use smarthome_core::engine::ReplyTo;
use smarthome_core::ports::{Broker, ErrorKind};
use std::time::Duration;

#[test]
fn settings_that_cannot_work_are_refused_by_name() {
    let refused = |config: MqttConfig| {
        let Err(error) = Mqtt::new(config, RealClock::new()) else { panic!("accepted") };
        assert_eq!(error.kind, ErrorKind::AskPerson);
        error.text
    };
    assert!(refused(MqttConfig::new("", 1883, "x")).contains("host"));
    assert!(refused(MqttConfig::new("h", 0, "x")).contains("port"));
    assert!(refused(MqttConfig::new("h", 1883, "")).contains("client id"));
    let mut config = MqttConfig::new("h", 1883, "x");
    config.keep_alive = Duration::from_millis(500);
    assert!(refused(config).contains("keep-alive"));
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn a_message_makes_the_round_in_both_versions() -> TestResult {
    let broker = Mosquitto::start(MosquittoConfig::default()).await?;
    for protocol in [Protocol::V311, Protocol::V5] {
        let mut config = on(&broker);
        config.protocol = protocol;
        config.client_id = format!("smarthome-{protocol:?}");
        let mut server = Server::start(config);
        assert_eq!(server.up().await, (false, vec![]));
        server.mqtt.publish(&message("webos/server/info", "hello")).await?;
        let delivery = server.next_delivery().await;
        assert_eq!((delivery.topic.as_str(), text(&delivery)), ("webos/server/info", "hello"));
        assert!(!delivery.retained && delivery.reply_to.is_none());
        server.mqtt.acknowledge(delivery.id).await;
        server.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn a_requester_gets_its_correlation_data_back_on_its_response_topic() -> TestResult {
    let broker = Mosquitto::start(MosquittoConfig::default()).await?;
    let mut config = on(&broker);
    config.protocol = Protocol::V5;
    let mut server = Server::start(config);
    server.up().await;

    let mut options = MqttOptions::new("requester", "127.0.0.1", broker.port());
    options.set_credentials("webos", "webos");
    let (requester, mut events) = AsyncClient::new(options, 10);
    requester.try_subscribe("answers/7", QoS::AtLeastOnce)?;
    let properties = PublishProperties {
        response_topic: Some("answers/7".into()),
        correlation_data: Some(vec![1, 0, 255].into()),
        ..PublishProperties::default()
    };
    requester.try_publish_with_properties("webos/server/info", QoS::AtLeastOnce, false, "?", properties)?;
    let answer = async {
        loop {
            if let Event::Incoming(Packet::Publish(publish)) = events.poll().await? {
                return Ok::<_, Box<dyn std::error::Error>>(publish);
            }
        }
    };
    let serve = async {
        let request = server.next_delivery().await;
        let reply_to = request.reply_to.unwrap();
        assert_eq!(reply_to, ReplyTo { topic: "answers/7".into(), correlation: Some(vec![1, 0, 255]) });
        let mut answer = message(&reply_to.topic, "!");
        answer.correlation = reply_to.correlation;
        server.mqtt.publish(&answer).await
    };
    let (answer, served) = tokio::time::timeout(PATIENCE, async { tokio::join!(answer, serve) }).await?;
    served?;
    let answer = answer?;
    assert_eq!(&answer.payload[..], b"!");
    assert_eq!(answer.properties.unwrap().correlation_data.as_deref(), Some(&[1, 0, 255][..]));
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn what_is_too_large_or_has_no_topic_is_never_sent() -> TestResult {
    let lines = vec!["max_packet_size 5000".into()];
    let mut limits = MosquittoConfig::default();
    limits.lines = lines;
    let broker = Mosquitto::start(limits).await?;
    let mut config = on(&broker);
    config.protocol = Protocol::V5;
    let mut server = Server::start(config);
    server.up().await;
    for bad in [message("webos/#", "x"), message("", "x"), message("webos/car/info", vec![0; 5_000])] {
        assert_eq!(server.mqtt.publish(&bad).await.unwrap_err().kind, ErrorKind::GiveUp, "{}", bad.topic);
    }
    server.mqtt.publish(&message("webos/car/info", "x")).await?;
    assert_eq!(server.rest(), [], "the connection was lost");
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn the_last_will_follows_a_crash_and_not_a_shutdown() -> TestResult {
    let broker = Mosquitto::start(MosquittoConfig::default()).await?;
    let (_watcher, mut messages) =
        client(config(broker.port(), "watcher"), &["webos/live/server/state"], None).await;
    let mut server = Server::start(on(&broker));
    server.up().await;
    server.crash().await;
    assert_eq!(heard(&mut messages).await.payload, b"offline");

    let mut server = Server::start(on(&broker));
    assert!(server.up().await.0, "the session is resumed");
    server.mqtt.publish(&message("webos/live/server/state", "stopping")).await?;
    assert_eq!(heard(&mut messages).await.payload, b"stopping");
    let (other, _) = client(config(broker.port(), "other"), &[], None).await;
    server.shutdown().await;
    other.publish(&message("webos/live/server/state", "afterwards")).await?;
    assert_eq!(heard(&mut messages).await.payload, b"afterwards", "there was a will in between");
    Ok(())
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn a_probe_tells_whether_the_settings_work() -> TestResult {
    let broker = Mosquitto::start(MosquittoConfig::default()).await?;
    for protocol in [Protocol::V311, Protocol::V5] {
        let mut config = on(&broker);
        config.protocol = protocol;
        let report = probe(&config, RealClock::new()).await?;
        assert!(report.round_trip > Duration::ZERO);
        config.credentials = Some(("webos".into(), Password::new("wrong")));
        let error = probe(&config, RealClock::new()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::AskPerson);
        assert!(error.text.contains("user \"webos\""), "{}", error.text);
    }
    Ok(())
}
