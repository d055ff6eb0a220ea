//! A connection with a clean session that publishes, and subscribes if it is told to; it reconnects by itself.

use super::alarm::{Alarm, sleep_until};
use super::config::{MAX_PACKET, MqttConfig};
use super::outbox::Outbox;
use super::pause::{Pauses, random_byte};
use super::session::{self, Arrival, Events, Incident, Lost, Opening, Requests};
use smarthome_core::Mono;
use smarthome_core::ports::{Clock, ErrorKind, Outgoing};
use std::pin::pin;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the broker may take to confirm a publish or a subscription. RabbitMQ under its memory alarm keeps the connection and reads
/// nothing from it.
const CONFIRM_WITHIN: Duration = Duration::from_secs(10);
/// How often to look at that.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a good-bye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// What a line tells.
pub(super) enum News {
    /// Connected, and subscribed.
    Up,
    /// A message arrived.
    Arrived(Arrival),
    /// Not connected, or not any more. Said once a loss.
    Down(Lost),
}

pub(super) struct Line<'a> {
    pub(super) config: &'a MqttConfig,
    pub(super) clock: &'a dyn Clock,
    pub(super) outbox: &'a Outbox,
    pub(super) client_id: String,
    pub(super) will: Option<Outgoing>,
    pub(super) filters: Vec<String>,
}

/// What a connection has come to.
#[derive(Default)]
struct Progress {
    /// It delivered or took something.
    useful: bool,
    /// Until when the broker has to answer the subscription, if that is open.
    subscribed_by: Option<Mono>,
}

enum Next {
    Happened(Result<Incident, Lost>),
    Stop,
    Stalled,
}

