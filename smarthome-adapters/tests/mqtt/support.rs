//! What the tests of the MQTT adapter share.

use async_trait::async_trait;
use rumqttc::{AsyncClient, MqttOptions, QoS};
use smarthome_adapters::mqtt::{Heard, Message, Messages, Mqtt, MqttClient, MqttConfig, Password};
use smarthome_adapters::testing::Mosquitto;
use smarthome_core::engine::{Delivery, Link};
use smarthome_core::ports::{Broker, Clock, Inbox, Outgoing, PortError};
use smarthome_core::{Event, Mono, Now};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

pub(crate) type TestResult = Result<(), Box<dyn std::error::Error>>;

/// Longer than anything here takes on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The real clock, or one that runs a number of times faster.
pub(crate) struct RealClock {
    start: Instant,
    times: u32,
}

impl RealClock {
    pub(crate) fn new() -> Arc<RealClock> {
        RealClock::faster(1)
    }

    pub(crate) fn faster(times: u32) -> Arc<RealClock> {
        Arc::new(RealClock { start: Instant::now(), times })
    }
}

#[async_trait]
impl Clock for RealClock {
    fn now(&self) -> Now {
        let mono = Mono::ZERO.after(self.start.elapsed() * self.times);
        Now::new(SystemTime::now().into(), mono).unwrap()
    }

    async fn sleep_until(&self, at: Mono) {
        tokio::time::sleep(at.since(self.now().mono()) / self.times).await;
    }
}

/// An inbox that takes as many events as the gate lets through.
pub(crate) struct Gate {
    open: Semaphore,
    events: mpsc::UnboundedSender<Event>,
}

impl Gate {
    pub(crate) fn let_through(&self, events: usize) {
        self.open.add_permits(events);
    }
}

#[async_trait]
impl Inbox for Gate {
    async fn push(&self, event: Event) {
        self.open.acquire().await.unwrap().forget();
        self.events.send(event).ok();
    }
}

/// A server's connection under test, with everything it has handed over.
pub(crate) struct Server {
    pub(crate) mqtt: Arc<Mqtt>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) events: mpsc::UnboundedReceiver<Event>,
    pub(crate) listening: JoinHandle<PortError>,
}

impl Server {
    /// With an inbox that takes everything.
    pub(crate) fn start(config: MqttConfig) -> Server {
        Server::start_with(config, Semaphore::MAX_PERMITS / 2)
    }

    /// With an inbox that takes so many events.
    pub(crate) fn start_with(config: MqttConfig, events: usize) -> Server {
        Server::start_on(config, events, RealClock::new())
    }

    pub(crate) fn start_on(config: MqttConfig, events: usize, clock: Arc<RealClock>) -> Server {
        let mqtt = Arc::new(Mqtt::new(config, clock).unwrap());
        let (sender, receiver) = mpsc::unbounded_channel();
        let gate = Arc::new(Gate { open: Semaphore::new(events), events: sender });
        let (broker, inbox) = (mqtt.clone(), gate.clone());
        let listening = tokio::spawn(async move { broker.listen(&*inbox).await.unwrap_err() });
        Server { mqtt, gate, events: receiver, listening }
    }

    pub(crate) async fn next(&mut self) -> Event {
        let next = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        next.expect("nothing happened").expect("the connection ended")
    }

    pub(crate) async fn next_link(&mut self) -> Link {
        loop {
            if let Event::Link(link) = self.next().await {
                return link;
            }
        }
    }

    pub(crate) async fn next_delivery(&mut self) -> Delivery {
        loop {
            if let Event::Delivery(delivery) = self.next().await {
                return delivery;
            }
        }
    }

    /// Waits for the next `Up` and the end of its backlog; answers whether the session was resumed and what came
    /// between, acknowledged.
    pub(crate) async fn up(&mut self) -> (bool, Vec<Delivery>) {
        let resumed = loop {
            if let Link::Up { resumed } = self.next_link().await {
                break resumed;
            }
        };
        let mut backlog = Vec::new();
        loop {
            match self.next().await {
                Event::Link(Link::BacklogEnd) => return (resumed, backlog),
                Event::Delivery(delivery) => {
                    self.mqtt.acknowledge(delivery.id).await;
                    backlog.push(delivery);
                }
                other => panic!("{other:?} before the end of the backlog"),
            }
        }
    }

    pub(crate) async fn down(&mut self) -> String {
        loop {
            if let Link::Down { why } = self.next_link().await {
                return why;
            }
        }
    }

    /// Ends as a crash does: nothing is said, nothing is acknowledged.
    pub(crate) async fn crash(self) {
        self.listening.abort();
        self.listening.await.ok();
    }

    /// What has been handed over and not looked at.
    pub(crate) fn rest(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    pub(crate) async fn shutdown(self) {
        self.mqtt.shutdown().await;
        self.listening.await.unwrap();
    }
}

pub(crate) fn config(port: u16, client_id: &str) -> MqttConfig {
    let mut config = MqttConfig::new("127.0.0.1", port, client_id);
    config.credentials = Some(("webos".into(), Password::new("webos")));
    config
}

pub(crate) fn on(broker: &Mosquitto) -> MqttConfig {
    config(broker.port(), "smarthome")
}

pub(crate) fn message(topic: &str, payload: impl Into<Vec<u8>>) -> Outgoing {
    Outgoing { topic: topic.into(), payload: payload.into(), retain: false, correlation: None }
}

pub(crate) fn text(delivery: &Delivery) -> &str {
    std::str::from_utf8(&delivery.payload).unwrap()
}

/// Another client, connected, with what it hears.
pub(crate) async fn client(
    config: MqttConfig,
    filters: &[&str],
    will: Option<Outgoing>,
) -> (MqttClient, Messages) {
    let filters = filters.iter().map(|filter| (*filter).to_owned()).collect();
    let (client, mut messages) = MqttClient::connect(config, RealClock::new(), filters, will).unwrap();
    let up = tokio::time::timeout(PATIENCE, messages.next()).await.expect("no connection");
    assert_eq!(up, Some(Heard::Up));
    (client, messages)
}

/// The next message that a client hears.
pub(crate) async fn heard(messages: &mut Messages) -> Message {
    match tokio::time::timeout(PATIENCE, messages.next()).await.expect("nothing heard") {
        Some(Heard::Message(message)) => message,
        other => panic!("{other:?} instead of a message"),
    }
}

/// Publishes as the library does without the adapter's checks, and waits until the broker has it all.
pub(crate) async fn publish_raw(port: u16, messages: &[(&str, Vec<u8>, QoS)]) {
    let mut options = MqttOptions::new("raw", "127.0.0.1", port);
    options.set_credentials("webos", "webos").set_max_packet_size(16 << 20, 16 << 20);
    let (client, mut events) = AsyncClient::new(options, messages.len() + 1);
    for (topic, payload, qos) in messages {
        client.try_publish(*topic, *qos, false, payload.clone()).unwrap();
    }
    // Confirmed after all of them, since it was sent after them.
    client.try_publish("raw/end", QoS::AtLeastOnce, false, "").unwrap();
    let sure = messages.iter().filter(|(_, _, qos)| *qos != QoS::AtMostOnce).count() + 1;
    let mut confirmed = 0;
    while confirmed < sure {
        if let rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_)) = events.poll().await.unwrap() {
            confirmed += 1;
        }
    }
}
