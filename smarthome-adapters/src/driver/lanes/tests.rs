use super::*;
use smarthome_core::engine::{Collection, Write, WriteRow};

fn id(counter: u64) -> EffectId {
    EffectId { epoch: 1, counter }
}

fn at(millis: u64) -> Mono {
    Mono::from_millis(millis)
}

fn effect(counter: u64, valid_until: Option<u64>, what: Intent) -> Effect {
    Effect { id: id(counter), cause: Some(DeliveryId(counter)), valid_until: valid_until.map(at), what }
}

fn answer(counter: u64, valid_until: u64) -> Effect {
    let what = Intent::Answer { topic: "t".into(), payload: Vec::new(), correlation: None };
    effect(counter, Some(valid_until), what)
}

fn report(counter: u64) -> Effect {
    effect(counter, None, Intent::Report { topic: "t".into(), text: "x".into() })
}

fn state(counter: u64) -> Effect {
    effect(counter, None, Intent::ServerState { topic: "t".into(), online: true })
}

fn write(counter: u64, document: &str) -> Effect {
    let row = WriteRow {
        id: id(counter),
        collection: Collection::Users,
        document: document.into(),
        write: Write::Merge("{}".into()),
        decided: chrono::DateTime::UNIX_EPOCH,
        producer: None,
    };
    effect(counter, None, Intent::WriteDocument(row))
}

fn command(counter: u64, valid_until: u64) -> Effect {
    let frame: Frame = "122222222".parse().unwrap();
    effect(counter, Some(valid_until), Intent::SendCommand { frame, unjournaled: None })
}

/// What starts and what is over, by number, until nothing happens any more.
fn run(lanes: &mut Lanes, now: u64) -> (Vec<u64>, Vec<u64>) {
    let (mut started, mut over) = (Vec::new(), Vec::new());
    while let Some(next) = lanes.next(at(now)) {
        match next {
            Next::Start(job) => started.push(job.id.counter),
            Next::Over(end) => over.push(end.id.counter),
        }
    }
    (started, over)
}

#[test]
fn sixteen_answers_are_under_way_and_the_rest_waits_its_turn() {
    let mut lanes = Lanes::default();
    (1..=20).for_each(|n| lanes.admit(answer(n, 700)));
    assert_eq!(run(&mut lanes, 0), ((1..=16).collect(), vec![]));
    lanes.finished(Lane::Answer);
    lanes.finished(Lane::Answer);
    assert_eq!(run(&mut lanes, 1), (vec![17, 18], vec![]));
    assert!(!lanes.is_empty());
}

#[test]
fn an_answer_that_waited_too_long_is_over_although_none_may_start() {
    let mut lanes = Lanes::default();
    (1..=16).for_each(|n| lanes.admit(answer(n, 700)));
    lanes.admit(answer(17, 5_000));
    lanes.admit(answer(18, 700));
    assert_eq!(run(&mut lanes, 0).0.len(), 16);
    assert_eq!(lanes.next_expiry(), Some(at(700)));
    assert_eq!(run(&mut lanes, 700), (vec![], vec![]));
    assert!(lanes.next_expiry().unwrap() > at(700));
    assert_eq!(run(&mut lanes, 701), (vec![], vec![18]));
    assert_eq!(lanes.next_expiry(), Some(at(5_000)));
    lanes.finished(Lane::Answer);
    assert_eq!(run(&mut lanes, 5_001), (vec![], vec![17]));
    assert_eq!(lanes.next_expiry(), None);
}

#[test]
fn nothing_leaves_after_its_time() {
    let mut lanes = Lanes::default();
    lanes.admit(command(1, 10));
    lanes.admit(command(2, 9));
    lanes.admit(answer(3, 9));
    assert_eq!(run(&mut lanes, 10), (vec![1], vec![2, 3]));
}

#[test]
fn fault_lines_leave_one_by_one_and_are_bounded() {
    let mut lanes = Lanes::default();
    (1..=WAITING as u64 + 2).for_each(|n| lanes.admit(report(n)));
    assert_eq!(run(&mut lanes, 0), (vec![1], vec![1_025, 1_026]));
    for n in 2..=WAITING as u64 {
        lanes.finished(Lane::Report);
        assert_eq!(run(&mut lanes, 0), (vec![n], vec![]));
    }
    lanes.finished(Lane::Report);
    assert!(lanes.is_empty());
}

#[test]
fn the_newest_state_wins() {
    let mut lanes = Lanes::default();
    (1..=3).for_each(|n| lanes.admit(state(n)));
    assert_eq!(run(&mut lanes, 0), (vec![3], vec![1, 2]));
    lanes.admit(state(4));
    lanes.admit(state(5));
    assert_eq!(run(&mut lanes, 0), (vec![], vec![4]));
    lanes.finished(Lane::State);
    assert_eq!(run(&mut lanes, 0), (vec![5], vec![]));
}

#[test]
fn no_delivery_waits_for_what_is_journaled() {
    let mut lanes = Lanes::default();
    lanes.admit(command(1, 10));
    lanes.admit(answer(2, 10));
    let causes: Vec<_> = std::iter::from_fn(|| lanes.next(at(0)))
        .map(|next| match next {
            Next::Start(job) => job.cause,
            Next::Over(over) => over.cause,
        })
        .collect();
    assert_eq!(causes, [None, Some(DeliveryId(2))]);
}

#[test]
fn writes_wait_for_nothing_that_the_broker_takes() {
    let mut lanes = Lanes::default();
    lanes.admit(report(1));
    lanes.admit(report(2));
    lanes.admit(write(3, "a"));
    lanes.admit(write(4, "b"));
    assert_eq!(run(&mut lanes, 0).0, [1, 3, 4]);
}
