//! `smarthome user`: through the daemon when one runs, else in the store itself.

use std::path::Path;

use serde_json::{Map, Value, json};
use smarthome_adapters::sqlite::SqliteStore;
use smarthome_core::engine::Collection;
use smarthome_core::ports::{Documents, PortError};

use super::{block_on, load_with_directory};
use crate::cli::{Global, User, UserAction};
use crate::control::{Connection, Reply, Request, UserEntry};
use crate::exit::Failure;
use crate::{documents, output, users, wiring};

/// Lists, sets or deletes.
pub(super) fn run(global: &Global, args: &User) -> Result<(), Failure> {
    let request = request(&args.action)?;
    let (_, directory) = load_with_directory(global)?;
    let found = block_on(async {
        match Connection::open(&directory).await? {
            Some(connection) => through_daemon(connection, &request).await,
            None => in_store(&directory, &request).await,
        }
    })?;
    show(args, &request, found)
}

/// What is asked for, once it is acceptable.
fn request(action: &UserAction) -> Result<Request, Failure> {
    let checked = |uid: &str| users::check_uid(uid).map_err(Failure::NotAcceptable);
    Ok(match action {
        UserAction::List => Request::Users,
        UserAction::Delete { uid } => {
            checked(uid)?;
            Request::DeleteUser { uid: uid.clone() }
        }
        UserAction::Set { uid, name, fields } => {
            checked(uid)?;
            let fields = match (name, fields) {
                (Some(name), _) => Map::from_iter([("name".to_owned(), Value::String(name.clone()))]),
                (None, fields) => object(fields.as_deref().unwrap_or_default())?,
            };
            users::check_fields(&fields).map_err(Failure::NotAcceptable)?;
            Request::SetUser { uid: uid.clone(), fields }
        }
    })
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Failure::NotAcceptable("the fields are JSON, but no object: write {\"name\":…}".into())),
        Err(error) => Err(Failure::NotAcceptable(format!("the fields are no JSON: {error}"))),
    }
}

async fn through_daemon(mut connection: Connection, request: &Request) -> Result<Vec<UserEntry>, Failure> {
    connection.ask(request).await?;
    let mut users = Vec::new();
    while let Some(reply) = connection.next().await? {
        if let Reply::User(user) = reply {
            users.push(user);
        }
    }
    Ok(users)
}

/// Without a daemon the lock makes sure that none starts meanwhile.
async fn in_store(directory: &Path, request: &Request) -> Result<Vec<UserEntry>, Failure> {
    let state = wiring::lock(directory)?;
    let broken = |why: String| Failure::State { directory: directory.to_owned(), why };
    let store = SqliteStore::open(state.file(wiring::STORE)).map_err(|error| broken(error.line()))?;
    let failed = |error: PortError| broken(error.to_string());
    match request {
        Request::Users => Ok(documents::all(&store, Collection::Users)
            .await
            .map_err(failed)?
            .into_iter()
            .map(crate::control::entry)
            .collect()),
        Request::SetUser { uid, fields } => {
            let fields = Value::Object(fields.clone()).to_string();
            store.merge(Collection::Users, uid, &fields).await.map_err(failed)?;
            Ok(Vec::new())
        }
        Request::DeleteUser { uid } => {
            match store.delete(Collection::Users, uid, None).await.map_err(failed)? {
                true => Ok(Vec::new()),
                false => Err(Failure::NoSuchUser(uid.clone())),
            }
        }
        _ => Ok(Vec::new()),
    }
}

fn show(args: &User, request: &Request, found: Vec<UserEntry>) -> Result<(), Failure> {
    match request {
        Request::SetUser { uid, .. } if args.json => output::json(&json!({ "uid": uid, "result": "set" })),
        Request::SetUser { uid, .. } => output::line(format_args!("user {uid:?} is set")),
        Request::DeleteUser { uid } if args.json => output::json(&json!({ "uid": uid, "result": "deleted" })),
        Request::DeleteUser { uid } => output::line(format_args!("user {uid:?} is deleted")),
        _ => found
            .iter()
            .try_for_each(|user| if args.json { output::json(user) } else { output::line(text(user)) }),
    }
}

/// A user on one line. Control characters in what clients stored must not reach the terminal.
fn text(user: &UserEntry) -> String {
    let UserEntry { uid, fields } = user;
    let name = match fields.get("name") {
        Some(Value::String(name)) => plain(name),
        _ => "(no name: cannot sign in)".into(),
    };
    let others = fields.iter().filter(|(key, _)| *key != "name");
    let others: Vec<String> =
        others.map(|(key, value)| format!("{}={}", plain(key), plain(&value.to_string()))).collect();
    format!("{}  {name}  {}", plain(uid), others.join(" ")).trim_end().to_owned()
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
