//! What every journal keeps to.

mod ledger;

use super::within::Wait;
use crate::engine::{
    Alert, AlertCode, AlertRow, Collection, CommandRow, CommandState, EffectId, Entry, KnownStatus, Restored,
    Revision, Write, WriteRow,
};
use crate::ports::{Clock, Journal};
use crate::topic::Client;
use crate::{Appliance, Command, Digit, Origin, Origins, Part, PartSet, Status, Switch};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use core::time::Duration;

/// How the suite gets at a journal.
#[async_trait]
pub trait JournalUnderTest: Send + Sync {
    /// A journal that was never used. Each call gives another one.
    async fn fresh(&self) -> Box<dyn Journal>;
    /// Ends the use of this journal, as a stop of the program does, and opens it again.
    async fn restart(&self, journal: Box<dyn Journal>) -> Box<dyn Journal>;
}

/// Runs every clause.
///
/// # Panics
/// When one is broken.
pub async fn journal(make: &dyn JournalUnderTest, clock: &dyn Clock) {
    macro_rules! clauses {
        ($($clause:path: $text:literal;)*) => {$(
            $clause(Bench { make, wait: Wait { clock, clause: $text } }).await;
        )*};
    }
    clauses! {
        a_first_start_finds_nothing: "a first start finds nothing";
        every_start_has_a_greater_epoch: "every start has a greater epoch than the one before";
        what_was_committed_is_found_at_the_next_start: "what was committed is found at the next start";
        rows_come_in_the_order_of_their_ids: "rows come in the order of their ids";
        an_entry_replaces_the_row_of_its_id: "an entry replaces what was kept under its id";
        removing_what_is_not_there_does_nothing: "removing what is not there does nothing";
        a_batch_applies_in_order: "the entries of a batch apply in order";
        a_batch_committed_again_changes_nothing: "committing the same batch again is safe";
        an_empty_batch_is_committed: "an empty batch is committed";
        every_kind_of_write_is_kept: "every kind of write is kept";
        text_comes_back_as_it_was: "text comes back as it was";
        times_come_back_exactly: "times come back exactly";
        many_rows_are_kept: "ten thousand rows are kept";
        ledger::slots_are_found_in_the_order_of_their_keys: "slots are found in the order of their keys";
        ledger::slots_come_back_as_they_were: "slots come back as they were";
        ledger::a_slot_replaces_the_row_of_its_key: "a slot replaces the row of its key";
        ledger::a_removed_slot_is_gone: "a removed slot is gone";
        ledger::a_rename_takes_the_rows_along: "a rename takes the rows along, in place of others";
        ledger::slots_of_a_batch_apply_in_order: "slots of a batch apply in order";
        ledger::a_copy_is_none_until_it_is_complete: "a copy is none until it is complete";
        ledger::a_complete_copy_is_all_of_it: "a complete copy is all of it, ascending by id";
    }
}

struct Bench<'a> {
    make: &'a dyn JournalUnderTest,
    wait: Wait<'a>,
}

impl Bench<'_> {
    async fn started(&self) -> Box<dyn Journal> {
        let journal = self.make.fresh().await;
        self.restore(&*journal).await;
        journal
    }

    async fn restore(&self, journal: &dyn Journal) -> Restored {
        let restored = self.wait.for_("restore", journal.restore(self.wait.clock.now())).await;
        self.wait.done("restore", restored)
    }

    async fn commit(&self, journal: &dyn Journal, batch: &[Entry]) {
        let committed = self.wait.for_("commit", journal.commit(batch)).await;
        self.wait.done("commit", committed);
    }

    /// What the next start finds, and the journal then.
    async fn next_start(&self, journal: Box<dyn Journal>) -> (Restored, Box<dyn Journal>) {
        let journal = self.make.restart(journal).await;
        (self.restore(&*journal).await, journal)
    }

    /// What a start finds after these batches.
    async fn after(&self, batches: &[&[Entry]]) -> Restored {
        let journal = self.started().await;
        for batch in batches {
            self.commit(&*journal, batch).await;
        }
        self.next_start(journal).await.0
    }
}

