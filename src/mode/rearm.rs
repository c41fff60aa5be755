//! `botmm rearm`: ends a halt or a cool-down, of the bot that runs with a key, or of its next run.

use crate::cli::RearmArgs;
use crate::exit::AppError;
use crate::side::risk_state::{DEFAULT_DIR, RiskFile, in_words, keys};
use crate::side::state::try_lock;
use crate::terminal;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::{Breaks, RiskSnapshot};
use botmm_pipeline::venue::hl::sign::Address;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the running bot may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
const TURN: Duration = Duration::from_millis(50);

/// Runs the verb.
pub fn run(args: &RearmArgs) -> Result<(), AppError> {
    let dir = args.state.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DIR));
    let key = which_key(&dir, args.address)?;
    let file = RiskFile::new(&dir, key);
    let lock = try_lock(&dir, key)?;
    let (held, kept) = holding(&file)?;
    let (true, Some(kept)) = (held.any(), kept) else {
        return terminal::print(&format!("{key}: nothing is halted or cooling down\n"));
    };
    terminal::print(&format!(
        "{key}: nothing is quoted: {}; profit today {} USD, {} USD below the peak\n",
        in_words(&held),
        kept.day_profit,
        kept.below_peak
    ))?;
    if lock.is_none() && ask_the_running_bot(&dir, key, &file)? {
        return told_by_the_bot(&file);
    }
    // Nobody runs with the key, and until the lock is dropped nobody begins to.
    file.write(&kept.rearmed(WallClock::default().now()))?;
    terminal::print("re-armed: the next run quotes; losses count from there\n")
}

/// The one key that a folder holds, or the one that was named.
fn which_key(dir: &Path, named: Option<Address>) -> Result<Address, AppError> {
    let place = || dir.display().to_string();
    let elsewhere = "name the folder with --state; `paper` keeps it in its run's folder";
    if !dir.is_dir() {
        let problem = "no such folder: no run has left its state there";
        return Err(AppError::Usage(format!("{}: {problem}; {elsewhere}", place())));
    }
    let keys = keys(dir)?;
    match (named, keys.first()) {
        (Some(key), _) if keys.contains(&key) => Ok(key),
        (None, Some(key)) if keys.len() == 1 => Ok(*key),
        (None, Some(_)) => {
            let all: Vec<String> = keys.iter().map(Address::to_string).collect();
            Err(AppError::Usage(format!(
                "{} holds the state of several keys: name one with --address ({})",
                place(),
                all.join(", ")
            )))
        }
        (Some(key), _) => Err(AppError::Usage(format!(
            "{}: holds no state of {key}; the address is the key's own; {elsewhere}",
            place()
        ))),
        (None, None) => {
            Err(AppError::Usage(format!("{}: holds no state of any run; {elsewhere}", place())))
        }
    }
}

/// What holds now by the file, and all that the file says.
fn holding(file: &RiskFile) -> Result<(Breaks, Option<RiskSnapshot>), AppError> {
    let kept = file.read()?;
    let now = WallClock::default().now();
    Ok((kept.map_or(Breaks::default(), |kept| kept.breaks.at(now)), kept))
}

/// Whether the bot that runs with the key took the request; false = it ended before.
fn ask_the_running_bot(dir: &Path, key: Address, file: &RiskFile) -> Result<bool, AppError> {
    file.ask()?;
    let asked = Instant::now();
    while file.is_asked() {
        if try_lock(dir, key)?.is_some() {
            file.answer()?;
            return Ok(false);
        }
        if asked.elapsed() >= PATIENCE {
            file.answer()?;
            return Err(AppError::data(
                key.to_string(),
                format!("the running bot did not take the request within {} s", PATIENCE.as_secs()),
                "look at its screen or journal; if it hangs, stop it and run this again",
            ));
        }
        std::thread::sleep(TURN);
    }
    Ok(true)
}

fn told_by_the_bot(file: &RiskFile) -> Result<(), AppError> {
    let (held, _) = holding(file)?;
    if held.any() {
        return Err(AppError::Failed(format!(
            "the running bot quotes nothing: {}; a breaker may have tripped again: look at its \
             journal, then run this again",
            in_words(&held)
        )));
    }
    terminal::print("re-armed: the running bot quotes again; losses count from here\n")
}
