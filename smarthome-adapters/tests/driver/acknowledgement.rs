//! What is acknowledged, when, in which order.

use crate::home::{CAR, Home};
use crate::ports::Does;
use smarthome_core::ports::ErrorKind;

#[tokio::test]
async fn a_sign_in_waits_for_no_disk_and_is_acknowledged_when_the_broker_has_the_answer() {
    let home = Home::ready().await;
    home.journal.commits.set(Does::Hangs);
    let tries = home.journal.tries();
    *home.broker.one_by_one.lock().unwrap() = true;
    home.signs_in("u1");
    home.quiet().await;
    assert_eq!(home.broker.given_to(CAR).len(), 1);
    assert_eq!(home.journal.tries(), tries);
    assert!(home.broker.acknowledged().is_empty());
    home.broker.confirm("Kim");
    home.quiet().await;
    assert_eq!(home.broker.acknowledged(), [1]);
}

#[tokio::test]
async fn rule_03_deliveries_are_acknowledged_in_the_order_of_their_arrival() {
    let home = Home::ready().await;
    *home.broker.one_by_one.lock().unwrap() = true;
    home.signs_up("u2");
    home.signs_in("u1");
    home.signs_in("u2");
    home.status("000000000");
    home.quiet().await;
    assert_eq!(home.broker.acknowledged(), [1]);
    home.broker.confirm("Lee");
    home.quiet().await;
    assert_eq!(home.broker.acknowledged(), [1]);
    home.broker.confirm("Kim");
    home.quiet().await;
    assert_eq!(home.broker.acknowledged(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_sign_up_is_acknowledged_once_it_is_recorded_whatever_the_store_does() {
    let home = Home::ready().await;
    home.documents.merges.set(Does::Hangs);
    home.journal.commits.set(Does::Hangs);
    home.signs_up("u2");
    home.quiet().await;
    assert!(home.broker.acknowledged().is_empty());
    home.journal.commits.set(Does::Works);
    home.quiet().await;
    assert_eq!(home.broker.acknowledged(), [1]);
    assert!(home.documents.merged().is_empty());
    home.documents.merges.set(Does::Works);
    home.quiet().await;
    assert_eq!(home.documents.merged().len(), 1);
}

#[tokio::test]
async fn an_answer_that_cannot_leave_is_given_up_and_acknowledged() {
    let home = Home::ready().await;
    home.broker.publishes.set(Does::Fails(ErrorKind::Retry));
    home.signs_in("u1");
    home.quiet().await;
    assert_eq!(home.broker.acknowledged(), [1]);
    home.broker.publishes.set(Does::Works);
    home.pass(2_000).await;
    assert_eq!(home.broker.given_to(CAR).len(), 1, "an answer is never tried again");
}

#[tokio::test]
async fn rule_02_sixteen_answers_are_under_way_and_what_waits_too_long_is_dropped() {
    let home = Home::ready().await;
    *home.broker.one_by_one.lock().unwrap() = true;
    for _ in 0..40 {
        home.signs_in("u1");
    }
    home.quiet().await;
    assert_eq!(home.broker.held(), 16);
    home.pass(300).await;
    home.broker.confirm("Kim");
    home.quiet().await;
    assert_eq!(home.broker.held(), 16);
    home.pass(500).await;
    for _ in 0..16 {
        home.broker.confirm("Kim");
    }
    home.quiet().await;
    assert_eq!(home.broker.given_to(CAR).len(), 17);
    assert_eq!(home.broker.acknowledged(), (1..=40).collect::<Vec<u64>>());
}