async fn a_first_start_finds_nothing(b: Bench<'_>) {
    let now = b.wait.clock.now();
    let restored = b.restore(&*b.make.fresh().await).await;
    b.wait.holds("the epoch is 1 or more", restored.epoch >= 1);
    b.wait.holds("it was made just now", (restored.created - now.wall()).abs().num_seconds() <= 60);
    b.wait.same(
        "what it found",
        Restored { epoch: 1, ..restored.clone() },
        Restored::empty(restored.created),
    );
}

async fn every_start_has_a_greater_epoch(b: Bench<'_>) {
    let mut journal = b.make.fresh().await;
    let mut last = b.restore(&*journal).await;
    for _ in 0..3 {
        let (restored, next) = b.next_start(journal).await;
        b.wait.holds("the epoch grows", restored.epoch > last.epoch);
        b.wait.same("when it was made", restored.created, last.created);
        (last, journal) = (restored, next);
    }
}

async fn what_was_committed_is_found_at_the_next_start(b: Bench<'_>) {
    let status = KnownStatus { status: Status::ZERO.with_gas_valve(true), at: time(5) };
    let batch = [
        Entry::Command(command(1)),
        Entry::Write(write(2, "Kim")),
        Entry::Alert(alert(3, "the home did not follow")),
        Entry::Status(status),
    ];
    let restored = b.after(&[&batch]).await;
    b.wait.same("the commands", restored.commands, vec![command(1)]);
    b.wait.same("the writes", restored.writes, vec![write(2, "Kim")]);
    b.wait.same("the alerts", restored.alerts, vec![alert(3, "the home did not follow")]);
    b.wait.same("the status", restored.status, Some(status));
    b.wait.same("the trouble", restored.trouble, None);
}

async fn rows_come_in_the_order_of_their_ids(b: Bench<'_>) {
    let of = |epoch, counter| CommandRow { id: EffectId { epoch, counter }, ..command(0) };
    let batch = [of(2, 1), of(1, 300), of(1, 20), of(10, 0)].map(Entry::Command);
    let ids: Vec<_> = b.after(&[&batch]).await.commands.iter().map(|row| row.id.to_string()).collect();
    b.wait.same("the order", ids, vec!["1.20".into(), "1.300".into(), "2.1".into(), "10.0".into()]);
}

async fn an_entry_replaces_the_row_of_its_id(b: Bench<'_>) {
    let sent = CommandRow { state: CommandState::Sent, sends: 2, outstanding: PartSet::EMPTY, ..command(1) };
    let of = |at| Entry::Status(KnownStatus { status: Status::ZERO, at: time(at) });
    let first = [Entry::Command(command(1)), Entry::Alert(alert(2, "old")), of(7)];
    let second = [Entry::Progress(sent.clone()), Entry::Write(write(2, "Lee")), of(6)];
    let restored = b.after(&[&first, &second]).await;
    b.wait.same("the command", restored.commands, vec![sent]);
    b.wait.same("the alert", restored.alerts, vec![]);
    b.wait.same("the write", restored.writes, vec![write(2, "Lee")]);
    b.wait.same("the status", restored.status.map(|known| known.at), Some(time(6)));
}

async fn removing_what_is_not_there_does_nothing(b: Bench<'_>) {
    let journal = b.started().await;
    b.commit(&*journal, &[Entry::Command(command(1)), Entry::Write(write(2, "Kim"))]).await;
    b.commit(&*journal, &[Entry::Remove(id(99)), Entry::Remove(id(2)), Entry::Remove(id(2))]).await;
    let (restored, _journal) = b.next_start(journal).await;
    b.wait.same("the commands", restored.commands, vec![command(1)]);
    b.wait.same("the writes", restored.writes, vec![]);
}

async fn a_batch_applies_in_order(b: Bench<'_>) {
    let batch = [
        Entry::Alert(alert(1, "goes")),
        Entry::Remove(id(1)),
        Entry::Remove(id(2)),
        Entry::Alert(alert(2, "old")),
        Entry::Alert(alert(2, "stays")),
    ];
    b.wait.same("what is left", b.after(&[&batch]).await.alerts, vec![alert(2, "stays")]);
}

