//! Runs an [`Engine`] on its ports: the one place where time, journal, store and broker meet.
//!
//! One loop takes what is ready (at most 64 events, in the order: stop, outcomes, wake-up, everything else), gives it
//! to the engine, commits what the engine wants recorded in one transaction, and only then lets anything leave. It
//! waits for nothing but that commit. What leaves is done by tasks of their own, each effect once: trying again is
//! the engine's business.
//!
//! While the journal fails, nothing leaves but a gas close. Outcomes and deliveries stay where they are; wake-ups and
//! what operators ask for go on, so that a close is still decided, and what they lead to joins the batch that waits.
//!
//! ```no_run
//! # async fn example(ports: smarthome_adapters::driver::Ports) -> Result<(), Box<dyn std::error::Error>> {
//! use smarthome_adapters::driver::Driver;
//! use smarthome_core::{Config, Engine, Origin};
//!
//! let config = Config::default();
//! let topics = config.topics.clone();
//! let driver = Driver::new(Engine::new(config), ports, &topics);
//! let handle = driver.handle();
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let running = tokio::spawn(driver.run(async { drop(stopped.await) }));
//!
//! let mut following = handle.send("122222222".parse()?, Origin::Cli).await?;
//! while let Some(note) = following.next().await {
//!     println!("{note}");
//! }
//! drop(stop);
//! running.await??;
//! # Ok(())
//! # }
//! ```

mod ack;
mod audience;
mod batch;
mod commit;
mod executor;
mod fault;
mod handle;
mod health;
mod lanes;
mod pauses;
mod start;
mod stop;
mod turn;
mod wakeup;

pub use fault::{FAULT_POINTS, fault_point};
pub use handle::{Following, Handle, Notes, Stopped};

use audience::NOTES_KEPT;
use smarthome_core::engine::Event;
use smarthome_core::ports::{Broker, Clock, Documents, Journal, PortError};
use smarthome_core::{Engine, Topics};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use stop::Stop;
use tokio::sync::broadcast;
use turn::Loop;

/// What the driver needs of its host.
#[derive(Clone)]
pub struct Ports {
    /// Both clocks. Every wait of the driver is measured on the monotonic one.
    pub clock: Arc<dyn Clock>,
    /// What survives a crash.
    pub journal: Arc<dyn Journal>,
    /// The store.
    pub documents: Arc<dyn Documents>,
    /// The connection to the broker.
    pub broker: Arc<dyn Broker>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// Why a driver ended that was not asked to, or did not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The journal could not be read at the start.
    #[error(
        "the journal cannot be read: look whether its disk is there, has room and is writable, and whether another \
         instance runs; without it nothing is started"
    )]
    Restore(#[source] PortError),
    /// The journal could not be written at the stop. What it did not take had not left either, so that the next
    /// start finds the home as it was before; requests that were not acknowledged come again.
    #[error("the journal could not be written before the stop: look at its disk; the last events come again")]
    Stop(#[source] PortError),
}

/// An engine with everything it needs to run.
pub struct Driver {
    inner: Loop,
    farewell: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Driver {
    /// A driver for that engine. `topics` are those of the engine's configuration.
    pub fn new(engine: Engine, ports: Ports, topics: &Topics) -> Driver {
        let (notes, _) = broadcast::channel(NOTES_KEPT);
        Driver { inner: Loop::new(engine, ports, topics, notes), farewell: None }
    }

    /// A way to reach it while it runs.
    pub fn handle(&self) -> Handle {
        self.inner.handle.clone()
    }

    /// What to do last at a clean stop, while the connections are still listened to: saying good-bye to the broker.
    ///
    /// It is left out when the stop was not clean, so that the broker publishes the last will.
    #[must_use]
    pub fn with_farewell(mut self, farewell: impl Future<Output = ()> + Send + 'static) -> Driver {
        self.farewell = Some(Box::pin(farewell));
        self
    }

    /// Restores the journal, starts the connections, and runs until `stop` is ready.
    ///
    /// At a stop no more deliveries are taken, the engine is told, and what is under way gets up to four seconds to
    /// end. When this returns, nothing listens to the broker or the store any more.
    ///
    /// Dropping the future is a crash as far as the journal is concerned: nothing is lost.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<(), DriverError> {
        let mut inner = self.inner;
        tokio::pin!(stop);
        let mut stop = Stop::new(stop);
        let Some(restored) = start::restore(&inner.ports, &mut stop).await? else { return Ok(()) };
        inner.begin(Event::Restored(restored));
        let parts = health::start(&inner.ports, &inner.handle.inbox());
        while !stop.is_requested() && inner.turn(&mut stop, true).await.map_err(DriverError::Stop)? {}
        let clean = inner.finish(&mut stop).await.map_err(DriverError::Stop)?;
        if let Some(farewell) = self.farewell.filter(|_| clean) {
            parts.may_end();
            farewell.await;
        }
        Ok(())
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}
