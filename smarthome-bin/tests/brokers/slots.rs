//! A schedule's frame as others on the broker see it, and a slot that nobody could fire.

use super::scene::{COOL, Scene, count, eventually, minute_after, stop, until};
use chrono::TimeDelta;
use serde_json::json;
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig};

#[tokio::test]
#[ignore = "needs mosquitto (Debian) and python3 with paho-mqtt (PyPI), a minute; run with -- --include-ignored"]
async fn a_frame_is_seen_within_a_second_of_its_minute_and_not_before() {
    let broker = Mosquitto::start(MosquittoConfig::default()).await.unwrap();
    let scene = Scene::new(broker.port(), "webos");
    let _daemon = scene.daemon(&[]);
    let _home = scene.home(&[]);
    let mut outsider = scene.outsider(&["smarthome/#"]);
    let due = minute_after(TimeDelta::seconds(5));
    scene.schedule("cool", due, false, &json!({}));
    outsider.wait_for(&["webos/smarthome/info", COOL]);
    let late = outsider.when(&[COOL]).unwrap() - due;
    assert!(late >= TimeDelta::zero() && late <= TimeDelta::seconds(1), "{late}");
    eventually("the schedule goes", || !scene.has_schedules());
    assert_eq!(count(&outsider.said, &[COOL]), 1, "{}", outsider.said);
    assert_eq!(scene.why("cool")[0]["state"], "confirmed");
}

#[tokio::test]
#[ignore = "needs mosquitto (Debian) and python3 with paho-mqtt (PyPI), three minutes; run with -- --include-ignored"]
async fn killed_over_its_minute_and_back_too_late_a_slot_is_missed_and_told_once() {
    let broker = Mosquitto::start(MosquittoConfig::default()).await.unwrap();
    let due = minute_after(TimeDelta::seconds(10));
    let mut homes: Vec<_> = [false, true]
        .into_iter()
        .map(|daily| {
            let scene = Scene::new(broker.port(), if daily { "daily" } else { "once" });
            let daemon = scene.daemon(&[]);
            let home = scene.home(&[]);
            scene.schedule("cool", due, daily, &json!({"catchUp": 3}));
            (daily, scene, daemon, home)
        })
        .collect();
    for (_, _, daemon, _) in &mut homes {
        daemon.signal("KILL");
        daemon.ended();
    }
    // Alerts are said beside the prefix: one listener hears those of both.
    let mut outsider = homes[0].1.outsider(&[]);
    tokio::time::sleep(until(due + TimeDelta::seconds(5))).await;
    for (_, scene, daemon, _) in &mut homes {
        *daemon = scene.daemon(&[]);
    }
    for _ in &homes {
        outsider.wait_for(&["data/error", "SH007", "cool", "the server was down"]);
    }
    assert!(homes[0].1.has_schedules(), "it goes only when the clock has been steady for a minute");
    eventually("the schedule goes", || !homes[0].1.has_schedules());
    for (daily, scene, daemon, mut home) in homes {
        let rows = scene.why("cool");
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(rows[0]["state"], "missed", "{rows:?}");
        assert!(scene.run(&["why", "cool"]).out.contains("the server was down"));
        assert_eq!(scene.has_schedules(), daily);
        let log = stop(daemon);
        assert_eq!(count(&log, &["SH007"]), 1, "{log}");
        home.tell("quit");
        home.ended();
        assert_eq!(count(&home.said, &["\"received\""]), 0, "{}", home.said);
    }
    outsider.tell("pub data/error/test that is all");
    outsider.wait_for(&["that is all"]);
    assert_eq!(count(&outsider.said, &["SH007"]), 2, "{}", outsider.said);
}
