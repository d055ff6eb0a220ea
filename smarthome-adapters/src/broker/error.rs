//! Why the embedded broker does not run.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the embedded broker could not be started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// It would have been open to everybody in the network.
    #[error(
        "the broker does not listen on {listen} without a password, because everybody in the network could then \
         command the home: set a user and a password, or listen on 127.0.0.1"
    )]
    OpenToNetwork {
        /// The configured address.
        listen: SocketAddr,
    },
    /// User or password is the empty text.
    #[error("the broker's user and password must not be empty: set both, or leave out the credentials")]
    EmptyCredentials,
    /// A relative folder would depend on where the program was started.
    #[error("the broker's storage folder {} is not an absolute path", folder.display())]
    RelativeStorage {
        /// The configured folder.
        folder: PathBuf,
    },
    /// The storage folder cannot be made.
    #[error("the broker's storage folder {} cannot be made", folder.display())]
    Storage {
        /// The configured folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Somebody else listens there.
    #[error("{listen} is already in use{}: stop that, or let the broker listen on another port", by(holder.as_deref()))]
    PortInUse {
        /// The configured address.
        listen: SocketAddr,
        /// The process that holds the port, as in `mosquitto (process 812)`, where the system says.
        holder: Option<String>,
    },
    /// The address cannot be listened on for another reason.
    #[error("the broker cannot listen on {listen}")]
    Listen {
        /// The configured address.
        listen: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The broker's thread could not be started.
    #[error("the broker's thread cannot be started")]
    Thread(#[source] std::io::Error),
    /// The broker itself reported an error.
    #[error("the broker failed: {reason}")]
    Failed {
        /// What the broker said.
        reason: String,
    },
    /// The broker's thread panicked.
    #[error("the broker crashed")]
    Crashed,
    /// It did not end in time; what it had not stored yet may be lost.
    #[error("the broker did not stop within {} s", limit.as_secs())]
    StopTimedOut {
        /// How long it was given.
        limit: std::time::Duration,
    },
}

fn by(holder: Option<&str>) -> String {
    holder.map(|holder| format!(" by {holder}")).unwrap_or_default()
}
