//! The embedded broker with real clients, MQTT 3.1.1 and 5.
#![cfg(all(feature = "broker", feature = "mqtt", feature = "testing"))]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, LastWill, MqttOptions, Packet, QoS, v5,
};
use smarthome_adapters::broker::{BrokerConfig, BrokerError, Credentials, EmbeddedBroker};
use smarthome_adapters::testing::wait_until;
use tokio::sync::mpsc;

type TestResult = Result<(), Box<dyn std::error::Error>>;

/// Real time that any single answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn in_memory() -> BrokerConfig {
    BrokerConfig { listen: ([127, 0, 0, 1], 0).into(), ..BrokerConfig::default() }
}

fn stored_in(folder: &Path) -> BrokerConfig {
    BrokerConfig { storage: Some(folder.to_owned()), ..in_memory() }
}

/// A 3.1.1 client whose event loop is polled in the background; it is cut off when dropped, without a DISCONNECT.
struct Client {
    client: AsyncClient,
    packets: mpsc::UnboundedReceiver<Packet>,
    polling: tokio::task::JoinHandle<ConnectionError>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

fn options(id: &str, to: SocketAddr) -> MqttOptions {
    let mut options = MqttOptions::new(id, to.ip().to_string(), to.port());
    options.set_max_packet_size(2 << 20, 2 << 20).set_inflight(1000);
    options
}

impl Client {
    /// Connects; the answer says whether the broker still had a session.
    async fn connect(options: MqttOptions) -> Result<(Self, bool), ConnectionError> {
        let (client, mut events) = AsyncClient::new(options, 100);
        events.network_options.set_tcp_nodelay(true);
        let present = loop {
            if let Event::Incoming(Packet::ConnAck(answer)) = events.poll().await? {
                break answer.session_present;
            }
        };
        let (sender, packets) = mpsc::unbounded_channel();
        let polling = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(packet)) => {
                        let _ = sender.send(packet);
                    }
                    Ok(Event::Outgoing(_)) => {}
                    Err(error) => return error,
                }
            }
        });
        Ok((Self { client, packets, polling }, present))
    }

    async fn clean(id: &str, to: SocketAddr) -> Result<Self, ConnectionError> {
        Ok(Self::connect(options(id, to)).await?.0)
    }

    async fn persistent(id: &str, to: SocketAddr) -> Result<(Self, bool), ConnectionError> {
        let mut options = options(id, to);
        options.set_clean_session(false);
        Self::connect(options).await
    }

    async fn next<T>(&mut self, mut wanted: impl FnMut(Packet) -> Option<T>) -> Result<T, String> {
        let find = async {
            loop {
                match self.packets.recv().await {
                    Some(packet) => {
                        if let Some(found) = wanted(packet) {
                            return Ok(found);
                        }
                    }
                    None => return Err("the connection ended".to_owned()),
                }
            }
        };
        tokio::time::timeout(PATIENCE, find).await.map_err(|_| "nothing came".to_owned())?
    }

    async fn subscribe(&mut self, filter: &str) -> TestResult {
        self.client.subscribe(filter, QoS::AtLeastOnce).await?;
        Ok(self.next(|packet| matches!(packet, Packet::SubAck(_)).then_some(())).await?)
    }

    async fn publish(&mut self, topic: &str, retain: bool, payload: &str) -> TestResult {
        self.client.publish(topic, QoS::AtLeastOnce, retain, payload).await?;
        Ok(self.next(|packet| matches!(packet, Packet::PubAck(_)).then_some(())).await?)
    }

    /// Publishes 0, 1, 2, ... and waits for all acknowledgements.
    async fn publish_many(&mut self, count: usize) -> TestResult {
        let client = self.client.clone();
        let publishing = tokio::spawn(async move {
            for number in 0..count {
                client.publish("home/info", QoS::AtLeastOnce, false, number.to_string()).await?;
            }
            Ok::<_, rumqttc::ClientError>(())
        });
        for _ in 0..count {
            self.next(|packet| matches!(packet, Packet::PubAck(_)).then_some(())).await?;
        }
        Ok(publishing.await??)
    }

    /// The payload of the next message.
    async fn message(&mut self) -> Result<String, String> {
        self.next(|packet| match packet {
            Packet::Publish(message) => Some(String::from_utf8_lossy(&message.payload).into_owned()),
            _ => None,
        })
        .await
    }

    /// Says goodbye and waits until the broker has closed the connection.
    async fn leave(mut self) -> TestResult {
        self.client.disconnect().await?;
        tokio::time::timeout(PATIENCE, &mut self.polling).await??;
        Ok(())
    }
}

