//! Places to die at, for crash tests; nothing of this is in a release build.

/// The places a debug build can be told to die at.
///
/// With `SMARTHOME_KILL_AT=name` in its environment a debug build kills itself, as `kill -9` does, when it comes to
/// that point; with `name:n`, when it comes there the n-th time; with `name@s`, when it comes there the first time from s
/// seconds after 1970 on. While the file that `SMARTHOME_HOLD_FILE` names exists, the loop takes nothing from its inbox.
///
/// | point | where |
/// |---|---|
/// | `batch_taken` | events were taken, the engine has not seen them |
/// | `before_commit` | the engine has, and something is to be recorded |
/// | `after_commit` | it is recorded, nothing has left |
/// | `before_publish` | a command is about to be given to the broker's adapter |
/// | `after_publish_written` | the adapter had time to write it into the socket; the broker may have it |
/// | `before_puback_handled` | the broker confirmed it, the engine does not know |
/// | `after_puback_handled` | the engine knows, nothing is recorded |
/// | `before_mark_commit` | as `before_commit`, when a confirmed command is in the batch |
/// | `after_mark_commit` | as `after_commit`, when a confirmed command is in the batch |
/// | `before_ack` | a delivery is about to be acknowledged |
/// | `after_ack` | the acknowledgement was given to the broker's adapter |
/// | `at_stop` | a stop was asked for, nothing was done about it |
pub const FAULT_POINTS: [&str; 12] = [
    "batch_taken",
    "before_commit",
    "after_commit",
    "before_publish",
    "after_publish_written",
    "before_puback_handled",
    "after_puback_handled",
    "before_mark_commit",
    "after_mark_commit",
    "before_ack",
    "after_ack",
    "at_stop",
];

#[cfg(debug_assertions)]
mod armed {
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, SystemTime};

    struct Kill {
        at: String,
        left: AtomicU64,
        from: SystemTime,
    }

    impl Kill {
        /// Understands `name`, `name:n` and `name@s`.
        fn parse(wanted: &str) -> Option<Kill> {
            let (wanted, from) = match wanted.split_once('@') {
                Some((at, seconds)) => (at, Duration::from_secs(seconds.parse().ok()?)),
                None => (wanted, Duration::ZERO),
            };
            let (at, count) = wanted.split_once(':').unwrap_or((wanted, "1"));
            let left = AtomicU64::new(count.parse().ok().filter(|count| *count > 0)?);
            let from = SystemTime::UNIX_EPOCH.checked_add(from)?;
            super::FAULT_POINTS.contains(&at).then(|| Kill { at: at.to_owned(), left, from })
        }
    }

    fn kill() -> Option<&'static Kill> {
        static KILL: OnceLock<Option<Kill>> = OnceLock::new();
        KILL.get_or_init(|| {
            let wanted = std::env::var("SMARTHOME_KILL_AT").ok()?;
            let kill = Kill::parse(&wanted);
            if kill.is_none() {
                tracing::error!(%wanted, "SMARTHOME_KILL_AT names no point: ignored");
            }
            kill
        })
        .as_ref()
    }

    /// Whether the process is to die at that point, sooner or later.
    pub(in crate::driver) fn is_armed(name: &str) -> bool {
        kill().is_some_and(|kill| kill.at == name)
    }

    /// Dies here, if this is the point and the time.
    pub fn fault_point(name: &str) {
        let Some(kill) = kill().filter(|kill| kill.at == name) else { return };
        if SystemTime::now() < kill.from {
            return;
        }
        if kill.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            die();
        }
    }

    /// Nobody gets to clean up: not this thread, not the others.
    fn die() -> ! {
        let id = std::process::id().to_string();
        let killed = std::process::Command::new("kill").args(["-9", &id]).status();
        tracing::error!(?killed, "could not be killed");
        std::process::abort()
    }

    fn hold_file() -> Option<&'static PathBuf> {
        static HOLD: OnceLock<Option<PathBuf>> = OnceLock::new();
        HOLD.get_or_init(|| std::env::var_os("SMARTHOME_HOLD_FILE").map(PathBuf::from)).as_ref()
    }

    /// Whether the inbox is to be left alone for now.
    pub(in crate::driver) fn is_held() -> bool {
        hold_file().is_some_and(|file| file.exists())
    }
}

#[cfg(debug_assertions)]
pub use armed::fault_point;
#[cfg(debug_assertions)]
pub(super) use armed::{is_armed, is_held};

/// Dies here in debug builds, if told to.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn fault_point(_name: &str) {}

#[cfg(not(debug_assertions))]
#[inline(always)]
pub(super) fn is_armed(_name: &str) -> bool {
    false
}

#[cfg(not(debug_assertions))]
#[inline(always)]
pub(super) fn is_held() -> bool {
    false
}
