//! A day of a home as a script. The script holds what happens and, indented behind it, what the engine does about it;
//! [`check`] plays it and compares. `UPDATE_DAYS=1 cargo test -p smarthome-core --test days` writes what was done into
//! the scripts, for reading in a diff.
//!
//! ```text
//! at 07:00:05                        let time pass; what happens on the way is shown with its time
//! up | up resumed | backlog end | down WHY     the connection to the broker
//! users {"u1":{"name":"Kim"}}        the store tells its users
//! in TOPIC PAYLOAD                   a message arrives; `retained TOPIC PAYLOAD` from the broker's memory
//! lists | lists lacking TITLE…       the store tells its modes and schedules, and from then on every change
//! schedule TITLE {…} | TITLE gone    somebody writes or deletes a schedule; `mode ID …` likewise
//! clock SECONDS                      somebody sets the wall clock, forward or back
//! send FRAME [from ORIGIN]           an operator's command
//! broker works|refuses|silent        how publishing ends: at once, with Retry, or not at all
//! broker answers|breaks              what is on its way ends well, or with an unknown outcome
//! store works|down|refuses|silent    how document writes end
//! store answers                      what the silent store was told is done
//! echo on|off                        own commands come back through the subscription (before their PUBACK)
//! home FRAME [deaf PART…] | home off a home that obeys and reports
//! restart | stop                     a crash and a new start from the journal; a clean stop
//! crash                              a crash, and nothing runs until the next restart
//! set KEY VALUE                      configuration, before anything else
//! ```

mod journal;
mod world;

use std::fmt::Write as _;
use std::path::Path;
use world::World;

/// Plays the day in the file and compares what the engine did with what the file says.
pub(crate) fn check(path: &Path) {
    let script = std::fs::read_to_string(path).unwrap();
    let played = play(&script);
    if std::env::var_os("UPDATE_DAYS").is_some() {
        std::fs::write(path, &played).unwrap();
    } else if played != script {
        let differs = played.lines().zip(script.lines()).position(|(new, old)| new != old);
        let line = differs.unwrap_or(played.lines().count().min(script.lines().count()));
        let around =
            |text: &str| text.lines().skip(line.saturating_sub(3)).take(8).collect::<Vec<_>>().join("\n");
        panic!(
            "{} differs at line {}\n--- the script says\n{}\n--- the engine did\n{}",
            path.display(),
            line + 1,
            around(&script),
            around(&played)
        );
    }
}

/// The script with what the engine does about it in place of what it says.
pub(crate) fn play(script: &str) -> String {
    let mut world = World::new();
    let mut played = String::new();
    for line in script.lines().filter(|line| !line.starts_with("    ")) {
        writeln!(played, "{line}").unwrap();
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        world.input(line);
        for done in world.take_done() {
            writeln!(played, "    {done}").unwrap();
        }
    }
    played
}
