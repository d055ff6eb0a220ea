//! Starts real brokers for tests: on free loopback ports, with all state in a temporary folder, ready when they
//! are handed over, gone when they are dropped.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), smarthome_adapters::testing::ServerError> {
//! use smarthome_adapters::testing::{Mosquitto, MosquittoConfig};
//!
//! let mut broker = Mosquitto::start(MosquittoConfig::default()).await?;
//! // ... connect to 127.0.0.1 at broker.port() as webos/webos ...
//! broker.kill();            // as the power cut does
//! broker.restart().await?;  // on the same port, with what it had stored
//! # Ok(()) }
//! ```
//!
//! A test that needs such a server says so in its `#[ignore]`, because then a run without the server prints what
//! was left out and how to run it:
//!
//! ```text
//! #[ignore = "needs mosquitto (Debian package mosquitto); run with -- --include-ignored"]
//! ```
//!
//! The servers die with the test process even when that is killed: see [`Mosquitto`] and [`RabbitMq`].

mod mosquitto;
mod port;
mod process;
mod rabbitmq;

use std::time::{Duration, Instant};

pub use mosquitto::{Mosquitto, MosquittoConfig};
pub use port::free_port;
pub use rabbitmq::{RabbitMq, RabbitMqConfig};

/// How often a condition is looked at again.
const POLL: Duration = Duration::from_millis(10);

/// Why a server for a test could not be started, or did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A program is missing; the text says which and how to install it.
    #[error("{0}")]
    NotInstalled(String),
    /// A program or a file of the server could not be used at all.
    #[error("{what} failed")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server ended before it was ready.
    #[error("{server} ended before it was ready ({status}); its log ends with:\n{log}")]
    Ended {
        /// Name of the server.
        server: &'static str,
        /// How the process ended.
        status: std::process::ExitStatus,
        /// The end of what it printed.
        log: String,
    },
    /// The server did not become ready in time.
    #[error("{server} was not ready after {waited:?}; its log ends with:\n{log}")]
    NotReady {
        /// Name of the server.
        server: &'static str,
        /// How long it was given.
        waited: Duration,
        /// The end of what it printed.
        log: String,
    },
    /// A tool of the server ran and reported a failure.
    #[error("{command} failed ({status}):\n{output}")]
    Command {
        /// The tool with its arguments.
        command: String,
        /// How the tool ended.
        status: std::process::ExitStatus,
        /// What it printed, both streams.
        output: String,
    },
}

/// Whether `condition` became true within `limit` of real time; it is asked at once and then every 10 ms.
///
/// Tests use this instead of sleeping: it returns at the first success, and a slow machine only makes it slower.
/// The limit is measured on the real clock even when tokio's is paused, because real servers do not pause.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use std::time::Duration;
/// let mut asked = 0;
/// let came_true = smarthome_adapters::testing::wait_until(Duration::from_secs(5), async || {
///     asked += 1;
///     asked == 3
/// });
/// assert!(came_true.await);
/// # }
/// ```
#[must_use = "the condition may never have become true"]
pub async fn wait_until(limit: Duration, mut condition: impl AsyncFnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if condition().await {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
}
