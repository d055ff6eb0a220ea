use super::*;
use smarthome_core::Mono;
use smarthome_core::engine::{Content, CopyChange, Documents as News, Entry, Revision, Versioned};
use smarthome_core::ports::memory::{ManualClock, MemoryBroker, MemoryDocuments, MemoryJournal};
use smarthome_core::ports::{Documents, Journal};
use std::sync::Arc;

struct Bench {
    journal: MemoryJournal,
    documents: MemoryDocuments,
    executor: Executor,
}

impl Bench {
    fn new() -> Bench {
        let now = smarthome_core::Now::new("2026-03-01T00:00:00Z".parse().unwrap(), Mono::ZERO).unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let journal = MemoryJournal::default();
        let documents = MemoryDocuments::new(clock.clone());
        let ports = Ports {
            clock: clock.clone(),
            journal: Arc::new(journal.clone()),
            documents: Arc::new(documents.clone()),
            broker: Arc::new(MemoryBroker::new(clock, [])),
        };
        Bench { journal, documents, executor: Executor::new(ports, &Topics::default()) }
    }

    async fn does(&mut self, lane: Lane, what: Intent) -> Ending {
        self.executor.start(Job { lane, id: id(1), cause: None, what });
        self.executor.next().await.1
    }

    async fn writes(&mut self, document: &str, write: Write) -> Ending {
        let row = WriteRow {
            id: id(1),
            collection: Collection::Schedules,
            document: document.into(),
            write,
            decided: chrono::DateTime::UNIX_EPOCH,
            producer: None,
        };
        self.does(Lane::Document, Intent::WriteDocument(row)).await
    }
}

fn id(counter: u64) -> EffectId {
    EffectId { epoch: 1, counter }
}

#[tokio::test]
async fn documents_are_merged_replaced_and_deleted() {
    let mut bench = Bench::new();
    let Ok(Done::Written(first)) = bench.writes("a", Write::Replace(r#"{"x":1}"#.into())).await else {
        panic!("not written")
    };
    let Ok(Done::Written(second)) = bench.writes("a", Write::Merge(r#"{"y":2}"#.into())).await else {
        panic!("not written")
    };
    let found = bench.documents.get(Collection::Schedules, "a").await.unwrap().unwrap();
    assert_eq!((&*found.value, found.revision), (r#"{"x":1,"y":2}"#, second));
    assert_eq!(bench.writes("a", Write::Delete(Some(first))).await, Ok(Done::Deleted(None)));
    let deleted = bench.writes("a", Write::Delete(Some(second))).await;
    assert!(matches!(deleted, Ok(Done::Deleted(Some(revision))) if revision > second), "{deleted:?}");
    assert_eq!(bench.writes("a", Write::Delete(None)).await, Ok(Done::Deleted(None)));
    let refused = bench.writes("a", Write::Replace("[]".into())).await;
    assert!(refused.is_err_and(|error| error.kind == ErrorKind::GiveUp));
}

#[tokio::test]
async fn a_list_is_read_again() {
    let mut bench = Bench::new();
    let _ = bench.writes("a", Write::Replace("{}".into())).await;
    let Ok(Done::Listed(News::Snapshot(Collection::Schedules, all, newest))) =
        bench.does(Lane::Copy, Intent::ReadList(Collection::Schedules)).await
    else {
        panic!("no list")
    };
    assert_eq!(
        all.iter().map(|document| (&*document.id, document.revision)).collect::<Vec<_>>(),
        [("a", newest)]
    );
    bench.documents.watch_faults().fail_next(1, PortError::new(ErrorKind::Retry, "away"));
    let failed = bench.does(Lane::Copy, Intent::ReadList(Collection::Schedules)).await;
    assert!(failed.is_err_and(|error| error.kind == ErrorKind::Retry));
}

#[tokio::test]
async fn the_copy_is_read() {
    let mut bench = Bench::new();
    let modes = Collection::Modes;
    assert_eq!(bench.does(Lane::Copy, Intent::ReadCopy(modes)).await, Ok(Done::Copy(None)));
    let updated = "2026-03-01T00:00:00Z".parse().unwrap();
    let mode = Versioned { id: "1. Home".into(), revision: Revision(1), updated, value: Content::from("{}") };
    let put = Entry::Copy(modes, CopyChange::Put(mode.clone()));
    bench.journal.commit(&[put, Entry::Copy(modes, CopyChange::Complete)]).await.unwrap();
    bench.documents.merge(modes, "2. Away", "{}").await.unwrap();
    let copied = bench.does(Lane::Copy, Intent::ReadCopy(modes)).await;
    assert_eq!(copied, Ok(Done::Copy(Some(vec![mode.clone()]))));
}
