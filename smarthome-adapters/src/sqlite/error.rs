//! What can go wrong with an SQLite file, and what to do about it.

use rusqlite::ErrorCode;
use smarthome_core::ports::{ErrorKind, PortError};
use std::io;
use std::path::PathBuf;

/// A failure of an SQLite file: where, doing what, and why.
///
/// [`SqliteError::kind`] says what to do next; as a [`PortError`] it carries that and the whole chain as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// A newer version of the program wrote the file, and this one would not understand it.
    #[error(
        "{} was written by version {written_by} (layout {found}); this is version {} and knows layouts up to {known}: \
         run the newer version again, or move the file away to begin anew",
        .path.display(), env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest layout that this version knows.
        known: i64,
        /// The version that wrote it, or `unknown`.
        written_by: String,
    },
    /// An SQLite file that belongs to something else.
    #[error("{} is an SQLite file but not a {what} of this program: choose another path", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was looked for: `journal` or `store`.
        what: &'static str,
    },
    /// The file cannot be trusted any more.
    #[error("{what} {} is damaged ({detail}): {remedy}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it is: `journal` or `store`.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Somebody moved, deleted or replaced the file while it was open; what is written would be lost with it.
    #[error("{} was moved or deleted while in use: put it back, or restart the program", .path.display())]
    Gone {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {operation} {}", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("cannot {operation} {}", .path.display())]
    Sql {
        /// The file.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: rusqlite::Error,
    },
    /// What was to be written cannot be kept by any file.
    #[error("{subject} cannot be kept: {detail}")]
    Refused {
        /// The document or row.
        subject: String,
        /// Why.
        detail: String,
    },
    /// The thread that owns the file has ended.
    #[error("{} is closed: the thread that writes it has ended, restart the program", .path.display())]
    Stopped {
        /// The file.
        path: PathBuf,
    },
}

impl SqliteError {
    /// What to do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            SqliteError::Newer { .. }
            | SqliteError::Foreign { .. }
            | SqliteError::Damaged { .. }
            | SqliteError::Gone { .. }
            | SqliteError::Stopped { .. } => ErrorKind::AskPerson,
            SqliteError::Refused { .. } => ErrorKind::GiveUp,
            SqliteError::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied
                | io::ErrorKind::NotFound
                | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::AskPerson,
                _ => ErrorKind::Retry,
            },
            SqliteError::Sql { source, .. } => sql_kind(source),
        }
    }

    /// Whether it may pass while the file stays as it is: a disk that is not there yet, a lock, rights.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, SqliteError::Io { .. } | SqliteError::Sql { .. })
    }

    /// Whether this tells of a file that is broken in itself, and not of its surroundings.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, SqliteError::Damaged { .. })
    }

    /// Everything it says, causes included, as one line.
    pub fn line(&self) -> String {
        let mut line = self.to_string();
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            line.push_str(": ");
            line.push_str(&cause.to_string());
            next = cause.source();
        }
        line
    }
}

impl From<SqliteError> for PortError {
    fn from(error: SqliteError) -> PortError {
        PortError::new(error.kind(), error.line())
    }
}

/// An fsync that failed leaves what was written before it in doubt; everything else that can pass is tried again.
fn sql_kind(error: &rusqlite::Error) -> ErrorKind {
    let Some(failure) = error.sqlite_error() else { return ErrorKind::GiveUp };
    match failure.code {
        ErrorCode::SystemIoFailure if failure.extended_code == rusqlite::ffi::SQLITE_IOERR_FSYNC => {
            ErrorKind::UnknownOutcome
        }
        ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::OutOfMemory
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::OperationInterrupted => ErrorKind::Retry,
        ErrorCode::TooBig | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch => ErrorKind::GiveUp,
        _ => ErrorKind::AskPerson,
    }
}

/// Whether SQLite's answer, or a value that was read, means that the file itself is broken.
pub(crate) fn means_damage(error: &rusqlite::Error) -> bool {
    match error.sqlite_error() {
        Some(failure) => matches!(
            failure.code,
            // `Unknown` is a missing table or column: the statements themselves are tested.
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown
        ),
        None => matches!(
            error,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::QueryReturnedNoRows
                | rusqlite::Error::Utf8Error(..)
        ),
    }
}
