//! The contract of the port, on real brokers.

use crate::proxy::Proxy;
use crate::support::{RealClock, TestResult, client, config, message};
use async_trait::async_trait;
use smarthome_adapters::mqtt::{Mqtt, MqttClient, Protocol};
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig, RabbitMq, RabbitMqConfig};
use smarthome_core::ports::Broker;
use smarthome_core::ports::contract::{self, BrokerUnderTest};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Bench {
    proxy: Proxy,
    protocol: Protocol,
    other: MqttClient,
    made: AtomicUsize,
}

impl Bench {
    async fn on(port: u16, protocol: Protocol) -> Bench {
        let (other, _) = client(config(port, "other"), &[], None).await;
        Bench { proxy: Proxy::to(port).await, protocol, other, made: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl BrokerUnderTest for Bench {
    async fn fresh(&self) -> Box<dyn Broker> {
        self.proxy.mend();
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let mut config = config(self.proxy.port, &format!("home-{:?}-{number}", self.protocol));
        config.protocol = self.protocol;
        Box::new(Mqtt::new(config, RealClock::new()).unwrap())
    }

    fn topic(&self) -> String {
        "webos/server/info".into()
    }

    async fn publish(&self, topic: &str, payload: &[u8]) {
        self.other.publish(&message(topic, payload)).await.unwrap();
    }

    async fn disconnect(&self) {
        self.proxy.cut().await;
    }

    async fn reconnect(&self) {
        self.proxy.mend();
    }

    async fn settle(&self) {
        // The connection is driven by the same task: once it ran, what it had to send is in the socket, and the proxy
        // forwards that also when it is cut.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
async fn the_contract_holds_on_mosquitto() -> TestResult {
    let broker = Mosquitto::start(MosquittoConfig::default()).await?;
    for protocol in [Protocol::V311, Protocol::V5] {
        contract::broker(&Bench::on(broker.port(), protocol).await, &*RealClock::new()).await;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs rabbitmq-server (Debian package rabbitmq-server); run with -- --include-ignored"]
async fn the_contract_holds_on_rabbitmq() -> TestResult {
    let broker = RabbitMq::start(RabbitMqConfig::default()).await?;
    contract::broker(&Bench::on(broker.mqtt_port(), Protocol::V311).await, &*RealClock::new()).await;
    Ok(())
}
