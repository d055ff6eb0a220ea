//! Requests: JSON objects with a `Producer` (which device) and a `command`.

mod fault;

pub use fault::{Fault, Sender};
pub(crate) use fault::{quoted, shortened};

use crate::topic::Client;
use alloc::string::{String, ToString};
use serde_json::{Map, Value};

/// A request that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Store a user; fields that are not named stay.
    SignUp {
        /// Who asks, and hears of a failure.
        client: Client,
        /// The user's id.
        uid: String,
        /// The name to store.
        name: String,
    },
    /// Tell a user's document.
    SignIn {
        /// Who asks.
        client: Client,
        /// The user's id.
        uid: String,
    },
    /// Store a schedule in place of the one of that title.
    ScheduleSet {
        /// Who asks.
        client: Client,
        /// Its title.
        title: String,
        /// The message's fields, the schedule's among them.
        fields: Map<String, Value>,
    },
    /// Delete a schedule.
    ScheduleDelete {
        /// Who asks.
        client: Client,
        /// Its title.
        title: String,
    },
    /// Tell all schedules.
    ScheduleList {
        /// Who asks.
        client: Client,
    },
    /// Asks for nothing: a test, or a server's message. Logged at most, so that no loop can begin.
    Log {
        /// What it was.
        text: String,
    },
}

/// A request that was not understood: what is wrong, and who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Who sent it, as far as that can be told.
    pub sender: Sender,
    /// Whether it is a failed request of that sender and not just a message nobody can read: then it is told on the
    /// sender's own error topic, if it has one.
    pub own: bool,
    /// What is wrong.
    pub fault: Fault,
}

/// The longest name that is stored, in bytes.
const LONGEST_NAME: usize = 1_500;

/// The longest title, in bytes.
const LONGEST_TITLE: usize = 1_500;

impl Request {
    /// Reads one message.
    ///
    /// A later key of the same name wins, as it did for the old server; unknown keys are ignored.
    ///
    /// ```
    /// use smarthome_core::message::{Fault, Request};
    /// use smarthome_core::topic::Client;
    ///
    /// let request = Request::parse(br#"{"Producer":"car","command":"signin","UID":"u1"}"#).unwrap();
    /// assert_eq!(request, Request::SignIn { client: Client::Car, uid: "u1".into() });
    ///
    /// let rejected = Request::parse(br#"{"Producer":"car","command":"signin"}"#).unwrap_err();
    /// assert_eq!(rejected.fault, Fault::MissingKey { key: "UID" });
    /// ```
    pub fn parse(payload: &[u8]) -> Result<Request, Rejected> {
        let unread = |fault| Rejected { sender: Sender::Unknown, own: false, fault };
        let text = core::str::from_utf8(payload).map_err(|error| unread(Fault::not_utf8(error)))?;
        let value: Value = serde_json::from_str(text).map_err(|error| unread(Fault::not_json(&error)))?;
        let Value::Object(message) = value else {
            return Err(unread(Fault::NotAnObject));
        };
        let sender = match text_of(&message, "Producer") {
            Ok(name) => Sender::named(name).ok_or_else(|| unread(Fault::unknown_producer(name)))?,
            Err(fault) => return Err(unread(fault)),
        };
        if sender == Sender::Client(Client::Server) {
            return Ok(Request::Log { text: "a message from another server".to_string() });
        }
        let command = text_of(&message, "command").map_err(|fault| Rejected { sender, own: false, fault })?;
        Self::of(sender, command, &message).map_err(|fault| Rejected { sender, own: true, fault })
    }

    fn of(sender: Sender, command: &str, message: &Map<String, Value>) -> Result<Request, Fault> {
        match (sender, command) {
            (Sender::Client(client @ (Client::Android | Client::Car)), "signup") => {
                let uid = uid_of(message)?;
                let name = text_of(message, "name")?;
                if name.len() > LONGEST_NAME {
                    return Err(Fault::TooLong { key: "name", found: name.len(), most: LONGEST_NAME });
                }
                Ok(Request::SignUp { client, uid, name: name.to_string() })
            }
            (Sender::Client(client @ (Client::Android | Client::Car)), "signin") => {
                Ok(Request::SignIn { client, uid: uid_of(message)? })
            }
            (Sender::Client(client @ (Client::Android | Client::Car)), "schedule_set") => {
                Ok(Request::ScheduleSet { client, title: title_of(message)?, fields: message.clone() })
            }
            (Sender::Client(client @ (Client::Android | Client::Car)), "schedule_delete") => {
                Ok(Request::ScheduleDelete { client, title: title_of(message)? })
            }
            (Sender::Client(client @ (Client::Android | Client::Car)), "schedule_list") => {
                Ok(Request::ScheduleList { client })
            }
            (Sender::Test, "test") => Ok(Request::Log { text: "a test message".to_string() }),
            _ => Err(Fault::unknown_command(command)),
        }
    }
}

fn text_of<'a>(message: &'a Map<String, Value>, key: &'static str) -> Result<&'a str, Fault> {
    match message.get(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Fault::NotAString { key }),
        None => Err(Fault::MissingKey { key }),
    }
}

