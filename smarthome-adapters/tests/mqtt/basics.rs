//! Connecting, delivering, acknowledging, publishing.

use crate::support::{Server, TestResult, message, on, text};
use smarthome_adapters::mqtt::{Mqtt, MqttConfig, Protocol};
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig};
use smarthome_core::ports::{Broker, ErrorKind};

#[test]
fn settings_that_cannot_work_are_refused_by_name() {
    let refused = |config: MqttConfig| {
        let Err(error) = Mqtt::new(config, crate::support::RealClock::new()) else { panic!("accepted") };
        assert_eq!(error.kind, ErrorKind::AskPerson);
        error.text
    };
    assert!(refused(MqttConfig::new("", 1883, "x")).contains("host"));
    assert!(refused(MqttConfig::new("h", 0, "x")).contains("port"));
    assert!(refused(MqttConfig::new("h", 1883, "")).contains("client id"));
    let mut config = MqttConfig::new("h", 1883, "x");
    config.keep_alive = std::time::Duration::from_millis(500);
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
