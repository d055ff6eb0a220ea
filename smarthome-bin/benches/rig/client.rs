//! The client that asks, and the yardstick that echoes: both are the bare client library.

use std::time::{Duration, Instant};

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody who asks and counts answers.
pub(crate) struct Client {
    client: AsyncClient,
    events: EventLoop,
}

impl Client {
    /// Will connect and hear this filter.
    pub(crate) fn new(port: u16, id: &str, filter: &str) -> Client {
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        options.set_credentials("webos", "webos");
        let (client, mut events) = AsyncClient::new(options, 1_000);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        client.try_subscribe(filter, QoS::AtLeastOnce).unwrap();
        Client { client, events }
    }

    /// Connects, also to a broker that is only just starting, and returns when the filter is granted.
    pub(crate) async fn connect(&mut self) {
        let began = Instant::now();
        loop {
            match self.events.poll().await {
                Ok(Event::Incoming(Packet::SubAck(_))) => return,
                Ok(_) => {}
                Err(error) if began.elapsed() > PATIENCE => panic!("no broker: {error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }

    pub(crate) fn publish(&self, topic: &str, payload: &str) {
        self.client.try_publish(topic, QoS::AtLeastOnce, false, payload).unwrap();
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> String {
        timeout(PATIENCE, self.heard()).await.expect("an answer")
    }

    /// What is heard next, however long that takes.
    pub(crate) async fn heard(&mut self) -> String {
        loop {
            if let Event::Incoming(Packet::Publish(publish)) = self.events.poll().await.unwrap() {
                return String::from_utf8_lossy(&publish.payload).into_owned();
            }
        }
    }

    /// Asks one after another and tells how long each answer took, in microseconds.
    pub(crate) async fn one_by_one(
        &mut self,
        topic: &str,
        requests: usize,
        request: impl Fn(usize) -> String,
    ) -> Vec<f64> {
        let mut times = Vec::with_capacity(requests);
        for number in 0..requests {
            let request = request(number);
            let began = Instant::now();
            self.publish(topic, &request);
            self.answer().await;
            times.push(began.elapsed().as_secs_f64() * 1e6);
        }
        times
    }

    /// Connects and publishes so many frames, each when the broker has acknowledged the one before.
    pub(crate) async fn publish_one_by_one(&mut self, topic: &str, frames: usize) {
        self.connect().await;
        for _ in 0..frames {
            self.publish(topic, "022152022");
            while !matches!(self.events.poll().await.unwrap(), Event::Incoming(Packet::PubAck(_))) {}
        }
    }

    /// Keeps so many requests unanswered and tells how many were answered in a second.
    pub(crate) async fn at_once(
        &mut self,
        topic: &str,
        (requests, in_flight): (usize, usize),
        request: impl Fn(usize) -> String,
    ) -> f64 {
        let began = Instant::now();
        for number in 0..requests + in_flight {
            if number >= in_flight {
                self.answer().await;
            }
            if number < requests {
                self.publish(topic, &request(number));
            }
        }
        requests as f64 / began.elapsed().as_secs_f64()
    }

    /// Asks something new every two milliseconds until the first answer, and returns that.
    pub(crate) async fn insist(&mut self, topic: &str, request: impl Fn(usize) -> String) -> String {
        let mut ticks = interval(Duration::from_millis(2));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let client = self.client.clone();
        let asking = async {
            for number in 0.. {
                ticks.tick().await;
                // A full channel means that more than enough has been asked.
                let _ = client.try_publish(topic, QoS::AtLeastOnce, false, request(number));
            }
            std::future::pending().await
        };
        tokio::select! {
            answer = self.answer() => answer,
            () = asking => String::new(),
        }
    }
}

/// Sends back what comes to `<prefix>/in`, until the broker goes away: the least that any server could do.
pub(crate) async fn echo(port: u16, prefix: &str) {
    let mut server = Client::new(port, &format!("echo-{prefix}"), &format!("{prefix}/in"));
    let out = format!("{prefix}/out");
    while let Ok(event) = server.events.poll().await {
        if let Event::Incoming(Packet::Publish(publish)) = event {
            server.client.try_publish(&out, QoS::AtLeastOnce, false, publish.payload).unwrap();
        }
    }
}
