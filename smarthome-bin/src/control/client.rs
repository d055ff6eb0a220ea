//! The command line's end of the socket.

use std::io::{self, ErrorKind};
use std::path::Path;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::{LONGEST_PATH, Refusal, Reply, Request, socket};
use crate::exit::Failure;

/// A connection to a running daemon, for one request.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<UnixStream>,
}

impl Connection {
    /// Connects to the daemon of this state directory; `None` when none runs there.
    ///
    /// # Errors
    ///
    /// When it cannot be told, or the socket belongs to somebody else.
    pub async fn open(directory: &Path) -> Result<Option<Connection>, Failure> {
        let path = socket(directory);
        let failed = |why: String| Failure::State { directory: directory.to_owned(), why };
        if path.as_os_str().len() > LONGEST_PATH {
            return Err(failed(too_long(&path)));
        }
        match UnixStream::connect(&path).await {
            Ok(stream) => Ok(Some(Connection { stream: BufReader::new(stream) })),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(None),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(failed(
                "a daemon of another user may run there: run this as that user, as in `sudo -u USER smarthome …`".into(),
            )),
            Err(error) => Err(failed(format!("the control socket cannot be reached: {error}"))),
        }
    }

    /// Connects, or says that no daemon runs.
    ///
    /// # Errors
    ///
    /// As [`open`](Connection::open), and when no daemon runs there.
    pub async fn require(directory: &Path) -> Result<Connection, Failure> {
        let open = Connection::open(directory).await?;
        open.ok_or_else(|| Failure::NoDaemon { directory: directory.to_owned() })
    }

    /// Hands over the request.
    ///
    /// # Errors
    ///
    /// When the daemon goes away.
    pub async fn ask(&mut self, request: &Request) -> Result<(), Failure> {
        let mut line =
            serde_json::to_vec(request).map_err(|error| Failure::Other(format!("JSON: {error}")))?;
        line.push(b'\n');
        match self.stream.write_all(&line).await {
            // Who is sent away is told why, and that is there to be read.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|source| lost(&source)),
        }
    }

    /// The next line of the answer; `None` at its end.
    ///
    /// # Errors
    ///
    /// What the daemon says went wrong, or that it went away.
    pub async fn next(&mut self) -> Result<Option<Reply>, Failure> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await.map_err(|source| lost(&source))?;
        if read == 0 {
            return Err(lost(&ErrorKind::UnexpectedEof.into()));
        }
        let reply = serde_json::from_str(&line).map_err(|error| {
            Failure::Other(format!("the daemon's answer cannot be read, is it of another version? {error}"))
        })?;
        match reply {
            Reply::Done => Ok(None),
            Reply::Error { kind: Refusal::Request, text } => Err(Failure::NotAcceptable(text)),
            Reply::Error { kind: Refusal::NoSuchDocument, text } => Err(Failure::NoSuchDocument(text)),
            Reply::Error { kind: Refusal::Failed, text } => Err(Failure::Other(text)),
            reply => Ok(Some(reply)),
        }
    }
}

/// What to say about a path that no socket can have.
pub(super) fn too_long(path: &Path) -> String {
    format!(
        "the path of the control socket, {}, has {} bytes, and a socket's path may have {LONGEST_PATH}: choose a \
         state directory with a shorter path",
        path.display(),
        path.as_os_str().len()
    )
}

fn lost(source: &io::Error) -> Failure {
    Failure::Other(format!("the daemon went away before it had answered: {source}"))
}
