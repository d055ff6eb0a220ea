//! A home that does not listen, and a broker that is not there.

use super::scene::{Scene, count};
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig};

#[tokio::test]
#[ignore = "needs mosquitto (Debian) and python3 with paho-mqtt (PyPI), 70 s; run with -- --include-ignored"]
async fn a_deaf_home_is_told_three_more_times_and_then_the_operator() {
    let broker = Mosquitto::start(MosquittoConfig::default()).await.unwrap();
    let scene = Scene::new(broker.port(), "webos");
    let _daemon = scene.daemon(&[]);
    let _home = scene.home(&["--deaf", "light"]);
    let mut outsider = scene.outsider(&["smarthome/#"]);
    let ran = scene.run(&["send", "015152022"]);
    assert_eq!(ran.code, 10, "{}{}", ran.out, ran.err);
    outsider.wait_for(&["data/error/error SH001", "light"]);
    assert_eq!(count(&outsider.said, &["webos/smarthome/info 015152022"]), 1, "{}", outsider.said);
    assert_eq!(count(&outsider.said, &["webos/smarthome/info 022152022"]), 3, "{}", outsider.said);
    assert_eq!(count(&outsider.said, &["webos/smarthome"]), 4, "{}", outsider.said);
    assert_eq!(count(&outsider.said, &["data/error"]), 1, "{}", outsider.said);
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian) and python3 with paho-mqtt (PyPI), 70 s; run with -- --include-ignored"]
async fn a_broker_that_is_away_at_first_changes_nothing_about_that() {
    let mut broker = Mosquitto::start(MosquittoConfig::default()).await.unwrap();
    let scene = Scene::new(broker.port(), "webos");
    broker.stop().await;
    let mut daemon = scene.start(&[]);
    daemon.wait_for(&["is running"]);
    let sent = scene.run(&["send", "--no-wait", "015152022"]);
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    broker.restart().await.unwrap();
    let mut outsider = scene.outsider(&["smarthome/#"]);
    let _home = scene.home(&["--deaf"]);
    outsider.wait_for(&["webos/smarthome/info 015152022"]);
    for _ in 0..3 {
        outsider.wait_for(&["webos/smarthome/info 015152022"]);
    }
    outsider.wait_for(&["data/error/error SH001"]);
    assert_eq!(count(&outsider.said, &["webos/smarthome"]), 4, "{}", outsider.said);
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian) and python3 with paho-mqtt (PyPI); run with -- --include-ignored"]
async fn nothing_is_sent_again_after_a_newer_command_of_somebody_else() {
    let broker = Mosquitto::start(MosquittoConfig::default()).await.unwrap();
    let scene = Scene::new(broker.port(), "webos");
    let _daemon = scene.daemon(&[]);
    let _home = scene.home(&["--deaf"]);
    let mut outsider = scene.outsider(&["smarthome/#"]);
    let mut send = super::support::Running::start(scene.command(&["send", "022152022"]));
    outsider.wait_for(&["webos/smarthome/info 022152022"]);
    outsider.tell("pub webos/smarthome 022162022");
    assert_eq!(send.ended().code(), Some(12), "{}", send.said);
    outsider.wait_for(&["data/error/error SH002", "light on at 60 %"]);
    assert_eq!(count(&outsider.said, &["webos/smarthome/info"]), 1, "{}", outsider.said);
}
