//! What the tests of the MQTT adapter share.

use async_trait::async_trait;
use smarthome_adapters::mqtt::{Mqtt, MqttConfig, Password};
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

pub(crate) struct RealClock(Instant);

impl RealClock {
    pub(crate) fn new() -> Arc<RealClock> {
        Arc::new(RealClock(Instant::now()))
    }
}

#[async_trait]
impl Clock for RealClock {
    fn now(&self) -> Now {
        let mono = Mono::ZERO.after(self.0.elapsed());
        Now::new(SystemTime::now().into(), mono).unwrap()
    }

    async fn sleep_until(&self, at: Mono) {
        tokio::time::sleep(at.since(self.now().mono())).await;
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
        let mqtt = Arc::new(Mqtt::new(config, RealClock::new()).unwrap());
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
