//! What every journal keeps to about slots and the copies of the store's collections.

use super::{Bench, id, time};
use crate::engine::{
    Collection, Content, CopyChange, Entry, MissedSlots, Revision, SlotKey, SlotRow, SlotState, Versioned,
};
use crate::ports::Journal;
use crate::{Command, Digit, Slot};
use alloc::vec;
use alloc::vec::Vec;
use chrono::{DateTime, Utc};

pub(super) async fn slots_are_found_in_the_order_of_their_keys(b: Bench<'_>) {
    let keys =
        [("b", "2026-03-02T07:30"), ("가", "2026-03-01T07:30"), ("b", "2026-03-01T23:00"), ("B", LATE)];
    let rows = keys.map(|(schedule, at)| row(schedule, at, SlotState::Claimed));
    let found = b.after(&[&rows.clone().map(Entry::Slot)]).await.slots;
    let mut wanted = rows.to_vec();
    wanted.sort_by(|a, b| a.key.cmp(&b.key));
    b.wait.same("the rows", found, wanted);
}

pub(super) async fn slots_come_back_as_they_were(b: Bench<'_>) {
    let plain = |state: SlotState| row(state.name(), LATE, state);
    let mut rows: Vec<SlotRow> = SlotState::ALL.into_iter().map(plain).collect();
    rows.push(SlotRow {
        command: Some(id(u64::MAX >> 1)),
        frame: Some(Command::keep_all(Digit::ZERO)),
        missed: Some(MissedSlots { first: slot(EARLY), count: u32::MAX }),
        revision: Revision(u64::MAX),
        fingerprint: u64::MAX,
        due: DateTime::<Utc>::MAX_UTC,
        judged: DateTime::UNIX_EPOCH,
        ..row("it's \"quoted\" a\0b 🏠\r\n", EARLY, SlotState::Missed)
    });
    rows.push(SlotRow { why: "가\0\n\"".into(), ..row("", EARLY, SlotState::Refused) });
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    let batch: Vec<Entry> = rows.iter().cloned().map(Entry::Slot).collect();
    b.wait.same("the rows", b.after(&[&batch]).await.slots, rows);
}

pub(super) async fn a_slot_replaces_the_row_of_its_key(b: Bench<'_>) {
    let others = [row("a", LATE, SlotState::Sent), row("b", EARLY, SlotState::Missed)];
    let claimed = SlotRow { command: Some(id(1)), ..row("a", EARLY, SlotState::Claimed) };
    let confirmed = row("a", EARLY, SlotState::Confirmed);
    let first = [claimed, others[0].clone(), others[1].clone()].map(Entry::Slot);
    let found = b.after(&[&first, &[Entry::Slot(confirmed.clone())]]).await.slots;
    b.wait.same("the rows", found, vec![confirmed, others[0].clone(), others[1].clone()]);
}

pub(super) async fn a_removed_slot_is_gone(b: Bench<'_>) {
    let rows = [row("a", EARLY, SlotState::Sent), row("a", LATE, SlotState::Sent)];
    let remove =
        |schedule: &str, at| Entry::RemoveSlot(SlotKey { schedule: schedule.into(), slot: slot(at) });
    let removals = [remove("a", EARLY), remove("a", EARLY), remove("b", LATE)];
    let found = b.after(&[&rows.clone().map(Entry::Slot), &removals]).await.slots;
    b.wait.same("the rows", found, vec![rows[1].clone()]);
}

pub(super) async fn a_rename_takes_the_rows_along(b: Bench<'_>) {
    let before = [
        row("old", EARLY, SlotState::Confirmed),
        row("old", LATE, SlotState::Claimed),
        row("new", EARLY, SlotState::Missed),
        row("new", "2026-05-01T06:00", SlotState::Sent),
        row("older", EARLY, SlotState::Expired),
    ];
    let renames = [rename("old", "new"), rename("nobody", "new"), rename("older", "older")];
    let found = b.after(&[&before.map(Entry::Slot), &renames]).await.slots;
    let wanted = vec![
        row("new", EARLY, SlotState::Confirmed),
        row("new", LATE, SlotState::Claimed),
        row("new", "2026-05-01T06:00", SlotState::Sent),
        row("older", EARLY, SlotState::Expired),
    ];
    b.wait.same("the rows, of which the moved ones stay", found, wanted);
}

