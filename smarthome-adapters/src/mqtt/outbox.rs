//! Which publish the broker has confirmed.

use super::config::MAX_PACKET;
use super::session::{Granted, Requests};
use smarthome_core::Mono;
use smarthome_core::ports::{ErrorKind, Outgoing, PortError};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// How many publishes may be unconfirmed at a time, if the broker grants so many.
const WINDOW: u16 = 64;
/// What a packet has beside topic, payload and correlation data, at most.
const OVERHEAD: usize = 32;

/// How a publish ended.
pub(super) type Confirmation = oneshot::Receiver<Result<(), PortError>>;

/// The way out. Publishes go through it while a connection is open, and only then.
#[derive(Default)]
pub(super) struct Outbox {
    open: Mutex<Option<Open>>,
}

struct Open {
    requests: Requests,
    window: Arc<Semaphore>,
    max_packet: usize,
    unconfirmed: Unconfirmed,
}

/// Publishes that were asked for and are not confirmed, in the order in which they were asked for.
#[derive(Default)]
struct Unconfirmed {
    asked: VecDeque<Waiter>,
    written: VecDeque<(u16, Waiter)>,
}

struct Waiter {
    tell: oneshot::Sender<Result<(), PortError>>,
    since: Mono,
    /// Stays in the window until the broker answers, also when nobody waits for that any more.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Outbox {
    /// A connection is open: publishes may go.
    pub(super) fn opened(&self, requests: Requests, granted: Granted) {
        let window = Arc::new(Semaphore::new(granted.window.clamp(1, WINDOW).into()));
        let (max_packet, unconfirmed) = (granted.max_packet, Unconfirmed::default());
        *self.lock() = Some(Open { requests, window, max_packet, unconfirmed });
    }

    /// The connection is gone. `unwritten`: how many of the publishes asked for last were certainly never written.
    pub(super) fn closed(&self, unwritten: usize) {
        let Some(open) = self.lock().take() else { return };
        open.window.close();
        open.unconfirmed.fail(unwritten);
    }

