//! What `botmm drill` takes.

use crate::bot::drill::Fault;
use crate::settings::THREADED_PLANS;
use clap::Args;
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;

/// `botmm drill`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm drill                                   every fault, each rung alone: about four minutes\n  \
    botmm drill --state /var/lib/botmm/state      where the bot's own state is kept\n  \
    botmm drill --short --only stop,kill          some of it, with shorter times\n\n\
    A bot trades on an exchange of this process: no key, no network. Then it is harmed, and it is looked at\n\
    the exchange how long its orders rest on and what was at stake meanwhile: positions and resting orders\n\
    as if one side of each coin had filled whole, at the mark.\n\
    Rungs: (a) the exchange's scheduleCancel, (b) the guard, (c) systemd's watchdog, for which the drill\n\
    stands. A full drill that is passed is kept in the folder of the state: `run` on the mainnet warns\n\
    when there is none, or when it is 30 days old, and `doctor` says so.\n\
    Exit code 1 when an order rested too long, or not the rung that is tried has cancelled.")]
pub struct DrillArgs {
    /// The bot's threads: solo (one, which is no load for a bot that trades beside it), auto, paired, dedicated.
    #[arg(long, value_name = "PLAN", default_value = "solo",
          value_parser = PossibleValuesParser::new(THREADED_PLANS))]
    pub plan: String,
    /// Only these faults, comma-separated.
    #[arg(long, value_name = "FAULTS", value_delimiter = ',')]
    pub only: Vec<Fault>,
    /// The shortest times that rungs can have: quicker, and no proof that counts.
    #[arg(long)]
    pub short: bool,
    /// Print JSON, at the end.
    #[arg(long)]
    pub json: bool,
    /// Where it is kept that a full drill was passed [default: state].
    #[arg(long, value_name = "DIR", conflicts_with_all = ["only", "short"])]
    pub state: Option<PathBuf>,
}
