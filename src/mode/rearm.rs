//! `botmm rearm`: ends a kill, a halt or a cool-down, of the bot that runs with a key, or of its next run.

use crate::bot::kill::end_kill;
use crate::cli::RearmArgs;
use crate::exit::AppError;
use crate::side::risk_state::{DEFAULT_DIR, RiskFile, in_words, which_key};
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
    let was_killed = end_kill(&dir, key, PATIENCE)?;
    let lock = try_lock(&dir, key)?;
    let (held, kept) = holding(&file)?;
    let (true, Some(kept)) = (held.any(), kept) else {
        let said = match (was_killed, lock.is_some()) {
            (false, _) => "nothing is killed, halted or cooling down",
            (true, true) => "re-armed: the next run quotes",
            (true, false) => "re-armed: the running bot quotes again",
        };
        return terminal::print(&format!("{key}: {said}\n"));
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
