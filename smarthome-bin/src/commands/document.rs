//! `smarthome schedule` and `smarthome mode`, and how every document is asked for: through the daemon when one runs, else in the store itself.

use std::path::Path;

use chrono::Utc;
use serde_json::{Map, Value, json};
use smarthome_adapters::sqlite::SqliteStore;
use smarthome_core::engine::Collection;

use super::{block_on, load_with_directory};
use crate::cli::{Global, Mode, ModeAction, Schedule, ScheduleAction};
use crate::control::{Connection, DocumentEntry, Reply, Request};
use crate::documents::{self, NotDone};
use crate::exit::Failure;
use crate::{output, wiring};

/// Lists, sets or deletes schedules.
pub(super) fn schedule(global: &Global, args: &Schedule) -> Result<(), Failure> {
    let (loaded, directory) = load_with_directory(global)?;
    let collection = Collection::Schedules;
    let request = match &args.action {
        ScheduleAction::List => Request::Documents { collection },
        ScheduleAction::Delete { title } => Request::DeleteDocument { collection, id: title.clone() },
        ScheduleAction::Set { title, fields } => {
            let home = &loaded.config.home;
            let refused = |why: String| Failure::NotAcceptable(format!("schedule {title:?}: {why}"));
            let schedule = smarthome_core::Schedule::from_fields(&object(fields)?, &home.zone);
            let schedule = schedule.map_err(|fault| refused(fault.to_string()))?;
            let now = Utc::now();
            let acceptable = schedule.acceptable(title, home.device, &home.zone, now);
            acceptable.map_err(|why| refused(why.to_string()))?;
            let today = smarthome_core::Calendar::local(&home.zone, now).date();
            Request::SetDocument { collection, id: title.clone(), fields: schedule.canonical(title, today) }
        }
    };
    show(args.json, "schedule", &request, ask(&directory, &request)?)
}

/// Lists, sets or deletes modes.
pub(super) fn mode(global: &Global, args: &Mode) -> Result<(), Failure> {
    let (_, directory) = load_with_directory(global)?;
    let collection = Collection::Modes;
    let request = match &args.action {
        ModeAction::List => Request::Documents { collection },
        ModeAction::Delete { id } => Request::DeleteDocument { collection, id: id.clone() },
        ModeAction::Set { fields } => {
            let mode = smarthome_core::Mode::from_fields(&object(fields)?);
            let mode = mode.map_err(|fault| Failure::NotAcceptable(format!("mode: {fault}")))?;
            Request::SetDocument { collection, id: mode.id(), fields: mode.canonical() }
        }
    };
    show(args.json, "mode", &request, ask(&directory, &request)?)
}

/// Every document of a kind.
pub(super) fn all(directory: &Path, collection: Collection) -> Result<Vec<DocumentEntry>, Failure> {
    ask(directory, &Request::Documents { collection })
}

/// Fields as they are given on the command line.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Failure::NotAcceptable("the fields are JSON, but no object: write {\"name\":…}".into())),
        Err(error) => Err(Failure::NotAcceptable(format!("the fields are no JSON: {error}"))),
    }
}

/// Asks the daemon when one runs, else the store itself.
pub(super) fn ask(directory: &Path, request: &Request) -> Result<Vec<DocumentEntry>, Failure> {
    block_on(async {
        match Connection::open(directory).await? {
            Some(connection) => through_daemon(connection, request).await,
            None => in_store(directory, request).await,
        }
    })
}

/// Asks the daemon.
pub(super) async fn through_daemon(
    mut connection: Connection,
    request: &Request,
) -> Result<Vec<DocumentEntry>, Failure> {
    connection.ask(request).await?;
    let mut found = Vec::new();
    while let Some(reply) = connection.next().await? {
        if let Reply::Document(document) = reply {
            found.push(document);
        }
    }
    Ok(found)
}

/// Without a daemon the lock makes sure that none starts meanwhile.
async fn in_store(directory: &Path, request: &Request) -> Result<Vec<DocumentEntry>, Failure> {
    let state = wiring::lock(directory)?;
    let broken = |why: String| Failure::State { directory: directory.to_owned(), why };
    let store = SqliteStore::open(state.file(wiring::STORE)).map_err(|error| broken(error.line()))?;
    let done = match request {
        Request::Documents { collection } => documents::all(&store, *collection).await,
        Request::SetDocument { collection, id, fields } => {
            documents::set(&store, *collection, id, fields).await.map(|()| Vec::new())
        }
        Request::DeleteDocument { collection, id } => {
            documents::delete(&store, *collection, id).await.map(|()| Vec::new())
        }
        Request::Info | Request::Send { .. } => Ok(Vec::new()),
    };
    done.map_err(|why| match why {
        NotDone::Unacceptable(why) => Failure::NotAcceptable(why),
        NotDone::Absent(id) => Failure::NoSuchDocument(id),
        NotDone::Failed(error) => broken(error.to_string()),
    })
}

fn show(as_json: bool, kind: &str, request: &Request, found: Vec<DocumentEntry>) -> Result<(), Failure> {
    let (id, result) = match request {
        Request::SetDocument { id, .. } => (id, "set"),
        Request::DeleteDocument { id, .. } => (id, "deleted"),
        _ => {
            return found.iter().try_for_each(|document| {
                if as_json { output::json(document) } else { output::line(text(document)) }
            });
        }
    };
    if as_json {
        output::json(&json!({ "id": id, "result": result }))
    } else {
        output::line(format_args!("{kind} {id:?} is {result}"))
    }
}

/// A document on one line.
fn text(document: &DocumentEntry) -> String {
    let fields = document.fields.iter().filter(|(key, _)| *key != "title");
    let fields: Vec<String> =
        fields.map(|(key, value)| format!("{}={}", plain(key), plain(&value.to_string()))).collect();
    format!("{}  {}", plain(&document.id), fields.join(" "))
}

/// Control characters in what clients stored must not reach the terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
