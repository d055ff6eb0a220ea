//! The daemon's end of the socket.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use smarthome_adapters::driver::Handle;
use smarthome_core::engine::Collection;
use smarthome_core::ports::Documents;
use smarthome_core::{Command, Frame, Origin};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::client::too_long;
use super::{AT_ONCE, Info, LONGEST_PATH, LONGEST_REQUEST, PATIENCE, Refusal, Reply, Request, Step, socket};
use crate::documents::{self, NotDone};
use crate::exit::Failure;

/// What requests are answered from.
#[derive(Clone)]
pub struct Desk {
    /// The driver.
    pub handle: Handle,
    /// The store.
    pub documents: Arc<dyn Documents>,
    /// Who we are.
    pub info: Info,
}

/// The socket while the daemon runs; dropping it ends every connection and removes it.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    _serving: JoinSet<()>,
}

impl Control {
    /// Listens. The caller holds the lock of the directory, so a socket that is there is a dead daemon's.
    ///
    /// # Errors
    ///
    /// When the path is too long or the directory refuses.
    pub fn open(directory: &Path, desk: Desk) -> Result<Control, Failure> {
        let path = socket(directory);
        let failed = |why: String| Failure::State { directory: directory.to_owned(), why };
        if path.as_os_str().len() > LONGEST_PATH {
            return Err(failed(too_long(&path)));
        }
        let listener =
            bind(directory, &path).map_err(|error| failed(format!("no control socket: {error}")))?;
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, Arc::new(desk)));
        Ok(Control { path, _serving: serving })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A socket appears under its name only when nobody else can connect: it is made in a directory of its own, closed
/// to others, and moved when it has its rights.
fn bind(directory: &Path, path: &Path) -> io::Result<UnixListener> {
    let closed = directory.join(".control");
    let _ = fs::remove_dir_all(&closed);
    fs::DirBuilder::new().mode(0o700).create(&closed)?;
    let inside = closed.join("s");
    let listener = UnixListener::bind(&inside)?;
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o600))?;
    fs::rename(&inside, path)?;
    fs::remove_dir(&closed)?;
    Ok(listener)
}

async fn accept(listener: UnixListener, desk: Arc<Desk>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut clients = JoinSet::new();
    loop {
        // Those that have ended are let go of as others come.
        while clients.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many open files, most likely: it passes, and meanwhile it must not spin.
                tracing::warn!("control socket: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            // There is room in a fresh socket for one line, so this does not wait.
            let _ = stream.try_write(
                b"{\"is\":\"error\",\"kind\":\"failed\",\"text\":\"too many clients at once, try again\"}\n",
            );
            continue;
        };
        let desk = desk.clone();
        clients.spawn(async move {
            if let Err(error) = serve(stream, &desk).await {
                tracing::debug!("control socket: a client went away: {error}");
            }
            drop(place);
        });
    }
}

/// Serves one connection. The error is that of a client that went away or was too slow.
async fn serve(stream: UnixStream, desk: &Desk) -> io::Result<()> {
    let (reader, writer) = stream.into_split();
    let mut answer = Answer { writer };
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader).take(LONGEST_REQUEST);
    let Ok(read) = timeout(PATIENCE, reader.read_until(b'\n', &mut line)).await else {
        return answer.error(Refusal::Request, "no request came within 5 s").await;
    };
    if read? == 0 {
        return Ok(());
    }
    if !line.ends_with(b"\n") {
        let text = format!("a request is one line of at most {LONGEST_REQUEST} bytes");
        return answer.error(Refusal::Request, &text).await;
    }
    match serde_json::from_slice(&line) {
        Ok(request) => respond(request, desk, &mut answer).await,
        Err(error) => answer.error(Refusal::Request, &format!("not a request: {error}")).await,
    }
}

async fn respond(request: Request, desk: &Desk, answer: &mut Answer) -> io::Result<()> {
    match request {
        Request::Info => {
            answer.line(&Reply::Info(desk.info.clone())).await?;
            answer.line(&Reply::Done).await
        }
        Request::Send { frame } => send(frame, desk, answer).await,
        Request::Documents { collection } => list(collection, desk, answer).await,
        Request::SetDocument { collection, id, fields } => {
            ended(documents::set(&*desk.documents, collection, &id, &fields).await, answer).await
        }
        Request::DeleteDocument { collection, id } => {
            ended(documents::delete(&*desk.documents, collection, &id).await, answer).await
        }
    }
}

async fn send(frame: Frame, desk: &Desk, answer: &mut Answer) -> io::Result<()> {
    let command = match Command::try_from(frame) {
        Ok(command) => command,
        Err(error) => return answer.error(Refusal::Request, &error.to_string()).await,
    };
    // The origin is not the client's to choose: whoever speaks here is the command line.
    let Ok(mut following) = desk.handle.send(command, Origin::Cli).await else {
        return answer.error(Refusal::Failed, "the daemon is stopping").await;
    };
    while let Some(note) = following.next().await {
        let Some(step) = Step::of(note) else { continue };
        let last = step.is_last();
        answer.line(&Reply::Step(step)).await?;
        if last {
            return answer.line(&Reply::Done).await;
        }
    }
    let text =
        "the daemon stopped before the command had come to its end; it goes on with it after its next start";
    answer.error(Refusal::Failed, text).await
}

async fn list(collection: Collection, desk: &Desk, answer: &mut Answer) -> io::Result<()> {
    match documents::all(&*desk.documents, collection).await {
        Ok(found) => {
            for document in found {
                answer.line(&Reply::Document(document)).await?;
            }
            answer.line(&Reply::Done).await
        }
        Err(why) => ended(Err(why), answer).await,
    }
}

async fn ended(result: Result<(), NotDone>, answer: &mut Answer) -> io::Result<()> {
    match result {
        Ok(()) => answer.line(&Reply::Done).await,
        Err(NotDone::Unacceptable(why)) => answer.error(Refusal::Request, &why).await,
        Err(NotDone::Absent(id)) => answer.error(Refusal::NoSuchDocument, &id).await,
        Err(NotDone::Failed(error)) => answer.error(Refusal::Failed, &error.to_string()).await,
    }
}

struct Answer {
    writer: OwnedWriteHalf,
}

impl Answer {
    async fn line(&mut self, reply: &Reply) -> io::Result<()> {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        timeout(PATIENCE, self.writer.write_all(&line)).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn error(&mut self, kind: Refusal, text: &str) -> io::Result<()> {
        self.line(&Reply::Error { kind, text: text.into() }).await
    }
}
