//! Waiting that ends, and two things at once.

use crate::engine::Event;
use crate::ports::memory::MemoryInbox;
use crate::ports::{Clock, PortError};
use core::convert::Infallible;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

/// How long a real server may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the clauses wait with.
#[derive(Clone, Copy)]
pub(super) struct Wait<'a> {
    pub(super) clock: &'a dyn Clock,
    pub(super) clause: &'static str,
}

impl Wait<'_> {
    /// What `future` gives, or a panic that names the clause and what was waited for.
    pub(super) async fn for_<T>(&self, what: &str, future: impl Future<Output = T>) -> T {
        let deadline = self.clock.now().mono().after(PATIENCE);
        let too_late = async {
            while self.clock.now().mono() < deadline {
                self.clock.sleep_until(deadline).await;
            }
        };
        match either(future, too_late).await {
            Either::First(value) => value,
            Either::Second(()) => self.broken(&alloc::format!("waited in vain for {what}")),
        }
    }

    /// Reports the clause as broken.
    pub(super) fn broken(&self, how: &str) -> ! {
        panic!("contract broken: {}: {how}", self.clause)
    }

    /// The value, or a panic that names the clause and the failure.
    pub(super) fn done<T>(&self, what: &str, result: Result<T, PortError>) -> T {
        match result {
            Ok(value) => value,
            Err(error) => self.broken(&alloc::format!("{what} failed with {:?}: {error}", error.kind)),
        }
    }

    /// Holds that both are the same.
    pub(super) fn same<T: PartialEq + core::fmt::Debug>(&self, what: &str, found: T, wanted: T) {
        if found != wanted {
            self.broken(&alloc::format!("{what} is {found:?}, and should be {wanted:?}"));
        }
    }

    /// Holds that something is so.
    pub(super) fn holds(&self, what: &str, so: bool) {
        if !so {
            self.broken(what);
        }
    }

    /// Takes events until one is looked for.
    pub(super) async fn find<T>(
        &self,
        what: &str,
        inbox: &MemoryInbox,
        wanted: impl FnMut(Event) -> Option<T>,
    ) -> T {
        self.for_(what, inbox.find(wanted)).await
    }

    /// Runs `body` while `background` goes on, which must not end before.
    pub(super) async fn alongside<T>(
        &self,
        background: impl Future<Output = Result<Infallible, PortError>>,
        body: impl Future<Output = T>,
    ) -> T {
        match either(body, background).await {
            Either::First(value) => value,
            Either::Second(Err(error)) => {
                self.broken(&alloc::format!("it ended with {:?}: {error}", error.kind))
            }
            Either::Second(Ok(never)) => match never {},
        }
    }
}

enum Either<A, B> {
    First(A),
    Second(B),
}

async fn either<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> Either<A, B> {
    let mut first = pin!(first);
    let mut second = pin!(second);
    poll_fn(|context| {
        if let Poll::Ready(value) = first.as_mut().poll(context) {
            return Poll::Ready(Either::First(value));
        }
        second.as_mut().poll(context).map(Either::Second)
    })
    .await
}
