//! `smarthome watch`: every message that goes by, in plain words.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;
use smarthome_adapters::clock::SystemClock;
use smarthome_adapters::mqtt::{Heard, Message, MqttClient};
use smarthome_core::ports::ErrorKind;
use smarthome_core::topic::Client;
use smarthome_core::{Command, Frame, Status, Topics};

use super::{block_on, client, load};
use crate::cli::{Global, Watch};
use crate::exit::Failure;
use crate::{logging, output, wiring, words};

/// How much of a message is shown to people.
const SHOWN: usize = 400;

/// Prints until a signal.
pub(super) fn run(global: &Global, args: &Watch) -> Result<(), Failure> {
    let loaded = load(global)?;
    logging::start_quiet(&loaded.environment);
    block_on(async {
        let url = client::broker(&loaded, &args.client).await?;
        let topics = loaded.config.home.topics.clone();
        let config = wiring::mqtt_config(&loaded, &url, client::client_id("watch"));
        let clock = SystemClock::new().map_err(|error| Failure::Other(error.to_string()))?;
        let filters = vec![format!("{}/#", topics.prefix()), "data/#".into()];
        let (client, mut messages) = MqttClient::connect(config, Arc::new(clock), filters, None)
            .map_err(|error| Failure::Unavailable(error.to_string()))?;
        let watch = async {
            while let Some(heard) = messages.next().await {
                show(heard, &topics, args.client.json, &url.to_string())?;
            }
            Ok(())
        };
        let ended = tokio::select! {
            ended = watch => ended,
            ended = super::interrupted() => ended,
        };
        client.disconnect().await;
        ended
    })
}

fn show(heard: Heard, topics: &Topics, json: bool, broker: &str) -> Result<(), Failure> {
    match heard {
        Heard::Up if json => Ok(()),
        Heard::Up => output::line(format_args!("watching {broker}; Ctrl-C ends it")),
        Heard::Down(error) if error.kind == ErrorKind::AskPerson => Err(Failure::Unavailable(error.text)),
        Heard::Down(error) => {
            output::complain(format_args!("no connection to {broker}, trying again: {error}"));
            Ok(())
        }
        Heard::Missed(count) => {
            output::complain(format_args!("{count} messages went by faster than they could be printed"));
            Ok(())
        }
        Heard::Message(message) if json => output::json(&Line::of(message, topics)),
        Heard::Message(message) => output::line(text(&Line::of(message, topics))),
        _ => Ok(()),
    }
}

/// A message for programs.
#[derive(Serialize)]
struct Line {
    at: DateTime<Utc>,
    topic: String,
    retained: bool,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<Frame>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl Line {
    fn of(message: Message, topics: &Topics) -> Line {
        let kind = kind(&message.topic, topics);
        let Message { topic, payload, retained, .. } = message;
        let mut line =
            Line { at: Utc::now(), topic, retained, kind, frame: None, words: None, json: None, text: None };
        let read = match kind {
            "command" => {
                Command::try_from(payload.as_slice()).map(|command| (command.into(), words::command(command)))
            }
            "status" => {
                Status::try_from(payload.as_slice()).map(|status| (status.into(), words::status(status)))
            }
            _ => {
                match serde_json::from_slice(&payload) {
                    Ok(value @ (Value::Object(_) | Value::Array(_))) => line.json = Some(value),
                    _ => line.text = Some(String::from_utf8_lossy(&payload).into_owned()),
                }
                return line;
            }
        };
        match read {
            Ok((frame, words)) => (line.frame, line.words) = (Some(frame), Some(words)),
            Err(error) => {
                line.words = Some(format!("no {kind}: {error}"));
                line.text = Some(String::from_utf8_lossy(&payload).into_owned());
            }
        }
        line
    }
}

/// What a message on that topic is.
fn kind(topic: &str, topics: &Topics) -> &'static str {
    let under = topic.strip_prefix(topics.prefix()).and_then(|rest| rest.strip_prefix('/')).unwrap_or(topic);
    match under {
        "live/smarthome/status" => "status",
        "live/sensor/hometemp" => "sensors",
        "live/server/state" => "server state",
        "live/server/sync" => "server's own mark",
        "server/info" => "request",
        "data/error/warning" => "fault",
        "data/error/error" => "alert",
        "smarthome" => "command",
        _ if under.starts_with("smarthome/") => "command",
        _ if under.starts_with("reply/") => "answer",
        _ => match under.split_once('/') {
            Some((name, "info")) if Client::named(name).is_some() => "answer",
            Some((name, "error")) if Client::named(name).is_some() => "refusal",
            _ => "message",
        },
    }
}

fn text(line: &Line) -> String {
    let content = match (&line.frame, &line.words, &line.json, &line.text) {
        (Some(frame), Some(words), ..) => format!("{frame}  {words}"),
        (None, Some(words), _, Some(text)) => format!("{text:?}  {words}"),
        (_, _, Some(value), _) => value.to_string(),
        (_, _, _, Some(text)) => text.clone(),
        _ => String::new(),
    };
    // What strangers publish must not reach the terminal as it is.
    let plain: String =
        content.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let more = if content.chars().count() > SHOWN { "…" } else { "" };
    let stored = if line.retained { " (stored)" } else { "" };
    let at = line.at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let at = at.get(11..).unwrap_or(&at);
    format!("{at}  {:<28} {}{stored}  {plain}{more}", line.topic, line.kind)
}
