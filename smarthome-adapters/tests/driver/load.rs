//! More than the other side takes.

use crate::home::{CAR, COMMANDS, Home};
use crate::ports::Does;
use smarthome_core::engine::AlertCode;
use smarthome_core::ports::ErrorKind;
use smarthome_core::{Config, Origin};

#[tokio::test]
async fn ten_thousand_deliveries_and_a_slow_broker_block_nothing() {
    const MANY: usize = 10_000;
    let home = Home::ready().await;
    *home.broker.one_by_one.lock().unwrap() = true;
    for n in 0..MANY {
        match n % 4 {
            0 => home.signs_up(&format!("n{n}")),
            1 => home.status("000000000"),
            2 => home.arrives(COMMANDS, "not a command"),
            _ => home.signs_in("u1"),
        };
    }
    let mut rounds = 0;
    while home.broker.acknowledged().len() < MANY {
        for _ in 0..home.broker.held() {
            home.broker.confirm("");
        }
        home.pass(20).await;
        rounds += 1;
        assert!(rounds < 10_000, "{} acknowledged", home.broker.acknowledged().len());
    }
    assert_eq!(home.broker.acknowledged(), (1..=MANY as u64).collect::<Vec<u64>>());
    assert_eq!(home.documents.merged().len(), MANY / 4);
    // Sixteen answers, and one each of the other kinds.
    assert!(home.broker.most() <= 20, "{}", home.broker.most());
}

#[tokio::test]
async fn rule_15_while_the_outbox_is_full_deliveries_wait_and_nothing_else_does() {
    let mut config = Config::default();
    config.outbox_rows = 8;
    let home = Home::ready_with(config).await;
    home.documents.merges.set(Does::Fails(ErrorKind::Retry));
    for n in 0..100 {
        home.signs_up(&format!("n{n}"));
    }
    home.signs_in("u1");
    home.quiet().await;
    let acknowledged = home.broker.acknowledged().len();
    assert!((7..=8).contains(&acknowledged), "{acknowledged}");
    home.handle.send("022152022".parse().unwrap(), Origin::Cli).await.unwrap();
    home.quiet().await;
    assert_eq!(home.broker.given_to(COMMANDS), ["022152022"]);
    let full = AlertCode::OutboxFull.code();
    assert_eq!(
        home.broker.given_to("data/error/error").iter().filter(|line| line.starts_with(full)).count(),
        1
    );
    home.documents.merges.set(Does::Works);
    home.pass(60_000).await;
    assert_eq!(home.documents.merged().len(), 100);
    assert_eq!(home.broker.acknowledged(), (1..=101).collect::<Vec<u64>>());
    assert!(home.broker.given_to(CAR).is_empty(), "the question has become too old");
}
