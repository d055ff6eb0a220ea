//! Eclipse Mosquitto as a test server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::process::{Group, find_program, run_tool};
use super::{ServerError, free_port};

const NAME: &str = "mosquitto";
const READY: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(10);

/// How to run a [`Mosquitto`]; by default with the user `webos` (password `webos`), nobody else, and storage.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MosquittoConfig {
    /// User and password; with `None` everybody may connect without.
    pub credentials: Option<(String, String)>,
    /// Whether sessions, queued and retained messages survive [`Mosquitto::restart`]. They are written every
    /// second and at a clean stop, so [`Mosquitto::kill`] loses what is younger.
    pub persistence: bool,
    /// Whether sockets have `TCP_NODELAY`. Without it an answer may wait 40 ms for a delayed acknowledgement.
    pub nodelay: bool,
    /// Further lines of `mosquitto.conf`.
    pub lines: Vec<String>,
}

impl Default for MosquittoConfig {
    fn default() -> Self {
        Self {
            credentials: Some(("webos".to_owned(), "webos".to_owned())),
            persistence: true,
            nodelay: true,
            lines: Vec::new(),
        }
    }
}

impl MosquittoConfig {
    /// As the default, but everybody may connect without user and password.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { credentials: None, ..Self::default() }
    }
}

/// A Mosquitto on a free loopback port, with its state in a temporary folder.
///
/// It is killed when this value is dropped, and also when the test process ends in any other way.
pub struct Mosquitto {
    config: MosquittoConfig,
    port: u16,
    folder: TempDir,
    running: Option<Group>,
}

impl Mosquitto {
    /// Whether this machine can run it; the error says what is missing and how to install it.
    ///
    /// # Errors
    ///
    /// When one of its programs is not found.
    pub fn available() -> Result<(), String> {
        for program in [NAME, "mosquitto_passwd"] {
            if find_program(program).is_none() {
                return Err(format!(
                    "{program} is not installed: apt-get install --no-install-recommends mosquitto"
                ));
            }
        }
        Ok(())
    }

    /// Starts one; it accepts connections when this returns.
    ///
    /// # Errors
    ///
    /// When it is not installed or does not come up; the error quotes its log.
    pub async fn start(config: MosquittoConfig) -> Result<Self, ServerError> {
        Self::available().map_err(ServerError::NotInstalled)?;
        let folder = TempDir::with_prefix("smarthome-mosquitto-")
            .map_err(|source| ServerError::Io { what: "making a temporary folder".to_owned(), source })?;
        let mut server = Self { config, port: 0, folder, running: None };
        let mut attempts_left = 5;
        loop {
            attempts_left -= 1;
            server.port = free_port();
            server.write_configuration()?;
            match server.launch().await {
                Err(ServerError::Ended { log, .. })
                    if attempts_left > 0 && log.contains("Address already in use") => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(server),
            }
        }
    }

    /// The port of 127.0.0.1 it listens on, the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The folder with its configuration, log and stored state.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has printed since it was last started; empty when it does not run.
    #[must_use]
    pub fn log(&self) -> String {
        self.running.as_ref().map(Group::log).unwrap_or_default()
    }

    /// Ends it cleanly: everything is stored and every connection closed.
    pub async fn stop(&mut self) {
        if let Some(group) = self.running.take() {
            group.terminate(STOP).await;
        }
    }

    /// Stops it cleanly if it runs, then starts it again on the same port with what it had stored.
    ///
    /// # Errors
    ///
    /// When it does not come up again; the error quotes its log.
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.stop().await;
        self.launch().await
    }

    /// Ends it by SIGKILL, as a crash would; it is gone when this returns. [`restart`](Self::restart) starts it again.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Freezes it by SIGSTOP: connections stay open, new ones are accepted by the kernel, nothing is answered.
    pub fn pause(&self) {
        if let Some(group) = &self.running {
            group.signal("STOP");
        }
    }

    /// Ends [`pause`](Self::pause).
    pub fn resume(&self) {
        if let Some(group) = &self.running {
            group.signal("CONT");
        }
    }

    async fn launch(&mut self) -> Result<(), ServerError> {
        let program = find_program(NAME).unwrap_or_else(|| NAME.into());
        let mut command = Command::new(program);
        command.arg("-c").arg(self.folder.path().join("mosquitto.conf"));
        let mut group = Group::spawn(NAME, &mut command, &self.folder.path().join("log"))?;
        // Not a connection attempt: that could reach somebody else who was faster to take the port.
        group.wait_ready(READY, |group| group.log().contains(" running")).await?;
        self.running = Some(group);
        Ok(())
    }

    fn write_configuration(&self) -> Result<(), ServerError> {
        let folder = self.folder.path();
        let mut lines = vec![
            format!("listener {} 127.0.0.1", self.port),
            format!("set_tcp_nodelay {}", self.config.nodelay),
            format!("persistence {}", self.config.persistence),
            format!("persistence_location {}/", folder.display()),
            "autosave_interval 1".to_owned(),
            "max_queued_messages 0".to_owned(),
            // Started by root it would otherwise become the user mosquitto, who may not write in the folder.
            "user root".to_owned(),
            format!("allow_anonymous {}", self.config.credentials.is_none()),
        ];
        if let Some((user, password)) = &self.config.credentials {
            let file = folder.join("passwords");
            let program = find_program("mosquitto_passwd").unwrap_or_else(|| "mosquitto_passwd".into());
            run_tool(Command::new(program).arg("-b").arg("-c").arg(&file).arg(user).arg(password))?;
            lines.push(format!("password_file {}", file.display()));
        }
        lines.extend(self.config.lines.iter().cloned());
        std::fs::write(folder.join("mosquitto.conf"), lines.join("\n") + "\n")
            .map_err(|source| ServerError::Io { what: "writing mosquitto.conf".to_owned(), source })
    }
}
