//! RabbitMQ with its MQTT plugin as a test server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::process::{Group, find_program, run_tool};
use super::{ServerError, free_port};

const NAME: &str = "rabbitmq";
/// Debian's own copies; those in `/usr/sbin` insist on the users root and rabbitmq and on their folders.
const PROGRAMS: &str = "/usr/lib/rabbitmq/bin";
/// It needs 8 s on a quiet machine with two cores.
const READY: Duration = Duration::from_secs(120);
const STOP: Duration = Duration::from_secs(30);

/// How to run a [`RabbitMq`]; by default with the exchange, queues and policies the program ships.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RabbitMqConfig {
    /// A definitions file to import before anybody connects; with `None` there is nothing but the user, who may do
    /// everything: no exchange, no queue.
    pub definitions: Option<PathBuf>,
    /// Further lines of `rabbitmq.conf`.
    pub lines: Vec<String>,
}

impl Default for RabbitMqConfig {
    fn default() -> Self {
        Self { definitions: Some(RabbitMq::shipped_definitions()), lines: Vec::new() }
    }
}

impl RabbitMqConfig {
    /// Without any definitions, as a fresh installation is.
    #[must_use]
    pub fn bare() -> Self {
        Self { definitions: None, lines: Vec::new() }
    }
}

#[derive(Clone, Copy)]
struct Ports {
    amqp: u16,
    mqtt: u16,
    /// Erlang's name service and the port for other nodes and for `rabbitmqctl`.
    epmd: u16,
    nodes: u16,
}

/// A RabbitMQ on free loopback ports, with its state in a temporary folder and a node name and a name service of its
/// own, so that any number run side by side, also beside an installed one.
///
/// The user is [`USER`](Self::USER). The MQTT plugin is on, its exchange is `webos.topic`. It is killed when this
/// value is dropped, and also when the test process ends in any other way.
pub struct RabbitMq {
    config: RabbitMqConfig,
    ports: Ports,
    folder: TempDir,
    // Dropped in this order: the name service last.
    running: Option<Group>,
    _names: Option<Group>,
}

impl RabbitMq {
    /// The user that is made for clients; the password is the same word.
    pub const USER: &str = "webos";

    /// Whether this machine can run it; the error says what is missing and how to install it.
    ///
    /// # Errors
    ///
    /// When one of its programs is not found.
    pub fn available() -> Result<(), String> {
        let server = Path::new(PROGRAMS).join("rabbitmq-server");
        if server.is_file() && find_program("epmd").is_some() {
            return Ok(());
        }
        Err(format!(
            "{} or epmd is not installed: apt-get install --no-install-recommends rabbitmq-server",
            server.display()
        ))
    }

