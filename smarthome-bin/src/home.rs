//! A virtual home: it speaks MQTT and behaves as the home controller's firmware does.
//!
//! - It starts with the status that the broker holds as last reported, else with `000000000`, and reports it.
//! - It obeys every command below `<prefix>/smarthome`, and reports its status after each, changed or not.
//! - It repeats status and sensors, since equal values may go unnoticed and a listener may come late.
//! - A button switches its appliance and sets the mode digit to 0. The window's sensor writes what it sees two seconds
//!   after the window moved, and leaves the mode digit alone.

mod event;
mod firmware;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use smarthome_adapters::mqtt::{Heard, Message, Messages, MqttClient, MqttConfig};
use smarthome_core::ports::{Clock, ErrorKind, Outgoing, PortError};
use smarthome_core::{Appliance, Command, PartSet, Status, Topics};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

pub use event::HomeEvent;
pub use firmware::Firmware;

use crate::exit::Failure;

/// How long after a movement the window's sensor reports.
const SENSOR_AFTER: Duration = Duration::from_secs(2);
/// How long the broker has to say what it holds as the last status.
const LAST_STATUS_WITHIN: Duration = Duration::from_secs(2);

/// What a virtual home is like.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where its messages go and come from.
    pub topics: Topics,
    /// What it starts with; else what the broker holds as last reported.
    pub status: Option<Status>,
    /// Every how long it repeats status and sensors.
    pub every: Duration,
    /// Whether the rain sensor is wet.
    pub rain: bool,
    /// What it does not obey about.
    pub deaf: PartSet,
    /// How long it takes to obey.
    pub slow: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            topics: Topics::default(),
            status: None,
            every: Duration::from_secs(30),
            rain: false,
            deaf: PartSet::EMPTY,
            slow: Duration::ZERO,
        }
    }
}

/// What somebody in the home does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Presses the button of an appliance.
    Press(Appliance),
    /// Moves the window by hand.
    MoveWindow,
    /// Makes it report now.
    Report,
    /// Makes it deaf, or not any more.
    Deaf(PartSet),
    /// Switches it off.
    Quit,
}

/// A virtual home.
#[derive(Debug)]
pub struct VirtualHome {
    settings: Settings,
    client: MqttClient,
    messages: Messages,
    /// Unknown until the broker said what it holds.
    firmware: Option<Firmware>,
    /// Commands that a slow home has not obeyed yet.
    pending: VecDeque<(Instant, Command)>,
    window_moved: Option<Instant>,
    repeat: Instant,
    presses: Vec<Appliance>,
    /// Our own sensors came back: what the broker held came before.
    waits_until: Option<Instant>,
}

impl VirtualHome {
    /// Connects under the configuration's client id. It has to be called in a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the configuration cannot work.
    pub fn connect(
        config: MqttConfig,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Result<VirtualHome, PortError> {
        let topics = &settings.topics;
        // The firmware's own filter, and what it has to hear to know how it was.
        let filters =
            vec![format!("{}/smarthome/#", topics.prefix()), topics.status(), topics.home_sensors()];
        let (client, messages) = MqttClient::connect(config, clock, filters, None)?;
        Ok(VirtualHome {
            firmware: settings.status.map(|status| Firmware::new(status, settings.deaf)),
            repeat: Instant::now() + settings.every,
            settings,
            client,
            messages,
            pending: VecDeque::new(),
            window_moved: None,
            presses: Vec::new(),
            waits_until: None,
        })
    }

    /// Lives until it is told to quit, and tells what happens.
    ///
    /// # Errors
    ///
    /// When the broker refuses for good, or `tell` fails.
    pub async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut tell: impl FnMut(HomeEvent) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        loop {
            let due = self.next_due();
            let happened = tokio::select! {
                heard = self.messages.next() => match heard {
                    Some(heard) => self.heard(heard).await?,
                    None => return Err(Failure::Unavailable("the connection to the broker ended".into())),
                },
                order = orders.recv() => match order {
                    None | Some(Order::Quit) => break,
                    Some(order) => self.obey(order).await,
                },
                () = sleep_until(due) => self.time_passed().await,
            };
            happened.into_iter().try_for_each(&mut tell)?;
        }
        self.client.disconnect().await;
        Ok(())
    }

    fn next_due(&self) -> Instant {
        let first = self.pending.front().map(|(due, _)| *due);
        [first, self.window_moved, self.waits_until].into_iter().flatten().fold(self.repeat, Instant::min)
    }

    async fn heard(&mut self, heard: Heard) -> Result<Vec<HomeEvent>, Failure> {
        match heard {
            Heard::Up => Ok(self.connected().await),
            Heard::Down(error) if error.kind == ErrorKind::AskPerson => Err(Failure::Unavailable(error.text)),
            Heard::Down(error) => Ok(vec![HomeEvent::Disconnected { why: error.text }]),
            Heard::Message(message) => Ok(self.arrived(&message).await),
            _ => Ok(Vec::new()),
        }
    }

