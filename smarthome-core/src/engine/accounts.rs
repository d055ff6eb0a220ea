//! Users: the store's copy, with what was signed up since laid over it.

mod copy;

use super::effect::EffectId;
use super::event::{Content, Revision, Versioned};
use super::journal::CopyChange;
use super::turn::Turn;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use chrono::{DateTime, Utc};
use copy::Copy;
use serde_json::{Map, Value};

#[derive(Debug)]
struct Stored {
    revision: Revision,
    updated: DateTime<Utc>,
    content: Content,
}

/// A write of ours that the store's listener has not shown yet.
#[derive(Debug)]
struct Overlay {
    row: EffectId,
    fields: Map<String, Value>,
    /// The revision it got, once it is written.
    written: Option<Revision>,
    /// The newest deletion that the listener showed before that was known.
    deleted: Option<Revision>,
}

/// Who may sign in.
#[derive(Debug)]
pub(crate) struct Accounts {
    users: Option<BTreeMap<String, Stored>>,
    overlays: BTreeMap<String, Vec<Overlay>>,
    copy: Copy,
}

impl Default for Accounts {
    fn default() -> Self {
        Accounts { users: None, overlays: BTreeMap::new(), copy: Copy::Unread(None) }
    }
}

impl Accounts {
    /// Whether the users are known, from the store or the journal's copy.
    pub(crate) fn loaded(&self) -> bool {
        self.users.is_some()
    }

    /// The store's complete list, and the newest revision when it was read.
    pub(crate) fn snapshot(&mut self, users: Vec<Versioned<Content>>, newest: Revision) {
        // What was written before the list was read is in it, or was deleted since.
        for overlays in self.overlays.values_mut() {
            overlays.retain(|overlay| overlay.written.is_none_or(|written| written > newest));
        }
        self.overlays.retain(|_, overlays| !overlays.is_empty());
        let before = self.users.replace(users.into_iter().map(Stored::of).collect());
        self.renewed(before.as_ref());
    }

    /// One user is new or changed. Older news than what is known changes nothing.
    pub(crate) fn changed(&mut self, user: Versioned<Content>, turn: &mut Turn<'_>) {
        // Before the complete list there is nothing to change; it will hold this one.
        let Some(users) = &mut self.users else { return };
        if users.get(&user.id).is_some_and(|known| known.revision >= user.revision) {
            return;
        }
        self.drop_overlays(&user.id, |overlay| {
            overlay.written.is_some_and(|written| written <= user.revision)
        });
        self.copies(CopyChange::Put(user.clone()), turn);
        let (id, user) = Stored::of(user);
        self.users.get_or_insert_default().insert(id, user);
    }

    /// One user is gone.
    pub(crate) fn deleted(&mut self, id: &str, revision: Revision, turn: &mut Turn<'_>) {
        let Some(users) = &mut self.users else { return };
        if users.get(id).is_some_and(|known| known.revision <= revision) {
            users.remove(id);
            self.copies(CopyChange::Remove(id.into()), turn);
        }
        self.drop_overlays(id, |overlay| overlay.written.is_some_and(|written| written <= revision));
        for overlay in self.overlays.get_mut(id).into_iter().flatten() {
            overlay.deleted = overlay.deleted.max(Some(revision));
        }
    }

    /// A write of ours is on its way.
    pub(crate) fn writing(&mut self, id: &str, row: EffectId, fields: Map<String, Value>) {
        self.overlays.entry(id.into()).or_default().push(Overlay {
            row,
            fields,
            written: None,
            deleted: None,
        });
    }

    /// It is written, under this revision.
    pub(crate) fn written(&mut self, id: &str, row: EffectId, revision: Revision) {
        let shown = self.users.as_ref().and_then(|users| users.get(id)).map(|user| user.revision);
        if shown.is_some_and(|shown| shown >= revision) {
            return self.drop_overlays(id, |overlay| overlay.row == row);
        }
        self.drop_overlays(id, |overlay| overlay.row == row && overlay.deleted >= Some(revision));
        for overlay in self.overlays.get_mut(id).into_iter().flatten().filter(|overlay| overlay.row == row) {
            overlay.written = Some(revision);
        }
    }

    /// It failed for good.
    pub(crate) fn refused(&mut self, id: &str, row: EffectId) {
        self.drop_overlays(id, |overlay| overlay.row == row);
    }

    /// A user's document, if there is one with a name: a client that waits for a name would wait for ever.
    pub(crate) fn document(&self, id: &str) -> Option<Map<String, Value>> {
        let stored = self.users.as_ref().and_then(|users| users.get(id));
        let mut document = match stored.map(|user| serde_json::from_str(&user.content)) {
            Some(Ok(Value::Object(document))) => document,
            _ => Map::new(),
        };
        for overlay in self.overlays.get(id).into_iter().flatten() {
            document.extend(overlay.fields.clone());
        }
        matches!(document.get("name"), Some(Value::String(_))).then_some(document)
    }

