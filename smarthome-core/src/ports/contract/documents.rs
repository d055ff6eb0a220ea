//! What every store keeps to.

use super::within::Wait;
use crate::engine::{Collection, Content, Documents as News, Event, Revision, Versioned};
use crate::ports::memory::MemoryInbox;
use crate::ports::{Clock, Documents, ErrorKind};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use async_trait::async_trait;
use serde_json::{Value, json};

const USERS: Collection = Collection::Users;

/// How the suite gets at a store.
#[async_trait]
pub trait DocumentsUnderTest: Send + Sync {
    /// A store without documents. Each call gives another one.
    async fn fresh(&self) -> Box<dyn Documents>;
}

/// Runs every clause.
///
/// # Panics
/// When one is broken.
pub async fn documents(make: &dyn DocumentsUnderTest, clock: &dyn Clock) {
    macro_rules! clauses {
        ($($clause:ident: $text:literal;)*) => {$({
            let wait = Wait { clock, clause: $text };
            let store = wait.for_("a fresh store", make.fresh()).await;
            $clause(Bench { store: &*store, wait }).await;
        })*};
    }
    clauses! {
        a_merge_makes_a_document: "a merge makes a document that is not there";
        a_merge_leaves_other_fields_alone: "a merge leaves the document's other fields alone";
        values_come_back_as_they_were: "values come back as they were";
        a_repeated_merge_does_no_harm: "repeating a merge does no harm";
        ids_of_every_kind_work: "ids of every kind work";
        fields_that_are_no_object_are_refused: "fields that are no JSON object are refused for good";
        impossible_ids_are_refused: "an id that is empty or too long is refused for good";
        a_missing_document_is_none: "a document that is not there is none";
        a_deletion_deletes: "a deletion deletes, once";
        a_deletion_keeps_other_revisions: "a deletion that expects another revision does nothing";
        revisions_only_grow: "the revisions of a document only grow, also over its deletion";
        a_watch_begins_with_a_snapshot: "a watch begins with a snapshot, ascending by id";
        a_watch_tells_every_change_in_order: "a watch tells every change in order, own writes included";
        every_watch_tells: "every watcher is told";
        a_replacement_is_the_whole_document: "a replacement is the whole document";
        a_replacement_is_as_strict_as_a_merge: "a replacement is as strict as a merge";
        revisions_grow_with_replacements: "revisions grow over replacements and deletions";
        collections_do_not_mix: "collections do not mix";
        a_watch_tells_of_its_collection: "a watch tells of its collection and of no other";
    }
}

struct Bench<'a> {
    store: &'a dyn Documents,
    wait: Wait<'a>,
}

impl Bench<'_> {
    async fn merge(&self, id: &str, fields: &Value) -> Revision {
        let merged = self.wait.for_("merge", self.store.merge(USERS, id, &fields.to_string())).await;
        self.wait.done("merge", merged)
    }

    async fn replace(&self, id: &str, document: &Value) -> Revision {
        let document = document.to_string();
        let replaced = self.wait.for_("replace", self.store.replace(USERS, id, &document)).await;
        self.wait.done("replace", replaced)
    }

    async fn get(&self, id: &str) -> Option<Versioned<Content>> {
        let found = self.wait.for_("get", self.store.get(USERS, id)).await;
        self.wait.done("get", found)
    }

    /// The document's content.
    async fn value(&self, id: &str) -> Option<Value> {
        self.get(id).await.map(|document| self.parse(&document))
    }

    async fn delete(&self, id: &str, expected: Option<Revision>) -> Option<Revision> {
        let deleted = self.wait.for_("delete", self.store.delete(USERS, id, expected)).await;
        self.wait.done("delete", deleted)
    }

    fn parse(&self, document: &Versioned<Content>) -> Value {
        match serde_json::from_str(&document.value) {
            Ok(value) => value,
            Err(error) => self.wait.broken(&alloc::format!("{} is not JSON: {error}", document.value)),
        }
    }

    /// Waits for news that shows `id` at `revision` or later; `None` for deleted.
    async fn shown(&self, inbox: &MemoryInbox, id: &str, revision: Revision) -> Option<Value> {
        let what = alloc::format!("news of {id:?} at revision {} or later", revision.0);
        let wanted = |event| match event {
            Event::Documents(News::Snapshot(USERS, all, _)) => {
                let found =
                    all.into_iter().find(|document| document.id == id && document.revision >= revision);
                found.map(Some)
            }
            Event::Documents(News::Changed(USERS, document)) => {
                (document.id == id && document.revision >= revision).then_some(Some(document))
            }
            Event::Documents(News::Deleted(USERS, gone, at)) => {
                (gone == id && at >= revision).then_some(None)
            }
            _ => None,
        };
        self.wait.find(&what, inbox, wanted).await.map(|document| self.parse(&document))
    }

    async fn snapshot(&self, inbox: &MemoryInbox) -> Vec<Versioned<Content>> {
        match self.wait.for_("a snapshot", inbox.next()).await {
            Event::Documents(News::Snapshot(USERS, all, newest)) => {
                let older = all.iter().all(|document| document.revision <= newest);
                self.wait.holds("nothing in a snapshot is newer than the snapshot", older);
                all
            }
            other => self.wait.broken(&alloc::format!("the first event is {other:?}")),
        }
    }
}

