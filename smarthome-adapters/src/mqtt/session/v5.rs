//! MQTT 5.

use super::{Arrival, Granted, Incident, Lost, Opening, PACKET_IDS, REQUESTS, Refusal};
use crate::mqtt::config::{MAX_PACKET, MqttConfig};
use bytes::Bytes;
use rumqttc::Outgoing as Wrote;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectProperties, ConnectReturnCode, Filter, LastWill, Packet, PubAckReason, Publish,
    PublishProperties, SubscribeReasonCode,
};
use rumqttc::v5::mqttbytes::{Error as BytesError, QoS};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Request, StateError};
use smarthome_core::engine::ReplyTo;
use smarthome_core::ports::{ErrorKind, Outgoing, PortError};
use std::time::Duration;

/// The client library panics below this.
const SHORTEST_KEEP_ALIVE: Duration = Duration::from_secs(5);

pub(in crate::mqtt) struct Events {
    inner: EventLoop,
    config: MqttConfig,
    client_id: String,
    connected: bool,
    lost: Option<Lost>,
}

pub(super) fn open(config: &MqttConfig, opening: &Opening) -> Result<(AsyncClient, Events), Lost> {
    let mut options = MqttOptions::new(&opening.client_id, super::host(config), config.port);
    let mut properties = ConnectProperties::new();
    properties.max_packet_size = Some(u32::try_from(opening.max_incoming).unwrap_or(u32::MAX));
    if opening.persistent {
        properties.session_expiry_interval = u32::try_from(config.session_expiry.as_secs()).ok();
    }
    options
        .set_keep_alive(config.keep_alive.max(SHORTEST_KEEP_ALIVE))
        .set_clean_start(!opening.persistent)
        .set_manual_acks(true)
        .set_outgoing_inflight_upper_limit(PACKET_IDS)
        .set_connect_properties(properties)
        .set_network_options(super::network())
        .set_transport(crate::mqtt::tls::transport(config)?);
    if let Some((user, password)) = &config.credentials {
        options.set_credentials(user, password.reveal());
    }
    if let Some(will) = &opening.will {
        let payload = will.payload.clone();
        options.set_last_will(LastWill::new(&will.topic, payload, QoS::AtLeastOnce, will.retain, None));
    }
    let (client, inner) = AsyncClient::new(options, REQUESTS);
    let client_id = opening.client_id.clone();
    Ok((client, Events { inner, config: config.clone(), client_id, connected: false, lost: None }))
}

pub(super) fn publish(client: &AsyncClient, message: &Outgoing) -> bool {
    let payload = Bytes::from(message.payload.clone());
    let Some(correlation) = &message.correlation else {
        return client.try_publish(&message.topic, QoS::AtLeastOnce, message.retain, payload).is_ok();
    };
    let correlation_data = Some(Bytes::from(correlation.clone()));
    let properties = PublishProperties { correlation_data, ..PublishProperties::default() };
    let (topic, retain) = (&message.topic, message.retain);
    client.try_publish_with_properties(topic, QoS::AtLeastOnce, retain, payload, properties).is_ok()
}

pub(super) fn subscribe(client: &AsyncClient, filters: &[String]) -> bool {
    client.try_subscribe_many(filters.iter().map(|filter| Filter::new(filter, QoS::AtLeastOnce))).is_ok()
}

pub(super) fn acknowledge(client: &AsyncClient, packet: u16) -> bool {
    client.try_ack(&Publish { qos: QoS::AtLeastOnce, pkid: packet, ..Publish::default() }).is_ok()
}

impl Events {
    pub(super) async fn poll(&mut self) -> Result<Incident, Lost> {
        if self.lost.is_none() {
            match self.inner.poll().await {
                Ok(event) => return Ok(self.incident(event)),
                Err(error) => self.lost = Some(self.lost(&error)),
            }
        }
        // What was read before the connection broke has happened, too.
        match (self.inner.state.events.pop_front(), &self.lost) {
            (Some(event), _) => Ok(self.incident(event)),
            (None, Some(lost)) => Err(lost.clone()),
            (None, None) => Ok(Incident::Other),
        }
    }

    pub(super) fn abandon(mut self) -> usize {
        self.inner.clean();
        let unwritten =
            |request: &&Request| matches!(request, Request::Publish(publish) if publish.pkid == 0);
        self.inner.pending.iter().filter(unwritten).count()
    }