    fn drop_overlays(&mut self, id: &str, done: impl Fn(&Overlay) -> bool) {
        if let Some(overlays) = self.overlays.get_mut(id) {
            overlays.retain(|overlay| !done(overlay));
            if overlays.is_empty() {
                self.overlays.remove(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Now;
    use crate::engine::turn::Ids;
    use serde_json::json;

    fn user(id: &str, revision: u64, content: Value) -> Versioned<Content> {
        let value = content.to_string().into_boxed_str();
        Versioned { id: id.into(), revision: Revision(revision), updated: DateTime::UNIX_EPOCH, value }
    }

    fn row(counter: u64) -> EffectId {
        EffectId { epoch: 1, counter }
    }

    fn name(accounts: &Accounts, id: &str) -> Option<Value> {
        accounts.document(id).and_then(|document| document.get("name").cloned())
    }

    fn fields(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn turn<T>(does: impl FnOnce(&mut Turn<'_>) -> T) -> T {
        let (mut ids, mut out) = (Ids::default(), alloc::vec![]);
        does(&mut Turn::new(Now::EPOCH, None, &mut ids, &mut out))
    }

    fn changed(accounts: &mut Accounts, user: Versioned<Content>) {
        turn(|turn| accounts.changed(user, turn));
    }

    fn deleted(accounts: &mut Accounts, id: &str, revision: Revision) {
        turn(|turn| accounts.deleted(id, revision, turn));
    }

    #[test]
    fn rule_16_an_own_write_lies_over_the_copy_until_the_listener_shows_it() {
        let mut accounts = Accounts::default();
        accounts.snapshot(alloc::vec![user("u", 1, json!({"name": "old", "age": 7}))], Revision(1));
        accounts.writing("u", row(1), fields(json!({"name": "new"})));
        assert_eq!(name(&accounts, "u"), Some(json!("new")));
        assert_eq!(accounts.document("u").unwrap().get("age"), Some(&json!(7)), "merged, not replaced");
        // The listener repeats the old document, then the write is answered, then it is shown.
        changed(&mut accounts, user("u", 1, json!({"name": "old"})));
        accounts.written("u", row(1), Revision(2));
        assert_eq!(name(&accounts, "u"), Some(json!("new")));
        changed(&mut accounts, user("u", 2, json!({"name": "new"})));
        changed(&mut accounts, user("u", 3, json!({"name": "newer"})));
        assert_eq!(name(&accounts, "u"), Some(json!("newer")));
    }

    #[test]
    fn rule_16_the_listener_may_be_faster_than_the_answer() {
        let mut accounts = Accounts::default();
        accounts.writing("u", row(1), fields(json!({"name": "new"})));
        assert_eq!(name(&accounts, "u"), Some(json!("new")), "known before the users were read");
        accounts.snapshot(alloc::vec![user("u", 5, json!({"name": "theirs"}))], Revision(5));
        accounts.written("u", row(1), Revision(5));
        assert_eq!(name(&accounts, "u"), Some(json!("theirs")));
    }

    #[test]
    fn rule_16_older_news_changes_nothing() {
        let mut accounts = Accounts::default();
        accounts.snapshot(alloc::vec![user("u", 5, json!({"name": "five"}))], Revision(5));
        changed(&mut accounts, user("u", 4, json!({"name": "four"})));
        deleted(&mut accounts, "u", Revision(4));
        assert_eq!(name(&accounts, "u"), Some(json!("five")));
        deleted(&mut accounts, "u", Revision(6));
        assert_eq!(name(&accounts, "u"), None);
    }

    #[test]
    fn rule_16_a_deletion_may_be_faster_than_the_answer() {
        let mut accounts = Accounts::default();
        accounts.snapshot(alloc::vec![], Revision(0));
        accounts.writing("u", row(1), fields(json!({"name": "new"})));
        accounts.writing("u", row(2), fields(json!({"age": 7})));
        changed(&mut accounts, user("u", 5, json!({"name": "new"})));
        deleted(&mut accounts, "u", Revision(6));
        accounts.written("u", row(1), Revision(5));
        assert_eq!(accounts.document("u"), None, "written before it was deleted");
        accounts.written("u", row(2), Revision(7));
        assert_eq!(accounts.overlays.len(), 1, "written after it was deleted");
    }

    #[test]
    fn a_refused_write_is_forgotten_and_a_document_without_a_name_is_no_user() {
        let mut accounts = Accounts::default();
        accounts.snapshot(
            alloc::vec![user("a", 1, json!({"name": 7})), user("b", 2, json!({})), user("c", 3, json!([1])),],
            Revision(3),
        );
        for id in ["a", "b", "c", "d"] {
            assert_eq!(accounts.document(id), None, "{id}");
        }
        accounts.writing("d", row(1), fields(json!({"name": "d"})));
        accounts.refused("d", row(1));
        assert_eq!(accounts.document("d"), None);
    }
}
