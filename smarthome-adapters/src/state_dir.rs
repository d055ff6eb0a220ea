//! The directory that one running program owns.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// A state directory, held by this process until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    /// The lock lasts as long as the file is open.
    _lock: File,
}

/// Why a state directory cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateDirError {
    /// Another process holds it.
    #[error(
        "state directory {} is in use by {}: stop that program first, or choose another state directory",
        .path.display(), .holder
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who holds it, as far as can be told.
        holder: Holder,
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
}

/// The process that holds a state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// Its process id, `None` when it has not written it yet.
    pub pid: Option<u32>,
    /// Its command line, where the system shows it.
    pub command: Option<String>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.pid, &self.command) {
            (Some(pid), Some(command)) => write!(f, "process {pid} ({command})"),
            (Some(pid), None) => write!(f, "process {pid}"),
            (None, _) => f.write_str("another process"),
        }
    }
}

impl StateDir {
    /// Takes the directory for this process; makes it, with rights for its owner only, when it is not there.
    pub fn lock(path: impl AsRef<Path>) -> Result<StateDir, StateDirError> {
        let path = path.as_ref();
        let failed = |path: &Path, operation| {
            let path = path.to_path_buf();
            move |source| StateDirError::Io { path, operation, source }
        };
        make_private(path).map_err(failed(path, "create the state directory"))?;
        let name = path.join("lock");
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&name);
        let mut lock = opened.map_err(failed(&name, "open the lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateDirError::InUse { path: path.into(), holder: holder(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(&name, "lock")(source)),
        }
        write_pid(&mut lock).map_err(failed(&name, "write the process id to"))?;
        Ok(StateDir { path: path.into(), _lock: lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

fn holder(lock: &mut File) -> Holder {
    let mut text = String::new();
    let pid = lock.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
    Holder { pid, command: pid.and_then(command_line) }
}

fn command_line(pid: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    Some(text.trim().to_string()).filter(|text| !text.is_empty())
}