async fn a_merge_makes_a_document(b: Bench<'_>) {
    let revision = b.merge("uid-1", &json!({ "name": "Kim" })).await;
    let document = b.get("uid-1").await;
    let known = document.map(|document| (document.id.clone(), document.revision, b.parse(&document)));
    b.wait.same("the document", known, Some(("uid-1".to_string(), revision, json!({ "name": "Kim" }))));
}

async fn a_merge_leaves_other_fields_alone(b: Bench<'_>) {
    b.merge("uid-1", &json!({ "name": "Kim", "phone": "010", "car": { "colour": "red", "doors": 5 } })).await;
    b.merge("uid-2", &json!({ "name": "Lee" })).await;
    b.merge("uid-1", &json!({ "name": "김", "car": { "colour": "blue" } })).await;
    let wanted = json!({ "name": "김", "phone": "010", "car": { "colour": "blue" } });
    b.wait.same("the document", b.value("uid-1").await, Some(wanted));
    b.wait.same("another document", b.value("uid-2").await, Some(json!({ "name": "Lee" })));
}

async fn values_come_back_as_they_were(b: Bench<'_>) {
    let fields = json!({
        "text": "it's \"quoted\" \\ \u{1F3E0} 김철수 a\u{0}b", "empty": "", "true": true, "null": null,
        "int": -7, "large": 9_007_199_254_740_993_i64, "half": 0.5,
        "list": [1, "two", null, { "three": 3 }], "map": { "inner": { "deep": [] } }, "한글": "키",
    });
    b.merge("uid-1", &fields).await;
    b.wait.same("the document", b.value("uid-1").await, Some(fields));
}

async fn a_repeated_merge_does_no_harm(b: Bench<'_>) {
    let first = b.merge("uid-1", &json!({ "name": "Kim" })).await;
    let again = b.merge("uid-1", &json!({ "name": "Kim" })).await;
    b.wait.holds("the revision does not go back", again >= first);
    b.wait.same("the document", b.value("uid-1").await, Some(json!({ "name": "Kim" })));
}

async fn ids_of_every_kind_work(b: Bench<'_>) {
    let longest = "가".repeat(500);
    let ids = ["a", "A", "김철수", "1. 실내 모드", "it's 100% \"fine\"?&#+.", "..a", " ", &longest];
    for id in ids {
        b.merge(id, &json!({ "is": id })).await;
    }
    for id in ids {
        b.wait.same("the document", b.value(id).await, Some(json!({ "is": id })));
    }
    b.wait.holds("the longest id is deleted", b.delete(&longest, None).await.is_some());
}

async fn fields_that_are_no_object_are_refused(b: Bench<'_>) {
    b.merge("uid-1", &json!({ "name": "Kim" })).await;
    for bad in ["", "[]", "null", "7", "{", "{}{}", "{\"a\":NaN}", "{\"a\":Infinity}", "{a:1}", "{\"a\":1,}"]
    {
        let merged = b.wait.for_("merge", b.store.merge(USERS, "uid-1", bad)).await;
        let refused = merged.as_ref().is_err_and(|error| error.kind == ErrorKind::GiveUp);
        b.wait.holds(&alloc::format!("{bad:?} gave {merged:?}"), refused);
    }
    b.wait.same("the document", b.value("uid-1").await, Some(json!({ "name": "Kim" })));
}

async fn impossible_ids_are_refused(b: Bench<'_>) {
    for bad in [String::new(), "x".repeat(1_501)] {
        let merged = b.wait.for_("merge", b.store.merge(USERS, &bad, "{}")).await;
        let refused = merged.as_ref().is_err_and(|error| error.kind == ErrorKind::GiveUp);
        b.wait.holds(&alloc::format!("{} bytes gave {merged:?}", bad.len()), refused);
    }
}

async fn a_missing_document_is_none(b: Bench<'_>) {
    b.merge("uid-1", &json!({})).await;
    b.wait.same("another id", b.value("uid-11").await, None);
    b.wait.same("an empty document", b.value("uid-1").await, Some(json!({})));
}

