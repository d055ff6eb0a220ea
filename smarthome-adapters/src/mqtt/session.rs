//! One connection to a broker, in either version of the protocol.
//!
//! Everything above sees [`Requests`], [`Events`] and [`Incident`] and no version. A session is opened afresh for every
//! attempt: the client library would otherwise send again, on a new connection, what was meant for the old one.

mod v311;
mod v5;

use super::config::{MqttConfig, Protocol};
use bytes::Bytes;
use smarthome_core::engine::ReplyTo;
use smarthome_core::ports::{ErrorKind, Outgoing, PortError};

/// How many requests may wait for the connection. Acknowledgements are the most numerous, and a packet id names each
/// of them, so this is never reached.
const REQUESTS: usize = 65_536;
/// How many packet ids the client library takes turns with. Far more than are ever in flight, so that one that is
/// acknowledged late does not block those behind it.
const PACKET_IDS: u16 = 1_000;

/// How a connection is to be opened.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    /// The client id.
    pub(super) client_id: String,
    /// Whether the broker keeps the session.
    pub(super) persistent: bool,
    /// What the broker publishes when the connection is lost.
    pub(super) will: Option<Outgoing>,
    /// The largest packet to take.
    pub(super) max_incoming: usize,
}

/// What the broker grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Granted {
    /// Whether it kept an earlier session.
    pub(super) resumed: bool,
    /// How many publishes may be unconfirmed.
    pub(super) window: u16,
    /// The largest packet it takes.
    pub(super) max_packet: usize,
}

/// A message that arrived.
#[derive(Debug)]
pub(super) struct Arrival {
    /// 0 when the broker wants no acknowledgement.
    pub(super) packet: u16,
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) retained: bool,
    pub(super) reply_to: Option<ReplyTo>,
}

impl Arrival {
    pub(super) fn size(&self) -> usize {
        self.topic.len() + self.payload.len()
    }
}

/// Something that happened on a connection.
#[derive(Debug)]
pub(super) enum Incident {
    /// The broker let the client in.
    Connected(Granted),
    /// The broker answered a subscription: for each filter whether it was granted.
    Subscribed(Vec<bool>),
    /// A message arrived.
    Arrived(Arrival),
    /// A publish was written, under this packet id.
    Written(u16),
    /// The broker took a publish, or refused it.
    Confirmed(u16, Result<(), PortError>),
    /// Nothing of interest.
    Other,
}

/// Why there is no connection.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    pub(super) kind: ErrorKind,
    pub(super) why: String,
    /// The size of a packet that was too large to take.
    pub(super) oversized: Option<usize>,
}

impl Lost {
    pub(super) fn new(kind: ErrorKind, why: impl Into<String>) -> Lost {
        Lost { kind, why: why.into(), oversized: None }
    }
}

impl From<PortError> for Lost {
    fn from(error: PortError) -> Lost {
        Lost::new(error.kind, error.text)
    }
}

/// Asks things of a connection. None of these waits.
#[derive(Clone)]
pub(super) enum Requests {
    V311(rumqttc::AsyncClient),
    V5(rumqttc::v5::AsyncClient),
}

/// Drives a connection.
pub(super) enum Events {
    V311(Box<v311::Events>),
    V5(Box<v5::Events>),
}

/// A connection that is opened when [`Events::poll`] is called.
pub(super) fn open(config: &MqttConfig, opening: &Opening) -> Result<(Requests, Events), Lost> {
    Ok(match config.protocol {
        Protocol::V311 => {
            let (requests, events) = v311::open(config, opening)?;
            (Requests::V311(requests), Events::V311(Box::new(events)))
        }
        Protocol::V5 => {
            let (requests, events) = v5::open(config, opening)?;
            (Requests::V5(requests), Events::V5(Box::new(events)))
        }
    })
}

impl Requests {
    /// Whether the publish is under way.
    pub(super) fn publish(&self, message: &Outgoing) -> bool {
        match self {
            Requests::V311(client) => v311::publish(client, message),
            Requests::V5(client) => v5::publish(client, message),
        }
    }

    /// Whether the subscription is under way.
    pub(super) fn subscribe(&self, filters: &[String]) -> bool {
        match self {
            Requests::V311(client) => v311::subscribe(client, filters),
            Requests::V5(client) => v5::subscribe(client, filters),
        }
    }

