//! Whatever is sent: faults as documented, nothing but frames for the home, and the next sign-in is answered.

use super::scene::Scene;
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig};
use smarthome_core::{Frame, Topics};
use std::fmt::Write as _;

const RANDOM: u64 = 10_000;

/// SplitMix64, in hexadecimal digits.
fn random_hex(seed: &mut u64, bytes: u64) -> String {
    let mut hex = String::new();
    for _ in 0..bytes {
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        write!(hex, "{:02x}", (z >> 32) & 0xff).unwrap();
    }
    hex
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn list() -> Vec<Vec<u8>> {
    let texts = [
        "",
        "NaN",
        "\0",
        "[]",
        "{}",
        "null",
        "\u{feff}{}",
        r#"{"Producer":"car","Producer":"android"}"#,
        r#"{"Producer":"car","command":"signin","UID":NaN}"#,
        r#"{"Producer":"car","command":7}"#,
        r#"{"Producer":"car","command":"signin","UID":"\ud800"}"#,
        "02222222\u{0}",
        "0222222222",
    ];
    let mut list: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    list.push("[".repeat(100_000).into_bytes());
    list.push(r#"{"a":"#.repeat(100_000).into_bytes());
    list.push(vec![0xff, 0xfe, 0xfd]);
    list.push(vec![b'9'; 1_000_000]);
    list
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian) and python3 with paho-mqtt (PyPI); run with -- --include-ignored"]
async fn nothing_that_is_sent_disturbs_the_daemon() {
    let broker = Mosquitto::start(MosquittoConfig::default()).await.unwrap();
    let scene = Scene::new(broker.port(), "webos");
    let mut daemon = scene.daemon(&[]);
    assert_eq!(scene.run(&["user", "set", "u1", "--name", "Kim"]).code, 0);
    let mut outsider = scene.outsider(&["smarthome/#", "android/#"]);
    let mut seed = 7;
    for (topic, _) in Topics::default().subscriptions() {
        for bytes in list() {
            outsider.tell(&format!("hex {topic} {}", hex(&bytes)));
        }
        for n in 0..RANDOM / 6 {
            let payload = random_hex(&mut seed, n % 40);
            outsider.tell(&format!("hex {topic} {payload}"));
        }
    }
    outsider.ask(
        r#"pub webos/server/info {"Producer":"android","command":"signin","UID":"u1"}"#,
        &["webos/android/info", "Kim"],
    );
    // What the server itself sends to the home would be a frame: everything else there was sent by the outsider.
    let sent = daemon_frames(&outsider.said);
    assert!(sent.is_empty(), "the daemon sent {sent:?}");
    daemon.signal("TERM");
    assert!(daemon.ended().success(), "{}", daemon.said);
}

fn daemon_frames(said: &str) -> Vec<String> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("webos/smarthome/info "));
    lines.filter(|line| Frame::try_from(line.as_bytes()).is_ok()).map(str::to_owned).collect()
}
