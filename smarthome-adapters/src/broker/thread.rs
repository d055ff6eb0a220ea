//! The thread the broker runs on, with a runtime of its own.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mqtt5::broker::{
    BrokerConfig as Settings, BrokerShutdownHandle, MqttBroker, StorageBackendType, StorageConfig,
};
use tokio::sync::{oneshot, watch};

use super::auth::OneUser;
use super::{BrokerConfig, BrokerError};

const MAX_PACKET: usize = 1024 * 1024;
const MAX_QUEUED: usize = 10_000;
const MAX_QUEUED_BYTES: usize = 16 * 1024 * 1024;
const MAX_UNACKNOWLEDGED: u16 = 64;
/// Below the 1,024 open files that a shell grants.
const MAX_CLIENTS: usize = 500;
const MAX_RETAINED: usize = 10_000;
const SESSION_EXPIRY: Duration = Duration::from_secs(30 * 24 * 3600);
/// What a file operation that hangs may hold up the end of the thread.
const RUNTIME_END: Duration = Duration::from_secs(2);

/// How the broker ended; `None` while it runs.
type End = Option<Result<(), String>>;

/// A broker on its thread.
pub(super) struct BrokerThread {
    shutdown: BrokerShutdownHandle,
    end: watch::Receiver<End>,
}

impl fmt::Debug for BrokerThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerThread").field("end", &*self.end.borrow()).finish_non_exhaustive()
    }
}

/// What the thread tells when the broker accepts connections.
type Started = Result<(SocketAddr, BrokerShutdownHandle), String>;

impl BrokerThread {
    /// Starts the thread and waits until the broker accepts connections there.
    pub(super) async fn start(config: BrokerConfig) -> Result<(SocketAddr, Self), BrokerError> {
        if let Some(folder) = &config.storage {
            make_private(folder).map_err(|source| BrokerError::Storage { folder: folder.clone(), source })?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BrokerError::Thread)?;
        let (started, has_started) = oneshot::channel::<Started>();
        let (set_end, end) = watch::channel::<End>(None);
        std::thread::Builder::new()
            .name("mqtt-broker".to_owned())
            .spawn(move || {
                let result = runtime.block_on(serve(config, started));
                // Closes the connections that are left, before anybody is told of the end.
                runtime.shutdown_timeout(RUNTIME_END);
                set_end.send_replace(Some(result));
            })
            .map_err(BrokerError::Thread)?;
        match has_started.await {
            Ok(Ok((address, shutdown))) => Ok((address, Self { shutdown, end })),
            Ok(Err(reason)) => Err(BrokerError::Failed { reason }),
            Err(_) => Err(BrokerError::Crashed),
        }
    }

    /// Tells the broker to end.
    pub(super) fn shut_down(&self) {
        self.shutdown.shutdown();
    }

    /// Waits until the broker has ended and let go of its port and files.
    pub(super) async fn ended(&mut self) -> Result<(), BrokerError> {
        match self.end.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Err(reason))) => Err(BrokerError::Failed { reason: reason.clone() }),
            Ok(_) => Ok(()),
            // The sender was dropped without a word: the thread panicked.
            Err(_) => Err(BrokerError::Crashed),
        }
    }
}

impl Drop for BrokerThread {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Runs the broker to its end.
async fn serve(config: BrokerConfig, started: oneshot::Sender<Started>) -> Result<(), String> {
    let mut broker = match MqttBroker::with_config(settings(&config)).await {
        Ok(broker) => broker,
        Err(error) => {
            let _ = started.send(Err(error.to_string()));
            return Ok(());
        }
    };
    if let Some(credentials) = config.credentials {
        broker = broker.with_auth_provider(Arc::new(OneUser(credentials)));
    }
    let address = broker.local_addr().unwrap_or(config.listen);
    let shutdown = broker.shutdown_handle();
    let storage = broker.storage();
    let mut ready = broker.ready_receiver();
    let mut run = pin!(broker.run());
    tokio::select! {
        end = &mut run => {
            let reason = end.err().map_or_else(|| "it ended at once".to_owned(), |error| error.to_string());
            let _ = started.send(Err(reason));
            return Ok(());
        }
        _ = ready.wait_for(|ready| *ready) => {}
    }
    if started.send(Ok((address, shutdown.clone()))).is_err() {
        // Whoever wanted it has gone away in the meantime.
        shutdown.shutdown();
    }
    let result = run.await.map_err(|error| error.to_string());
    if let Some(storage) = storage {
        // Once more: the library stores its queues at the start of its shutdown, and the clients that were still
        // connected put what they had not acknowledged back into those queues after that.
        let stored = storage.shutdown().await.map_err(|error| error.to_string());
        return result.and(stored);
    }
    result
}

fn settings(config: &BrokerConfig) -> Settings {
    let mut storage = StorageConfig::new()
        .with_max_queued_messages_per_client(MAX_QUEUED)
        .with_max_queued_bytes_per_client(MAX_QUEUED_BYTES);
    storage = match &config.storage {
        Some(folder) => storage.with_backend(StorageBackendType::File).with_base_dir(folder.clone()),
        // Its default is a folder in the working directory.
        None => storage.with_backend(StorageBackendType::Memory),
    };
    Settings::new()
        .with_bind_address(config.listen)
        .with_max_clients(MAX_CLIENTS)
        // Its default, 256 MiB, is announced to MQTT 5 clients, and strict ones refuse that.
        .with_max_packet_size(MAX_PACKET)
        .with_max_outbound_inflight(MAX_UNACKNOWLEDGED)
        .with_max_retained_messages(MAX_RETAINED)
        .with_session_expiry(SESSION_EXPIRY)
        // They would wake the machine every ten seconds for nobody.
        .with_sys_topics_enabled(false)
        .with_storage(storage)
}

/// Makes a folder that only this user can read: messages tell who is at home.
fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
