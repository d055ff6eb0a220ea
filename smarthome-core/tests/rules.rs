//! Rules of delivery that no day shows.

#![allow(clippy::unwrap_used)]

use smarthome_core::engine::{
    Collection, Content, Delivery, DeliveryId, Documents, Done, Effect, EffectId, Intent, Link,
    OperatorRequest, Restored, Revision, Versioned, Why,
};
use smarthome_core::ports::{ErrorKind, PortError};
use smarthome_core::{Config, Engine, Event, Mono, Now, Origin};
use std::collections::BTreeSet;

fn at(millis: u64) -> Now {
    Now::new("2026-03-02T07:00:00Z".parse().unwrap(), Mono::from_millis(millis)).unwrap()
}

fn started(epoch: u32) -> (Engine, Vec<Effect>) {
    let mut engine = Engine::new(Config::default());
    let mut restored = Restored::empty(at(0).wall());
    restored.epoch = epoch;
    let mut effects = Vec::new();
    engine.handle(Event::Restored(restored), at(1), &mut effects);
    engine.handle(Event::Link(Link::Up { resumed: false }), at(2), &mut effects);
    let request = OperatorRequest { token: 1, command: "015152022".parse().unwrap(), origin: Origin::Cli };
    engine.handle(Event::Operator(request), at(3), &mut effects);
    (engine, effects)
}

#[test]
fn rule_06_no_id_is_ever_used_twice_also_over_starts() {
    let mut seen = BTreeSet::new();
    for epoch in 1..=3 {
        let (_, effects) = started(epoch);
        assert!(effects.len() > 3);
        for effect in effects {
            assert_eq!(effect.id.epoch, epoch);
            assert!(seen.insert(effect.id), "{} came twice", effect.id);
        }
    }
}

#[test]
fn rule_06_outcomes_of_unknown_effects_change_nothing() {
    let (mut engine, _) = started(2);
    let wake = engine.next_wakeup();
    // Of an earlier start, and of no start at all.
    for (epoch, counter) in [(1, 3), (2, 9_999), (0, 0)] {
        let id = EffectId { epoch, counter };
        for result in [Ok(Done::Published), Err(PortError::new(ErrorKind::UnknownOutcome, "lost"))] {
            let mut effects = Vec::new();
            engine.handle(Event::Outcome { id, result }, at(3), &mut effects);
            assert_eq!(effects, []);
            assert_eq!(engine.next_wakeup(), wake);
        }
    }
}

fn tea(title: usize, revision: u64) -> Versioned<Content> {
    let content =
        r#"{"enabled":true,"repeat":true,"startTime":"0730","daysOfWeek":[1,1,1,1,1,1,1],"windowOpen":true}"#;
    let updated = "2026-03-01T00:00:00Z".parse().unwrap();
    Versioned { id: format!("{title:05}"), revision: Revision(revision), updated, value: content.into() }
}

fn request(engine: &mut Engine, id: u64, text: &str, now: Now) -> Vec<Effect> {
    let delivery = Delivery {
        id: DeliveryId(id),
        topic: "webos/server/info".into(),
        payload: text.as_bytes().to_vec(),
        retained: false,
        arrived: now.mono(),
        reply_to: None,
    };
    let mut effects = Vec::new();
    engine.handle(Event::Delivery(delivery), now, &mut effects);
    effects
}

/// The titles that an answer to `schedule_list` names.
fn listed(effects: &[Effect]) -> Option<Vec<String>> {
    effects.iter().find_map(|effect| {
        let Intent::Answer { payload, .. } = &effect.what else { return None };
        let answer: serde_json::Value = serde_json::from_slice(payload).unwrap();
        let titles = answer["schedules"].as_array()?.iter();
        Some(titles.map(|schedule| schedule["title"].as_str().unwrap().to_owned()).collect())
    })
}

const LIST: &str = r#"{"Producer":"car","command":"schedule_list"}"#;