#[tokio::test]
async fn both_protocol_versions_share_the_port() -> TestResult {
    let broker = EmbeddedBroker::start(in_memory()).await?;
    let mut old = Client::clean("old", broker.local_addr()).await?;
    old.subscribe("home/#").await?;

    let mut options = v5::MqttOptions::new("new", "127.0.0.1", broker.local_addr().port());
    // The strict kind of client: it wants to hear of no packet bigger than this.
    options.set_max_packet_size(Some(1 << 20));
    let (new, mut events) = v5::AsyncClient::new(options, 10);
    new.subscribe("home/answer", v5::mqttbytes::QoS::AtLeastOnce).await?;
    new.publish("home/question", v5::mqttbytes::QoS::AtLeastOnce, false, "from 5").await?;
    let answer = tokio::spawn(async move {
        loop {
            if let v5::Event::Incoming(v5::mqttbytes::v5::Packet::Publish(message)) = events.poll().await? {
                return Ok::<_, v5::ConnectionError>(message.payload);
            }
        }
    });
    assert_eq!(old.message().await?, "from 5");
    old.publish("home/answer", false, "from 3.1.1").await?;
    assert_eq!(&tokio::time::timeout(PATIENCE, answer).await???[..], b"from 3.1.1");
    broker.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_gets_a_proper_refusal() -> TestResult {
    let credentials = Some(Credentials { user: "home".to_owned(), password: "right".to_owned() });
    let broker = EmbeddedBroker::start(BrokerConfig { credentials, ..in_memory() }).await?;
    for (user, password) in [("home", "wrong"), ("other", "right"), ("home", "")] {
        let mut options = options("x", broker.local_addr());
        options.set_credentials(user, password);
        let refusal = Client::connect(options).await.err();
        let expected = ConnectReturnCode::BadUserNamePassword;
        assert!(
            matches!(&refusal, Some(ConnectionError::ConnectionRefused(code)) if *code == expected),
            "{user}/{password}: {refusal:?}"
        );
    }
    assert!(Client::clean("nobody", broker.local_addr()).await.is_err());
    let mut options = options("x", broker.local_addr());
    options.set_credentials("home", "right");
    Client::connect(options).await?;
    broker.stop().await?;
    Ok(())
}

#[tokio::test]
async fn unsafe_configurations_are_refused_with_advice() -> TestResult {
    let everywhere = BrokerConfig { listen: ([0, 0, 0, 0], 0).into(), ..in_memory() };
    let error = EmbeddedBroker::start(everywhere.clone()).await.err().ok_or("open to the network")?;
    assert!(matches!(error, BrokerError::OpenToNetwork { .. }));
    assert!(error.to_string().contains("set a user and a password"), "{error}");

    let credentials = Some(Credentials { user: "home".to_owned(), password: String::new() });
    let error = EmbeddedBroker::start(BrokerConfig { credentials, ..everywhere.clone() }).await.err();
    assert!(matches!(error, Some(BrokerError::EmptyCredentials)), "{error:?}");

    let error = EmbeddedBroker::start(stored_in(Path::new("storage"))).await.err();
    assert!(matches!(error, Some(BrokerError::RelativeStorage { .. })), "{error:?}");

    let credentials = Some(Credentials { user: "home".to_owned(), password: "secret".to_owned() });
    assert!(!format!("{credentials:?}").contains("secret"));
    EmbeddedBroker::start(BrokerConfig { credentials, ..everywhere }).await?.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_taken_port_is_reported_with_its_holder() -> TestResult {
    let holder = TcpListener::bind("127.0.0.1:0")?;
    let listen = holder.local_addr()?;
    let error =
        EmbeddedBroker::start(BrokerConfig { listen, ..in_memory() }).await.err().ok_or("it started")?;
    assert!(error.to_string().contains(&listen.to_string()), "{error}");
    if cfg!(target_os = "linux") {
        assert!(error.to_string().contains(&format!("(process {})", std::process::id())), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn one_storage_folder_serves_one_broker() -> TestResult {
    let folder = tempfile::tempdir()?;
    let broker = EmbeddedBroker::start(stored_in(folder.path())).await?;
    let error = EmbeddedBroker::start(stored_in(folder.path())).await.err();
    assert!(matches!(error, Some(BrokerError::Failed { .. })), "{error:?}");
    broker.stop().await?;
    EmbeddedBroker::start(stored_in(folder.path())).await?.stop().await?;
    Ok(())
}

#[tokio::test]
async fn sessions_queues_and_retained_messages_survive_a_clean_restart() -> TestResult {
    let folder = tempfile::tempdir()?;
    let storage = folder.path().join("made/by/the/broker");
    let broker = EmbeddedBroker::start(stored_in(&storage)).await?;
    let (mut brain, present) = Client::persistent("brain", broker.local_addr()).await?;
    assert!(!present);
    brain.subscribe("home/#").await?;
    brain.leave().await?;

    let mut device = Client::clean("device", broker.local_addr()).await?;
    device.publish("lamp/state", true, "on").await?;
    device.publish_many(500).await?;
    broker.stop().await?;

    let broker = EmbeddedBroker::start(stored_in(&storage)).await?;
    let (mut brain, present) = Client::persistent("brain", broker.local_addr()).await?;
    assert!(present, "the session is gone");
    for number in 0..500 {
        assert_eq!(brain.message().await?, number.to_string());
    }
    brain.subscribe("lamp/+").await?;
    assert_eq!(brain.message().await?, "on");
    broker.stop().await?;
    Ok(())
}

#[tokio::test]
async fn what_a_connected_client_had_not_acknowledged_survives_a_clean_restart() -> TestResult {
    const COUNT: usize = 1000;
    let folder = tempfile::tempdir()?;
    let broker = EmbeddedBroker::start(stored_in(folder.path())).await?;
    let mut options = options("brain", broker.local_addr());
    options.set_clean_session(false).set_manual_acks(true);
    let (mut brain, _) = Client::connect(options).await?;
    brain.subscribe("home/#").await?;
    let mut device = Client::clean("device", broker.local_addr()).await?;
    device.publish_many(COUNT).await?;
    // More than these it does not get without acknowledging some.
    for number in 0..64 {
        assert_eq!(brain.message().await?, number.to_string());
    }
    broker.stop().await?;

    let broker = EmbeddedBroker::start(stored_in(folder.path())).await?;
    let (mut brain, present) = Client::persistent("brain", broker.local_addr()).await?;
    assert!(present, "the session is gone");
    for number in 0..COUNT {
        assert_eq!(brain.message().await?, number.to_string());
    }
    broker.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_full_queue_drops_the_oldest() -> TestResult {
    const BOUND: usize = 10_000;
    const MORE: usize = 50;
    let broker = EmbeddedBroker::start(in_memory()).await?;
    let (mut brain, _) = Client::persistent("brain", broker.local_addr()).await?;
    brain.subscribe("home/#").await?;
    brain.leave().await?;
    let mut device = Client::clean("device", broker.local_addr()).await?;
    device.publish_many(BOUND + MORE).await?;
    let (mut brain, _) = Client::persistent("brain", broker.local_addr()).await?;
    for number in MORE..BOUND + MORE {
        assert_eq!(brain.message().await?, number.to_string());
    }
    broker.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_its_last_will() -> TestResult {
    let broker = EmbeddedBroker::start(in_memory()).await?;
    let mut watcher = Client::clean("watcher", broker.local_addr()).await?;
    watcher.subscribe("+/state").await?;
    let mut options = options("device", broker.local_addr());
    options.set_last_will(LastWill::new("device/state", "offline", QoS::AtLeastOnce, true));
    let (device, _) = Client::connect(options).await?;
    drop(device);
    assert_eq!(watcher.message().await?, "offline");
    broker.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_packet_may_have_a_mebibyte() -> TestResult {
    let broker = EmbeddedBroker::start(in_memory()).await?;
    let mut client = Client::clean("client", broker.local_addr()).await?;
    client.publish("home/info", false, &"x".repeat((1 << 20) - 100)).await?;
    assert!(client.publish("home/info", false, &"x".repeat((1 << 20) + 100)).await.is_err());
    broker.stop().await?;
    Ok(())
}

/// Without `TCP_NODELAY` on the broker's sockets each round would take 40 ms.
#[tokio::test]
async fn an_answer_is_not_held_back() -> TestResult {
    let broker = EmbeddedBroker::start(in_memory()).await?;
    let mut client = Client::clean("client", broker.local_addr()).await?;
    client.subscribe("home/#").await?;
    let mut rounds = Vec::new();
    for _ in 0..101 {
        let start = Instant::now();
        client.client.publish("home/info", QoS::AtLeastOnce, false, "x").await?;
        let (mut came, mut acknowledged) = (false, false);
        while !(came && acknowledged) {
            let packet = client.next(Some).await?;
            came |= matches!(packet, Packet::Publish(_));
            acknowledged |= matches!(packet, Packet::PubAck(_));
        }
        rounds.push(start.elapsed());
    }
    rounds.sort_unstable();
    let median = rounds[50];
    assert!(median < Duration::from_millis(20), "median {median:?}");
    broker.stop().await?;
    Ok(())
}

#[tokio::test]
async fn stopping_closes_every_connection_and_frees_the_port() -> TestResult {
    let broker = EmbeddedBroker::start(in_memory()).await?;
    let address = broker.local_addr();
    // Connects and says nothing: the broker waits for it longest. It is accepted before the client behind it.
    let mut silent = TcpStream::connect(address)?;
    let client = Client::clean("client", address).await?;
    let start = Instant::now();
    broker.stop().await?;
    let took = start.elapsed();
    assert!(took < Duration::from_secs(10), "took {took:?}");
    assert!(wait_until(PATIENCE, async || client.polling.is_finished()).await, "a client is still connected");
    silent.set_read_timeout(Some(Duration::from_secs(1)))?;
    match std::io::Read::read(&mut silent, &mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        other => panic!("a silent connection is still open: {other:?}"),
    }
    EmbeddedBroker::start(BrokerConfig { listen: address, ..in_memory() }).await?.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_dropped_broker_ends_too() -> TestResult {
    let broker = EmbeddedBroker::start(in_memory()).await?;
    let address = broker.local_addr();
    drop(broker);
    assert!(wait_until(PATIENCE, async || TcpListener::bind(address).is_ok()).await);
    Ok(())
}

#[tokio::test]
async fn nothing_is_left_in_the_working_directory() -> TestResult {
    let broker = EmbeddedBroker::start(in_memory()).await?;
    let mut client = Client::clean("client", broker.local_addr()).await?;
    client.publish("home/info", true, "x").await?;
    broker.stop().await?;
    assert!(!Path::new("mqtt_storage").exists());
    Ok(())
}