async fn a_batch_committed_again_changes_nothing(b: Bench<'_>) {
    let batch = [Entry::Command(command(1)), Entry::Alert(alert(2, "a")), Entry::Remove(id(2))];
    let once = b.after(&[&batch]).await;
    let twice = b.after(&[&batch, &batch]).await;
    b.wait.same("the commands", twice.commands, once.commands);
    b.wait.same("the alerts", twice.alerts, once.alerts);
}

async fn an_empty_batch_is_committed(b: Bench<'_>) {
    b.wait.same("what is left", b.after(&[&[]]).await.commands, vec![]);
}

async fn every_kind_of_write_is_kept(b: Bench<'_>) {
    let kinds = [
        Write::Merge("{\"a\":1}".into()),
        Write::Replace("{}".into()),
        Write::Delete(None),
        Write::Delete(Some(Revision(0))),
        Write::Delete(Some(Revision(u64::MAX))),
    ];
    let rows: Vec<WriteRow> = Collection::ALL
        .into_iter()
        .flat_map(|collection| kinds.clone().map(|kind| (collection, kind)))
        .zip(0..)
        .map(|((collection, write), n)| WriteRow { collection, write, producer: None, ..self::write(n, "") })
        .collect();
    let batch: Vec<Entry> = rows.iter().cloned().map(Entry::Write).collect();
    b.wait.same("the writes", b.after(&[&batch]).await.writes, rows);
}

async fn text_comes_back_as_it_was(b: Bench<'_>) {
    let large = "가".repeat(300_000);
    let texts = ["", "김철수 🏠", "a\0b", "it's \"quoted\"; -- \\ \r\n\t", large.as_str()];
    let rows = |text: &str| [write(1, text), WriteRow { document: text.into(), ..write(2, "") }];
    for text in texts {
        let [first, second] = rows(text);
        let batch = [Entry::Write(first), Entry::Write(second), Entry::Alert(alert(3, text))];
        let restored = b.after(&[&batch]).await;
        b.wait.holds("a document write is the same", restored.writes == rows(text));
        b.wait.holds("an alert is the same", restored.alerts == [alert(3, text)]);
    }
}

async fn times_come_back_exactly(b: Bench<'_>) {
    let ends = [DateTime::UNIX_EPOCH, time(1) + Duration::from_nanos(1), DateTime::<Utc>::MAX_UTC];
    for valid_until in ends {
        let row = CommandRow { valid_until, ..command(1) };
        b.wait.same("the row", b.after(&[&[Entry::Command(row.clone())]]).await.commands, vec![row]);
    }
}

async fn many_rows_are_kept(b: Bench<'_>) {
    let rows: Vec<_> = (0..10_000).map(command).collect();
    let batch: Vec<_> = rows.iter().cloned().map(Entry::Command).collect();
    b.wait.holds("all are the same", b.after(&[&batch]).await.commands == rows);
}

fn id(counter: u64) -> EffectId {
    EffectId { epoch: 7, counter }
}

fn time(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + chrono::Duration::seconds(second)
}

fn command(counter: u64) -> CommandRow {
    let light_off = Command::keep_all(Digit::ZERO).with_gas_valve(Switch::Off);
    CommandRow {
        id: id(counter),
        command: light_off,
        origins: Origins::from_iter([Origin::Cli, Origin::Resend]),
        decided: time(0),
        valid_until: time(120),
        state: CommandState::Claimed,
        sends: 0,
        outstanding: PartSet::from_iter([Part::Mode, Appliance::GasValve.into()]),
    }
}

fn write(counter: u64, name: &str) -> WriteRow {
    let merge = serde_json::json!({ "name": name }).to_string();
    let document = String::from("uid-1");
    WriteRow {
        id: id(counter),
        collection: Collection::Users,
        document,
        write: Write::Merge(merge),
        decided: time(5),
        producer: Some(Client::Android),
    }
}

fn alert(counter: u64, text: &str) -> AlertRow {
    AlertRow {
        id: id(counter),
        raised: time(9),
        alert: Alert { code: AlertCode::Unconfirmed, text: text.into() },
    }
}
