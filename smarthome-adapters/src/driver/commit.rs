//! Records what a batch wants recorded, however long that takes, and then lets the rest of it leave.

use super::audience;
use super::executor::Executor;
use super::fault::fault_point;
use super::handle::News;
use super::lanes::lone_close;
use super::pauses::{Pauses, until};
use super::stop::{Pressure, Stop};
use super::turn::Loop;
use smarthome_core::engine::{Effect, EffectId, Event, Intent, Note};
use smarthome_core::ports::{ErrorKind, PortError};
use smarthome_core::{Mono, Now};
use std::collections::BTreeMap;
use std::time::Duration;

/// The pause after the first failed commit, and the longest one.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(30)];
/// A commit that takes longer holds no gas close back.
const SLOW: Duration = Duration::from_secs(2);
/// A held batch takes in nothing more beyond so many entries and effects.
const HELD: usize = 4_096;

/// Commands whose gas close left without the journal, and whether that was all of the command.
pub(super) type Closed = BTreeMap<EffectId, bool>;

impl Loop {
    /// Commits the batch, as often as it takes, and lets its effects leave. An error ends the driver: a stop was asked
    /// for and the journal did not take the batch in time.
    pub(super) async fn settle(&mut self, stop: &mut Stop<'_>) -> Result<(), PortError> {
        if !self.batch.entries.is_empty() {
            let now = self.ports.clock.now().mono();
            if self.batch.may_wait(now) && !stop.is_requested() {
                // A mark stands in nobody's way: what else the batch led to leaves at once.
                self.batch.waiting_since.get_or_insert(now);
            } else {
                self.record(stop).await?;
                self.batch.recorded();
            }
        }
        self.release();
        Ok(())
    }

    async fn record(&mut self, stop: &mut Stop<'_>) -> Result<(), PortError> {
        let mut pauses = Pauses::new(PAUSES[0], PAUSES[1]);
        let mut lost = false;
        while let Err(error) = self.attempt(stop).await {
            let now = self.ports.clock.now();
            if !std::mem::replace(&mut lost, true) {
                tracing::error!("the journal cannot be written, nothing leaves until it can: {error}");
                let trouble = Some(error.text.clone());
                self.handle_event(Event::Health { part: "journal".into(), trouble }, now);
            }
            if stop.at_most().is_some_and(|at| at <= now.mono()) {
                return Err(error);
            }
            self.let_closes_leave(now.mono());
            self.hold(pauses.next(), stop).await;
        }
        if lost {
            tracing::info!("the journal can be written again");
            self.own.push_back(Event::Health { part: "journal".into(), trouble: None });
        }
        Ok(())
    }

    /// Tries once.
    async fn attempt(&mut self, stop: &mut Stop<'_>) -> Result<(), PortError> {
        fault_point("before_commit");
        if self.batch.confirms {
            fault_point("before_mark_commit");
        }
        let clock = &*self.ports.clock;
        let slow_at = clock.now().mono().after(SLOW);
        let mut slow = false;
        let commit = self.ports.journal.commit(&self.batch.entries);
        tokio::pin!(commit);
        loop {
            tokio::select! {
                biased;
                result = &mut commit => {
                    result?;
                    break;
                }
                pressure = stop.pressure(clock) => if pressure == Pressure::Over {
                    return Err(PortError::new(ErrorKind::UnknownOutcome, "did not answer in time"));
                },
                () = until(clock, Some(slow_at)), if !slow => {
                    slow = true;
                    let now = clock.now().mono();
                    closes_leave(&self.batch.effects, &mut self.closed, &mut self.executor, now);
                }
            }
        }
        fault_point("after_commit");
        if self.batch.confirms {
            fault_point("after_mark_commit");
        }
        Ok(())
    }

    /// Lets the pause before the next try pass. What does not come from the broker still reaches the engine, and what
    /// it leads to joins the batch: the home may want its gas closed while the disk is full.
    async fn hold(&mut self, pause: Duration, stop: &mut Stop<'_>) {
        let at = self.ports.clock.now().mono().after(pause);
        loop {
            let room = self.batch.len() < HELD;
            let news = room && !stop.is_requested();
            self.wake.set(self.engine.next_wakeup(), None);
            let clock = &*self.ports.clock;
            tokio::select! {
                biased;
                _ = stop.pressure(clock) => return,
                () = until(clock, Some(at)) => return,
                () = self.wake.rings(), if room => {}
                Some(news) = self.inbox.news.recv(), if news => self.take_news(news),
            }
            let now = self.ports.clock.now();
            self.decide_held(now, room);
        }
    }

    fn decide_held(&mut self, now: Now, room: bool) {
        if room && self.wake.is_due(self.engine.next_wakeup(), now) {
            self.take_news(News::Event(Event::Wake));
        }
        self.decide(now);
        self.let_closes_leave(now.mono());
    }

    fn let_closes_leave(&mut self, now: Mono) {
        closes_leave(&self.batch.effects, &mut self.closed, &mut self.executor, now);
    }

    /// The batch is recorded: everything in it leaves.
    fn release(&mut self) {
        for delivery in self.batch.deliveries.drain(..) {
            self.acks.settled(delivery);
        }
        for effect in self.batch.effects.drain(..) {
            match effect.what {
                Intent::Note(note) => {
                    if !matches!(note, Note::Raised(_)) {
                        audience::log(&note);
                    }
                    self.audience.tell(note);
                }
                // All of it has left already; it is not sent twice, and ends when that ends.
                _ if self.closed.get(&effect.id) == Some(&true) => {}
                _ => {
                    self.closed.remove(&effect.id);
                    self.lanes.admit(effect);
                }
            }
        }
    }
}

/// Publishes the gas closes among these effects, each once.
fn closes_leave(effects: &[Effect], closed: &mut Closed, executor: &mut Executor, now: Mono) {
    for effect in effects {
        let Some(close) = lone_close(effect, now) else { continue };
        let whole = matches!(effect.what, Intent::SendCommand { frame, .. } if frame == close);
        if let std::collections::btree_map::Entry::Vacant(place) = closed.entry(effect.id) {
            tracing::warn!(command = %effect.id, frame = %close, "closing the gas valve without the journal");
            place.insert(whole);
            executor.close(effect.id, close);
        }
    }
}