pub(super) async fn slots_of_a_batch_apply_in_order(b: Bench<'_>) {
    let key = |schedule: &str| SlotKey { schedule: schedule.into(), slot: slot(EARLY) };
    let batch = [
        Entry::Slot(row("a", EARLY, SlotState::Claimed)),
        rename("a", "b"),
        Entry::Slot(row("a", EARLY, SlotState::Missed)),
        rename("b", "c"),
        Entry::Slot(row("c", EARLY, SlotState::Sent)),
        Entry::Slot(row("d", EARLY, SlotState::Sent)),
        Entry::RemoveSlot(key("d")),
        Entry::RemoveSlot(key("e")),
        Entry::Slot(row("e", EARLY, SlotState::NoChange)),
    ];
    let wanted = [("a", SlotState::Missed), ("c", SlotState::Sent), ("e", SlotState::NoChange)];
    let wanted = wanted.map(|(schedule, state)| row(schedule, EARLY, state));
    b.wait.same("the rows", b.after(&[&batch]).await.slots, wanted.to_vec());
}

pub(super) async fn a_copy_is_none_until_it_is_complete(b: Bench<'_>) {
    let journal = b.started().await;
    for collection in Collection::ALL {
        b.wait.same("a copy that never was", copy(&b, &*journal, collection).await, None);
    }
    b.commit(&*journal, &[put(Collection::Modes, document("1. Home", 3))]).await;
    b.wait.same("a part of a copy", copy(&b, &*journal, Collection::Modes).await, None);
    let (_, journal) = b.next_start(journal).await;
    b.wait.same("a part of a copy, later", copy(&b, &*journal, Collection::Modes).await, None);
    b.commit(&*journal, &[Entry::Copy(Collection::Users, CopyChange::Complete)]).await;
    b.wait.same("an empty copy", copy(&b, &*journal, Collection::Users).await, Some(vec![]));
    b.wait.same("another copy", copy(&b, &*journal, Collection::Modes).await, None);
}

pub(super) async fn a_complete_copy_is_all_of_it(b: Bench<'_>) {
    let schedules = Collection::Schedules;
    let first: Vec<Entry> = ["b", "가", "B", "it's\0"]
        .into_iter()
        .map(|id| put(schedules, document(id, 1)))
        .chain([Entry::Copy(schedules, CopyChange::Complete), put(Collection::Users, document("a", 1))])
        .collect();
    let removed = |id: &str| Entry::Copy(schedules, CopyChange::Remove(id.into()));
    let second = [
        put(schedules, document("b", u64::MAX)),
        removed("B"),
        removed("B"),
        removed("a"),
        put(schedules, document("c", 2)),
        removed("c"),
        put(schedules, document("c", 3)),
    ];
    let journal = b.started().await;
    b.commit(&*journal, &first).await;
    b.commit(&*journal, &second).await;
    let wanted = [("b", u64::MAX), ("c", 3), ("it's\0", 1), ("가", 1)].map(|(id, n)| document(id, n));
    b.wait.same("the copy", copy(&b, &*journal, schedules).await, Some(wanted.to_vec()));
    let (_, journal) = b.next_start(journal).await;
    b.wait.same("the copy, later", copy(&b, &*journal, schedules).await, Some(wanted.to_vec()));
    b.wait.same("another copy", copy(&b, &*journal, Collection::Users).await, None);
}

const EARLY: &str = "2026-03-29T02:30";
const LATE: &str = "2026-03-30T00:00";

async fn copy(
    b: &Bench<'_>,
    journal: &dyn Journal,
    collection: Collection,
) -> Option<Vec<Versioned<Content>>> {
    let copied = b.wait.for_("copy", journal.copy(collection)).await;
    b.wait.done("copy", copied)
}

fn put(collection: Collection, document: Versioned<Content>) -> Entry {
    Entry::Copy(collection, CopyChange::Put(document))
}

fn document(id: &str, revision: u64) -> Versioned<Content> {
    let value = serde_json::json!({ "title": id, "n": revision }).to_string().into();
    Versioned { id: id.into(), revision: Revision(revision), updated: time(3), value }
}

fn rename(from: &str, to: &str) -> Entry {
    Entry::Rename { from: from.into(), to: to.into() }
}

fn slot(text: &str) -> Slot {
    text.parse().unwrap_or_else(|_| panic!("{text} is no slot"))
}

fn row(schedule: &str, at: &str, state: SlotState) -> SlotRow {
    SlotRow {
        key: SlotKey { schedule: schedule.into(), slot: slot(at) },
        state,
        due: time(60),
        judged: time(61),
        revision: Revision(7),
        fingerprint: 0x00c0_ffee,
        command: None,
        frame: None,
        why: "on time".into(),
        missed: None,
    }
}
