//! A run from its first turn to its last word.

use super::{Finished, Live, Show, watchdog};
use crate::bot::session;
use crate::exit::{AppError, Exit};
use crate::journal::segments::LIVE;
use crate::masked::masked;
use crate::report::Summary;
use crate::speaker;
use crate::terminal;
use std::path::Path;
use std::time::Duration;

/// How long what was said while it ran has to get out.
const SETTLE: Duration = Duration::from_secs(2);

/// Watches a running bot to its end, prints and keeps the summary. Whatever goes wrong at the end, what
/// rests at the venue is told, last but for a halt, and a halt keeps its exit code.
pub fn trade(mut live: Live, limit: Option<Duration>, json: bool) -> Result<(), AppError> {
    let show = Show::choose(json);
    let ended = live.watch(limit, &show);
    drop(show);
    let dir = live.dir();
    let Finished { summary, left, halt, mut troubles } = live.finish();
    if !speaker::settle(SETTLE) {
        leave(&summary, &dir, [left, ended.and(halt)], troubles);
    }
    troubles.extend(session::tell(&summary, Some(&dir), json));
    if !json {
        let journal = format!("journal: {}\n", dir.join(LIVE).display());
        troubles.extend(terminal::print(&masked(&journal)).err());
    }
    let halt = ended.and(halt);
    // After a risk halt nobody may start it again.
    troubles.extend([left, halt].into_iter().filter_map(Result::err));
    session::end_with(troubles)
}

/// The end with a stdout or stderr that takes nothing: the summary is kept and not printed, for that would
/// be to wait for ever.
fn leave(
    summary: &Summary,
    dir: &Path,
    [left, halt]: [Result<(), AppError>; 2],
    mut troubles: Vec<AppError>,
) -> ! {
    troubles.extend(session::keep(summary, dir).err());
    let kept = format!("the summary is in {} alone", dir.display());
    troubles.push(AppError::data("stdout or stderr", "nobody takes what is said there", kept));
    troubles.extend([left, halt].into_iter().filter_map(Result::err));
    let code = troubles.last().map_or(Exit::Ok, AppError::exit);
    let words: Vec<String> = troubles.iter().map(ToString::to_string).collect();
    watchdog::leave(&words.iter().map(String::as_str).collect::<Vec<_>>(), code);
}
