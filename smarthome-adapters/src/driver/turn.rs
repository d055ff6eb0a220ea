//! One turn of the loop: take what is ready, let the engine decide, record, let it leave.

use super::Ports;
use super::ack::Acks;
use super::audience::Audience;
use super::batch::Batch;
use super::commit::Closed;
use super::executor::{Ending, Executor, Ticket};
use super::fault::{fault_point, is_held};
use super::handle::{Handle, News, Receivers};
use super::lanes::{Lane, Lanes, Next};
use super::stop::Stop;
use super::wakeup::WakeUp;
use smarthome_core::engine::{Done, Effect, Event, Note};
use smarthome_core::ports::PortError;
use smarthome_core::{Engine, Now, Topics};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::broadcast;

/// Events in one batch at most.
const BATCH: usize = 64;
/// Outcomes in one batch at most, so that wake-ups and deliveries always get a place.
const OUTCOMES: usize = 32;
/// How often a held inbox is looked at, in tests.
const HELD_LOOK: Duration = Duration::from_millis(20);

/// The engine, its ports, and everything between them.
pub(super) struct Loop {
    pub(super) engine: Engine,
    pub(super) ports: Ports,
    pub(super) handle: Handle,
    pub(super) inbox: Receivers,
    /// Taken from the inbox, and not yet handled because the engine has no room for deliveries.
    unwelcome: VecDeque<Event>,
    /// Taken from the inbox, and not yet handled.
    late: Option<News>,
    /// What the driver itself has to tell the engine.
    pub(super) own: VecDeque<Event>,
    taken: Vec<Event>,
    out: Vec<Effect>,
    pub(super) batch: Batch,
    pub(super) acks: Acks,
    pub(super) lanes: Lanes,
    pub(super) executor: Executor,
    pub(super) closed: Closed,
    pub(super) audience: Audience,
    pub(super) wake: WakeUp,
}

/// What ended the wait.
enum First {
    Stop,
    Ended(Ticket, Ending),
    News(News),
    Line(Event),
    /// Nothing that was taken; what is ready shows when looked at.
    Look,
}

impl Loop {
    pub(super) fn new(engine: Engine, ports: Ports, topics: &Topics, notes: broadcast::Sender<Note>) -> Loop {
        let (handle, inbox) = Handle::new(&notes);
        Loop {
            engine,
            handle,
            inbox,
            unwelcome: VecDeque::new(),
            late: None,
            own: VecDeque::new(),
            taken: Vec::with_capacity(BATCH),
            out: Vec::new(),
            batch: Batch::default(),
            acks: Acks::default(),
            lanes: Lanes::default(),
            executor: Executor::new(ports.clone(), topics),
            closed: Closed::new(),
            audience: Audience::new(notes),
            wake: WakeUp::new(ports.clock.clone()),
            ports,
        }
    }

    /// The first event of all.
    pub(super) fn begin(&mut self, event: Event) {
        self.own.push_back(event);
    }

    /// Waits until something is ready and deals with it. `inbox`: whether anything is taken from it. `false` when a
    /// stop was asked for, or took too long. An error is a stop that the journal did not survive.
    pub(super) async fn turn(&mut self, stop: &mut Stop<'_>, inbox: bool) -> Result<bool, PortError> {
        let first = self.wait(stop, inbox && !is_held()).await;
        if matches!(first, First::Stop) {
            return Ok(false);
        }
        let inbox = inbox && !is_held();
        let now = self.ports.clock.now();
        self.collect(first, now, inbox);
        self.decide(now);
        self.settle(stop).await?;
        Ok(true)
    }

    /// Tells the engine of the stop, and deals with what is under way until that has ended (`true`) or took too long.
    pub(super) async fn finish(&mut self, stop: &mut Stop<'_>) -> Result<bool, PortError> {
        self.own.push_back(Event::Stop);
        loop {
            self.let_leave();
            if self.own.is_empty() && self.lanes.is_empty() && self.executor.is_idle() {
                return Ok(true);
            }
            if !self.turn(stop, false).await? {
                tracing::warn!("stopped with work under way: it comes again at the next start");
                return Ok(false);
            }
        }
    }

    async fn wait(&mut self, stop: &mut Stop<'_>, inbox: bool) -> First {
        self.let_leave();
        let other = is_held().then(|| self.ports.clock.now().mono().after(HELD_LOOK));
        let expiry = self.lanes.next_expiry();
        let marks = self.batch.waits_until();
        self.wake.set(self.engine.next_wakeup(), [other, expiry, marks].into_iter().flatten().min());
        let welcome = inbox && self.engine.accepts_deliveries();
        let kept = (inbox && self.late.is_some()) || (welcome && !self.unwelcome.is_empty());
        let ready = kept || !self.own.is_empty();
        tokio::select! {
            biased;
            _ = stop.pressure(&*self.ports.clock) => First::Stop,
            (ticket, ending) = self.executor.next() => First::Ended(ticket, ending),
            () = std::future::ready(()), if ready => First::Look,
            () = self.wake.rings() => First::Look,
            Some(news) = self.inbox.news.recv(), if inbox => First::News(news),
            Some(event) = self.inbox.line.recv(), if welcome => First::Line(event),
        }
    }

