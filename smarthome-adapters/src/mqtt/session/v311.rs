//! MQTT 3.1.1.

use super::{Arrival, Granted, Incident, Lost, Opening, PACKET_IDS, REQUESTS, Refusal};
use crate::mqtt::config::{MAX_PACKET, MqttConfig};
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions,
    Outgoing as Wrote, Packet, Publish, QoS, Request, StateError, SubscribeFilter, SubscribeReasonCode,
    mqttbytes,
};
use smarthome_core::ports::{ErrorKind, Outgoing};

pub(in crate::mqtt) struct Events {
    inner: EventLoop,
    config: MqttConfig,
    client_id: String,
    lost: Option<Lost>,
}

pub(super) fn open(config: &MqttConfig, opening: &Opening) -> Result<(AsyncClient, Events), Lost> {
    let mut options = MqttOptions::new(&opening.client_id, super::host(config), config.port);
    options
        .set_keep_alive(config.keep_alive)
        .set_clean_session(!opening.persistent)
        .set_manual_acks(true)
        .set_inflight(PACKET_IDS)
        .set_max_packet_size(opening.max_incoming, MAX_PACKET)
        .set_transport(crate::mqtt::tls::transport(config)?);
    if let Some((user, password)) = &config.credentials {
        options.set_credentials(user, password.reveal());
    }
    if let Some(will) = &opening.will {
        options.set_last_will(LastWill::new(
            &will.topic,
            will.payload.clone(),
            QoS::AtLeastOnce,
            will.retain,
        ));
    }
    let (client, mut inner) = AsyncClient::new(options, REQUESTS);
    inner.set_network_options(super::network());
    let events = Events { inner, config: config.clone(), client_id: opening.client_id.clone(), lost: None };
    Ok((client, events))
}

pub(super) fn publish(client: &AsyncClient, message: &Outgoing) -> bool {
    client.try_publish(&message.topic, QoS::AtLeastOnce, message.retain, message.payload.clone()).is_ok()
}

pub(super) fn subscribe(client: &AsyncClient, filters: &[String]) -> bool {
    let filters = filters.iter().map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtLeastOnce));
    client.try_subscribe_many(filters).is_ok()
}

pub(super) fn acknowledge(client: &AsyncClient, packet: u16) -> bool {
    let mut publish = Publish::new("", QoS::AtLeastOnce, Vec::new());
    publish.pkid = packet;
    client.try_ack(&publish).is_ok()
}

impl Events {
    pub(super) async fn poll(&mut self) -> Result<Incident, Lost> {
        if self.lost.is_none() {
            match self.inner.poll().await {
                Ok(event) => return Ok(incident(event)),
                Err(error) => self.lost = Some(self.lost(&error)),
            }
        }
        // What was read before the connection broke has happened, too.
        match (self.inner.state.events.pop_front(), &self.lost) {
            (Some(event), _) => Ok(incident(event)),
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

    fn lost(&self, error: &ConnectionError) -> Lost {
        if let ConnectionError::ConnectionRefused(code) = error {
            let refusal = match code {
                ConnectReturnCode::BadUserNamePassword => Refusal::Credentials,
                ConnectReturnCode::NotAuthorized => Refusal::NotAuthorised,
                ConnectReturnCode::BadClientId => Refusal::ClientId,
                ConnectReturnCode::RefusedProtocolVersion => Refusal::Protocol,
                ConnectReturnCode::ServiceUnavailable => Refusal::Unavailable,
                ConnectReturnCode::Success => Refusal::Other,
            };
            return super::refused(&self.config, &self.client_id, refusal, code);
        }
        let mut lost = Lost::new(ErrorKind::Retry, format!("{}: {}", self.config.address(), text(error)));
        if let ConnectionError::MqttState(StateError::Deserialization(
            mqttbytes::Error::PayloadSizeLimitExceeded(size),
        )) = error
        {
            lost.oversized = Some(*size);
        }
        lost
    }
}

fn text(error: &ConnectionError) -> String {
    match error {
        ConnectionError::Io(error) => error.to_string(),
        ConnectionError::MqttState(StateError::Io(error)) => error.to_string(),
        ConnectionError::MqttState(StateError::Deserialization(mqttbytes::Error::Io(error))) => {
            error.to_string()
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            "the broker closed the connection".into()
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => "the broker does not answer pings".into(),
        ConnectionError::NetworkTimeout => "the broker does not answer".into(),
        ConnectionError::FlushTimeout => "the broker does not read".into(),
        other => other.to_string(),
    }
}

fn incident(event: Event) -> Incident {
    match event {
        Event::Incoming(Packet::ConnAck(connack)) => Incident::Connected(Granted {
            resumed: connack.session_present,
            window: u16::MAX,
            max_packet: MAX_PACKET,
        }),
        Event::Incoming(Packet::Publish(publish)) => Incident::Arrived(Arrival {
            packet: publish.pkid,
            topic: publish.topic,
            payload: publish.payload,
            retained: publish.retain,
            reply_to: None,
        }),
        Event::Incoming(Packet::PubAck(puback)) => Incident::Confirmed(puback.pkid, Ok(())),
        Event::Incoming(Packet::SubAck(suback)) => Incident::Subscribed(
            suback.return_codes.iter().map(|code| matches!(code, SubscribeReasonCode::Success(_))).collect(),
        ),
        Event::Outgoing(Wrote::Publish(packet)) => Incident::Written(packet),
        _ => Incident::Other,
    }
}