async fn a_deletion_deletes(b: Bench<'_>) {
    b.wait.holds("nothing is deleted when there is none", b.delete("uid-1", None).await.is_none());
    b.merge("uid-1", &json!({ "name": "Kim", "phone": "010" })).await;
    b.wait.holds("it is deleted", b.delete("uid-1", None).await.is_some());
    b.wait.holds("it is not deleted twice", b.delete("uid-1", None).await.is_none());
    b.wait.same("the document", b.value("uid-1").await, None);
    b.merge("uid-1", &json!({ "name": "Lee" })).await;
    b.wait.same("made anew", b.value("uid-1").await, Some(json!({ "name": "Lee" })));
}

async fn a_deletion_keeps_other_revisions(b: Bench<'_>) {
    let old = b.merge("uid-1", &json!({ "name": "Kim" })).await;
    let new = b.merge("uid-1", &json!({ "name": "Lee" })).await;
    b.wait.holds("the old revision is not deleted", b.delete("uid-1", Some(old)).await.is_none());
    b.wait.same("the document", b.value("uid-1").await, Some(json!({ "name": "Lee" })));
    b.wait.holds("the right one is deleted", b.delete("uid-1", Some(new)).await > Some(new));
    b.wait.holds("nothing is left to delete", b.delete("uid-1", Some(new)).await.is_none());
}

async fn revisions_only_grow(b: Bench<'_>) {
    let mut last = b.merge("uid-1", &json!({ "n": 0 })).await;
    for n in 1..4 {
        let next = b.merge("uid-1", &json!({ "n": n })).await;
        b.wait.holds("a change has a greater revision", next > last);
        b.wait.same("the revision read", b.get("uid-1").await.map(|document| document.revision), Some(next));
        b.delete("uid-1", None).await;
        last = b.merge("uid-1", &json!({ "n": n })).await;
        b.wait.holds("made anew it has a greater revision", last > next);
    }
}

async fn a_watch_begins_with_a_snapshot(b: Bench<'_>) {
    let inbox = MemoryInbox::default();
    let watch = b.store.watch(USERS, &inbox);
    b.wait.alongside(watch, async { b.wait.same("an empty store", b.snapshot(&inbox).await, vec![]) }).await;
    for id in ["b", "가", "B", "a"] {
        b.merge(id, &json!({ "is": id })).await;
    }
    b.merge("a", &json!({ "more": 1 })).await;
    b.delete("b", None).await;
    for _ in 0..2 {
        let inbox = MemoryInbox::default();
        let all = b.wait.alongside(b.store.watch(USERS, &inbox), b.snapshot(&inbox)).await;
        let ids: Vec<_> = all.iter().map(|document| document.id.as_str()).collect();
        b.wait.same("the ids", ids, vec!["B", "a", "가"]);
        for document in &all {
            b.wait.same("what was read", b.get(&document.id).await.as_ref(), Some(document));
        }
    }
}

async fn a_watch_tells_every_change_in_order(b: Bench<'_>) {
    let inbox = MemoryInbox::default();
    let body = async {
        b.wait.same("the snapshot", b.snapshot(&inbox).await, vec![]);
        let mut last = Revision(0);
        for n in 0..5 {
            let revision = b.merge("uid-1", &json!({ "n": n })).await;
            b.wait.same("what is shown", b.shown(&inbox, "uid-1", revision).await, Some(json!({ "n": n })));
            b.wait.holds("revisions grow", revision > last);
            last = revision;
        }
        b.delete("uid-1", None).await;
        let after = Revision(last.0 + 1);
        b.wait.same("the deletion", b.shown(&inbox, "uid-1", after).await, None);
        let revision = b.merge("uid-1", &json!({ "n": 9 })).await;
        b.wait.same("made anew", b.shown(&inbox, "uid-1", revision).await, Some(json!({ "n": 9 })));
    };
    b.wait.alongside(b.store.watch(USERS, &inbox), body).await;
}

async fn every_watch_tells(b: Bench<'_>) {
    let (first, second) = (MemoryInbox::default(), MemoryInbox::default());
    let body = async {
        b.snapshot(&first).await;
        b.snapshot(&second).await;
        let revision = b.merge("uid-1", &json!({ "name": "Kim" })).await;
        for inbox in [&first, &second] {
            b.wait.same(
                "what is shown",
                b.shown(inbox, "uid-1", revision).await,
                Some(json!({ "name": "Kim" })),
            );
        }
    };
    let second_too = b.wait.alongside(b.store.watch(USERS, &second), body);
    b.wait.alongside(b.store.watch(USERS, &first), second_too).await;
}

