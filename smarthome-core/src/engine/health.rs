//! Said once when a part is lost, once when it is back.

use super::effect::AlertCode;
use super::turn::Turn;
use crate::Mono;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use core::time::Duration;

#[derive(Debug)]
struct Trouble {
    since: Mono,
    text: String,
    told: bool,
}

/// What does not work at the moment.
#[derive(Debug, Default)]
pub(crate) struct Health {
    troubles: BTreeMap<String, Trouble>,
}

impl Health {
    /// A part does not work. A short absence is not worth a night's sleep: it is told after a while.
    pub(crate) fn lost(&mut self, part: &str, text: String, now: Mono) {
        let fresh = || Trouble { since: now, text: String::new(), told: false };
        let trouble = self.troubles.entry(part.into()).or_insert_with(fresh);
        if !trouble.told {
            trouble.text = text;
        }
    }

    /// A part works. Told when its absence was.
    pub(crate) fn back(&mut self, part: &str, turn: &mut Turn<'_>) {
        if let Some(Trouble { since, told: true, .. }) = self.troubles.remove(part) {
            let away = turn.mono().since(since).as_secs();
            turn.alert(AlertCode::Back, format!("{part} works again after {away} s"));
        }
    }

    /// Tells what has been away for long enough.
    pub(crate) fn tell(&mut self, lost_after: Duration, turn: &mut Turn<'_>) {
        let now = turn.mono();
        for (part, trouble) in self.troubles.iter_mut().filter(|(_, trouble)| !trouble.told) {
            if now.since(trouble.since) >= lost_after {
                trouble.told = true;
                turn.alert(AlertCode::Lost, format!("{part} does not work: {}", trouble.text));
            }
        }
    }

    /// When [`tell`](Health::tell) has something to say.
    pub(crate) fn next(&self, lost_after: Duration) -> Option<Mono> {
        let waiting = self.troubles.values().filter(|trouble| !trouble.told);
        waiting.map(|trouble| trouble.since.after(lost_after)).min()
    }
}
