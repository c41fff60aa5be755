//! One short file a verb.

pub mod alert;
pub mod backtest;
pub mod calibrate;
pub mod candles;
pub mod check;
pub mod doctor;
pub mod drill;
pub mod economics;
pub mod exchange;
pub mod explain;
pub mod export;
pub mod guard;
pub mod history;
pub mod import;
pub mod init;
pub mod inspect;
pub mod kill;
pub mod paper;
pub mod parity;
pub mod rearm;
pub mod record;
pub mod replay;
pub mod report;
pub mod run;
pub mod schema;
pub mod sign;
pub mod status;
pub mod sweep;
mod train;
pub mod tune;
pub mod why;

use crate::cli::Verb;
use crate::exit::AppError;

/// Does what was asked.
pub fn run(verb: Verb) -> Result<(), AppError> {
    match verb {
        Verb::Alert(args) => alert::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Drill(args) => drill::run(&args),
        Verb::Check(args) => check::run(&args),
        Verb::Replay(args) => replay::run(&args),
        Verb::Backtest(args) => backtest::run(&args),
        Verb::Sweep(args) => sweep::run(&args),
        Verb::Candles(args) => candles::run(&args),
        Verb::Economics(args) => economics::run(&args),
        Verb::Train(args) => train::run(&args),
        Verb::Calibrate(args) => calibrate::run(&args),
        Verb::Record(args) => record::run(&args),
        Verb::Parity(args) => parity::run(&args),
        Verb::Report(args) => report::run(&args),
        Verb::Import(args) => import::run(&args),
        Verb::Export(args) => export::run(&args),
        Verb::Inspect(args) => inspect::run(&args),
        Verb::Paper(args) => paper::run(&args),
        Verb::Run(args) => run::run(&args),
        Verb::Exchange(args) => exchange::run(&args),
        Verb::Init(args) => init::run(&args),
        Verb::Schema => schema::run(),
        Verb::Rearm(args) => rearm::run(&args),
        Verb::Guard(args) => guard::run(&args),
        Verb::Kill(args) => kill::run(&args),
        Verb::Sign(args) => sign::run(&args),
        Verb::Explain(args) => explain::run(&args),
        Verb::History(args) => history::run(&args),
        Verb::Tune(args) => tune::run(&args),
        Verb::Status(args) => status::run(&args),
        Verb::Why(args) => why::run(&args),
    }
}