    /// Takes what is ready, in order.
    fn collect(&mut self, first: First, now: Now, inbox: bool) {
        match first {
            First::Ended(ticket, ending) => self.ended(ticket, ending),
            First::News(news) => self.late = Some(news),
            First::Line(event) => self.unwelcome.push_back(event),
            First::Stop | First::Look => {}
        }
        self.collect_outcomes();
        if self.wake.is_due(self.engine.next_wakeup(), now) {
            self.taken.push(Event::Wake);
        }
        if inbox {
            self.collect_news();
            self.collect_line();
        }
    }

    fn collect_outcomes(&mut self) {
        while self.taken.len() < OUTCOMES {
            if let Some(event) = self.own.pop_front() {
                self.taken.push(event);
            } else if let Some((ticket, ending)) = self.executor.try_next() {
                self.ended(ticket, ending);
            } else {
                break;
            }
        }
    }

    fn collect_news(&mut self) {
        if let Some(news) = self.late.take() {
            self.take_news(news);
        }
        while self.taken.len() < BATCH {
            let Ok(news) = self.inbox.news.try_recv() else { break };
            self.take_news(news);
        }
    }

    fn collect_line(&mut self) {
        if !self.engine.accepts_deliveries() {
            return;
        }
        self.taken.extend(self.unwelcome.drain(..));
        while self.taken.len() < BATCH {
            let Ok(event) = self.inbox.line.try_recv() else { break };
            self.taken.push(event);
        }
    }

    /// Takes something that arrived beside deliveries.
    pub(super) fn take_news(&mut self, news: News) {
        let event = match news {
            News::Event(event) => event,
            News::Operator(request, to) => {
                self.audience.follow(request.token, to);
                Event::Operator(request)
            }
        };
        self.taken.push(event);
    }

    /// A task has ended: its lane is free, and the engine is told.
    fn ended(&mut self, ticket: Ticket, ending: Ending) {
        match ticket {
            Ticket::Effect { lane, id, cause } => {
                self.lanes.finished(lane);
                if let Some(cause) = cause {
                    self.acks.settled(cause);
                }
                if lane == Lane::Command && ending.is_ok() {
                    fault_point("before_puback_handled");
                    self.batch.confirms = true;
                }
                self.taken.push(Event::Outcome { id, result: ending });
            }
            // When more than the close is to leave, that has an outcome of its own.
            Ticket::Close(id) => {
                if self.closed.remove(&id).is_some() {
                    self.taken.push(Event::Outcome { id, result: ending });
                }
            }
            Ticket::Acks => {}
        }
    }

    /// Gives the engine what was taken.
    pub(super) fn decide(&mut self, now: Now) {
        if self.taken.is_empty() {
            return;
        }
        fault_point("batch_taken");
        let mut taken = std::mem::take(&mut self.taken);
        for event in taken.drain(..) {
            self.handle_event(event, now);
        }
        self.taken = taken;
    }

    /// Gives the engine one event, and keeps what that leads to.
    pub(super) fn handle_event(&mut self, event: Event, now: Now) {
        if self.is_to_wait(&event) {
            return self.unwelcome.push_back(event);
        }
        if let Event::Delivery(delivery) = &event {
            self.acks.arrived(delivery.id);
            self.batch.deliveries.push(delivery.id);
        }
        let wakes = matches!(event, Event::Wake);
        let confirms =
            self.batch.confirms && matches!(event, Event::Outcome { result: Ok(Done::Published), .. });
        let before = if wakes { self.engine.next_wakeup() } else { None };
        self.engine.handle(event, now, &mut self.out);
        if wakes {
            self.wake.woken(before, self.engine.next_wakeup(), !self.out.is_empty(), now);
        }
        if confirms {
            fault_point("after_puback_handled");
        }
        self.batch.take(&mut self.out, &mut self.acks);
    }

    /// Whether the event is one of the line and the engine has no room, or one before it had to wait.
    fn is_to_wait(&self, event: &Event) -> bool {
        match event {
            Event::Delivery(_) => !self.unwelcome.is_empty() || !self.engine.accepts_deliveries(),
            Event::Link(_) => !self.unwelcome.is_empty(),
            _ => false,
        }
    }

    /// Starts what may start.
    pub(super) fn let_leave(&mut self) {
        if !self.lanes.is_empty() {
            let now = self.ports.clock.now().mono();
            while let Some(next) = self.lanes.next(now) {
                match next {
                    Next::Start(job) => self.executor.start(job),
                    Next::Over(over) => {
                        if let Some(cause) = over.cause {
                            self.acks.settled(cause);
                        }
                        self.own.push_back(Event::Outcome { id: over.id, result: Err(over.why) });
                    }
                }
            }
        }
        while let Some(delivery) = self.acks.next() {
            self.executor.acknowledge(delivery);
        }
        self.executor.start_acknowledging();
    }
}
