//! Puts a daemon together: lock, journal, store, broker, driver, control socket, in this order, and takes it apart
//! again.

mod heart;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use smarthome_adapters::broker::{BrokerConfig, BrokerError, Credentials, EmbeddedBroker};
use smarthome_adapters::clock::SystemClock;
use smarthome_adapters::driver::{Driver, DriverError, Handle, Ports};
use smarthome_adapters::journal::SqliteJournal;
use smarthome_adapters::mqtt::{Mqtt, MqttConfig, Password, Protocol as MqttProtocol, TlsConfig};
use smarthome_adapters::sqlite::SqliteStore;
use smarthome_adapters::state_dir::{StateDir, StateDirError};
use smarthome_core::Engine;
use smarthome_core::ports::Clock;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

use crate::config::{BrokerUrl, Config, Loaded, Protocol, Secrets};
use crate::control::{Control, Desk, Info};
use crate::exit::Failure;
pub use heart::Heart;

/// The journal's file in the state directory.
pub const JOURNAL: &str = "journal.db";
/// The store's file in the state directory.
pub const STORE: &str = "store.db";
/// Where the embedded broker keeps its sessions in the state directory.
const BROKER: &str = "broker";

/// How long a stop may take in all.
const STOP_WITHIN: Duration = Duration::from_millis(4_800);

/// A running daemon.
pub struct Running {
    info: Info,
    url: BrokerUrl,
    handle: Handle,
    heart: Heart,
    stop: oneshot::Sender<()>,
    driver: JoinHandle<Result<(), DriverError>>,
    control: Control,
    embedded: Option<EmbeddedBroker>,
    directory: StateDir,
}

/// Takes the state directory for this process.
///
/// # Errors
///
/// When another process has it, or it cannot be used.
pub fn lock(directory: &Path) -> Result<StateDir, Failure> {
    let failed = |why: String| Failure::State { directory: directory.to_owned(), why };
    StateDir::lock(directory).map_err(|error| match error {
        StateDirError::InUse { holder, .. } => failed(format!(
            "it is in use by {holder}; one daemon serves one home: stop that one, or give this one a directory of \
             its own with `--state`"
        )),
        other => failed(format!("{}; make it usable for this user, or choose another with `--state`", chain(&other))),
    })
}

/// Starts everything and returns when clients can connect.
///
/// It must be called in a tokio runtime, with a crypto provider installed.
///
/// # Errors
///
/// What could not be started, and what to do about it. Nothing is left running.
pub async fn start(loaded: &Loaded, directory: &Path) -> Result<Running, Failure> {
    let directory = lock(directory)?;
    // The broker's storage has to be a whole path, wherever the program was started.
    let whole = directory.path().canonicalize().unwrap_or_else(|_| directory.path().to_owned());
    let broken = |why: String| Failure::State { directory: whole.clone(), why };
    let clock = Arc::new(SystemClock::new().map_err(|error| Failure::Other(error.to_string()))?);
    let (journal, _) =
        SqliteJournal::open(whole.join(JOURNAL), clock.now()).map_err(|error| broken(error.line()))?;
    let store = SqliteStore::open_now_or_later(whole.join(STORE)).map_err(|error| broken(error.line()))?;
    let embedded = embed(loaded, Some(whole.join(BROKER))).await?;
    let url = match (&loaded.config.broker.url, &embedded) {
        (Some(url), _) => url.clone(),
        (None, Some(broker)) => own_url(&loaded.config, broker.local_addr()),
        (None, None) => return Err(Failure::Other("there is no broker".into())),
    };
    let settings = mqtt_config(loaded, &url, loaded.config.client_id());
    let mqtt = Mqtt::new(settings, clock.clone()).map_err(|error| Failure::Unavailable(error.to_string()))?;
    let mqtt = Arc::new(mqtt);
    let documents = Arc::new(store);
    let (heart, clock) = Heart::new(clock);
    let ports =
        Ports { clock, journal: Arc::new(journal), documents: documents.clone(), broker: mqtt.clone() };
    let home = loaded.config.home.clone();
    let farewell = mqtt.clone();
    let driver = Driver::new(Engine::new(home.clone()), ports, &home.topics)
        .with_farewell(async move { farewell.shutdown().await });
    let handle = driver.handle();
    let info = Info {
        version: env!("CARGO_PKG_VERSION").into(),
        process: std::process::id(),
        broker: url.to_string(),
        embedded: embedded.is_some(),
    };
    let desk = Desk { handle: handle.clone(), documents, info: info.clone() };
    let control = Control::open(&whole, desk)?;
    let (stop, stopped) = oneshot::channel();
    // A sender that was dropped asks for the stop as well.
    let driver = tokio::spawn(driver.run(async { drop(stopped.await) }));
    Ok(Running { info, url, handle, heart, stop, driver, control, embedded, directory })
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("info", &self.info)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Who we are and which broker is used.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The broker that is used.
    pub fn broker(&self) -> &BrokerUrl {
        &self.url
    }

    /// A way to reach the engine.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Tells whether the loop advances.
    pub fn heart(&self) -> &Heart {
        &self.heart
    }

    /// The state directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Waits until a part ends that should not. Cancel safe.
    pub async fn broken(&mut self) -> Failure {
        let embedded = async {
            match &mut self.embedded {
                Some(broker) => broker.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = &mut self.driver => driver_end(ended, self.directory.path()).err()
                .unwrap_or_else(|| Failure::Other("the driver ended by itself".into())),
            ended = embedded => Failure::Unavailable(match ended {
                Ok(()) => "the embedded broker ended by itself".into(),
                Err(error) => chain(&error),
            }),
        }
    }

    /// Stops in order: no more deliveries, what is under way comes to its end, `offline`, and everything is stored.
    /// Takes less than five seconds.
    ///
    /// # Errors
    ///
    /// When something was left unfinished. It is in the journal, and the next start goes on with it.
    pub async fn stop(self) -> Result<(), Failure> {
        let Running { stop, driver, control, embedded, directory, .. } = self;
        let in_order = async {
            drop(stop);
            let ended = driver_end(driver.await, directory.path());
            drop(control);
            if let Some(broker) = embedded {
                broker.stop().await.map_err(|error| Failure::Other(chain(&error)))?;
            }
            ended
        };
        match tokio::time::timeout(STOP_WITHIN, in_order).await {
            Ok(ended) => ended,
            Err(_) => {
                tracing::warn!(
                    "not everything ended in time; the journal has it, and the next start goes on with it"
                );
                Ok(())
            }
        }
    }
}

fn driver_end(ended: Result<Result<(), DriverError>, JoinError>, directory: &Path) -> Result<(), Failure> {
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::State { directory: directory.to_owned(), why: chain(&error) }),
        Err(error) => Err(Failure::Other(format!("the driver failed: {error}"))),
    }
}

