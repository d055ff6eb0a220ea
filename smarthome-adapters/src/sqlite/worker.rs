//! The thread that owns a file, and how others ask it for something.

use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// A thread that owns `S` and does one job after another on it.
///
/// Dropping it lets the jobs that were handed over finish, and then waits for the thread to close what it owns.
pub(crate) struct Worker<S> {
    jobs: Option<mpsc::Sender<Job<S>>>,
    thread: Option<JoinHandle<()>>,
}

impl<S: Send + 'static> Worker<S> {
    /// Starts the thread; `close` runs last.
    pub(crate) fn start(name: &str, state: S, close: fn(S)) -> io::Result<Worker<S>> {
        let (jobs, queue) = mpsc::channel::<Job<S>>();
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            let mut state = state;
            for job in queue {
                job(&mut state);
            }
            close(state);
        })?;
        Ok(Worker { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Has `job` done, and waits for what it returns. `None` when the thread has ended.
    ///
    /// A job whose future is dropped is done all the same.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job<S> = Box::new(move |state| {
            // Nobody waits any more: the job is done nevertheless.
            let _ = answer.send(job(state));
        });
        self.jobs.as_ref()?.send(job).ok()?;
        answered.await.ok()
    }
}

impl<S> Drop for Worker<S> {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that owned an SQLite file had panicked");
        }
    }
}
