//! An MQTT broker inside the program, for homes, demos and tests without a broker of their own.
//!
//! It speaks MQTT 3.1.1 and MQTT 5 on one port and keeps persistent sessions, what is queued for them, and
//! retained messages over a clean restart. It runs on a thread of its own, so it never holds up its caller, whose
//! runtime may be single-threaded.
//!
//! # A smaller promise than a broker of its own gives
//!
//! It acknowledges a message before it has stored it, and it lives and dies with this process. Whatever clients
//! published and nobody has handled yet can be lost when the process is killed: of 1,591 acknowledged sign-ups of a
//! flood 1,318 were. What they published before [`EmbeddedBroker::stop`] is kept. Who needs more runs Mosquitto or
//! RabbitMQ.
//!
//! There is no TLS either: the password crosses the network in clear, so the network must be one you trust. (What
//! the broker is built from links rustls all the same. It needs no crypto provider, but a program that opens TLS
//! connections elsewhere must install one first thing, because then more than one may be linked.)
//!
//! # Limits
//!
//! | what | limit |
//! |---|---|
//! | packet | 1 MiB; a bigger one ends the client's connection |
//! | queued for one session | 10,000 messages and 16 MiB; the oldest are dropped first, with a warning in the log |
//! | unacknowledged at one client | 64 messages |
//! | clients | 500 |
//! | retained messages | 10,000 |
//! | absent session | forgotten after 30 days |
//! | client id | no slash, backslash or control character (it names a folder) |
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), smarthome_adapters::broker::BrokerError> {
//! use smarthome_adapters::broker::{BrokerConfig, EmbeddedBroker};
//!
//! let config = BrokerConfig { listen: ([127, 0, 0, 1], 0).into(), ..BrokerConfig::default() };
//! let broker = EmbeddedBroker::start(config).await?;
//! println!("clients may connect to {}", broker.local_addr());
//! broker.stop().await
//! # }
//! ```

mod auth;
mod error;
mod holder;
mod thread;

use std::fmt;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

pub use error::BrokerError;

/// The port that MQTT clients try first.
pub const DEFAULT_PORT: u16 = 1883;

/// Longest the broker is waited for at its end. It gives its clients 5 s to take notice and its files 5 s twice.
const STOP_LIMIT: Duration = Duration::from_secs(17);

/// How to run an [`EmbeddedBroker`]; by default on 127.0.0.1:1883, in memory, open to everybody on this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BrokerConfig {
    /// Where it listens. Port 0 lets the system choose: see [`EmbeddedBroker::local_addr`]. Any address but a
    /// loopback one needs [`credentials`](Self::credentials).
    pub listen: SocketAddr,
    /// The folder for sessions, queues and retained messages, an absolute path; it is made if it is not there, for
    /// this user only. `None` keeps everything in memory, so a restart forgets it.
    pub storage: Option<PathBuf>,
    /// The user and the password that every client must give; `None` lets everybody in.
    pub credentials: Option<Credentials>,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(), storage: None, credentials: None }
    }
}

/// A user and a password; neither may be empty.
#[derive(Clone, Eq, PartialEq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password, in clear.
    pub password: String,
}

/// Without the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A running broker. Dropping it makes it end in the background; [`stop`](Self::stop) also waits until everything
/// is stored.
#[derive(Debug)]
pub struct EmbeddedBroker {
    address: SocketAddr,
    thread: thread::BrokerThread,
}

impl EmbeddedBroker {
    /// Starts it; clients can connect when this returns.
    ///
    /// It must be called in a tokio runtime, of any kind; the broker itself runs in another one on its own thread.
    ///
    /// # Errors
    ///
    /// When the configuration is not safe, the address is taken, or the storage cannot be used; the error says
    /// what to do.
    pub async fn start(config: BrokerConfig) -> Result<Self, BrokerError> {
        check(&config)?;
        probe(config.listen)?;
        let (address, thread) = thread::BrokerThread::start(config).await?;
        Ok(Self { address, thread })
    }

    /// Where it listens, with the port the system chose if none was configured.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it ends, which it does not do on its own unless something is broken.
    ///
    /// # Errors
    ///
    /// What broke it. Cancel safe.
    pub async fn ended(&mut self) -> Result<(), BrokerError> {
        self.thread.ended().await
    }

    /// Ends it: every connection is closed and everything stored when this returns, after 17 s at the latest
    /// (normally a few milliseconds; a client that connected and says nothing can take 5 s).
    ///
    /// # Errors
    ///
    /// When it had failed before or did not end in time.
    pub async fn stop(mut self) -> Result<(), BrokerError> {
        self.thread.shut_down();
        match tokio::time::timeout(STOP_LIMIT, self.thread.ended()).await {
            Ok(ended) => ended,
            Err(_) => Err(BrokerError::StopTimedOut { limit: STOP_LIMIT }),
        }
    }
}

fn check(config: &BrokerConfig) -> Result<(), BrokerError> {
    match &config.credentials {
        Some(Credentials { user, password }) if user.is_empty() || password.is_empty() => {
            return Err(BrokerError::EmptyCredentials);
        }
        None if !config.listen.ip().to_canonical().is_loopback() => {
            return Err(BrokerError::OpenToNetwork { listen: config.listen });
        }
        _ => {}
    }
    match &config.storage {
        Some(folder) if !folder.is_absolute() => Err(BrokerError::RelativeStorage { folder: folder.clone() }),
        _ => Ok(()),
    }
}

/// Listens for a moment, because the library tells a taken port from other failures only in prose.
fn probe(listen: SocketAddr) -> Result<(), BrokerError> {
    match TcpListener::bind(listen) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Err(BrokerError::PortInUse { listen, holder: holder::of_port(listen) })
        }
        Err(source) => Err(BrokerError::Listen { listen, source }),
    }
}