async fn a_replacement_is_the_whole_document(b: Bench<'_>) {
    let made = b.replace("07:30", &json!({ "title": "07:30", "enabled": true })).await;
    let document = b.get("07:30").await;
    b.wait.same("the revision read", document.map(|document| document.revision), Some(made));
    b.merge("07:30", &json!({ "author": "Kim" })).await;
    let inbox = MemoryInbox::default();
    let body = async {
        b.snapshot(&inbox).await;
        let wanted = json!({ "title": "07:30", "modeNum": 3 });
        let revision = b.replace("07:30", &wanted).await;
        b.wait.same("what is shown", b.shown(&inbox, "07:30", revision).await, Some(wanted.clone()));
        b.wait.same("the document", b.value("07:30").await, Some(wanted));
    };
    b.wait.alongside(b.store.watch(USERS, &inbox), body).await;
}

async fn a_replacement_is_as_strict_as_a_merge(b: Bench<'_>) {
    b.merge("uid-1", &json!({ "name": "Kim" })).await;
    let long = "x".repeat(1_501);
    for (id, bad) in [("uid-1", "[]"), ("uid-1", ""), ("uid-1", "{\"a\":NaN}"), ("", "{}"), (&*long, "{}")] {
        let replaced = b.wait.for_("replace", b.store.replace(USERS, id, bad)).await;
        let refused = replaced.as_ref().is_err_and(|error| error.kind == ErrorKind::GiveUp);
        b.wait.holds(&alloc::format!("{bad:?} gave {replaced:?}"), refused);
    }
    b.wait.same("the document", b.value("uid-1").await, Some(json!({ "name": "Kim" })));
}

async fn revisions_grow_with_replacements(b: Bench<'_>) {
    let mut last = b.merge("uid-1", &json!({ "n": 0 })).await;
    for n in 1..4 {
        let replaced = b.replace("uid-1", &json!({ "n": n })).await;
        b.wait.holds("a replacement has a greater revision", replaced > last);
        b.wait.holds("the older revision is not deleted", b.delete("uid-1", Some(last)).await.is_none());
        b.wait.holds("this one is", b.delete("uid-1", Some(replaced)).await.is_some());
        last = b.replace("uid-1", &json!({ "n": n })).await;
        b.wait.holds("made anew it has a greater revision", last > replaced);
    }
}

async fn collections_do_not_mix(b: Bench<'_>) {
    for collection in Collection::ALL {
        let fields = json!({ "is": collection.to_string() }).to_string();
        b.wait.done("merge", b.wait.for_("merge", b.store.merge(collection, "same", &fields)).await);
    }
    let replaced = b.wait.for_("replace", b.store.replace(Collection::Modes, "same", "{}")).await;
    b.wait.done("replace", replaced);
    let deleted = b.wait.for_("delete", b.store.delete(Collection::Schedules, "same", None)).await;
    b.wait.holds("it is deleted", b.wait.done("delete", deleted).is_some());
    let mut found = Vec::new();
    for collection in Collection::ALL {
        let document = b.wait.for_("get", b.store.get(collection, "same")).await;
        found.push(b.wait.done("get", document).map(|document| b.parse(&document)));
    }
    b.wait.same("the documents", found, vec![Some(json!({ "is": "users" })), Some(json!({})), None]);
    for (collection, count) in [(USERS, 1), (Collection::Modes, 1), (Collection::Schedules, 0)] {
        let inbox = MemoryInbox::default();
        let first = b.wait.for_("a snapshot", inbox.next());
        let snapshot = match b.wait.alongside(b.store.watch(collection, &inbox), first).await {
            Event::Documents(News::Snapshot(of, all, _)) => (of, all.len()),
            other => b.wait.broken(&alloc::format!("the first event is {other:?}")),
        };
        b.wait.same("the snapshot", snapshot, (collection, count));
    }
}

async fn a_watch_tells_of_its_collection(b: Bench<'_>) {
    let inbox = MemoryInbox::default();
    let modes = Collection::Modes;
    let body = async {
        let all = b.wait.for_("a snapshot", inbox.next()).await;
        let empty =
            matches!(&all, Event::Documents(News::Snapshot(of, all, _)) if *of == modes && all.is_empty());
        b.wait.holds("the snapshot is that of an empty collection", empty);
        b.merge("same", &json!({ "of": "users" })).await;
        b.delete("same", None).await;
        let replaced = b.wait.for_("replace", b.store.replace(modes, "1. Home", "{}")).await;
        b.wait.done("replace", replaced);
        let deleted = b.wait.for_("delete", b.store.delete(modes, "1. Home", None)).await;
        b.wait.holds("it is deleted", b.wait.done("delete", deleted).is_some());
        for _ in 0..2 {
            let told = match b.wait.for_("news", inbox.next()).await {
                Event::Documents(News::Changed(of, document)) => (of, document.id),
                Event::Documents(News::Deleted(of, id, _)) => (of, id),
                other => b.wait.broken(&alloc::format!("told of {other:?}")),
            };
            b.wait.same("what is told", told, (modes, "1. Home".to_string()));
        }
    };
    b.wait.alongside(b.store.watch(modes, &inbox), body).await;
}