/// Starts the embedded broker, unless another is configured.
pub(crate) async fn embed(
    loaded: &Loaded,
    storage: Option<PathBuf>,
) -> Result<Option<EmbeddedBroker>, Failure> {
    let Loaded { config, secrets, .. } = loaded;
    if config.broker.url.is_some() {
        return Ok(None);
    }
    let credentials = config.broker.embedded.user.clone().zip(secrets.embedded.as_ref());
    let credentials = credentials
        .map(|(user, password)| Credentials { user, password: password.expose_secret().to_owned() });
    let listen = config.broker.embedded.listen;
    let started = EmbeddedBroker::start(BrokerConfig { listen, storage, credentials }).await;
    started.map(Some).map_err(|error| {
        let hint = match &error {
            BrokerError::PortInUse { .. } => {
                " (broker.embedded.listen, or SMARTHOME_BROKER_EMBEDDED_LISTEN=127.0.0.1:1884); if that is a broker \
                 you want to use, name it: SMARTHOME_BROKER_URL=mqtt://127.0.0.1:1883"
            }
            _ => "",
        };
        Failure::Unavailable(format!("{}{hint}", chain(&error)))
    })
}

/// Where the clients on this machine find the embedded broker.
pub(crate) fn own_url(config: &Config, listens: SocketAddr) -> BrokerUrl {
    let host: IpAddr = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let user = config.broker.embedded.user.clone();
    BrokerUrl { tls: false, user, host: host.to_string(), port: listens.port() }
}

/// How a client of that name reaches that broker.
pub(crate) fn mqtt_config(loaded: &Loaded, url: &BrokerUrl, client_id: String) -> MqttConfig {
    let Loaded { config, secrets, .. } = loaded;
    let mut settings = MqttConfig::new(url.host.clone(), url.port, client_id);
    settings.topics = config.home.topics.clone();
    settings.protocol = match config.broker.protocol {
        Protocol::V3 => MqttProtocol::V311,
        Protocol::V5 => MqttProtocol::V5,
    };
    if url.tls {
        let mut tls = TlsConfig::default();
        tls.ca = config.broker.ca_file.clone();
        settings.tls = Some(tls);
    }
    settings.credentials = url.user.clone().map(|user| {
        let password = password(config, secrets, url).map(|secret| secret.expose_secret().to_owned());
        (user, Password::new(password.unwrap_or_default()))
    });
    settings
}

/// The password belongs to the broker it was configured for.
fn password<'a>(config: &Config, secrets: &'a Secrets, url: &BrokerUrl) -> Option<&'a secrecy::SecretString> {
    match &config.broker.url {
        Some(configured) if configured == url => secrets.broker.as_ref(),
        Some(_) => None,
        None => secrets.embedded.as_ref().or(secrets.broker.as_ref()),
    }
}

/// What an error says, causes included, as one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line = format!("{line}: {cause}");
        next = cause.source();
    }
    line
}