    /// Publishes and waits for the broker to take it. Dropping the future before the message is on its way sends
    /// nothing; afterwards it only stops waiting.
    pub(super) async fn publish(&self, message: &Outgoing, now: Mono) -> Result<(), PortError> {
        check(message)?;
        let window = self.lock().as_ref().ok_or_else(no_connection)?.window.clone();
        let permit = match window.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => window.clone().acquire_owned().await.map_err(|_| no_connection())?,
        };
        let confirmation = self.send(message, now, permit, &window)?;
        confirmation.await.unwrap_or_else(|_| Err(unknown()))
    }

    /// Publishes without waiting, or answers why not.
    pub(super) fn try_publish(&self, message: &Outgoing, now: Mono) -> Result<Confirmation, PortError> {
        check(message)?;
        let window = self.lock().as_ref().ok_or_else(no_connection)?.window.clone();
        let full = || PortError::new(ErrorKind::Retry, "too many messages are waiting for the broker");
        let permit = window.clone().try_acquire_owned().map_err(|_| full())?;
        self.send(message, now, permit, &window)
    }

    fn send(
        &self,
        message: &Outgoing,
        now: Mono,
        permit: OwnedSemaphorePermit,
        window: &Arc<Semaphore>,
    ) -> Result<Confirmation, PortError> {
        let mut guard = self.lock();
        // The connection may be another one by now, with a window of its own.
        let open =
            guard.as_mut().filter(|open| Arc::ptr_eq(&open.window, window)).ok_or_else(no_connection)?;
        let size = size(message);
        if size > open.max_packet {
            return Err(too_large(size, open.max_packet));
        }
        // Under the lock, so that publishes are asked for in the order in which they wait.
        if !open.requests.publish(message) {
            return Err(PortError::new(
                ErrorKind::Retry,
                "the connection takes no more messages at the moment",
            ));
        }
        let (tell, confirmation) = oneshot::channel();
        open.unconfirmed.asked.push_back(Waiter { tell, since: now, _permit: Some(permit) });
        Ok(confirmation)
    }

    /// A publish was written under this packet id.
    pub(super) fn written(&self, packet: u16) {
        if let Some(open) = self.lock().as_mut() {
            open.unconfirmed.written(packet);
        }
    }

    /// The broker answered.
    pub(super) fn confirmed(&self, packet: u16, result: Result<(), PortError>) {
        if let Some(open) = self.lock().as_mut() {
            open.unconfirmed.confirmed(packet, result);
        }
    }

    /// Since when the publish that waits longest has been waiting.
    pub(super) fn waiting_since(&self) -> Option<Mono> {
        self.lock().as_ref().and_then(|open| open.unconfirmed.waiting_since())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unconfirmed {
    fn written(&mut self, packet: u16) {
        if let Some(waiter) = self.asked.pop_front() {
            self.written.push_back((packet, waiter));
        }
    }

    fn confirmed(&mut self, packet: u16, result: Result<(), PortError>) {
        // Brokers confirm in order nearly always, so it is the first.
        let at = self.written.iter().position(|(written, _)| *written == packet);
        if let Some((_, waiter)) = at.and_then(|at| self.written.remove(at)) {
            // An error means that nobody waits any more.
            let _ = waiter.tell.send(result);
        }
    }

    fn waiting_since(&self) -> Option<Mono> {
        let written = self.written.front().map(|(_, waiter)| waiter.since);
        written.or_else(|| self.asked.front().map(|waiter| waiter.since))
    }

    fn fail(mut self, unwritten: usize) {
        let certain = self.asked.split_off(self.asked.len().saturating_sub(unwritten));
        for waiter in certain {
            let _ = waiter.tell.send(Err(no_connection()));
        }
        for waiter in self.written.into_iter().map(|(_, waiter)| waiter).chain(self.asked) {
            let _ = waiter.tell.send(Err(unknown()));
        }
    }
}

/// Whether a message can be published at all.
pub(super) fn check(message: &Outgoing) -> Result<(), PortError> {
    let topic = &message.topic;
    if topic.is_empty() || topic.len() > usize::from(u16::MAX) || topic.contains(['+', '#', '\0']) {
        return Err(PortError::new(ErrorKind::GiveUp, format_args!("cannot publish to the topic {topic:?}")));
    }
    if message.correlation.as_ref().is_some_and(|data| data.len() > usize::from(u16::MAX)) {
        return Err(PortError::new(ErrorKind::GiveUp, "correlation data are longer than 65,535 bytes"));
    }
    let size = size(message);
    if size > MAX_PACKET { Err(too_large(size, MAX_PACKET)) } else { Ok(()) }
}

fn size(message: &Outgoing) -> usize {
    message.topic.len() + message.payload.len() + message.correlation.as_ref().map_or(0, Vec::len) + OVERHEAD
}

fn too_large(size: usize, limit: usize) -> PortError {
    PortError::new(ErrorKind::GiveUp, format_args!("a message of {size} bytes is over the limit of {limit}"))
}

fn no_connection() -> PortError {
    PortError::new(ErrorKind::Retry, "there is no connection to the broker")
}

fn unknown() -> PortError {
    PortError::new(ErrorKind::UnknownOutcome, "the connection broke before the broker confirmed the message")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(unconfirmed: &mut Unconfirmed, since: u64) -> Confirmation {
        let (tell, confirmation) = oneshot::channel();
        unconfirmed.asked.push_back(Waiter { tell, since: Mono::from_millis(since), _permit: None });
        confirmation
    }

    fn kind(confirmation: &mut Confirmation) -> ErrorKind {
        confirmation.try_recv().unwrap().unwrap_err().kind
    }

    #[test]
    fn a_confirmation_reaches_the_publish_of_its_packet_id() {
        let mut unconfirmed = Unconfirmed::default();
        let [mut a, mut b] = [1, 2].map(|since| ask(&mut unconfirmed, since));
        unconfirmed.written(7);
        unconfirmed.written(8);
        assert_eq!(unconfirmed.waiting_since(), Some(Mono::from_millis(1)));
        unconfirmed.confirmed(8, Ok(()));
        assert!(a.try_recv().is_err() && b.try_recv().unwrap().is_ok());
        unconfirmed.confirmed(8, Ok(()));
        unconfirmed.confirmed(7, Err(PortError::new(ErrorKind::GiveUp, "no")));
        assert_eq!(kind(&mut a), ErrorKind::GiveUp);
        assert_eq!(unconfirmed.waiting_since(), None);
    }

    #[test]
    fn a_broken_connection_leaves_only_what_was_never_written_certain() {
        let mut unconfirmed = Unconfirmed::default();
        let mut all = [1, 2, 3, 4].map(|since| ask(&mut unconfirmed, since));
        unconfirmed.written(1);
        unconfirmed.fail(2);
        let kinds = all.each_mut().map(kind);
        let [unknown, retry] = [ErrorKind::UnknownOutcome, ErrorKind::Retry];
        assert_eq!(
            kinds,
            [unknown, unknown, retry, retry],
            "the second was taken up and may be half written"
        );
    }

    #[test]
    fn what_cannot_be_published_is_refused_before_it_is_tried() {
        let message = |topic: &str, size| Outgoing {
            topic: topic.into(),
            payload: vec![0; size],
            retain: false,
            correlation: None,
        };
        for bad in ["", "a/+", "#", "a\0"] {
            assert_eq!(check(&message(bad, 0)).unwrap_err().kind, ErrorKind::GiveUp, "{bad:?}");
        }
        assert_eq!(check(&message("a", MAX_PACKET)).unwrap_err().kind, ErrorKind::GiveUp);
        assert!(check(&message("a", MAX_PACKET - 100)).is_ok());
    }

    #[tokio::test]
    async fn without_a_connection_a_publish_fails_at_once() {
        let message = Outgoing { topic: "a".into(), payload: Vec::new(), retain: false, correlation: None };
        let error = Outbox::default().publish(&message, Mono::ZERO).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Retry);
    }
}
