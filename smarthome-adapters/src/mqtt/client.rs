//! A plain client, for tools: the virtual home, the watcher, the check.

use super::config::MqttConfig;
use super::line::{Line, News};
use super::outbox::Outbox;
use super::session::Arrival;
use smarthome_core::engine::ReplyTo;
use smarthome_core::ports::{Clock, ErrorKind, Outgoing, PortError};
use std::fmt;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How much may wait for [`Messages::next`].
const WAITING: usize = 4_096;

/// Something a client heard.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// Connected and subscribed.
    Up,
    /// A message.
    Message(Message),
    /// So much was heard and forgotten, because nobody took it: nothing waits for a slow reader here.
    Missed(u64),
    /// Not connected, and trying again.
    Down(PortError),
}

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The topic, with slashes.
    pub topic: String,
    /// The bytes, at most a megabyte.
    pub payload: Vec<u8>,
    /// Whether the broker had it stored.
    pub retained: bool,
    /// Where an MQTT 5 requester wants its answer.
    pub reply_to: Option<ReplyTo>,
}

/// What a client hears, in the broker's order.
#[derive(Debug)]
pub struct Messages(mpsc::Receiver<Heard>);

impl Messages {
    /// What is heard next; `None` when the client is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        self.0.recv().await
    }
}

/// A connection with a clean session that reconnects by itself until every handle to it is dropped.
///
/// It runs in a task of its own, so it needs a tokio runtime. Nothing is kept while it is away: what is published in
/// that time fails, and messages of that time are not heard.
///
/// ```no_run
/// # async fn example(clock: std::sync::Arc<dyn smarthome_core::ports::Clock>) -> Result<(), smarthome_core::ports::PortError> {
/// use smarthome_adapters::mqtt::{Heard, MqttClient, MqttConfig};
///
/// let config = MqttConfig::new("127.0.0.1", 1883, "watcher");
/// let (client, mut messages) = MqttClient::connect(config, clock, vec!["webos/#".into()], None)?;
/// while let Some(heard) = messages.next().await {
///     match heard {
///         Heard::Message(message) => println!("{}: {} bytes", message.topic, message.payload.len()),
///         other => println!("{other:?}"),
///     }
/// }
/// client.disconnect().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct MqttClient {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    outbox: Arc<Outbox>,
    stop: CancellationToken,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
    _stop_with_the_last_handle: DropGuard,
}

impl MqttClient {
    /// Connects under the configuration's client id as it is, subscribes to `filters`, and leaves `last_will` with the
    /// broker.
    pub fn connect(
        config: MqttConfig,
        clock: Arc<dyn Clock>,
        filters: Vec<String>,
        last_will: Option<Outgoing>,
    ) -> Result<(MqttClient, Messages), PortError> {
        config.check()?;
        if let Some(will) = &last_will {
            super::outbox::check(will)?;
        }
        let stop = CancellationToken::new();
        let outbox = Arc::new(Outbox::default());
        let (sender, receiver) = mpsc::channel(WAITING);
        let task = tokio::spawn(run(
            config,
            clock.clone(),
            outbox.clone(),
            filters,
            last_will,
            stop.clone(),
            sender,
        ));
        let inner = Inner {
            clock,
            outbox,
            stop: stop.clone(),
            task: tokio::sync::Mutex::new(Some(task)),
            _stop_with_the_last_handle: stop.drop_guard(),
        };
        Ok((MqttClient { inner: Arc::new(inner) }, Messages(receiver)))
    }

    /// Publishes, and waits for the broker to take it.
    pub async fn publish(&self, message: &Outgoing) -> Result<(), PortError> {
        self.inner.outbox.publish(message, self.inner.clock.now().mono()).await
    }

    /// Says good-bye, so that the broker does not publish the last will, and waits for that.
    pub async fn disconnect(&self) {
        self.inner.stop.cancel();
        if let Some(task) = self.inner.task.lock().await.take() {
            // An error says that the task panicked, and then there is nobody to say good-bye.
            task.await.ok();
        }
    }
}

impl fmt::Debug for MqttClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttClient").finish_non_exhaustive()
    }
}

async fn run(
    config: MqttConfig,
    clock: Arc<dyn Clock>,
    outbox: Arc<Outbox>,
    filters: Vec<String>,
    will: Option<Outgoing>,
    stop: CancellationToken,
    to: mpsc::Sender<Heard>,
) {
    let line = Line {
        config: &config,
        clock: &*clock,
        outbox: &outbox,
        client_id: config.client_id.clone(),
        will,
        filters,
    };
    let mut missed = 0;
    let mut told_down = None::<ErrorKind>;
    line.run(&stop, |news| {
        let heard = match news {
            News::Arrived(arrival) => Heard::Message(arrival.into()),
            News::Up => {
                told_down = None;
                Heard::Up
            }
            // Said once a loss, and once more when a person has to act.
            News::Down(lost) => {
                if told_down.is_some_and(|told| told == lost.kind || lost.kind != ErrorKind::AskPerson) {
                    return;
                }
                told_down = Some(lost.kind);
                Heard::Down(PortError::new(lost.kind, lost.why))
            }
        };
        if missed > 0 && to.try_send(Heard::Missed(missed)).is_ok() {
            missed = 0;
        }
        if to.try_send(heard).is_err() {
            missed += 1;
        }
    })
    .await;
}

impl From<Arrival> for Message {
    fn from(arrival: Arrival) -> Message {
        Message {
            topic: arrival.topic,
            payload: arrival.payload.into(),
            retained: arrival.retained,
            reply_to: arrival.reply_to,
        }
    }
}
