//! What the load run needs: processes, what the system says about them, and middles of what was measured.

mod client;
pub(crate) mod schedules;

pub(crate) use client::{Client, echo};

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use smarthome_adapters::sqlite::SqliteStore;
use smarthome_core::engine::Collection;
use smarthome_core::ports::Documents;
use tempfile::TempDir;

/// The daemon as it is shipped: `cargo bench` builds it with the release profile.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_smarthome");

/// A folder on a real disk, since a system's temporary folder may be in memory, where a sync costs nothing.
pub(crate) fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A process that is killed when it is no longer needed.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it; what it says goes to a file in `folder`, as under a service manager.
    pub(crate) fn start(command: &mut Command, folder: &Path) -> Process {
        let log = || File::options().append(true).create(true).open(folder.join("log")).unwrap();
        Process(command.stdin(Stdio::null()).stdout(log()).stderr(log()).spawn().unwrap())
    }

    /// Seconds on a processor since it started, in user and in kernel mode.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = self.proc("stat");
        // The name in brackets may contain blanks; behind it the twelfth and thirteenth fields, in ticks of 10 ms.
        let fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
        fields.map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
    }

    /// A value of its memory in MiB: `Rss` or `Pss`.
    pub(crate) fn memory(&self, what: &str) -> f64 {
        let text = self.proc("smaps_rollup");
        let line = text.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Ends it as a service manager does.
    pub(crate) async fn stop(mut self) {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(asked.success());
        self.ends().await;
    }

    /// Waits until it has ended, well.
    pub(crate) async fn ends(&mut self) {
        let ended = async || self.0.try_wait().unwrap().is_some_and(|status| status.success());
        assert!(smarthome_adapters::testing::wait_until(Duration::from_secs(30), ended).await);
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A home's folder, with what the program is told.
pub(crate) struct Home {
    folder: TempDir,
    /// What all its topics begin with, so that many homes fit on one broker.
    pub(crate) prefix: String,
    /// The foreign broker's port; without one the program is its own broker.
    foreign: Option<u16>,
    listen: u16,
    program: PathBuf,
}

impl Home {
    /// A home with a copy of this store, or without users.
    pub(crate) fn new(prefix: &str, foreign: Option<u16>, store: Option<&Path>) -> Home {
        let folder = folder();
        if let Some(store) = store {
            fs::copy(store, folder.path().join("store.db")).unwrap();
        }
        let listen = smarthome_adapters::testing::free_port();
        Home { folder, prefix: prefix.into(), foreign, listen, program: PROGRAM.into() }
    }

    /// Gives it a copy of the program, so that it shares no memory with others of the kind.
    pub(crate) fn alone(mut self) -> Home {
        self.program = self.state().join("smarthome");
        fs::copy(PROGRAM, &self.program).unwrap();
        self
    }

    pub(crate) fn state(&self) -> &Path {
        self.folder.path()
    }

    /// Where its clients connect to.
    pub(crate) fn port(&self) -> u16 {
        self.foreign.unwrap_or(self.listen)
    }

    pub(crate) fn is_own_broker(&self) -> bool {
        self.foreign.is_none()
    }

    /// Starts a command of the program.
    pub(crate) fn start(&self, args: &[&str]) -> Process {
        let mut command = Command::new(&self.program);
        let state = self.state();
        command.env_clear().env("HOME", state).env("SMARTHOME_HOME_TIME_ZONE", "UTC");
        command.env("SMARTHOME_HOME_TOPIC_PREFIX", &self.prefix);
        command.current_dir(state).arg("--state").arg(state).args(args);
        match self.foreign {
            Some(port) => command
                .env("SMARTHOME_BROKER_URL", format!("mqtt://webos@127.0.0.1:{port}"))
                .env("SMARTHOME_BROKER_PASSWORD", "webos"),
            None => command.env("SMARTHOME_BROKER_EMBEDDED_LISTEN", format!("127.0.0.1:{}", self.listen)),
        };
        Process::start(&mut command, state)
    }

    /// Waits until what its programs said contains this.
    pub(crate) async fn said(&self, what: &str) {
        let log = self.state().join("log");
        let said = async || fs::read_to_string(&log).is_ok_and(|text| text.contains(what));
        let came = smarthome_adapters::testing::wait_until(Duration::from_secs(30), said).await;
        assert!(came, "no {what:?}: {}", fs::read_to_string(&log).unwrap_or_default());
    }
}

/// A store with so many users, closed cleanly; it is copied for every start.
pub(crate) async fn store(users: usize, folder: &Path) -> PathBuf {
    filled(&users.to_string(), folder, async |store| add_users(store, users).await).await
}

/// A store of that name, filled like this and closed cleanly.
async fn filled(name: &str, folder: &Path, fill: impl AsyncFn(&SqliteStore)) -> PathBuf {
    // Made in memory where there is such a folder, because every one of these writes waits for the disk.
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new_in(folder) }.unwrap();
    let (from, to) = (made.path().join("store.db"), folder.join(format!("{name}.db")));
    let store = SqliteStore::open(&from).unwrap();
    fill(&store).await;
    drop(store);
    fs::copy(from, &to).unwrap();
    to
}

async fn add_users(store: &SqliteStore, users: usize) {
    for user in 0..users {
        let fields = format!(r#"{{"name":"Kim {user}","phone":"010-1234-{user:04}"}}"#);
        store.merge(Collection::Users, &uid(user), &fields).await.unwrap();
    }
}

/// The id of a user.
pub(crate) fn uid(user: usize) -> String {
    format!("u{user:06}")
}

/// A sign-in of that user.
pub(crate) fn sign_in_of(user: usize) -> String {
    format!(r#"{{"Producer":"car","command":"signin","UID":"{}"}}"#, uid(user))
}

/// The value below which this share of the values lies.
pub(crate) fn share(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    share(values, 0.5)
}

/// Both ends and the middle, which tell how steady a machine was.
pub(crate) fn spread(values: &[f64], digits: usize) -> String {
    let [low, middle, high] = [0.0, 0.5, 1.0].map(|at| share(values, at));
    format!("{middle:.digits$} ({low:.digits$} – {high:.digits$})")
}