    async fn connected(&mut self) -> Vec<HomeEvent> {
        if self.firmware.is_some() {
            return [vec![HomeEvent::Connected], self.report().await].concat();
        }
        // The broker sends what it holds before what is published later, so the return of the sensors tells that
        // there is nothing more to wait for.
        self.waits_until = Some(Instant::now() + LAST_STATUS_WITHIN);
        self.report_sensors().await;
        vec![HomeEvent::Connected]
    }

    async fn arrived(&mut self, message: &Message) -> Vec<HomeEvent> {
        let topics = &self.settings.topics;
        if message.topic == topics.status() {
            if message.retained && self.firmware.is_none() {
                return self.begin(Status::try_from(message.payload.as_slice()).ok()).await;
            }
            return Vec::new();
        }
        if message.topic == topics.home_sensors() {
            let came_back = !message.retained && self.firmware.is_none();
            return if came_back { self.begin(None).await } else { Vec::new() };
        }
        match Command::try_from(message.payload.as_slice()) {
            Ok(command) => {
                self.pending.push_back((Instant::now() + self.settings.slow, command));
                let mut events = vec![HomeEvent::Received { topic: message.topic.clone(), command }];
                if self.settings.slow.is_zero() {
                    events.extend(self.time_passed().await);
                }
                events
            }
            Err(error) => vec![HomeEvent::Ignored { topic: message.topic.clone(), why: error.to_string() }],
        }
    }

    /// It knows how it was, or that nobody knows.
    async fn begin(&mut self, last: Option<Status>) -> Vec<HomeEvent> {
        self.waits_until = None;
        let status = last.unwrap_or(Status::ZERO);
        self.firmware = Some(Firmware::new(status, self.settings.deaf));
        let mut events = vec![HomeEvent::Started { status, remembered: last.is_some() }];
        events.extend(self.report().await);
        for appliance in std::mem::take(&mut self.presses) {
            events.extend(self.press(appliance).await);
        }
        events
    }

    async fn obey(&mut self, order: Order) -> Vec<HomeEvent> {
        match order {
            Order::Press(appliance) => self.press(appliance).await,
            Order::MoveWindow => {
                self.window_moved = Some(Instant::now() + SENSOR_AFTER);
                vec![HomeEvent::WindowMoved]
            }
            Order::Deaf(deaf) => {
                self.settings.deaf = deaf;
                if let Some(firmware) = &mut self.firmware {
                    firmware.set_deaf(deaf);
                }
                Vec::new()
            }
            Order::Report => self.report().await,
            Order::Quit => Vec::new(),
        }
    }

    async fn press(&mut self, appliance: Appliance) -> Vec<HomeEvent> {
        let Some(firmware) = &mut self.firmware else {
            self.presses.push(appliance);
            return Vec::new();
        };
        let status = firmware.press(appliance);
        let events = vec![HomeEvent::Pressed { appliance, status }];
        [events, self.report().await].concat()
    }

    /// Does everything that is due.
    async fn time_passed(&mut self) -> Vec<HomeEvent> {
        let now = Instant::now();
        let mut events = Vec::new();
        if self.waits_until.is_some_and(|until| until <= now) {
            events.extend(self.begin(None).await);
        }
        while let Some(firmware) = &mut self.firmware
            && let Some((due, command)) = self.pending.front().copied()
            && due <= now
        {
            self.pending.pop_front();
            let (before, status) = firmware.obey(command);
            events.push(HomeEvent::Obeyed { command, effect: before != status, status });
            events.extend(self.report().await);
        }
        if self.window_moved.is_some_and(|due| due <= now) {
            self.window_moved = None;
            if let Some(firmware) = &mut self.firmware {
                events.push(HomeEvent::Sensed { status: firmware.window_seen_moved() });
                events.extend(self.report().await);
            }
        }
        if self.repeat <= now {
            events.extend(self.report().await);
            self.report_sensors().await;
        }
        events
    }

    /// Reports the status. What cannot be published now is reported after the reconnect.
    async fn report(&mut self) -> Vec<HomeEvent> {
        self.repeat = Instant::now() + self.settings.every;
        let Some(firmware) = &self.firmware else { return Vec::new() };
        let status = firmware.status();
        match self.publish(self.settings.topics.status(), status.to_bytes().to_vec()).await {
            Ok(()) => vec![HomeEvent::Reported { status }],
            Err(_) => Vec::new(),
        }
    }

    async fn report_sensors(&mut self) {
        let rain = u8::from(self.settings.rain);
        let text = format!("{{\"humi\":60,\"temp\":29.2,\"rain\":{rain}}}");
        // Its failure shows as the loss of the connection.
        let _ = self.publish(self.settings.topics.home_sensors(), text.into_bytes()).await;
    }

    async fn publish(&self, topic: String, payload: Vec<u8>) -> Result<(), PortError> {
        self.client.publish(&Outgoing { topic, payload, retain: true, correlation: None }).await
    }
}
