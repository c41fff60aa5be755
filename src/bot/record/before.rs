//! What an earlier run of the recorder left.

use super::outside::Outside;
use crate::data::capture::{DaySegment, Folder, Repaired};
use crate::exit::AppError;
use crate::side::alert::{Alert, Topic};
use crate::when::utc_s;
use botmm_pipeline::types::Nanos;

/// Closes what one who was killed left open. When the last line was received before us, and why none came since.
pub fn repair(
    folder: &Folder,
    outside: &mut Outside,
    now: Nanos,
) -> Result<Option<(Nanos, String)>, AppError> {
    let repaired = folder.repair()?;
    for (segment, done) in &repaired {
        outside.say(now, Alert::warn(Topic::Recorder, words_of(segment, done)));
    }
    let last = folder.last().map_err(AppError::io(folder.root(), "read"))?;
    let why = match repaired.is_empty() {
        true => "the recorder did not run",
        false => "the recorder was killed",
    };
    if let Some(last) = last.filter(|last| *last > now) {
        let (last, ahead) = (utc_s(last), (last - now).as_secs_f64());
        let text = format!(
            "the newest line is of {last}, {ahead:.1} s after now: the clock was set back; lines of both stretches \
             are kept, and overlap"
        );
        outside.say(now, Alert::warn(Topic::Machine, text));
    }
    Ok(last.map(|last| (last, why.to_owned())))
}

fn words_of(segment: &DaySegment, done: &Repaired) -> String {
    let place = segment.path.display();
    let Repaired { cut, lines, damage, is_removed, .. } = done;
    if *is_removed {
        return format!("{place}: had no whole block, and was removed ({cut} bytes)");
    }
    let damage: String = damage.iter().map(|damage| format!("; {damage}")).collect();
    format!(
        "{place}: was not closed; {cut} bytes that were no whole block were cut off, {lines} lines are whole{damage}"
    )
}
