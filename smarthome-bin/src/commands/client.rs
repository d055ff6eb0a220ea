//! What `home`, `watch` and `check` share: which broker to talk to.

use std::path::Path;

use crate::cli::Client;
use crate::config::ConfigErrors;
use crate::config::{BrokerUrl, Loaded, Place};
use crate::control::{Connection, Info, Reply, Request};
use crate::exit::Failure;
use crate::wiring;

/// The broker that was named, else the configured one, else that of the running daemon, else the one that a daemon
/// would start.
pub(super) async fn broker(loaded: &Loaded, args: &Client) -> Result<BrokerUrl, Failure> {
    if let Some(named) = &args.broker {
        let wrong = |what| ConfigErrors::one(Place::Named("--broker".into()), "", what);
        return Ok(BrokerUrl::parse(named).map_err(wrong)?);
    }
    if let Some(url) = &loaded.config.broker.url {
        return Ok(url.clone());
    }
    let directory = loaded.state_directory()?;
    if let Some(info) = daemon(&directory).await? {
        let unreadable = |what| Failure::Other(format!("the daemon's broker {:?} {what}", info.broker));
        return BrokerUrl::parse(&info.broker).map_err(unreadable);
    }
    match loaded.config.broker.embedded.listen {
        listen if listen.port() == 0 => Err(Failure::NoDaemon { directory }),
        listen => Ok(wiring::own_url(&loaded.config, listen)),
    }
}

/// The daemon of that state directory, when one runs.
pub(super) async fn daemon(directory: &Path) -> Result<Option<Info>, Failure> {
    let Some(mut connection) = Connection::open(directory).await? else { return Ok(None) };
    connection.ask(&Request::Info).await?;
    match connection.next().await? {
        Some(Reply::Info(info)) => Ok(Some(info)),
        _ => Ok(None),
    }
}

/// A client id that no other running client has.
pub(super) fn client_id(what: &str) -> String {
    format!("smarthome-{what}-{}", std::process::id())
}
