//! `botmm tune`: what the tuner did, back by one change, and whether it is better than nothing.

use crate::bot::replay::Reading;
use crate::bot::{session, tune};
use crate::cli::TuneArgs;
use crate::exit::{AppError, Exit};
use crate::masked::masked;
use crate::settings::Overrides;
use crate::side::tuner::layer::TunerFiles;
use crate::terminal;
use crate::when::utc_now;

/// Runs the verb.
pub fn run(args: &TuneArgs) -> Result<(), AppError> {
    let flags = Overrides { symbols: args.symbols.clone(), ..Overrides::default() };
    let draft = session::draft(args.config.as_deref(), &flags)?;
    if !args.judge.is_empty() {
        return tune::run(&tune::Request {
            paths: args.judge.clone(),
            draft,
            feed: args.feed,
            every: args.every,
            window: args.window,
            reading: Reading { allow_unsound: args.allow_unsound, no_tape: args.no_tape },
            json: args.json,
        });
    }
    let files = TunerFiles { layer: draft.build()?.tuner.params };
    let place = files.log_path().display().to_string();
    let done = match args.rollback {
        true => {
            let back = files.roll_back(utc_now())?;
            let none = || AppError::data(&place, "no change to go back by", "see `botmm tune`");
            vec![back.ok_or_else(none)?]
        }
        false => files.log()?,
    };
    if done.is_empty() {
        let remedy = "let a bot run with tuner.mode = \"propose\" for four hours";
        return Err(AppError::data(place, "no judgement yet", remedy));
    }
    terminal::print(&masked(&match args.json {
        true => {
            serde_json::to_string_pretty(&done).map_err(|e| AppError::of(Exit::Data, e))? + "\n"
        }
        false => done
            .iter()
            .map(|entry| {
                format!("{}  {}\n    {}\n", entry.time, entry.in_words(), entry.evidence_in_words())
            })
            .collect(),
    }))
}
