//! Keeps the parts that run by themselves running: the connection to the broker, and the listener of the store.
//!
//! A part that fails is started again after a pause; it is said once when it is lost and once when it is back.

use super::Ports;
use super::pauses::{Pauses, pause};
use async_trait::async_trait;
use smarthome_core::engine::{Collection, Documents, Event, Link};
use smarthome_core::ports::{Clock, ErrorKind, Inbox, PortError};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The pause before the first restart, and the longest one.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(30)];
/// A part that worked for so long starts over with the shortest pause.
const WORKED: Duration = Duration::from_secs(10);

type Life = Pin<Box<dyn Future<Output = Result<Infallible, PortError>> + Send>>;

/// Everything that runs by itself. It ends when this is dropped.
pub(super) struct Parts {
    _running: JoinSet<()>,
    ending: CancellationToken,
}

impl Parts {
    /// From now on a part that ends is left alone.
    pub(super) fn may_end(&self) {
        self.ending.cancel();
    }
}

/// Starts everything that runs by itself.
pub(super) fn start(ports: &Ports, to: &Arc<dyn Inbox>) -> Parts {
    let mut parts = JoinSet::new();
    let ending = CancellationToken::new();
    let documents = ports.documents.clone();
    parts.spawn(supervise("store", ports.clock.clone(), to.clone(), ending.clone(), move |inbox| {
        let documents = documents.clone();
        Box::pin(async move {
            // One part: when the listener of one collection fails, all begin anew.
            let watch = |collection| documents.watch(collection, &*inbox);
            let [users, modes, schedules] = Collection::ALL.map(watch);
            tokio::try_join!(users, modes, schedules).map(|(never, ..)| never)
        })
    }));
    let broker = ports.broker.clone();
    parts.spawn(supervise("broker", ports.clock.clone(), to.clone(), ending.clone(), move |inbox| {
        let broker = broker.clone();
        Box::pin(async move { broker.listen(&*inbox).await })
    }));
    Parts { _running: parts, ending }
}

/// Runs a part until it may end.
pub(super) async fn supervise(
    part: &'static str,
    clock: Arc<dyn Clock>,
    to: Arc<dyn Inbox>,
    ending: CancellationToken,
    start: impl Fn(Arc<Watched>) -> Life + Send,
) {
    let lost = AtomicBool::new(false);
    let linked = AtomicBool::new(false);
    let (listed, said) = (Mutex::default(), Mutex::default());
    let watched = Arc::new(Watched { part, to, lost, linked, listed, said });
    let mut pauses = Pauses::new(PAUSES[0], PAUSES[1]);
    loop {
        let began = clock.now().mono();
        // A set, so that the part ends when its supervisor is dropped.
        let mut life = JoinSet::new();
        lock(&watched.listed).clear();
        life.spawn(start(watched.clone()));
        let why = match life.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(error)) => PortError::new(ErrorKind::Retry, format!("failed unexpectedly: {error}")),
            Some(Ok(Ok(never))) => match never {},
            None => PortError::new(ErrorKind::Retry, "ended"),
        };
        if ending.is_cancelled() {
            return;
        }
        if clock.now().mono().since(began) >= WORKED {
            pauses.start_over();
        }
        watched.ended(&why).await;
        pause(&*clock, pauses.next()).await;
    }
}

/// The inbox as a supervised part sees it: its first sign of life is noticed. The store's is the list of every
/// collection, or one that cannot be read would be lost and back for ever.
pub(super) struct Watched {
    part: &'static str,
    to: Arc<dyn Inbox>,
    lost: AtomicBool,
    linked: AtomicBool,
    /// Whose lists came since it began.
    listed: Mutex<BTreeSet<Collection>>,
    /// What a person was last asked to do.
    said: Mutex<String>,
}

impl Watched {
    async fn ended(&self, why: &PortError) {
        let first = !self.lost.swap(true, Ordering::Relaxed);
        self.log(why, first);
        if self.linked.swap(false, Ordering::Relaxed) {
            // It ended without a word about the link.
            self.to.push(Event::Link(Link::Down { why: why.text.clone() })).await;
        }
        if first {
            self.tell(Some(why.text.clone())).await;
        }
    }

    /// Once when it is lost, and again when it is something else that a person has to do.
    fn log(&self, why: &PortError, first: bool) {
        if why.kind == ErrorKind::AskPerson {
            let mut said = lock(&self.said);
            if first || *said != why.text {
                tracing::error!(part = self.part, "{why}");
                said.clone_from(&why.text);
            }
        } else if first {
            tracing::warn!(part = self.part, "lost, trying again: {why}");
        }
    }

    async fn tell(&self, trouble: Option<String>) {
        self.to.push(Event::Health { part: self.part.to_owned(), trouble }).await;
    }
}

#[async_trait]
impl Inbox for Watched {
    async fn push(&self, event: Event) {
        let lives = match &event {
            Event::Link(Link::Up { .. }) => {
                self.linked.store(true, Ordering::Relaxed);
                true
            }
            Event::Link(Link::Down { .. }) => {
                self.linked.store(false, Ordering::Relaxed);
                false
            }
            Event::Documents(Documents::Snapshot(collection, ..)) => {
                let mut listed = lock(&self.listed);
                listed.insert(*collection) && listed.len() == Collection::ALL.len()
            }
            _ => false,
        };
        if lives && self.lost.load(Ordering::Relaxed) {
            self.tell(None).await;
            self.lost.store(false, Ordering::Relaxed);
            tracing::info!(part = self.part, "back");
        }
        self.to.push(event).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
