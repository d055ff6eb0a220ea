//! The store of a day: its documents, and what it tells of them.

use super::World;
use serde_json::Value;
use smarthome_core::engine::*;

impl World {
    pub(super) fn snapshot(&mut self, users: &str) {
        self.users = serde_json::from_str(users).unwrap();
        self.revision += 1;
        let all = self.users.clone();
        let all = all.into_iter().map(|(id, value)| self.versioned(id, &value)).collect();
        self.happen(Event::Documents(Documents::Snapshot(Collection::Users, all, Revision(self.revision))));
    }

    /// The store tells its modes and schedules, and from now on what changes about them. `lacking A B`: these are
    /// missing by mistake.
    pub(super) fn lists(&mut self, lacking: &str) {
        let lacking: Vec<&str> = lacking.split_whitespace().skip(1).collect();
        self.listens = true;
        for collection in [Collection::Modes, Collection::Schedules] {
            let all = self.documents.entry(collection).or_default().values();
            let all = all.filter(|document| !lacking.contains(&document.id.as_str())).cloned().collect();
            self.happen(Event::Documents(Documents::Snapshot(collection, all, Revision(self.revision))));
        }
    }

    /// `ID {…}` or `ID gone`: somebody writes or deletes a document.
    pub(super) fn document(&mut self, collection: Collection, rest: &str) {
        let (id, content) = rest.split_once(' ').unwrap();
        let (id, updated) = (id.to_string(), self.wall());
        self.revision += 1;
        let revision = Revision(self.revision);
        let documents = self.documents.entry(collection).or_default();
        let news = if content == "gone" {
            documents.remove(&id);
            Documents::Deleted(collection, id, revision)
        } else {
            let document = Versioned { id: id.clone(), revision, updated, value: content.into() };
            documents.insert(id, document.clone());
            Documents::Changed(collection, document)
        };
        if self.listens {
            self.happen(Event::Documents(news));
        }
    }

    fn versioned(&self, id: String, value: &Value) -> Versioned<Content> {
        let value = value.to_string().into_boxed_str();
        Versioned { id, revision: Revision(self.revision), updated: self.midnight, value }
    }

    /// The store does what it was told.
    pub(super) fn store_answers(&mut self) {
        for effect in std::mem::take(&mut self.writes) {
            let done = self.write(&effect.what);
            self.happen(Event::Outcome { id: effect.id, result: Ok(done) });
        }
    }

    pub(super) fn write(&mut self, intent: &Intent) -> Done {
        let Intent::WriteDocument(row) = intent else { unreachable!() };
        self.revision += 1;
        if let Write::Delete(expected) = row.write {
            let documents = self.documents.entry(row.collection).or_default();
            let found =
                documents.get(&row.document).is_some_and(|d| expected.is_none_or(|e| e == d.revision));
            if found {
                documents.remove(&row.document);
                let news = Documents::Deleted(row.collection, row.document.clone(), Revision(self.revision));
                self.events.push_back(Event::Documents(news));
            }
            return Done::Deleted(found.then_some(Revision(self.revision)));
        }
        if let Write::Replace(whole) = &row.write {
            let (id, revision) = (row.document.clone(), Revision(self.revision));
            let document = Versioned { id, revision, updated: self.wall(), value: whole.as_str().into() };
            let documents = self.documents.entry(row.collection).or_default();
            documents.insert(row.document.clone(), document.clone());
            if self.listens {
                self.events.push_back(Event::Documents(Documents::Changed(row.collection, document)));
            }
            return Done::Written(revision);
        }
        let user = self.users.entry(row.document.clone()).or_insert_with(|| serde_json::json!({}));
        for (key, value) in serde_json::from_str::<serde_json::Map<String, Value>>(row.write.text()).unwrap()
        {
            user[key.as_str()] = value;
        }
        let shown = self.users[&row.document].clone();
        let shown = self.versioned(row.document.clone(), &shown);
        self.events.push_back(Event::Documents(Documents::Changed(Collection::Users, shown)));
        Done::Written(Revision(self.revision))
    }
}
