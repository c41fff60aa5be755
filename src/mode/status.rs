//! `botmm status`: one screenful of the running bot, or of the last word of one that does not run.

use crate::bot::status::last_word;
use crate::cli::StatusArgs;
use crate::exit::AppError;
use crate::journal::RUNS;
use crate::journal::find::newest_journal;
use crate::journal::segments::LIVE;
use crate::side::control::{Request, ask, listeners};
use crate::side::risk_state::DEFAULT_DIR;
use crate::terminal;
use crate::ui::screen::Sheet;
use crate::ui::view::View;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::venue::hl::sign::Address;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the bot may take to answer; who does not, hangs.
const PATIENCE: Duration = Duration::from_secs(3);
/// A screenful.
const SHEET: Sheet = Sheet { cols: 80, rows: 24, has_colour: false };
/// What a running bot shows is older than this only when it hangs.
const STALE_S: f64 = 10.0;

/// Runs the verb.
pub fn run(args: &StatusArgs) -> Result<(), AppError> {
    let journal = match &args.journal {
        Some(path) if path.is_dir() => Ok(path.join(LIVE)),
        Some(path) => Ok(path.clone()),
        None => newest_journal(Path::new(RUNS)),
    };
    let asked = match args.journal {
        Some(_) => Ok(None),
        None => running(args, journal.as_deref().ok()),
    };
    let view = match &asked {
        Ok(Some(view)) => view.clone(),
        // One that hangs has a journal; what it last said is better than nothing.
        Ok(None) | Err(_) => {
            match (journal.and_then(|path| last_word(&path, asked.is_err())), asked.is_err()) {
                (Ok(view), _) => view,
                (Err(_), true) => return asked.map(drop),
                (Err(e), false) => return Err(e),
            }
        }
    };
    let now = WallClock::default().now();
    terminal::print(&match args.json {
        true => format!("{}\n", view.to_json(now)),
        false => format!("{}\n", view.report(SHEET, now)),
    })?;
    match asked? {
        None => Err(AppError::Failed("no bot runs: this is the journal's last word".to_owned())),
        Some(view) if view.is_halted => Err(AppError::RiskHalt { reason: view.risk }),
        Some(view) if view.age_s(now) > STALE_S => Err(AppError::data(
            "the running bot",
            format!("its side thread has shown nothing new for {:.0} s", view.age_s(now)),
            "it hangs: look at the disk and the machine; `botmm kill` cancels what rests",
        )),
        Some(_) => Ok(()),
    }
}

/// What the running bot shows; [`None`] = none runs.
fn running(args: &StatusArgs, journal: Option<&Path>) -> Result<Option<View>, AppError> {
    // `paper` keeps its state in its run's folder.
    let of_run = journal.and_then(Path::parent).map(|dir| dir.join("state"));
    let dirs: Vec<PathBuf> = match &args.state {
        Some(dir) => vec![dir.clone()],
        None => of_run.into_iter().chain([DEFAULT_DIR.into()]).collect(),
    };
    let mut found: Vec<(Address, View)> = Vec::new();
    for dir in dirs.iter().filter(|dir| dir.is_dir()) {
        for key in listeners(dir)? {
            if args.address.is_some_and(|wanted| wanted != key) {
                continue;
            }
            let Some(answer) = ask(dir, key, &Request::Status, PATIENCE)? else { continue };
            let view = serde_json::from_value(answer).map_err(|e| {
                let remedy = "is the running bot of another version? use its own `botmm status`";
                AppError::data(key.to_string(), format!("not understood: {e}"), remedy)
            })?;
            found.push((key, view));
        }
    }
    if found.len() > 1 {
        let all: Vec<String> = found.iter().map(|(key, _)| key.to_string()).collect();
        let all = all.join(", ");
        return Err(AppError::Usage(format!("several bots run: name one with --address ({all})")));
    }
    Ok(found.pop().map(|(_, view)| view))
}
