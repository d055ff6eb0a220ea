//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use smarthome_core::Appliance;

use crate::exit::EXIT_CODES;

const EXAMPLES: &str = "\
Try it, in two terminals:
  smarthome                       the daemon, with its own broker on 127.0.0.1:1883
  smarthome home                  a virtual home that obeys it
and in a third:
  smarthome send 015222222        air conditioner on at 50 %
  smarthome decode 015222222      what these digits say";

/// The brain of a smart home: it answers sign-ins, sends commands and believes them when the home reports them.
#[derive(Debug, Parser)]
#[command(name = "smarthome", version, after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub struct Cli {
    /// Which part; without one: run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// The configuration [default: $XDG_CONFIG_HOME/smarthome/smarthome.toml, else /etc/smarthome/smarthome.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the daemon keeps its state; takes the place of state.directory
    #[arg(long, global = true, value_name = "DIRECTORY")]
    pub state: Option<PathBuf>,
}

/// The parts of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the daemon, with an embedded broker unless another is configured
    Run,
    /// Print the default configuration, with an explanation for every setting
    #[command(after_help = "Example:\n  smarthome config > ~/.config/smarthome/smarthome.toml")]
    Config,
    /// Look whether everything the daemon needs is there
    Check(Check),
    /// Explain frames of nine digits
    Decode(Decode),
    /// Print the status of a home in STATUS once it has obeyed COMMAND
    Apply(Apply),
    /// Be a virtual home, which behaves as the firmware does
    Home(Home),
    /// Send a command to the home through the daemon, and see what becomes of it
    Send(Send),
    /// Print every message that goes by, in plain words
    Watch(Watch),
    /// List, set and delete the users who may sign in
    User(User),
    /// List, set and delete schedules
    Schedule(Schedule),
    /// List, set and delete modes (scenes)
    Mode(Mode),
    /// Say which schedules will fire, when, and why then
    Next(Next),
    /// Say what became of a schedule's slots, and why
    Why(Why),
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Do not connect to the broker
    #[arg(long)]
    pub offline: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `decode`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  smarthome decode 022152022\n  smarthome decode --status 009060210\n  \
    mosquitto_sub -t webos/smarthome/info | smarthome decode --json -")]
pub struct Decode {
    /// Nine digits; - reads them from standard input, one a line
    #[arg(required = true, value_name = "FRAME")]
    pub frames: Vec<String>,
    /// Read them as what a home reports, where no switch may be 2
    #[arg(long)]
    pub status: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `apply`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  smarthome apply 009060210 022152202     prints 009152200")]
pub struct Apply {
    /// What the home reports now
    pub status: String,
    /// What it is told
    pub command: String,
    /// A JSON object
    #[arg(long)]
    pub json: bool,
}

/// Which broker a client of it uses.
#[derive(Debug, Clone, Default, Args)]
pub struct Client {
    /// The broker [default: broker.url, else the daemon's embedded one]
    #[arg(long, value_name = "URL")]
    pub broker: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `home`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Lines on standard input: the name of an appliance presses its button (air_conditioner, light, \
    window, gas_valve), `move` moves the window by hand, `status` reports, `deaf` and `hear` switch deafness, \
    `quit` ends.\n\n\
    Examples:\n  smarthome home\n  smarthome home --rain --status 000000010\n  smarthome home --deaf light,gas_valve"
)]
pub struct Home {
    /// Which broker.
    #[command(flatten)]
    pub client: Client,
    /// What it starts with [default: what the broker holds as last reported, else 000000000]
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// Every how many seconds it repeats its status and sensors
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub every: u64,
    /// The rain sensor is wet
    #[arg(long)]
    pub rain: bool,
    /// Obey nothing, or nothing about these appliances, and report all the same
    #[arg(long, value_name = "APPLIANCE", value_delimiter = ',', num_args = 0.., value_parser = appliance)]
    pub deaf: Option<Vec<Appliance>>,
    /// Wait so many milliseconds before obeying
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=600_000))]
    pub slow: u64,
    /// Press the button of these appliances once, at the start
    #[arg(long, value_name = "APPLIANCE", value_delimiter = ',', value_parser = appliance)]
    pub press: Vec<Appliance>,
}

/// `send`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  smarthome send 015222222            air conditioner on at 50 %\n  \
    smarthome send 022222200            close window and gas valve\n  \
    smarthome send --no-wait 022222202  close the window, and leave it to the daemon")]
pub struct Send {
    /// Nine digits
    pub frame: String,
    /// Wait until the home has followed or given no sign (the default)
    #[arg(long, overrides_with = "no_wait")]
    pub wait: bool,
    /// Only hand it over
    #[arg(long)]
    pub no_wait: bool,
    /// How many seconds to wait at most
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
    /// One JSON object for each step
    #[arg(long)]
    pub json: bool,
}

/// `watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// Which broker.
    #[command(flatten)]
    pub client: Client,
}

/// `user`.
#[derive(Debug, Args)]
pub struct User {
    /// What to do.
    #[command(subcommand)]
    pub action: UserAction,
    /// JSON, one object a line
    #[arg(long, global = true)]
    pub json: bool,
}

