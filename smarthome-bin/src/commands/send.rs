//! `smarthome send`: a command through the daemon, and what becomes of it.

use std::time::Duration;

use smarthome_core::Command;
use tokio::time::timeout;

use super::{block_on, load_with_directory};
use crate::cli::{Global, Send};
use crate::control::{Connection, Reply, Request, Step};
use crate::exit::Failure;
use crate::output;

/// Hands the command over and prints each step, by default until the last one.
pub(super) fn run(global: &Global, args: &Send) -> Result<(), Failure> {
    let command: Command = super::apply::parse("frame", &args.frame)?;
    let (_, directory) = load_with_directory(global)?;
    block_on(async {
        let mut connection = Connection::require(&directory).await?;
        connection.ask(&Request::Send { frame: command.into() }).await?;
        let limit = Duration::from_secs(args.timeout);
        match timeout(limit, follow(&mut connection, args)).await {
            Ok(end) => end,
            Err(_) => Err(Failure::TimedOut { seconds: args.timeout }),
        }
    })
}

async fn follow(connection: &mut Connection, args: &Send) -> Result<(), Failure> {
    let mut left_out = None;
    while let Some(reply) = connection.next().await? {
        let Reply::Step(step) = reply else { continue };
        match args.json {
            true => output::json(&step)?,
            false => output::line(&step)?,
        }
        if let Step::Decided { remark: Some(why), .. } = &step {
            left_out = Some(why.clone());
        }
        if let Some(end) = end_of(step, args.no_wait) {
            // What was left out was not done, whatever became of the rest.
            return end.and(left_out.map_or(Ok(()), |why| Err(Failure::TurnedDown { why })));
        }
    }
    Ok(())
}

/// How the program ends with this step; `None` when more is to come.
fn end_of(step: Step, no_wait: bool) -> Option<Result<(), Failure>> {
    Some(match step {
        Step::Decided { .. } if no_wait => Ok(()),
        Step::Decided { .. } | Step::Sending { .. } | Step::Sent => return None,
        Step::Confirmed => Ok(()),
        Step::TurnedDown { why } => Err(Failure::TurnedDown { why }),
        Step::Unconfirmed { .. } => Err(Failure::Unconfirmed),
        Step::Superseded => Err(Failure::Superseded),
        Step::Expired => Err(Failure::Expired),
    })
}
