//! `kill -9` at every named point: each command is once in effect, and what a person did meanwhile stands.

use super::scene::{Scene, count, stop};
use super::support::Running;
use smarthome_adapters::driver::FAULT_POINTS;
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig};

/// From here on the command is in the journal, whatever its sender was told.
const RECORDED: [&str; 8] = [
    "after_commit",
    "before_publish",
    "after_publish_written",
    "before_puback_handled",
    "after_puback_handled",
    "before_mark_commit",
    "after_mark_commit",
    "at_stop",
];

/// A home whose daemon died at that point with a command under way.
struct Crashed {
    scene: Scene,
    home: Running,
    /// Whether the sender was told that the command was decided.
    decided: bool,
}

impl Crashed {
    fn at(point: &str, port: u16, prefix: &str) -> Crashed {
        let scene = Scene::new(port, prefix);
        // A report a second, so that a daemon soon hears the first. One that obeys at once can be quicker than the
        // broker's word for the command, which then has nothing to mark.
        let home = scene.home(&["--every", "1", "--slow", "100"]);
        // A run before, so that the first status is recorded and the command's is the first commit.
        let mut before = scene.daemon(&[]);
        before.wait_for(&["home reports"]);
        stop(before);
        let mut daemon = scene.start(&[("SMARTHOME_KILL_AT", point)]);
        if !matches!(point, "batch_taken" | "before_ack" | "after_ack") {
            daemon.wait_for(&["connected to the broker"]);
        }
        let sent = scene.run(&["send", "015222222"]);
        if point == "at_stop" {
            daemon.signal("TERM");
        }
        daemon.ended();
        Crashed { scene, home, decided: sent.out.contains("decided") }
    }

    /// Everything that was under way has left: two commands more, each obeyed.
    fn settled(&mut self) {
        for (command, status) in [("022222212", "1"), ("022222202", "0")] {
            let ran = self.scene.run(&["send", command]);
            assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
            self.home.wait_for(&["\"obeyed\"", command, status]);
        }
    }

    fn check(&self, point: &str) {
        let effects = count(&self.home.said, &["\"effect\":true", "\"command\":\"015222222\""]);
        assert!(effects <= 1, "{point}: {}", self.home.said);
        if self.decided || RECORDED.contains(&point) {
            assert_eq!(effects, 1, "{point}: {}", self.home.said);
        }
    }
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto), a minute; run with -- --include-ignored"]
async fn killed_anywhere_a_command_is_once_in_effect() {
    let broker = Mosquitto::start(MosquittoConfig::default()).await.unwrap();
    for point in FAULT_POINTS {
        let mut crashed = Crashed::at(point, broker.port(), &point.replace('_', "-"));
        let _daemon = crashed.scene.daemon(&[]);
        crashed.settled();
        crashed.check(point);
    }
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian package mosquitto), a minute; run with -- --include-ignored"]
async fn also_when_the_broker_is_away_at_the_restart() {
    let mut broker = Mosquitto::start(MosquittoConfig::default()).await.unwrap();
    for point in FAULT_POINTS {
        let mut crashed = Crashed::at(point, broker.port(), &point.replace('_', "-"));
        broker.stop().await;
        let mut daemon = crashed.scene.start(&[]);
        daemon.wait_for(&["is running"]);
        broker.restart().await.unwrap();
        daemon.wait_for(&["connected to the broker"]);
        crashed.settled();
        crashed.check(point);
    }
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian) and python3 with paho-mqtt (PyPI), a minute; run with -- --include-ignored"]
async fn an_opposite_command_between_crash_and_restart_stands() {
    let broker = Mosquitto::start(MosquittoConfig::default()).await.unwrap();
    for point in FAULT_POINTS {
        let mut crashed = Crashed::at(point, broker.port(), &point.replace('_', "-"));
        let mut outsider = crashed.scene.outsider(&[]);
        outsider.tell(&format!("pub {} 005222222", crashed.scene.topic("smarthome")));
        crashed.home.wait_for(&["\"obeyed\"", "\"command\":\"005222222\""]);
        let before = count(&crashed.home.said, &["\"received\"", "015222222"]);
        let _daemon = crashed.scene.daemon(&[]);
        crashed.settled();
        let after = count(&crashed.home.said, &["\"received\"", "015222222"]);
        assert_eq!(after, before, "{point}: the person's wish was fought: {}", crashed.home.said);
    }
}
