//! `smarthome user`.

use serde_json::{Map, Value, json};
use smarthome_core::engine::Collection;

use super::document::{ask, object, plain};
use super::load_with_directory;
use crate::cli::{Global, User, UserAction};
use crate::control::{DocumentEntry, Request};
use crate::exit::Failure;
use crate::{output, users};

/// Lists, sets or deletes.
pub(super) fn run(global: &Global, args: &User) -> Result<(), Failure> {
    let request = request(&args.action)?;
    let (_, directory) = load_with_directory(global)?;
    let found = ask(&directory, &request).map_err(|failure| match failure {
        Failure::NoSuchDocument(uid) => Failure::NoSuchUser(uid),
        other => other,
    })?;
    show(args, &found)
}

/// What is asked for, once it is acceptable.
fn request(action: &UserAction) -> Result<Request, Failure> {
    let collection = Collection::Users;
    let checked = |uid: &str| users::check_uid(uid).map_err(Failure::NotAcceptable);
    Ok(match action {
        UserAction::List => Request::Documents { collection },
        UserAction::Delete { uid } => {
            checked(uid)?;
            Request::DeleteDocument { collection, id: uid.clone() }
        }
        UserAction::Set { uid, name, fields } => {
            checked(uid)?;
            let fields = match (name, fields) {
                (Some(name), _) => Map::from_iter([("name".to_owned(), Value::String(name.clone()))]),
                (None, fields) => object(fields.as_deref().unwrap_or_default())?,
            };
            users::check_fields(&fields).map_err(Failure::NotAcceptable)?;
            Request::SetDocument { collection, id: uid.clone(), fields }
        }
    })
}

fn show(args: &User, found: &[DocumentEntry]) -> Result<(), Failure> {
    let (uid, result) = match &args.action {
        UserAction::Set { uid, .. } => (uid, "set"),
        UserAction::Delete { uid } => (uid, "deleted"),
        UserAction::List => return found.iter().try_for_each(|user| show_one(user, args.json)),
    };
    if args.json {
        output::json(&json!({ "uid": uid, "result": result }))
    } else {
        output::line(format_args!("user {uid:?} is {result}"))
    }
}

fn show_one(user: &DocumentEntry, as_json: bool) -> Result<(), Failure> {
    let DocumentEntry { id: uid, fields } = user;
    if as_json {
        return output::json(&json!({ "uid": uid, "fields": fields }));
    }
    let name = match fields.get("name") {
        Some(Value::String(name)) => plain(name),
        _ => "(no name: cannot sign in)".into(),
    };
    let others = fields.iter().filter(|(key, _)| *key != "name");
    let others: Vec<String> =
        others.map(|(key, value)| format!("{}={}", plain(key), plain(&value.to_string()))).collect();
    output::line(format!("{}  {name}  {}", plain(uid), others.join(" ")).trim_end())
}