    /// The definitions file that is shipped with the program, where it is in the source tree.
    #[must_use]
    pub fn shipped_definitions() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../smarthome-bin/share/rabbitmq-definitions.json")
    }

    /// Starts one and imports the definitions; it accepts AMQP and MQTT connections when this returns.
    ///
    /// # Errors
    ///
    /// When it is not installed, does not come up, or refuses the definitions; the error quotes what it printed.
    pub async fn start(config: RabbitMqConfig) -> Result<Self, ServerError> {
        Self::available().map_err(ServerError::NotInstalled)?;
        let mut attempts_left = 3;
        loop {
            attempts_left -= 1;
            match Self::start_once(config.clone()).await {
                Err(ServerError::Ended { log, .. }) if attempts_left > 0 && log.contains("eaddrinuse") => {}
                other => return other,
            }
        }
    }

    async fn start_once(config: RabbitMqConfig) -> Result<Self, ServerError> {
        let folder = TempDir::with_prefix("smarthome-rabbitmq-")
            .map_err(|source| ServerError::Io { what: "making a temporary folder".to_owned(), source })?;
        let ports = Ports { amqp: free_port(), mqtt: free_port(), epmd: free_port(), nodes: free_port() };
        // Started here, in the foreground: the server would start one as a daemon, which outlives it.
        let program = find_program("epmd").unwrap_or_else(|| "epmd".into());
        let mut epmd = Command::new(program);
        epmd.args(["-port", &ports.epmd.to_string(), "-address", "127.0.0.1"]);
        let names = Group::spawn("epmd", &mut epmd, &folder.path().join("epmd.log"))?;
        let mut server = Self { config, ports, folder, running: None, _names: Some(names) };
        server.write_configuration()?;
        server.launch().await?;
        match server.config.definitions.clone() {
            Some(file) => {
                server.rabbitmqctl(&["import_definitions", &file.display().to_string()]).await?;
                server.rabbitmqctl(&["change_password", Self::USER, Self::USER]).await?;
            }
            None => {
                server.rabbitmqctl(&["add_user", Self::USER, Self::USER]).await?;
                server.rabbitmqctl(&["set_permissions", Self::USER, ".*", ".*", ".*"]).await?;
            }
        }
        Ok(server)
    }

    /// The port of 127.0.0.1 for AMQP, the same over restarts.
    #[must_use]
    pub fn amqp_port(&self) -> u16 {
        self.ports.amqp
    }

    /// The port of 127.0.0.1 for MQTT, the same over restarts.
    #[must_use]
    pub fn mqtt_port(&self) -> u16 {
        self.ports.mqtt
    }

    /// Where it speaks MQTT.
    #[must_use]
    pub fn mqtt_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.mqtt).into()
    }

    /// The folder with its configuration, logs and stored state.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `rabbitmqctl` against it and returns what that printed. It takes a second or two.
    ///
    /// `["set_vm_memory_high_watermark", "0"]` raises the memory alarm, after which nobody may publish, and `"0.4"`
    /// lifts it.
    ///
    /// # Errors
    ///
    /// When the tool reports a failure.
    pub async fn rabbitmqctl(&self, arguments: &[&str]) -> Result<String, ServerError> {
        let mut command = self.command("rabbitmqctl");
        command.arg("--quiet").args(arguments);
        let run = tokio::task::spawn_blocking(move || run_tool(&mut command));
        run.await.unwrap_or_else(|error| {
            let source = std::io::Error::other(error);
            Err(ServerError::Io { what: "waiting for rabbitmqctl".to_owned(), source })
        })
    }

    /// Ends it cleanly.
    pub async fn stop(&mut self) {
        if let Some(group) = self.running.take() {
            group.terminate(STOP).await;
        }
    }

    /// Stops it cleanly if it runs, then starts it again on the same ports with what it had stored.
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
        let mut command = self.command("rabbitmq-server");
        let mut group = Group::spawn(NAME, &mut command, &self.folder.path().join("console.log"))?;
        group.wait_ready(READY, |group| group.log().contains("completed with")).await?;
        self.running = Some(group);
        Ok(())
    }

    /// One of its programs, told by its environment which node is meant.
    fn command(&self, program: &str) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(Path::new(PROGRAMS).join(program));
        command
            .current_dir(folder)
            // Where the Erlang cookie is made, with which the tools prove that they may command the node.
            .env("HOME", folder)
            .env("RABBITMQ_NODENAME", format!("smarthome{}@localhost", self.ports.nodes))
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_PID_FILE", folder.join("pid"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", folder.join("environment"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
            .env("RABBITMQ_GENERATED_CONFIG_DIR", folder.join("generated"))
            .env("RABBITMQ_DIST_PORT", self.ports.nodes.to_string())
            .env("ERL_EPMD_PORT", self.ports.epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            // Otherwise each tool starts a daemon of its own when the name service is just being ended.
            .env("ERL_FLAGS", "-start_epmd false")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
            .env("LC_ALL", "C.UTF-8");
        command
    }

    fn write_configuration(&self) -> Result<(), ServerError> {
        let mut lines = vec![
            format!("listeners.tcp.1 = 127.0.0.1:{}", self.ports.amqp),
            format!("mqtt.listeners.tcp.1 = 127.0.0.1:{}", self.ports.mqtt),
            "mqtt.exchange = webos.topic".to_owned(),
            "mqtt.vhost = /".to_owned(),
            "mqtt.allow_anonymous = false".to_owned(),
            "log.file.level = info".to_owned(),
        ];
        lines.extend(self.config.lines.iter().cloned());
        let files = [
            ("rabbitmq.conf", lines.join("\n") + "\n"),
            ("plugins", "[rabbitmq_mqtt].\n".to_owned()),
            ("environment", String::new()),
        ];
        for (name, text) in files {
            std::fs::write(self.folder.path().join(name), text)
                .map_err(|source| ServerError::Io { what: format!("writing {name}"), source })?;
        }
        Ok(())
    }
}
