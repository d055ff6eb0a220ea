//! The file, opened at once or as soon as it can be.

use super::error::SqliteError;
use super::keeper::Keeper;
use smarthome_core::ports::PortError;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// For how long a failed try speaks for what is asked next: the listeners of all collections come together, and each
/// try may wait for another program that has the file.
const SAME_TRY: Duration = Duration::from_millis(100);

/// The keeper, as soon as there is one.
pub(super) struct Lazy {
    path: PathBuf,
    keeper: Option<Keeper>,
    /// Nothing was there at the start, so that an empty store may be made. A file that only vanished is waited for: an
    /// empty one in its place would say that everything was deleted.
    may_create: bool,
    refused: Option<(Instant, PortError)>,
}

impl Lazy {
    /// Opens the file, or makes an empty one where there is nothing.
    pub(super) fn open(path: PathBuf) -> Result<Lazy, SqliteError> {
        let keeper = open(&path, is_nothing(&path))?;
        Ok(Lazy { path, keeper: Some(keeper), may_create: false, refused: None })
    }

    /// The same, later when it cannot be opened for a reason that may pass.
    pub(super) fn open_now_or_later(path: PathBuf) -> Result<Lazy, SqliteError> {
        let may_create = is_nothing(&path);
        match open(&path, may_create) {
            Ok(keeper) => Ok(Lazy { path, keeper: Some(keeper), may_create, refused: None }),
            Err(error) if error.may_pass() => {
                Ok(Lazy { path, keeper: None, may_create, refused: Some((Instant::now(), error.into())) })
            }
            Err(error) => Err(error),
        }
    }

    /// The keeper; opens the file when it is not open yet.
    pub(super) fn keeper(&mut self) -> Result<&mut Keeper, PortError> {
        if self.keeper.is_none() {
            if let Some((at, error)) = &self.refused
                && at.elapsed() < SAME_TRY
            {
                return Err(error.clone());
            }
            let opened = open(&self.path, self.may_create).map_err(PortError::from);
            match opened {
                Ok(keeper) => self.keeper = Some(keeper),
                Err(error) => {
                    self.refused = Some((Instant::now(), error.clone()));
                    return Err(error);
                }
            }
        }
        let closed = || SqliteError::Stopped { path: self.path.clone() }.into();
        self.keeper.as_mut().ok_or_else(closed)
    }

    pub(super) fn close(self) {
        if let Some(keeper) = self.keeper {
            keeper.close();
        }
    }
}

fn open(path: &Path, may_create: bool) -> Result<Keeper, SqliteError> {
    if may_create { Keeper::open_or_create(path.into()) } else { Keeper::open(path.into()) }
}

/// Whether there is nothing of that name; not even a link that leads nowhere, to a disk that is not there.
fn is_nothing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}
