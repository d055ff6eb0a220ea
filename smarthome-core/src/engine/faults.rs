//! Fault lines: at most so many a second a Producer, the rest counted exactly.

use super::effect::{EffectId, Intent};
use super::note::Note;
use super::turn::Turn;
use crate::Mono;
use crate::message::{Rejected, Sender};
use crate::topic::{FAULT_WARNING, Topics};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A sender fails on two topics: its own and the one for what belongs to nobody. Two of its lines a second are kept
/// for their summaries.
const SUMMARY_LINES: usize = 2;

#[derive(Debug, Default)]
struct Bucket {
    /// When the last lines left; none older than a second.
    lines: VecDeque<Mono>,
    /// How many were only counted, by topic.
    counted: BTreeMap<String, u64>,
    /// When the counts are told.
    summary_at: Option<Mono>,
}

/// Says faults where they belong.
#[derive(Debug)]
pub(crate) struct Faults {
    per_second: usize,
    buckets: BTreeMap<Sender, Bucket>,
    /// Lines on their way, so that one that does not arrive is counted after all.
    leaving: BTreeMap<EffectId, (Sender, String, u64)>,
}

impl Faults {
    pub(crate) fn new(per_second: u8) -> Faults {
        let per_second = usize::from(per_second).max(SUMMARY_LINES.saturating_add(1));
        Faults { per_second, buckets: BTreeMap::new(), leaving: BTreeMap::new() }
    }

    /// Tells a fault, or counts it.
    pub(crate) fn report(&mut self, rejected: &Rejected, topics: &Topics, turn: &mut Turn<'_>) {
        let own = rejected.sender.with_error_topic().filter(|_| rejected.own);
        let topic = own.map_or_else(|| FAULT_WARNING.to_string(), |client| topics.error(client));
        let now = turn.mono();
        let allowed = self.per_second.saturating_sub(SUMMARY_LINES);
        let bucket = self.buckets.entry(rejected.sender).or_default();
        while bucket.lines.front().is_some_and(|sent| now.since(*sent) >= SECOND) {
            bucket.lines.pop_front();
        }
        if bucket.lines.len() >= allowed || bucket.summary_at.is_some() {
            bucket.count(topic, 1, now);
            return;
        }
        bucket.lines.push_back(now);
        let text = rejected.fault.to_string();
        turn.note(Note::Fault { text: text.clone() });
        self.say(rejected.sender, topic, text, 1, turn);
    }

    /// Tells the counts that are due.
    pub(crate) fn summarise(&mut self, turn: &mut Turn<'_>, all: bool) {
        let now = turn.mono();
        let mut due = alloc::vec::Vec::new();
        for (sender, bucket) in &mut self.buckets {
            if bucket.summary_at.is_some_and(|at| all || at <= now) {
                bucket.summary_at = None;
                due.extend(
                    core::mem::take(&mut bucket.counted).into_iter().map(|(topic, n)| (*sender, topic, n)),
                );
            }
        }
        for (sender, topic, count) in due {
            let text = format!("{count} more faults from {sender} were counted and not shown");
            turn.note(Note::Fault { text: text.clone() });
            self.say(sender, topic, text, count, turn);
        }
    }

    /// How a line ended. `true` when it was one.
    pub(crate) fn outcome(&mut self, id: EffectId, sent: bool, now: Mono) -> bool {
        let Some((sender, topic, count)) = self.leaving.remove(&id) else { return false };
        if !sent {
            self.buckets.entry(sender).or_default().count(topic, count, now);
        }
        true
    }

    /// When [`summarise`](Faults::summarise) has something to tell.
    pub(crate) fn next(&self) -> Option<Mono> {
        self.buckets.values().filter_map(|bucket| bucket.summary_at).min()
    }

    fn say(&mut self, sender: Sender, topic: String, text: String, count: u64, turn: &mut Turn<'_>) {
        let id = turn.effect(Intent::Report { topic: topic.clone(), text }, None);
        self.leaving.insert(id, (sender, topic, count));
    }
}

impl Bucket {
    fn count(&mut self, topic: String, count: u64, now: Mono) {
        let counted = self.counted.entry(topic).or_default();
        *counted = counted.saturating_add(count);
        self.summary_at.get_or_insert(now.after(SECOND));
    }
}
