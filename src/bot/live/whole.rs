//! A run from its first turn to its last word.

use super::{Finished, Live, Show};
use crate::bot::session;
use crate::exit::AppError;
use crate::journal::segments::LIVE;
use crate::masked::masked;
use crate::terminal;
use std::time::Duration;

/// Watches a running bot to its end, prints and keeps the summary. Whatever goes wrong at the end, what
/// rests at the venue is told, last but for a halt, and a halt keeps its exit code.
pub fn trade(mut live: Live, limit: Option<Duration>, json: bool) -> Result<(), AppError> {
    let show = Show::choose(json);
    let ended = live.watch(limit, &show);
    drop(show);
    let dir = live.dir();
    let Finished { summary, left, halt, mut troubles } = live.finish();
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
