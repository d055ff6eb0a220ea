//! Schedules through the program: set, seen by the running daemon, fired, confirmed, and asked about.

#![allow(clippy::unwrap_used)]

mod support;

use chrono::{TimeDelta, Timelike, Utc};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use serde_json::{Value, json};
use support::{Daemon, Ran, run_with};

const ZONE: (&str, &str) = ("SMARTHOME_HOME_TIME_ZONE", "UTC");

fn run(daemon: &Daemon, args: &[&str]) -> Ran {
    let mut command = daemon.command(args);
    command.env(ZONE.0, ZONE.1);
    run_with(command, b"")
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_once_schedule_fires_at_its_minute_is_confirmed_and_goes() {
    let daemon = Daemon::start_with(&[ZONE]);
    let mut home = daemon.home(&[]);
    // The next minute, or the one after where that is about to begin.
    let now = Utc::now();
    let at = now + TimeDelta::minutes(if now.second() < 55 { 1 } else { 2 });
    let fields = json!({
        "enabled": true, "repeat": false, "startTime": at.format("%H%M").to_string(),
        "activeDate": at.format("%Y.%m.%d").to_string(), "airconEnable": true, "airconWindPower": 7,
    });
    let set = run(&daemon, &["schedule", "set", "cool", &fields.to_string()]);
    assert_eq!(set.code, 0, "{}", set.err);
    home.wait_for(&["017222222"]);
    // It has gone, and the journal knows why.
    let gone = || run(&daemon, &["schedule", "list"]).out.is_empty();
    while !gone() {}
    let why = run(&daemon, &["why", "cool", "--json"]);
    let rows = lines(&why.out);
    assert_eq!(rows.len(), 1, "{}{}", why.out, why.err);
    assert_eq!(rows[0]["state"], "confirmed");
    assert_eq!(rows[0]["frame"], "017222222");
    daemon.stop();
}

/// A phone that speaks MQTT 5, of a library that is not ours.
struct Phone {
    client: AsyncClient,
    events: EventLoop,
}

impl Phone {
    async fn connect(daemon: &Daemon) -> Phone {
        let port = daemon.url.rsplit(':').next().unwrap().parse().unwrap();
        let (client, events) = AsyncClient::new(MqttOptions::new("phone", "127.0.0.1", port), 16);
        let mut phone = Phone { client, events };
        for filter in ["phone/answers", "webos/reply/#", "webos/android/#", "webos/smarthome/#"] {
            phone.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
            while !matches!(phone.next().await, Packet::SubAck(_)) {}
        }
        phone
    }

    async fn next(&mut self) -> Packet {
        loop {
            let next = tokio::time::timeout(std::time::Duration::from_secs(180), self.events.poll());
            if let Event::Incoming(packet) = next.await.expect("something comes").unwrap() {
                return packet;
            }
        }
    }

    async fn ask(&self, message: &Value, respond_on: Option<&str>) {
        let properties = PublishProperties {
            response_topic: respond_on.map(str::to_owned),
            correlation_data: respond_on.map(|_| b"seven".to_vec().into()),
            ..PublishProperties::default()
        };
        let (topic, text) = ("webos/server/info", message.to_string());
        let publish = self.client.publish_with_properties(topic, QoS::AtLeastOnce, false, text, properties);
        publish.await.unwrap();
    }

    async fn hears(&mut self) -> Publish {
        loop {
            if let Packet::Publish(message) = self.next().await {
                return message;
            }
        }
    }

    /// The next message on that topic, as JSON.
    async fn answer(&mut self, topic: &str) -> (Value, Option<Vec<u8>>) {
        let message = self.hears().await;
        let text = String::from_utf8(message.payload.to_vec()).unwrap();
        assert_eq!(message.topic, topic.as_bytes(), "{text}");
        let correlation = message.properties.and_then(|properties| properties.correlation_data);
        (serde_json::from_str(&text).unwrap(), correlation.map(|data| data.to_vec()))
    }
}

#[tokio::test]
async fn a_phone_sets_a_once_schedule_and_sees_its_frame_at_the_minute() {
    let daemon = Daemon::start_with(&[ZONE, ("SMARTHOME_BROKER_PROTOCOL", "5")]);
    let _home = daemon.home(&[]);
    let mut phone = Phone::connect(&daemon).await;
    let now = Utc::now();
    let at = now + TimeDelta::minutes(if now.second() < 50 { 1 } else { 2 });
    let set = json!({
        "Producer": "android", "command": "schedule_set", "title": "차 한 잔", "name": "Kim", "enabled": "true",
        "repeat": 0, "startTime": at.format("%H:%M").to_string(), "activeDate": at.format("%Y-%m-%d").to_string(),
        "airconEnable": true, "airconWindPower": "7", "gasValveEnable": true,
    });
    phone.ask(&set, Some("phone/answers")).await;
    let (answer, correlation) = phone.answer("phone/answers").await;
    assert_eq!((&answer["result"], &answer["title"]), (&"ok".into(), &"차 한 잔".into()), "{answer}");
    assert!(answer["warning"].as_str().unwrap().contains("gas valve"), "{answer}");
    assert_eq!(correlation.as_deref(), Some(&b"seven"[..]));
    // Where frames are read nobody may have an answer.
    let list = json!({"Producer": "android", "command": "schedule_list"});
    phone.ask(&list, Some("webos/smarthome/info")).await;
    let (answer, _) = phone.answer("webos/reply/android").await;
    let schedules = answer["schedules"].as_array().unwrap();
    assert_eq!(schedules.len(), 1, "{answer}");
    assert_eq!(schedules[0]["startTime"], at.format("%H%M").to_string());
    assert_eq!(schedules[0]["activeDate"], at.format("%Y.%m.%d").to_string());
    assert_eq!((&schedules[0]["airconWindPower"], &schedules[0]["repeat"]), (&7.into(), &false.into()));
    // Not before its minute; how soon after it is measured elsewhere.
    let frame = phone.hears().await;
    let seen = Utc::now();
    assert_eq!((&frame.topic[..], &frame.payload[..]), (&b"webos/smarthome/info"[..], &b"017222222"[..]));
    assert_eq!((seen.hour(), seen.minute()), (at.hour(), at.minute()), "seen at {seen}");
    // The document goes, which the phone sees as well.
    loop {
        phone.ask(&list, None).await;
        let (answer, correlation) = phone.answer("webos/reply/android").await;
        assert_eq!(correlation, None);
        if answer["schedules"].as_array().unwrap().is_empty() {
            break;
        }
    }
    let delete = json!({"Producer": "android", "command": "schedule_delete", "title": "차 한 잔"});
    phone.ask(&delete, None).await;
    assert_eq!(phone.answer("webos/reply/android").await.0["result"], "unknown");
    daemon.stop();
}

#[test]
fn what_cannot_be_a_schedule_or_a_mode_is_refused_with_the_field() {
    let daemon = Daemon::start_with(&[ZONE]);
    for (fields, says) in [
        ("[]", "no object"),
        ("{", "no JSON"),
        (r#"{"repeat":true,"enabled":true}"#, "startTime"),
        (r#"{"repeat":true,"enabled":true,"startTime":"2561","daysOfWeek":[1,1,1,1,1,1,1]}"#, "startTime"),
        (r#"{"repeat":true,"enabled":true,"startTime":"0700","daysOfWeek":[0,0,0,0,0,0,0]}"#, "daysOfWeek"),
        (r#"{"repeat":false,"enabled":true,"startTime":"0700","activeDate":"2021.01.01"}"#, "has passed"),
    ] {
        let refused = run(&daemon, &["schedule", "set", "x", fields]);
        assert_eq!(refused.code, 3, "{fields}: {}", refused.err);
        assert!(refused.err.contains(says), "{fields}: {}", refused.err);
    }
    let refused = run(&daemon, &["mode", "set", r#"{"modeNum":2,"modeName":"out"}"#]);
    assert!(refused.code == 3 && refused.err.contains("airconEnable"), "{}", refused.err);
    assert_eq!(run(&daemon, &["schedule", "delete", "x"]).code, 9);
    daemon.stop();
}

#[test]
fn next_names_what_will_fire_with_and_without_a_daemon() {
    let daemon = Daemon::start_with(&[ZONE]);
    let mode = json!({"modeNum": 2, "modeName": "out", "airconEnable": false, "lightEnable": false,
        "windowOpen": false, "gasValveEnable": false});
    assert_eq!(run(&daemon, &["mode", "set", &mode.to_string()]).code, 0);
    let daily = json!({"enabled": true, "repeat": true, "startTime": "0730", "daysOfWeek": [1, 1, 1, 1, 1, 1, 1],
        "modeNum": 2});
    assert_eq!(run(&daemon, &["schedule", "set", "leave", &daily.to_string()]).code, 0);
    let next = |daemon: &Daemon| {
        run(daemon, &["next", "--from", "2026-12-01T00:00", "--to", "2026-12-03T00:00", "--json"]).out
    };
    let with = next(&daemon);
    let slots: Vec<_> = lines(&with).iter().map(|firing| firing["slot"].clone()).collect();
    assert_eq!(slots, ["2026-12-01T07:30", "2026-12-02T07:30"]);
    assert_eq!(lines(&with)[0]["what"], "202022200 (mode 2. out)");
    let (_, _, folder) = daemon.stop();
    let mut command = support::program(
        folder.path(),
        &["next", "--from", "2026-12-01T00:00", "--to", "2026-12-03T00:00", "--json"],
    );
    command.env(ZONE.0, ZONE.1);
    assert_eq!(run_with(command, b"").out, with);
}