impl Line<'_> {
    /// Keeps the line up until it is told to stop, then says good-bye.
    pub(super) async fn run(&self, stop: &CancellationToken, mut tell: impl FnMut(News) + Send) {
        let mut pauses = Pauses::new();
        loop {
            let began = self.clock.now().mono();
            let mut progress = Progress::default();
            let Some(mut lost) = self.connection(stop, &mut progress, &mut tell).await else { return };
            if progress.subscribed_by.is_some() {
                lost.why = not_answered(&lost.why);
            }
            let lived = self.clock.now().mono().since(began);
            let pause = pauses.after(lost.kind, lived, progress.useful, random_byte());
            tell(News::Down(lost));
            let until = self.clock.now().mono().after(pause);
            if stop.run_until_cancelled(sleep_until(self.clock, until)).await.is_none() {
                return;
            }
        }
    }

    /// One connection, from its attempt to its end; `None` when it was told to stop.
    async fn connection(
        &self,
        stop: &CancellationToken,
        progress: &mut Progress,
        tell: &mut (impl FnMut(News) + Send),
    ) -> Option<Lost> {
        let opening = Opening {
            client_id: self.client_id.clone(),
            persistent: false,
            will: self.will.clone(),
            max_incoming: MAX_PACKET,
        };
        let (requests, mut events) = match session::open(self.config, &opening) {
            Ok(opened) => opened,
            Err(lost) => return Some(lost),
        };
        let mut alarm = Alarm::at(self.clock, self.clock.now().mono().after(LOOK_EVERY));
        let end = loop {
            match self.next(stop, &mut events, &mut alarm, progress.subscribed_by).await {
                Next::Stop => {
                    goodbye(self.clock, &requests, &mut events, |incident| self.keep_books(&incident)).await;
                    break None;
                }
                Next::Stalled => {
                    progress.subscribed_by = None;
                    let why = format!("{}: the broker confirms nothing any more", self.config.address());
                    break Some(Lost::new(ErrorKind::Retry, why));
                }
                Next::Happened(Err(lost)) => break Some(lost),
                Next::Happened(Ok(incident)) => match self.happened(incident, &requests, progress, tell) {
                    Ok(()) => {}
                    Err(lost) => break Some(lost),
                },
            }
        };
        self.outbox.closed(events.abandon());
        end
    }

    async fn next(
        &self,
        stop: &CancellationToken,
        events: &mut Events,
        alarm: &mut Alarm<'_>,
        subscribed_by: Option<Mono>,
    ) -> Next {
        let mut polled = pin!(events.poll());
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Next::Stop,
                result = &mut polled => return Next::Happened(result),
                () = alarm.ring() => {}
            }
            let now = self.clock.now().mono();
            let confirmed_by = self.outbox.waiting_since().map(|since| since.after(CONFIRM_WITHIN));
            let due = confirmed_by.into_iter().chain(subscribed_by).min();
            if due.is_some_and(|due| now >= due) {
                return Next::Stalled;
            }
            let look = now.after(LOOK_EVERY);
            alarm.set(due.map_or(look, |due| due.min(look)));
        }
    }

    fn happened(
        &self,
        incident: Incident,
        requests: &Requests,
        progress: &mut Progress,
        tell: &mut (impl FnMut(News) + Send),
    ) -> Result<(), Lost> {
        self.keep_books(&incident);
        match incident {
            Incident::Connected(granted) => {
                self.outbox.opened(requests.clone(), granted);
                if self.filters.is_empty() {
                    tell(News::Up);
                    return Ok(());
                }
                progress.subscribed_by = Some(self.clock.now().mono().after(CONFIRM_WITHIN));
                if !requests.subscribe(&self.filters) {
                    return Err(Lost::new(ErrorKind::GiveUp, "one of the topic filters is not valid"));
                }
            }
            Incident::Subscribed(granted) => match refused_filter(&self.filters, &granted) {
                Some(filter) => return Err(not_subscribed(self.config, filter)),
                None => {
                    progress.subscribed_by = None;
                    tell(News::Up);
                }
            },
            Incident::Confirmed(..) => progress.useful = true,
            Incident::Arrived(arrival) => {
                progress.useful = true;
                if arrival.packet != 0 {
                    requests.acknowledge(arrival.packet);
                }
                tell(News::Arrived(arrival));
            }
            _ => {}
        }
        Ok(())
    }

    fn keep_books(&self, incident: &Incident) {
        match incident {
            Incident::Written(packet) => self.outbox.written(*packet),
            Incident::Confirmed(packet, result) => self.outbox.confirmed(*packet, result.clone()),
            _ => {}
        }
    }
}

/// The first filter that was not granted.
pub(super) fn refused_filter<'a>(filters: &'a [String], granted: &[bool]) -> Option<&'a str> {
    let refused = |at: &usize| !granted.get(*at).copied().unwrap_or(false);
    (0..filters.len()).find(refused).and_then(|at| filters.get(at)).map(String::as_str)
}

pub(super) fn not_subscribed(config: &MqttConfig, filter: &str) -> Lost {
    let (broker, user) = (config.address(), config.user());
    Lost::new(
        ErrorKind::AskPerson,
        format!(
            "the broker {broker} does not let {user} subscribe to {filter:?}: grant it read access there"
        ),
    )
}

/// What a connection that ended instead of an answer to the subscription tells.
pub(super) fn not_answered(why: &str) -> String {
    format!(
        "{why}, instead of answering the subscription: RabbitMQ does this when the exchange webos.topic is missing \
         (import the shipped definitions file) or when the user may not read from it"
    )
}

/// Says good-bye and waits, not for long, until the broker closes the connection: only then has it surely read what was
/// sent before, acknowledgements among it.
pub(super) async fn goodbye(
    clock: &dyn Clock,
    requests: &Requests,
    events: &mut Events,
    mut happened: impl FnMut(Incident) + Send,
) {
    if !requests.disconnect() {
        return;
    }
    let end = clock.now().mono().after(GOODBYE);
    let closed = async {
        while let Ok(incident) = events.poll().await {
            happened(incident);
        }
    };
    tokio::select! {
        biased;
        () = closed => {}
        () = sleep_until(clock, end) => {}
    }
}
