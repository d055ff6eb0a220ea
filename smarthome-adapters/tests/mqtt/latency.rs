//! What the adapter costs over the bare client library.

use crate::support::{Server, TestResult, config, message};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS};
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig};
use smarthome_core::ports::Broker;
use std::time::{Duration, Instant};

const ROUNDS: usize = 2_000;

fn bare(port: u16, id: &str, filter: &str) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(id, "127.0.0.1", port);
    options.set_credentials("webos", "webos");
    let (client, mut events) = AsyncClient::new(options, 100);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    client.try_subscribe(filter, QoS::AtLeastOnce).unwrap();
    (client, events)
}

/// The median time from a request to its answer, one at a time.
async fn median(port: u16, requests: &str, answers: &str) -> Duration {
    let (client, mut events) = bare(port, "asker", answers);
    while !matches!(events.poll().await.unwrap(), Event::Incoming(Packet::SubAck(_))) {}
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        client.try_publish(requests, QoS::AtLeastOnce, false, "007").unwrap();
        while !matches!(events.poll().await.unwrap(), Event::Incoming(Packet::Publish(_))) {}
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times[ROUNDS / 2]
}

#[tokio::test]
#[ignore = "a measurement; needs mosquitto (Debian package mosquitto)"]
async fn measures_an_answer_beside_a_bare_echo() -> TestResult {
    let broker = Mosquitto::start(MosquittoConfig::default()).await?;
    let port = broker.port();
    let (echo, mut events) = bare(port, "echo", "echo/in");
    let echoing = tokio::spawn(async move {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    echo.try_publish("echo/out", QoS::AtLeastOnce, false, publish.payload).unwrap();
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    });
    let mut server = Server::start(config(port, "smarthome"));
    server.up().await;
    let answering = tokio::spawn(async move {
        loop {
            let request = server.next_delivery().await;
            server.mqtt.publish(&message("webos/car/info", request.payload)).await.unwrap();
            server.mqtt.acknowledge(request.id).await;
        }
    });
    // Alternating, because a busy machine slows both.
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let floor = median(port, "echo/in", "echo/out").await;
        let ours = median(port, "webos/server/info", "webos/car/info").await;
        ratios.push((ours.as_secs_f64() / floor.as_secs_f64(), ours, floor));
    }
    echoing.abort();
    answering.abort();
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    println!("ratio, ours, floor: {ratios:?}");
    Ok(())
}
