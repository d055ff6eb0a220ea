//! Random days: everything fails now and then, and in the end nothing is missing.

use crate::home::{COMMANDS, Home};
use crate::ports::{Does, Switch};
use smarthome_core::Origin;
use smarthome_core::ports::ErrorKind;
use std::collections::BTreeMap;

/// A small generator: the same seed, the same day.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn turn(&mut self, switch: &Switch) {
        switch.set(match self.below(6) {
            0 => Does::Fails(ErrorKind::Retry),
            1 => Does::Fails(ErrorKind::UnknownOutcome),
            2 => Does::Hangs,
            _ => Does::Works,
        });
    }
}

async fn something_happens(home: &Home, dice: &mut Dice, last: &mut u64, names: &mut BTreeMap<String, u64>) {
    match dice.below(10) {
        0 => *last = home.signs_in("u1"),
        1 | 2 => {
            let uid = format!("n{}", dice.below(5));
            *last = home.signs_up(&uid);
            *names.entry(uid).or_default() += 1;
        }
        3 => *last = home.status(["000000000", "000152000", "000152001"][dice.below(3) as usize]),
        4 => *last = home.arrives(COMMANDS, ["022222220", "022152022", "nonsense"][dice.below(3) as usize]),
        5 => {
            let command = ["022222220", "022152020", "022022222"][dice.below(3) as usize];
            drop(home.handle.send(command.parse().unwrap(), Origin::Cli).await.unwrap());
        }
        6 => dice.turn(&home.journal.commits),
        7 => dice.turn(&home.broker.publishes),
        8 => dice.turn(&home.documents.merges),
        _ => {
            let millis = dice.below(3_000);
            home.pass(millis).await;
        }
    }
    home.quiet().await;
}

#[tokio::test]
async fn whatever_fails_everything_is_acknowledged_in_order_and_written_in_order() {
    for seed in 0..60 {
        let home = Home::ready().await;
        let mut dice = Dice(seed);
        let (mut last, mut names) = (0, BTreeMap::new());
        for _ in 0..40 {
            something_happens(&home, &mut dice, &mut last, &mut names).await;
        }
        for switch in [&home.journal.commits, &home.broker.publishes, &home.documents.merges] {
            switch.set(Does::Works);
        }
        home.pass_long(120).await;
        assert_eq!(home.broker.acknowledged(), (1..=last).collect::<Vec<u64>>(), "seed {seed}");
        for (uid, count) in names {
            let written =
                home.documents.merged().iter().filter(|(document, _)| *document == uid).count() as u64;
            assert_eq!(written, count, "seed {seed}, {uid}");
        }
        assert_eq!(home.stops().await, Ok(()), "seed {seed}");
    }
}
