//! Anything at all, on every topic the server reads: no panic, every fault told or counted, bounded memory, and the
//! next person is still answered.
#![allow(clippy::unwrap_used)]

use chrono::DateTime;
use serde_json::json;
use smarthome_core::engine::*;
use smarthome_core::message::{Rejected, Request};
use smarthome_core::testing::{Random, Watched};
use smarthome_core::topic::Inbound;
use smarthome_core::{Command, Config, HomeSensors, Mono, Now, Status};

/// A server with a broker that takes everything at once.
struct Server {
    watched: Watched,
    config: Config,
    millis: u64,
    delivery: u64,
    link_up: bool,
    faults: u64,
    told: u64,
    answers: Vec<String>,
}

impl Server {
    fn new() -> Server {
        let config = Config::default();
        let watched = Watched::new(config.clone());
        let (faults, told, answers) = (0, 0, Vec::new());
        Server { watched, config, millis: 1_000, delivery: 0, link_up: false, faults, told, answers }
    }

    /// Restored, with users, and connected.
    fn up() -> Server {
        let mut server = Server::new();
        server.starts();
        server.connects();
        server
    }

    fn starts(&mut self) {
        self.happens(Event::Restored(Restored::empty(DateTime::UNIX_EPOCH)));
        let value = json!({"name": "Kim"}).to_string().into();
        let user = Versioned { id: "u1".into(), revision: Revision(1), updated: DateTime::UNIX_EPOCH, value };
        self.happens(Event::Documents(Documents::Snapshot(Collection::Users, vec![user], Revision(1))));
    }

    fn connects(&mut self) {
        self.link_up = true;
        self.happens(Event::Link(Link::Up { resumed: false }));
        self.happens(Event::Link(Link::BacklogEnd));
    }

    fn happens(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let wall = DateTime::from_timestamp_millis(1_767_225_600_000 + self.millis as i64).unwrap();
            let now = Now::new(wall, Mono::from_millis(self.millis)).unwrap();
            for effect in self.watched.handle(event, now) {
                let done = match effect.what {
                    Intent::Record(_) | Intent::Note(_) => continue,
                    Intent::WriteDocument(_) => Done::Written(Revision(self.delivery + 2)),
                    what => {
                        // Without a connection nothing leaves; what was said is counted again.
                        let told = if self.link_up { self.publishes(what) } else { 0 };
                        self.told += told;
                        Done::Published
                    }
                };
                let broken =
                    || smarthome_core::ports::PortError::new(smarthome_core::ports::ErrorKind::Retry, "no");
                let result =
                    if self.link_up || matches!(done, Done::Written(_)) { Ok(done) } else { Err(broken()) };
                events.insert(0, Event::Outcome { id: effect.id, result });
            }
        }
    }

    /// How many faults it tells.
    fn publishes(&mut self, what: Intent) -> u64 {
        match what {
            Intent::Report { text, .. } => match text.split_once(" more faults from ") {
                Some((count, _)) => return count.parse().unwrap(),
                None => return 1,
            },
            Intent::Answer { payload, .. } => self.answers.push(String::from_utf8(payload).unwrap()),
            _ => {}
        }
        0
    }

    fn delivers(&mut self, topic: &str, payload: &[u8], retained: bool) {
        self.faults += u64::from(self.is_a_fault(topic, payload, retained));
        self.delivery += 1;
        let (id, arrived) = (DeliveryId(self.delivery), Mono::from_millis(self.millis));
        let (topic, payload) = (topic.into(), payload.to_vec());
        self.happens(Event::Delivery(Delivery { id, topic, payload, retained, arrived, reply_to: None }));
    }

    /// What may be no fault is what the table of messages names; a stored request is nobody's.
    fn is_a_fault(&self, topic: &str, payload: &[u8], retained: bool) -> bool {
        match self.config.topics.inbound(topic) {
            Some(Inbound::Requests) => match Request::parse(payload) {
                Err(Rejected { .. }) => !retained,
                Ok(Request::SignIn { uid, .. }) => !retained && uid != "u1",
                Ok(_) => false,
            },
            Some(Inbound::Commands) => Command::try_from(payload).is_err(),
            Some(Inbound::Status) => Status::try_from(payload).is_err(),
            Some(Inbound::HomeSensors) => HomeSensors::parse(payload).is_err(),
            Some(Inbound::Sync) | None => false,
        }
    }

    fn everywhere(&mut self, payload: &[u8]) {
        for (topic, _) in self.config.topics.subscriptions() {
            for retained in [false, true] {
                self.delivers(&topic, payload, retained);
            }
        }
    }

    /// Some time later everything is told, nothing is kept, and somebody signs in.
    fn is_well(&mut self) {
        for _ in 0..200 {
            self.millis += 1_000;
            self.happens(Event::Wake);
        }
        assert_eq!(self.told, self.faults, "lines and counts, and faults");
        let sizes = self.watched.sizes();
        assert_eq!((sizes.held, sizes.commands, sizes.fault_lines, sizes.echoes), (0, 0, 0, 0), "{sizes:?}");
        self.answers.clear();
        let requests = self.config.topics.requests();
        self.delivers(&requests, br#"{"Producer":"car","command":"signin","UID":"u1"}"#, false);
        let answer = r#"{"Producer":"server","UID":"u1","command":"return_name","name":"Kim"}"#;
        assert_eq!(self.answers, [answer]);
    }
}