    fn incident(&mut self, event: Event) -> Incident {
        match event {
            Event::Incoming(Packet::ConnAck(connack)) => {
                self.connected = true;
                Incident::Connected(granted(&connack))
            }
            Event::Incoming(Packet::Publish(publish)) => Incident::Arrived(arrival(publish)),
            Event::Incoming(Packet::PubAck(puback)) => Incident::Confirmed(puback.pkid, taken(puback.reason)),
            Event::Incoming(Packet::SubAck(suback)) => Incident::Subscribed(
                suback
                    .return_codes
                    .iter()
                    .map(|code| matches!(code, SubscribeReasonCode::Success(_)))
                    .collect(),
            ),
            Event::Outgoing(Wrote::Publish(packet)) => Incident::Written(packet),
            _ => Incident::Other,
        }
    }

    fn lost(&self, error: &ConnectionError) -> Lost {
        let refused = |refusal, code| super::refused(&self.config, &self.client_id, refusal, code);
        match error {
            ConnectionError::ConnectionRefused(code)
            | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => {
                refused(refusal(*code), code)
            }
            // An older broker answers with a packet of its own version, which is none in this one.
            ConnectionError::MqttState(StateError::Deserialization(error))
                if !self.connected && !matches!(error, BytesError::Io(_)) =>
            {
                refused(Refusal::Protocol, &ConnectReturnCode::UnsupportedProtocolVersion)
            }
            ConnectionError::MqttState(StateError::Deserialization(
                BytesError::PayloadSizeLimitExceeded { pkt_size, .. },
            )) => {
                let why = format!("{}: {}", self.config.address(), text(error));
                Lost { kind: ErrorKind::Retry, why, oversized: Some(*pkt_size) }
            }
            ConnectionError::MqttState(StateError::ConnectionAborted) if !self.connected => {
                let hint = "without an answer; RabbitMQ before 3.13 does so because it does not speak MQTT 5";
                Lost::new(ErrorKind::Retry, format!("{}: {} {hint}", self.config.address(), text(error)))
            }
            _ => Lost::new(ErrorKind::Retry, format!("{}: {}", self.config.address(), text(error))),
        }
    }
}

fn refusal(code: ConnectReturnCode) -> Refusal {
    use ConnectReturnCode as Code;
    match code {
        Code::BadUserNamePassword | Code::BadAuthenticationMethod => Refusal::Credentials,
        Code::NotAuthorized | Code::Banned => Refusal::NotAuthorised,
        Code::BadClientId | Code::ClientIdentifierNotValid => Refusal::ClientId,
        Code::RefusedProtocolVersion | Code::UnsupportedProtocolVersion => Refusal::Protocol,
        Code::ServiceUnavailable
        | Code::ServerUnavailable
        | Code::ServerBusy
        | Code::QuotaExceeded
        | Code::ConnectionRateExceeded => Refusal::Unavailable,
        _ => Refusal::Other,
    }
}

/// What a PUBACK means for the publisher.
fn taken(reason: PubAckReason) -> Result<(), PortError> {
    let kind = match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => return Ok(()),
        PubAckReason::NotAuthorized => ErrorKind::AskPerson,
        PubAckReason::TopicNameInvalid | PubAckReason::PayloadFormatInvalid => ErrorKind::GiveUp,
        PubAckReason::UnspecifiedError
        | PubAckReason::ImplementationSpecificError
        | PubAckReason::PacketIdentifierInUse
        | PubAckReason::QuotaExceeded => ErrorKind::Retry,
    };
    Err(PortError::new(kind, format!("the broker refuses the message: {reason:?}")))
}

fn text(error: &ConnectionError) -> String {
    match error {
        ConnectionError::Io(error) => error.to_string(),
        ConnectionError::MqttState(StateError::Io(error)) => error.to_string(),
        ConnectionError::MqttState(StateError::Deserialization(BytesError::Io(error))) => error.to_string(),
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            "the broker closed the connection".into()
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => "the broker does not answer pings".into(),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            format!("the broker ended the connection: {reason_code:?}")
        }
        ConnectionError::Timeout(_) => "the broker does not answer".into(),
        other => other.to_string(),
    }
}

fn granted(connack: &ConnAck) -> Granted {
    let properties = connack.properties.as_ref();
    let max_packet = properties.and_then(|properties| properties.max_packet_size);
    Granted {
        resumed: connack.session_present,
        window: properties.and_then(|properties| properties.receive_max).unwrap_or(u16::MAX),
        max_packet: max_packet
            .map_or(MAX_PACKET, |size| MAX_PACKET.min(usize::try_from(size).unwrap_or(MAX_PACKET))),
    }
}

fn arrival(publish: Publish) -> Arrival {
    let reply_to = publish.properties.and_then(|properties| {
        let correlation = properties.correlation_data.map(Vec::from);
        properties.response_topic.map(|topic| ReplyTo { topic, correlation })
    });
    let topic = String::from_utf8(publish.topic.into())
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Arrival { packet: publish.pkid, topic, payload: publish.payload, retained: publish.retain, reply_to }
}
