//! MQTT 3.1.1 and 5: the [`Broker`] port over `rumqttc`.
//!
//! [`Mqtt`] keeps two connections. The *consuming* one has a persistent session, so that the broker keeps what arrives
//! while the server is away; deliveries are acknowledged by hand, in the order of their arrival. The *publishing* one
//! has a clean session and the last will `offline`, so that nothing is sent again but what the engine sends again.
//!
//! Nothing that arrives at QoS 1 is lost here: what nobody takes is parked, and beyond a limit the connection is closed
//! and the broker asked again later. What goes out is done when the broker confirms it, or ends with an error that says
//! whether it may have been done.
//!
//! [`MqttClient`] is a plain client for tools, [`probe`] tries the whole way through a broker once.

mod ack;
mod alarm;
mod client;
mod config;
mod consume;
mod line;
mod outbox;
mod parking;
mod pause;
mod probe;
mod session;
mod tls;
mod watchdog;

pub use client::{Heard, Message, Messages, MqttClient};
pub use config::{MAX_PACKET, MqttConfig, Password, Protocol, TlsConfig};
pub use probe::{ProbeReport, probe};

use ack::Acks;
use async_trait::async_trait;
use consume::{Consumer, Publishing};
use line::{Line, News};
use outbox::Outbox;
use session::Requests;
use smarthome_core::Mono;
use smarthome_core::engine::DeliveryId;
use smarthome_core::ports::{Broker, Clock, ErrorKind, Inbox, Outgoing, PortError};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long [`Mqtt::shutdown`] waits for the connections to end.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// The connection to the broker.
pub struct Mqtt {
    config: MqttConfig,
    clock: Arc<dyn Clock>,
    outbox: Outbox,
    acks: Mutex<Acks>,
    /// The consuming connection, to acknowledge on.
    consuming: Mutex<Option<Requests>>,
    stop: CancellationToken,
    /// Held as long as `listen` runs.
    listening: tokio::sync::Mutex<()>,
}

impl Mqtt {
    /// A connection that begins when [`listen`](Broker::listen) is called. The error names the setting that cannot
    /// work.
    pub fn new(config: MqttConfig, clock: Arc<dyn Clock>) -> Result<Mqtt, PortError> {
        config.check()?;
        Ok(Mqtt {
            config,
            clock,
            outbox: Outbox::default(),
            acks: Mutex::new(Acks::new()),
            consuming: Mutex::new(None),
            stop: CancellationToken::new(),
            listening: tokio::sync::Mutex::new(()),
        })
    }

    /// Says good-bye on both connections, so that the broker does not publish the last will, and ends
    /// [`listen`](Broker::listen), which has to be polled meanwhile. Publish `offline` before.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        let end = self.clock.now().mono().after(SHUTDOWN);
        tokio::select! {
            biased;
            _ = self.listening.lock() => {}
            () = alarm::sleep_until(&*self.clock, end) => {}
        }
    }

    fn acks(&self) -> MutexGuard<'_, Acks> {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn consuming(&self) -> MutexGuard<'_, Option<Requests>> {
        self.consuming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connected(&self, requests: Requests) {
        *self.consuming() = Some(requests);
    }

    fn disconnected(&self, now: Mono) {
        self.acks().forget(now);
        *self.consuming() = None;
    }

    fn settle(&self, delivery: DeliveryId, now: Mono) {
        // Held over the sending, so that two callers cannot swap what they send.
        let mut acks = self.acks();
        let consuming = self.consuming();
        acks.settle(delivery, now, |packet| {
            if let Some(requests) = &*consuming {
                requests.acknowledge(packet);
            }
        });
    }

    fn is_sync(&self, topic: &str) -> bool {
        self.config.topics.inbound(topic) == Some(smarthome_core::topic::Inbound::Sync)
    }

    fn publishing_line(&self) -> Line<'_> {
        let offline = Outgoing {
            topic: self.config.topics.server_state(),
            payload: b"offline".to_vec(),
            retain: true,
            correlation: None,
        };
        Line {
            config: &self.config,
            clock: &*self.clock,
            outbox: &self.outbox,
            client_id: format!("{}-out", self.config.client_id),
            will: Some(offline),
            filters: Vec::new(),
        }
    }
}

#[async_trait]
impl Broker for Mqtt {
    async fn listen(&self, to: &dyn Inbox) -> Result<Infallible, PortError> {
        let Ok(_listening) = self.listening.try_lock() else {
            return Err(PortError::new(ErrorKind::GiveUp, "somebody listens to this connection already"));
        };
        let (tell, publishing) = watch::channel::<Publishing>(Err(None));
        let stop_publishing = CancellationToken::new();
        let line = self.publishing_line();
        let publish = line.run(&stop_publishing, |news| match news {
            News::Up => drop(tell.send_replace(Ok(()))),
            News::Down(lost) => drop(tell.send_replace(Err(Some(lost)))),
            News::Arrived(_) => {}
        });
        let consume = async {
            Consumer::new(self, to, publishing).run().await;
            stop_publishing.cancel();
        };
        tokio::join!(consume, publish);
        Err(PortError::new(ErrorKind::GiveUp, "the connection to the broker was shut down"))
    }

    async fn acknowledge(&self, delivery: DeliveryId) {
        self.settle(delivery, self.clock.now().mono());
    }

    async fn publish(&self, message: &Outgoing) -> Result<(), PortError> {
        self.outbox.publish(message, self.clock.now().mono()).await
    }
}