    /// Whether the acknowledgement is under way.
    pub(super) fn acknowledge(&self, packet: u16) -> bool {
        match self {
            Requests::V311(client) => v311::acknowledge(client, packet),
            Requests::V5(client) => v5::acknowledge(client, packet),
        }
    }

    /// Whether the good-bye is under way.
    pub(super) fn disconnect(&self) -> bool {
        match self {
            Requests::V311(client) => client.try_disconnect().is_ok(),
            Requests::V5(client) => client.try_disconnect().is_ok(),
        }
    }
}

impl Events {
    /// What happens next. The future must be kept until it is ready: dropped half-way, it may lose a packet.
    pub(super) async fn poll(&mut self) -> Result<Incident, Lost> {
        match self {
            Events::V311(events) => events.poll().await,
            Events::V5(events) => events.poll().await,
        }
    }

    /// Ends the connection without a good-bye and answers how many of the publishes asked for last were certainly
    /// never written.
    pub(super) fn abandon(self) -> usize {
        match self {
            Events::V311(events) => events.abandon(),
            Events::V5(events) => events.abandon(),
        }
    }
}

/// Why a broker does not let a client in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Credentials,
    NotAuthorised,
    ClientId,
    Protocol,
    Unavailable,
    Other,
}

/// What a person can do about a refusal.
fn refused(config: &MqttConfig, client_id: &str, refusal: Refusal, code: &dyn std::fmt::Debug) -> Lost {
    let (broker, user, protocol) = (config.address(), config.user(), config.protocol);
    let ask = |why| Lost::new(ErrorKind::AskPerson, why);
    match refusal {
        Refusal::Credentials => ask(format!(
            "the broker {broker} refuses {user}: user or password are wrong there or in the configuration"
        )),
        Refusal::NotAuthorised => ask(format!(
            "the broker {broker} does not let {user} in as client {client_id:?}: grant it access there"
        )),
        Refusal::ClientId => {
            ask(format!("the broker {broker} refuses the client id {client_id:?}: configure another one"))
        }
        Refusal::Protocol => {
            ask(format!("the broker {broker} does not speak {protocol}: configure the version it speaks"))
        }
        Refusal::Unavailable => {
            Lost::new(ErrorKind::Retry, format!("the broker {broker} is not available at the moment"))
        }
        Refusal::Other => ask(format!("the broker {broker} refuses the connection: {code:?}")),
    }
}

/// The host as the client library wants it: it appends the port itself.
fn host(config: &MqttConfig) -> String {
    let plain_v6 = config.tls.is_none() && config.host.contains(':') && !config.host.starts_with('[');
    if plain_v6 { format!("[{}]", config.host) } else { config.host.clone() }
}

/// Both brokers and clients wait for delayed acknowledgements of the network (40 ms) without this.
fn network() -> rumqttc::NetworkOptions {
    let mut options = rumqttc::NetworkOptions::new();
    options.set_tcp_nodelay(true);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Password;

    #[test]
    fn a_refusal_says_what_to_do_and_no_secret() {
        let mut config = MqttConfig::new("broker.local", 1883, "home-7");
        config.credentials = Some(("webos".into(), Password::new("hunter2")));
        let all = [
            (Refusal::Credentials, ErrorKind::AskPerson, "user \"webos\""),
            (Refusal::NotAuthorised, ErrorKind::AskPerson, "home-7"),
            (Refusal::ClientId, ErrorKind::AskPerson, "home-7"),
            (Refusal::Protocol, ErrorKind::AskPerson, "MQTT 3.1.1"),
            (Refusal::Unavailable, ErrorKind::Retry, "not available"),
            (Refusal::Other, ErrorKind::AskPerson, "Banned"),
        ];
        for (refusal, kind, text) in all {
            let lost = refused(&config, "home-7", refusal, &"Banned");
            assert_eq!(lost.kind, kind);
            assert!(lost.why.contains("broker.local:1883") && lost.why.contains(text), "{}", lost.why);
            assert!(!lost.why.contains("hunter2"));
        }
    }

    #[test]
    fn addresses_of_version_6_get_brackets() {
        assert_eq!(host(&MqttConfig::new("::1", 1883, "x")), "[::1]");
        assert_eq!(host(&MqttConfig::new("127.0.0.1", 1883, "x")), "127.0.0.1");
    }
}
