//! A home: a driver that runs on the test's ports.

use crate::ports::{ManualClock, TestBroker, TestDocuments, TestJournal};
use smarthome_adapters::driver::{Driver, DriverError, Handle, Ports};
use smarthome_core::engine::{Collection, Delivery, DeliveryId, Documents, Event, Link, Revision, Versioned};
use smarthome_core::ports::Clock;
use smarthome_core::{Config, Engine};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const COMMANDS: &str = "webos/smarthome/info";
pub const STATUS: &str = "webos/live/smarthome/status";
pub const REQUESTS: &str = "webos/server/info";
pub const CAR: &str = "webos/car/info";
pub const STATE: &str = "webos/live/server/state";

pub struct Home {
    pub clock: Arc<ManualClock>,
    pub journal: Arc<TestJournal>,
    pub documents: Arc<TestDocuments>,
    pub broker: Arc<TestBroker>,
    pub handle: Handle,
    pub said_good_bye: Arc<AtomicBool>,
    pub stop: Option<oneshot::Sender<()>>,
    pub running: JoinHandle<Result<(), DriverError>>,
    next: AtomicU64,
}

impl Home {
    /// A home whose journal, store and broker do what `before` says from the beginning.
    pub fn start_with(config: Config, before: impl FnOnce(&TestJournal)) -> Home {
        let clock = Arc::new(ManualClock::new());
        let journal = Arc::new(TestJournal::new(&clock));
        before(&journal);
        let documents = Arc::new(TestDocuments::new());
        let broker = Arc::new(TestBroker::new());
        let ports = Ports {
            clock: clock.clone(),
            journal: journal.clone(),
            documents: documents.clone(),
            broker: broker.clone(),
        };
        let topics = config.topics.clone();
        let said_good_bye = Arc::new(AtomicBool::new(false));
        let good_bye = said_good_bye.clone();
        let driver = Driver::new(Engine::new(config), ports, &topics)
            .with_farewell(async move { good_bye.store(true, Ordering::SeqCst) });
        let handle = driver.handle();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(driver.run(async { drop(stopped.await) }));
        let (stop, next) = (Some(stop), AtomicU64::new(1));
        Home { clock, journal, documents, broker, handle, said_good_bye, stop, running, next }
    }

    /// A home that is connected, knows its users (`u1`), and has nothing to do.
    pub async fn ready() -> Home {
        Home::ready_with(Config::default()).await
    }

    pub async fn ready_with(config: Config) -> Home {
        let home = Home::start_with(config, |_| {});
        let user = Versioned {
            id: "u1".into(),
            revision: Revision(1),
            updated: home.clock.now().wall(),
            value: r#"{"name":"Kim"}"#.into(),
        };
        home.documents.watch.tells(Event::Documents(Documents::Snapshot(
            Collection::Users,
            vec![user],
            Revision(1),
        )));
        home.broker.line.tells(Event::Link(Link::Up { resumed: false }));
        home.broker.line.tells(Event::Link(Link::BacklogEnd));
        home.quiet().await;
        home.status("000000000");
        home.quiet().await;
        home.broker.acknowledged.lock().unwrap().clear();
        home.next.store(1, Ordering::SeqCst);
        home
    }

    /// Lets everything run that can, without time passing.
    pub async fn quiet(&self) {
        for _ in 0..300 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets time pass, in steps that no wait overlooks.
    pub async fn pass(&self, millis: u64) {
        for step in 0..millis.div_ceil(50) {
            self.clock.advance((millis - step * 50).min(50));
            self.quiet().await;
        }
    }

    /// Lets much time pass, in coarse steps.
    pub async fn pass_long(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(1_000);
            self.quiet().await;
        }
    }

    /// A message arrives; its number.
    pub fn arrives(&self, topic: &str, payload: &str) -> u64 {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        // Numbers start over when a home is ready, ids must not.
        let id = DeliveryId(number);
        self.broker.line.tells(Event::Delivery(Delivery {
            id,
            topic: topic.into(),
            payload: payload.as_bytes().to_vec(),
            retained: false,
            arrived: self.clock.now().mono(),
            reply_to: None,
        }));
        number
    }

    pub fn status(&self, digits: &str) -> u64 {
        self.arrives(STATUS, digits)
    }

    pub fn signs_in(&self, uid: &str) -> u64 {
        self.arrives(REQUESTS, &format!(r#"{{"Producer":"car","command":"signin","UID":"{uid}"}}"#))
    }

    pub fn signs_up(&self, uid: &str) -> u64 {
        let request = format!(r#"{{"Producer":"car","command":"signup","UID":"{uid}","name":"Lee"}}"#);
        self.arrives(REQUESTS, &request)
    }

    /// Stops it; how that ended.
    pub async fn stops(mut self) -> Result<(), DriverError> {
        self.asks_to_stop();
        self.running.await.unwrap()
    }

    pub fn asks_to_stop(&mut self) {
        drop(self.stop.take());
    }
}
