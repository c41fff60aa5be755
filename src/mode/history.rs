//! `botmm history`: what all runs traded, paid and earned.

use crate::cli::{HistoryArgs, Of};
use crate::exit::AppError;
use crate::history::told::{self, Show};
use crate::history::{Followed, History, Money, NAME, Section, Traded, books, catch_up, follow};
use crate::journal::RUNS;
use crate::journal::find::run_folders;
use crate::journal::segments::LIVE;
use crate::settings::Draft;
use crate::terminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Journals are taken in for so long at a time, in words that a person can follow.
const PORTION: Duration = Duration::from_secs(5);

/// Runs the verb.
pub fn run(args: &HistoryArgs) -> Result<(), AppError> {
    let runs = args.runs.clone().unwrap_or_else(|| RUNS.into());
    let path = file(args, &runs)?;
    if args.rebuild {
        rebuild(&path, &runs)?;
    } else if path.exists() || has_journals(&runs) {
        // What cannot be taken in now is said; what is there is shown all the same.
        let taken = History::open(&path).map_err(AppError::from).and_then(|opened| {
            opened.said.iter().for_each(terminal::complain);
            take_in(&mut { opened.history }, &runs)
        });
        let warning = |e| terminal::complain(format_args!("warning: {e}"));
        taken.map_or_else(warning, drop);
    }
    let Some(history) = History::read(&path)? else {
        return Err(AppError::data(
            path.display().to_string(),
            "there is no history",
            "start a run, or name the file with --db, or the folder of runs with --runs",
        ));
    };
    let (since, until, coin) = (args.since, args.until, args.coin.clone());
    let sections = Section::all(books(&history)?, &Traded { since, until, coin });
    let (shown, others) = chosen(sections, args.of);
    others.iter().for_each(terminal::complain);
    let show = if args.lots { Show::Lots } else { Show::Sums };
    terminal::print(&match (args.csv, args.json) {
        (true, _) => told::csv(&shown, show),
        (_, true) => format!("{:#}\n", told::to_json(&shown, show)),
        _ => told::table(&shown, show),
    })
}

fn file(args: &HistoryArgs, runs: &Path) -> Result<PathBuf, AppError> {
    if let Some(path) = &args.db {
        return Ok(path.clone());
    }
    let draft = Draft::load(args.config.as_deref(), &|_| None)?;
    Ok(draft.history_path().unwrap_or_else(|| runs.join(NAME)))
}

fn has_journals(runs: &Path) -> bool {
    run_folders(runs).is_ok_and(|folders| !folders.is_empty())
}

/// Every journal, to its end.
fn take_in(history: &mut History, runs: &Path) -> Result<Followed, AppError> {
    let mut all = Followed::default();
    let beside = history.path().parent().map(Path::to_owned);
    if let Some(own) = beside.filter(|dir| dir.join(LIVE).exists()) {
        all.add(follow(history, &own, Duration::MAX)?);
    }
    loop {
        all.add(catch_up(history, runs, PORTION)?);
        if all.is_at_end {
            break;
        }
        terminal::complain(format_args!("{} lines of journals taken in, going on", all.lines));
    }
    if let Some(problem) = &all.problem {
        let count = all.passed_over;
        terminal::complain(format_args!("{count} lines of journals are passed over: {problem}"));
    }
    Ok(all)
}

fn rebuild(path: &Path, runs: &Path) -> Result<(), AppError> {
    let before = path.exists().then(|| History::put_aside(path, "before")).transpose()?;
    let mut history = History::open(path)?.history;
    let lines = take_in(&mut history, runs)?.lines;
    let kept = before.map_or(String::new(), |before| {
        format!("; the one before is {}, with what journals no longer hold", before.display())
    });
    terminal::complain(format_args!("{}: made of {lines} lines of journals{kept}", path.display()));
    Ok(())
}

/// What is shown, and word of what is not.
fn chosen(sections: Vec<Section>, of: Option<Of>) -> (Vec<Section>, Vec<String>) {
    let first = sections.first().map_or(Money::Unknown, |section| section.money);
    let is_shown = |section: &Section| match of {
        Some(Of::All) => true,
        Some(Of::Money(money)) => section.money == money,
        None => section.money == first,
    };
    let (shown, others): (Vec<_>, Vec<_>) = sections.into_iter().partition(is_shown);
    let word = |section: &Section| {
        let money = section.money.as_str();
        let runs = told::counted(section.runs, "run");
        format!("not shown: {runs} of {money} (--of {money})")
    };
    let others = if of.is_none() { others.iter().map(word).collect() } else { Vec::new() };
    (shown, others)
}
