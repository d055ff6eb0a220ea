//! Schedules on the wire: a thousand due in one minute, and one that is due at a start among a hundred thousand.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Datelike, DurationRound, TimeDelta, Utc};
use smarthome_adapters::sqlite::SqliteStore;
use smarthome_core::engine::Collection;
use smarthome_core::ports::Documents;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::{Client, Home, sign_in_of};

/// Light on, and light off: each changes something.
pub(crate) const LIGHT: [(bool, &str); 2] = [(true, "022152022"), (false, "022022222")];
/// How long before the minute everything is ready.
const LEAD: TimeDelta = TimeDelta::seconds(12);
/// Longest that a frame is waited for, the minute before the first included.
const PATIENCE: Duration = Duration::from_secs(120);
/// A sign-in that has no answer by then will have none.
const UNANSWERED: Duration = Duration::from_secs(2);
/// A sign-in every so long: more would be a load of its own.
const EVERY: Duration = Duration::from_millis(5);

/// What happened in the minute, in milliseconds after it began.
pub(crate) struct Minute {
    pub(crate) first: f64,
    pub(crate) last: f64,
    /// How long each sign-in took from the minute to the last frame.
    pub(crate) sign_ins: Vec<f64>,
}

/// The first minute that begins after that time from now.
pub(crate) fn minute_after(lead: TimeDelta) -> DateTime<Utc> {
    (Utc::now() + lead).duration_trunc(TimeDelta::minutes(1)).unwrap() + TimeDelta::minutes(1)
}

pub(crate) async fn wait_for(at: DateTime<Utc>) {
    sleep((at - Utc::now()).to_std().unwrap_or_default()).await;
}

fn millis_since(due: DateTime<Utc>) -> f64 {
    (Utc::now() - due).num_microseconds().unwrap() as f64 / 1e3
}

/// Fires so many once-schedules of one minute, light on and off in turn, while somebody signs in.
pub(crate) async fn minute(port: u16, prefix: &str, users: &Path, count: usize) -> Minute {
    let due = minute_after(LEAD);
    let home = Home::new(prefix, Some(port), Some(users));
    let store = SqliteStore::open(home.state().join("store.db")).unwrap();
    for number in 0..count {
        let fields = once(due, LIGHT[number % 2].0);
        store.merge(Collection::Schedules, &format!("schedule {number:04}"), &fields).await.unwrap();
    }
    drop(store);
    let _daemon = home.start(&["run"]);
    home.said("connected to the broker").await;
    let _virtual = home.start(&["home", "--json", "--status", "000000000"]);
    home.said("home reports").await;
    let mut listener = Client::new(port, &format!("listener-{prefix}"), &format!("{prefix}/smarthome/#"));
    listener.connect().await;
    assert!(Utc::now() < due, "not ready in time");
    let over = Cell::new(false);
    let listens = async {
        let mut times = Vec::with_capacity(count);
        for number in 0..count {
            let frame = timeout(PATIENCE, listener.heard()).await;
            times.push(millis_since(due));
            assert_eq!(frame.expect("a frame"), LIGHT[number % 2].1, "frame {number} of {count}");
        }
        over.set(true);
        times
    };
    let asks = async {
        // Not earlier: nobody looks after its connection while it waits.
        wait_for(due - TimeDelta::seconds(2)).await;
        let mut asker = Client::new(port, &format!("asker-{prefix}"), &format!("{prefix}/car/info"));
        asker.connect().await;
        wait_for(due).await;
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut times = Vec::new();
        while !over.get() {
            ticks.tick().await;
            let request = sign_in_of(times.len());
            let began = Instant::now();
            asker.publish(&format!("{prefix}/server/info"), &request);
            // An answer that comes too late is dropped.
            let answered = timeout(UNANSWERED, asker.heard()).await.is_ok();
            times.push(if answered { began.elapsed().as_secs_f64() * 1e3 } else { f64::INFINITY });
        }
        times
    };
    let (times, sign_ins) = tokio::join!(listens, asks);
    assert!(times[0] >= 0.0, "a frame came {} ms before its minute", -times[0]);
    Minute { first: times[0], last: times[count - 1], sign_ins }
}

fn once(due: DateTime<Utc>, light: bool) -> String {
    let (time, date) = (due.format("%H%M"), due.format("%Y.%m.%d"));
    let light = if light {
        r#""lightEnable":true,"lightBrightness":5,"lightColor":2,"lightMode":0"#
    } else {
        r#""lightEnable":false"#
    };
    let when = format!(r#""enabled":true,"repeat":false,"startTime":"{time}","activeDate":"{date}""#);
    format!("{{{when},{light}}}")
}

/// A store with ten users and so many weekly schedules, none of which is due today or tomorrow.
pub(crate) async fn store(schedules: usize, folder: &Path) -> PathBuf {
    let day = (Utc::now() + TimeDelta::days(3)).weekday().num_days_from_sunday() as usize;
    let days: Vec<&str> = (0..7).map(|number| if number == day { "1" } else { "0" }).collect();
    let days = days.join(",");
    super::filled(&format!("{schedules}-schedules"), folder, async |store| {
        super::add_users(store, 10).await;
        for number in 0..schedules {
            let minute = number * 7_919 % 1_440;
            let fields = format!(
                r#"{{"enabled":true,"repeat":true,"startTime":"{:02}{:02}","daysOfWeek":[{days}],"modeNum":0,"airconEnable":true,"airconWindPower":7}}"#,
                minute / 60,
                minute % 60
            );
            store.merge(Collection::Schedules, &format!("schedule {number:06}"), &fields).await.unwrap();
        }
    })
    .await
}

/// A start in milliseconds: to the first answer, and to the frame of a schedule that is due.
pub(crate) struct Ready {
    pub(crate) answer: f64,
    pub(crate) frame: f64,
}

/// Starts the daemon at the minute in which one more schedule is due.
pub(crate) async fn ready(home: &Home, round: usize) -> Ready {
    let due = minute_after(TimeDelta::seconds(5));
    let (light, expected) = LIGHT[round % 2];
    home.start(&["schedule", "set", &format!("due {round}"), &once(due, light)]).ends().await;
    let mut listener = Client::new(
        home.port(),
        &format!("listener-{}", home.prefix),
        &format!("{}/smarthome/#", home.prefix),
    );
    listener.connect().await;
    let mut asker =
        Client::new(home.port(), &format!("asker-{}", home.prefix), &format!("{}/car/info", home.prefix));
    asker.connect().await;
    wait_for(due).await;
    let began = Instant::now();
    let daemon = home.start(&["run"]);
    let topic = format!("{}/server/info", home.prefix);
    let answers = async {
        asker.insist(&topic, |number| sign_in_of(number % 10)).await;
        began.elapsed().as_secs_f64() * 1e3
    };
    let fires = async {
        let frame = listener.answer().await;
        let took = began.elapsed().as_secs_f64() * 1e3;
        assert_eq!(frame, expected);
        took
    };
    let (answer, frame) = tokio::join!(answers, fires);
    daemon.stop().await;
    Ready { answer, frame }
}