/// What people and programs have sent to servers.
fn hostile() -> Vec<Vec<u8>> {
    let signin = |uid: &str| format!(r#"{{"Producer":"car","command":"signin","UID":{uid}}}"#).into_bytes();
    let nines = "9".repeat(400);
    vec![
        vec![],
        "[".repeat(100_000).into_bytes(),
        "{\"a\":".repeat(100_000).into_bytes(),
        br#"{"Producer":"car","Producer":"android","command":"signin","UID":"a","UID":"b"}"#.to_vec(),
        b"{\"Producer\":\"\xff\"}".to_vec(),
        b"\xc0\xaf\xed\xa0\x80".to_vec(),
        vec![b'x'; 1024 * 1024],
        vec![0; 1024 * 1024],
        signin(&format!("{:?}", "x".repeat(1_000_000))),
        signin(r#""a\u0000b""#),
        b"\0\0\0\0\0\0\0\0\0".to_vec(),
        signin("NaN"),
        signin(&nines),
        format!(r#"{{"temp":{nines},"humi":-{nines},"rain":1e{nines}}}"#).into_bytes(),
        format!(r#"{{"temp":"{nines}"}}"#).into_bytes(),
        br#"{"temp":"NaN","humi":"inf"}"#.to_vec(),
        signin(r#""\ud800""#),
        signin(r#""\udfff\ud800""#),
        signin("[]"),
        signin("null"),
        signin("true"),
        br#"{"Producer":{},"command":[]}"#.to_vec(),
        br#"{"Producer":"car","command":"signup","UID":"u2","name":["x"]}"#.to_vec(),
        format!(
            r#"{{"Producer":"car","command":"signup","UID":"u2","name":"{nines}{nines}{nines}{nines}"}}"#
        )
        .into_bytes(),
        format!(r#"{{"{}":1}}"#, "k".repeat(200_000)).into_bytes(),
        format!(r#"{{"Producer":"{0}","command":"{0}"}}"#, "k".repeat(200_000)).into_bytes(),
        "\u{feff}{\"Producer\":\"car\",\"command\":\"signin\",\"UID\":\"u1\"}".into(),
        br#"{"Producer":"server","command":"return_name"}"#.to_vec(),
        "０２２２２２２２２".into(),
        b"0222222220".to_vec(),
        b"022222223".to_vec(),
    ]
}

#[test]
fn the_hostile_list_is_survived() {
    let mut server = Server::up();
    for payload in hostile() {
        server.everywhere(&payload);
        server.millis += 10;
    }
    server.is_well();
}

#[test]
fn ten_thousand_random_messages_are_survived() {
    let mut server = Server::up();
    let mut random = Random::new(0x5eed);
    let topics = server.config.topics.subscriptions();
    for _ in 0..10_000 {
        let len = random.within(0..40) as usize;
        let payload = match random.within(0..3) {
            0 => random.bytes(len),
            1 => mutated(&mut random),
            _ => (0..len.min(10)).map(|_| b'0' + random.within(0..4) as u8).collect(),
        };
        let (topic, _) = random.pick(&topics);
        let retained = random.chance(20);
        server.delivers(topic, &payload, retained);
        server.millis += random.within(0..40);
    }
    server.is_well();
}

/// A good message with a byte or two changed.
fn mutated(random: &mut Random) -> Vec<u8> {
    let good = [
        r#"{"Producer":"car","command":"signin","UID":"u1"}"#,
        r#"{"Producer":"android","command":"signup","UID":"u2","name":"n"}"#,
        r#"{"humi":60,"temp":29.2,"rain":1}"#,
    ];
    let mut payload = random.pick(&good).as_bytes().to_vec();
    for _ in 0..random.within(0..3) {
        let at = random.within(0..payload.len() as u64) as usize;
        payload[at] = (random.next() >> 8) as u8;
    }
    payload
}

#[test]
fn before_anything_is_restored_and_before_the_connection() {
    let mut server = Server::new();
    let list: Vec<_> = hostile().into_iter().filter(|payload| payload.len() < 1_000).collect();
    for payload in &list {
        server.everywhere(payload);
    }
    server.starts();
    for payload in &list {
        server.everywhere(payload);
        server.millis += 10;
    }
    server.connects();
    server.is_well();
}

#[test]
fn sign_ins_before_the_users_are_read_are_bounded_and_none_is_forgotten() {
    let mut server = Server::new();
    server.happens(Event::Restored(Restored::empty(DateTime::UNIX_EPOCH)));
    server.connects();
    let requests = server.config.topics.requests();
    for at in 0..1_000 {
        let signin = json!({"Producer": "car", "command": "signin", "UID": format!("somebody{at}")});
        server.delivers(&requests, signin.to_string().as_bytes(), false);
    }
    server.starts_users_only();
    server.is_well();
}

impl Server {
    fn starts_users_only(&mut self) {
        let value = json!({"name": "Kim"}).to_string().into();
        let user = Versioned { id: "u1".into(), revision: Revision(1), updated: DateTime::UNIX_EPOCH, value };
        self.happens(Event::Documents(Documents::Snapshot(Collection::Users, vec![user], Revision(1))));
    }
}