fn title_of(message: &Map<String, Value>) -> Result<String, Fault> {
    let title = text_of(message, "title")?;
    match document_id(title, LONGEST_TITLE) {
        Ok(()) => Ok(title.to_string()),
        Err(why) => Err(Fault::IllegalId { key: "title", why }),
    }
}

fn uid_of(message: &Map<String, Value>) -> Result<String, Fault> {
    let uid = text_of(message, "UID")?;
    match document_id(uid, 128) {
        Ok(()) => Ok(uid.to_string()),
        Err(why) => Err(Fault::IllegalId { key: "UID", why }),
    }
}

/// Whether `id` can name a document: not empty, at most `most` bytes, without `/`, not `.` or `..`, not of the form
/// `__…__`. The store is never asked for any other. The error says which of these it breaks.
pub fn document_id(id: &str, most: usize) -> Result<(), &'static str> {
    if id.is_empty() {
        Err("it is empty")
    } else if id.len() > most {
        Err("it is too long")
    } else if id.contains('/') {
        Err("it contains '/'")
    } else if id == "." || id == ".." {
        Err("it is '.' or '..'")
    } else if id.len() >= 4 && id.starts_with("__") && id.ends_with("__") {
        Err("it has the form '__...__'")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(message: &str) -> (Sender, bool, String) {
        let rejected = Request::parse(message.as_bytes()).unwrap_err();
        (rejected.sender, rejected.own, rejected.fault.to_string())
    }

    const CAR: Sender = Sender::Client(Client::Car);

    #[test]
    fn what_cannot_be_read_belongs_to_nobody() {
        for (message, says) in [
            ("", "not JSON"),
            ("nine", "not JSON"),
            ("[]", "not a JSON object"),
            ("\"x\"", "not a JSON object"),
            ("{}", "key \"Producer\" is missing"),
            (r#"{"Producer":7,"command":"x"}"#, "key \"Producer\" is not a string"),
            (r#"{"Producer":"toaster","command":"x"}"#, "Producer \"toaster\" is not known"),
            (r#"{"Producer":"car","command":NaN}"#, "not JSON"),
        ] {
            let (sender, own, text) = fault(message);
            assert_eq!((sender, own), (Sender::Unknown, false), "{message}");
            assert!(text.contains(says), "{message}: {text}");
        }
        let deep = "[".repeat(100_000);
        assert!(fault(&deep).2.contains("not JSON"));
        assert!(Request::parse(b"{\"Producer\":\"\xff\"}").unwrap_err().fault.to_string().contains("UTF-8"));
    }

    #[test]
    fn a_failed_request_is_the_senders_own() {
        for (message, sender, own, says) in [
            (r#"{"Producer":"car"}"#, CAR, false, "key \"command\" is missing"),
            (r#"{"Producer":"car","command":"dance"}"#, CAR, true, "command \"dance\" is not known"),
            (r#"{"Producer":"car","command":"signin"}"#, CAR, true, "key \"UID\" is missing"),
            (r#"{"Producer":"car","command":"signin","UID":7}"#, CAR, true, "key \"UID\" is not a string"),
            (r#"{"Producer":"car","command":"signin","UID":"a/b"}"#, CAR, true, "it contains '/'"),
            (r#"{"Producer":"car","command":"signup","UID":"a"}"#, CAR, true, "key \"name\" is missing"),
            (
                r#"{"Producer":"camera","command":"signin","UID":"a"}"#,
                Sender::Client(Client::Camera),
                true,
                "not known",
            ),
            (r#"{"Producer":"test","command":"x"}"#, Sender::Test, true, "not known"),
        ] {
            let (found, theirs, text) = fault(message);
            assert_eq!((found, theirs), (sender, own), "{message}");
            assert!(text.contains(says), "{message}: {text}");
        }
    }

    #[test]
    fn another_server_is_never_answered() {
        for message in
            [r#"{"Producer":"server"}"#, r#"{"Producer":"server","command":"return_name","UID":"x"}"#]
        {
            assert!(matches!(Request::parse(message.as_bytes()), Ok(Request::Log { .. })));
        }
    }

    #[test]
    fn ids_that_cannot_name_a_document() {
        for bad in ["", "/", "a/b", ".", "..", "____", "__x__", &"x".repeat(129)] {
            assert!(document_id(bad, 128).is_err(), "{bad}");
        }
        for good in ["a", "...", "___", "__x", "홍길동", "\0", &"x".repeat(128)] {
            assert!(document_id(good, 128).is_ok(), "{good}");
        }
    }

    #[test]
    fn fault_lines_are_short_single_lines_whatever_was_sent() {
        for hostile in ["\u{0}\n\u{202e}", "\u{10ffff}", "\u{1f3e0}"] {
            let command = hostile.repeat(100_000);
            let message = serde_json::json!({"Producer": "car", "command": command}).to_string();
            let (_, _, text) = fault(&message);
            assert!(text.len() < 600, "{}", text.len());
            assert!(!text.contains(char::is_control));
        }
    }
}
