//! `smarthome next`: which schedules will fire.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use smarthome_core::engine::Collection;
use smarthome_core::schedule::{Due, Rule, What};
use smarthome_core::{Calendar, HomeZone, Mode, Schedule, Slot};

use super::{document, load_with_directory};
use crate::cli::{Global, Next};
use crate::exit::Failure;
use crate::output;

/// What is not asked for any further than this is not shown.
const WEEK: TimeDelta = TimeDelta::days(7);

/// One firing to come.
struct Firing {
    due: Due,
    slot: Slot,
    title: String,
    what: String,
}

/// Prints what will fire, in order.
pub(super) fn run(global: &Global, args: &Next) -> Result<(), Failure> {
    let (loaded, directory) = load_with_directory(global)?;
    let zone = loaded.config.home.zone;
    let from = args.from.map_or_else(Utc::now, |slot| zone.due(slot).at);
    let to = args.to.map_or(from + WEEK, |slot| zone.due(slot).at);
    let modes = document::all(&directory, Collection::Modes)?;
    let modes: Vec<Mode> = modes.iter().filter_map(|mode| Mode::from_fields(&mode.fields).ok()).collect();
    let mut firings = Vec::new();
    for entry in document::all(&directory, Collection::Schedules)? {
        match Schedule::from_fields(&entry.fields, &zone) {
            Ok(schedule) if schedule.enabled => {
                firings.extend(of(&entry.id, &schedule, &modes, from, to, zone))
            }
            Ok(_) => {}
            Err(fault) => output::complain(format_args!("schedule {:?} is left out: {fault}", entry.id)),
        }
    }
    firings.sort_by(|a, b| (a.due.at, &a.title).cmp(&(b.due.at, &b.title)));
    firings.iter().try_for_each(|firing| show(firing, zone, args.json))
}

fn of(
    title: &str,
    schedule: &Schedule,
    modes: &[Mode],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    zone: HomeZone,
) -> Vec<Firing> {
    let what = match schedule.what {
        What::Appliances(appliances) => appliances.command(schedule.what.mode(), None).to_string(),
        What::Mode { number, .. } => match modes.iter().find(|mode| mode.number() == number) {
            Some(mode) => format!("{} (mode {})", mode.command(None), mode.id()),
            None => format!("nothing: there is no mode {number}"),
        },
    };
    let slots = schedule.when.occurrences(from, &zone).take_while(|(_, due)| due.at < to);
    slots.map(|(slot, due)| Firing { due, slot, title: title.to_owned(), what: what.clone() }).collect()
}

fn show(firing: &Firing, zone: HomeZone, as_json: bool) -> Result<(), Failure> {
    let Firing { due, slot, title, what } = firing;
    let local = zone.local(due.at);
    if as_json {
        return output::json(&json!({
            "title": title, "slot": slot, "due": due.at, "local": local.to_string(), "rule": due.rule, "what": what,
        }));
    }
    let why = match due.rule {
        Rule::Plain => String::new(),
        Rule::Gap => format!("  ({} does not exist that day: clocks are set forward over it)", slot.at),
        Rule::Overlap => format!("  ({} comes twice that day: the first time)", slot.at),
        Rule::NoSuchDay => format!("  ({} does not exist: it will be recorded as missed)", slot.date),
    };
    output::line(format_args!("{}  {title:?}  {what}{why}", local.format("%a %Y-%m-%d %H:%M")))
}