/// With the copies of modes and schedules read, of which there are none.
fn without_copies() -> Engine {
    let (mut engine, effects) = started(1);
    for effect in effects {
        if let Intent::ReadCopy(_) = effect.what {
            let done = Event::Outcome { id: effect.id, result: Ok(Done::Copy(None)) };
            engine.handle(done, at(3), &mut Vec::new());
        }
    }
    engine
}

#[test]
fn a_long_list_is_taken_in_by_pieces_and_in_its_order() {
    let mut engine = without_copies();
    let all: Vec<_> = (0..2_000).map(|title| tea(title, 7)).collect();
    let list = Event::Documents(Documents::Snapshot(Collection::Schedules, all, Revision(7)));
    engine.handle(list, at(4), &mut Vec::new());
    // What comes behind it waits for it: a change, and what is set here.
    let change = Event::Documents(Documents::Deleted(Collection::Schedules, "01999".into(), Revision(8)));
    engine.handle(change, at(4), &mut Vec::new());
    let set = r#"{"Producer":"car","command":"schedule_set","title":"z","enabled":true,"repeat":true,
        "startTime":"0731","daysOfWeek":[1,1,1,1,1,1,1]}"#;
    request(&mut engine, 1, set, at(4));
    // Others do not wait.
    let user = r#"{"Producer":"car","command":"signup","UID":"u","name":"Kim"}"#;
    let sign_in = r#"{"Producer":"car","command":"signin","UID":"u"}"#;
    request(&mut engine, 2, user, at(5));
    let answers = request(&mut engine, 3, sign_in, at(5));
    assert!(answers.iter().any(|effect| matches!(effect.what, Intent::Answer { .. })), "{answers:?}");
    let mut wakes = 0;
    while engine.next_wakeup().is_some_and(|wake| wake.why == Why::Reading && wake.at <= at(6).mono()) {
        wakes += 1;
        engine.handle(Event::Wake, at(6), &mut Vec::new());
    }
    assert!((4..8).contains(&wakes), "{wakes} pieces");
    let titles = listed(&request(&mut engine, 4, LIST, at(7))).unwrap();
    assert_eq!(titles.len(), 2_000);
    assert_eq!((titles[0].as_str(), titles[1_998].as_str(), titles[1_999].as_str()), ("00000", "01998", "z"));
}

#[test]
fn rule_16_a_list_read_before_an_own_write_does_not_undo_it() {
    let mut engine = without_copies();
    let list =
        |documents| Event::Documents(Documents::Snapshot(Collection::Schedules, documents, Revision(7)));
    engine.handle(list([tea(1, 7)].into()), at(4), &mut Vec::new());
    let written = |engine: &mut Engine, command: &str, title: &str, done: Done| {
        let text = format!(
            r#"{{"Producer":"car","command":"{command}","title":"{title}","enabled":true,"repeat":true,
            "startTime":"0731","daysOfWeek":[1,1,1,1,1,1,1]}}"#
        );
        let effects = request(engine, 1, &text, at(5));
        let write = effects.iter().find(|effect| matches!(effect.what, Intent::WriteDocument(_))).unwrap();
        engine.handle(Event::Outcome { id: write.id, result: Ok(done) }, at(6), &mut Vec::new());
    };
    written(&mut engine, "schedule_set", "new", Done::Written(Revision(8)));
    written(&mut engine, "schedule_delete", "00001", Done::Deleted(Some(Revision(9))));
    // It was on its way already.
    engine.handle(list([tea(1, 7)].into()), at(7), &mut Vec::new());
    assert_eq!(listed(&request(&mut engine, 2, LIST, at(8))).unwrap(), ["new"]);
    // A later one says what is.
    let list = Documents::Snapshot(Collection::Schedules, [tea(1, 10)].into(), Revision(11));
    engine.handle(Event::Documents(list), at(9), &mut Vec::new());
    assert_eq!(listed(&request(&mut engine, 3, LIST, at(10))).unwrap(), ["00001"]);
}
