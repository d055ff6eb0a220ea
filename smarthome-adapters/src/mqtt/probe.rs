//! Whether a configuration works: one message through the broker and back.

use super::client::{Heard, Messages, MqttClient};
use super::config::MqttConfig;
use super::consume::mark;
use smarthome_core::ports::{Clock, ErrorKind, Outgoing, PortError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long each step may take.
const STEP: Duration = Duration::from_secs(10);

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProbeReport {
    /// How long it took to connect and to subscribe to everything the server reads.
    pub connected_within: Duration,
    /// How long a message took through the broker and back.
    pub round_trip: Duration,
}

/// Connects, subscribes as the server does, sends itself a message, and disconnects. It has a client id of its own, so
/// that a running server is not disturbed.
pub async fn probe(config: &MqttConfig, clock: Arc<dyn Clock>) -> Result<ProbeReport, PortError> {
    let mark = mark();
    let mut config = config.clone();
    config.client_id = format!("{}-check-{}", config.client_id, mark.get(..8).unwrap_or_default());
    let topics = config.topics.clone();
    let filters = topics.filters();
    let began = Instant::now();
    let (client, mut messages) = MqttClient::connect(config, clock, filters, None)?;
    let found = async {
        within("to let the client in", up(&mut messages)).await?;
        let connected_within = began.elapsed();
        let sent = Instant::now();
        let payload = mark.clone().into_bytes();
        let message = Outgoing { topic: topics.sync(), payload, retain: false, correlation: None };
        within("to confirm a message", client.publish(&message)).await?;
        within("to deliver a message", back(&mut messages, &message)).await?;
        Ok(ProbeReport { connected_within, round_trip: sent.elapsed() })
    };
    let found = found.await;
    client.disconnect().await;
    found
}

async fn within(what: &str, step: impl Future<Output = Result<(), PortError>>) -> Result<(), PortError> {
    let late =
        |_| PortError::new(ErrorKind::Retry, format_args!("the broker took longer than {STEP:?} {what}"));
    tokio::time::timeout(STEP, step).await.map_err(late)?
}

async fn up(messages: &mut Messages) -> Result<(), PortError> {
    loop {
        match messages.next().await {
            Some(Heard::Up) => return Ok(()),
            Some(Heard::Down(error)) => return Err(error),
            Some(_) => {}
            None => return Err(PortError::new(ErrorKind::Retry, "the connection ended")),
        }
    }
}

async fn back(messages: &mut Messages, sent: &Outgoing) -> Result<(), PortError> {
    loop {
        match messages.next().await {
            Some(Heard::Message(message))
                if message.topic == sent.topic && message.payload == sent.payload =>
            {
                return Ok(());
            }
            Some(Heard::Down(error)) => return Err(error),
            Some(_) => {}
            None => return Err(PortError::new(ErrorKind::Retry, "the connection ended")),
        }
    }
}