/// `schedule`.
#[derive(Debug, Args)]
pub struct Schedule {
    /// What to do.
    #[command(subcommand)]
    pub action: ScheduleAction,
    /// JSON, one object a line
    #[arg(long, global = true)]
    pub json: bool,
}

/// `schedule …`.
#[derive(Debug, Subcommand)]
pub enum ScheduleAction {
    /// Print all schedules
    List,
    /// Make a schedule, or replace the one of that title
    #[command(
        after_help = "Examples:\n  smarthome schedule set 'window at night' '{\"repeat\":true,\"enabled\":true,\
        \"startTime\":\"2200\",\n    \"daysOfWeek\":[false,true,true,true,true,true,false],\"windowOpen\":false}'\n  \
        smarthome schedule set tea '{\"repeat\":false,\"enabled\":true,\"startTime\":\"0730\",\
        \"activeDate\":\"2026.12.24\",\"modeNum\":1}'"
    )]
    Set {
        /// Its title
        title: String,
        /// Its fields, as a JSON object: startTime, repeat, daysOfWeek from Sunday or activeDate, and modeNum or what
        /// is wanted of the appliances
        #[arg(value_name = "JSON")]
        fields: String,
    },
    /// Delete a schedule
    Delete {
        /// Its title
        title: String,
    },
}

/// `mode`.
#[derive(Debug, Args)]
pub struct Mode {
    /// What to do.
    #[command(subcommand)]
    pub action: ModeAction,
    /// JSON, one object a line
    #[arg(long, global = true)]
    pub json: bool,
}

/// `mode …`.
#[derive(Debug, Subcommand)]
pub enum ModeAction {
    /// Print all modes
    List,
    /// Make a mode, or replace the one of that number and name
    #[command(
        after_help = "Example:\n  smarthome mode set '{\"modeNum\":2,\"modeName\":\"going out\",\"airconEnable\":false,\
        \"lightEnable\":false,\n    \"windowOpen\":false,\"gasValveEnable\":false}'"
    )]
    Set {
        /// Its fields, as a JSON object: modeNum, modeName, and what is wanted of every appliance
        #[arg(value_name = "JSON")]
        fields: String,
    },
    /// Delete a mode
    Delete {
        /// Its id, such as '2. going out'
        id: String,
    },
}

/// `next`.
#[derive(Debug, Args)]
pub struct Next {
    /// From when on, as in 2026-03-29T02:30 in the home's zone [default: now]
    #[arg(long, value_name = "TIME")]
    pub from: Option<smarthome_core::Slot>,
    /// Until when [default: a week later]
    #[arg(long, value_name = "TIME")]
    pub to: Option<smarthome_core::Slot>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `why`.
#[derive(Debug, Args)]
pub struct Why {
    /// The title of a schedule
    pub title: String,
    /// Only the slot of that local time, as in 2026-03-29T02:30
    #[arg(long, value_name = "TIME")]
    pub at: Option<smarthome_core::Slot>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `user …`.
#[derive(Debug, Subcommand)]
pub enum UserAction {
    /// Print all users
    List,
    /// Make a user or set fields of one; its other fields stay
    #[command(after_help = "Examples:\n  smarthome user set 4711 --name 'Kim Minsu'\n  \
        smarthome user set 4711 '{\"name\":\"Kim Minsu\",\"phone\":\"010-1234-5678\"}'")]
    Set {
        /// The id under which the user signs in
        uid: String,
        /// The name that a sign-in is answered with
        #[arg(long, conflicts_with = "fields", required_unless_present = "fields")]
        name: Option<String>,
        /// Fields to set, as a JSON object
        #[arg(value_name = "JSON")]
        fields: Option<String>,
    },
    /// Delete a user
    Delete {
        /// The id under which the user signs in
        uid: String,
    },
}

/// The appliance of that name.
pub fn appliance(name: &str) -> Result<Appliance, String> {
    let plain = name.trim().to_lowercase().replace(['-', '_', ' '], "");
    match plain.as_str() {
        "airconditioner" | "aircon" => Ok(Appliance::AirConditioner),
        "light" => Ok(Appliance::Light),
        "window" => Ok(Appliance::Window),
        "gasvalve" | "gas" => Ok(Appliance::GasValve),
        _ => Err("it is one of air_conditioner, light, window, gas_valve".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn nothing_at_all_means_run() {
        assert!(Cli::try_parse_from(["smarthome"]).unwrap().command.is_none());
    }

    #[test]
    fn deaf_is_all_or_a_list() {
        let home = |args: &[&str]| match Cli::try_parse_from([&["smarthome", "home"], args].concat())
            .unwrap()
            .command
        {
            Some(Command::Home(home)) => home.deaf,
            _ => None,
        };
        assert_eq!(home(&[]), None);
        assert_eq!(home(&["--deaf"]), Some(vec![]));
        assert_eq!(home(&["--deaf", "light,gas_valve"]), Some(vec![Appliance::Light, Appliance::GasValve]));
    }
}
