//! A recording through the pipeline, against the simulator, in virtual time.

pub mod engine;
pub mod exact;
mod fills;
mod notes;
pub mod params;
pub mod samples;

use self::engine::{How, Replay, Replayed};
use self::params::RecordedParams;
use crate::bot::session;
use crate::data::{self, LoadOptions, Loaded};
use crate::exit::AppError;
use crate::settings::{Draft, Settings};
use crate::stop::Stop;
use crate::terminal::{self, Progress};
use std::path::{Path, PathBuf};

/// What a replay is asked to do.
pub struct Request<'a> {
    /// Recordings: files, or folders of them.
    pub paths: &'a [PathBuf],
    /// The configuration, with flags on top, before the recording's coins are known.
    pub draft: Draft,
    /// The plan's name.
    pub plan: &'a str,
    /// How it is done.
    pub how: How,
    /// How the recording is read.
    pub reading: Reading,
    /// Where every execution goes.
    pub fills: Option<&'a Path>,
    /// Parameters change as this journal says.
    pub params_from: Option<&'a Path>,
    /// Where the journal and the summary go.
    pub out: Option<&'a Path>,
    /// Print the summary alone, as JSON.
    pub json: bool,
}

/// Replays, prints and keeps the summary.
///
/// # Errors
/// The recording or the configuration will not do, a file cannot be written, or a limit halted it.
pub fn run(request: Request<'_>) -> Result<(), AppError> {
    let plan = session::plan(request.plan)?;
    let stop = Stop::listen(false)?;
    let recorded = request.params_from.map(RecordedParams::read).transpose()?;
    let (settings, loaded) =
        read_shown(request.paths, request.draft, request.reading, request.json)?;
    let replay = Replay {
        plan: plan.as_ref(),
        fills: request.fills,
        recorded: recorded.as_ref(),
        out: request.out,
        ..Replay::of(&settings, request.how)
    };
    let bar = Progress::new(request.json, "replaying");
    let Replayed { summary, mut troubles, verdict, .. } =
        replay.run(&loaded, stop.flag(), &|done, of| bar.tell(done, of))?;
    drop(bar);
    troubles.extend(session::tell(&summary, request.out, request.json));
    troubles.extend(verdict.err());
    session::end_with(troubles)
}

/// How a recording is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Of a file of which most is not sound, use what is.
    pub allow_unsound: bool,
    /// Read the recording itself, and keep nothing of it.
    pub no_tape: bool,
}

/// Reads a recording. Any coin that it holds may be chosen, also one that is not configured. `progress` is told
/// how many bytes are done, of how many.
///
/// # Errors
/// There is nothing to work with, or the configuration will not do.
pub fn read(
    paths: &[PathBuf],
    draft: Draft,
    how: Reading,
    progress: &dyn Fn(u64, u64),
) -> Result<(Settings, Loaded), AppError> {
    let tapes = if how.no_tape { None } else { session::tapes() };
    let found = data::find_compiled(paths, tapes.as_ref(), progress)?;
    let settings = draft.with_recorded(found.coins()).build()?;
    // Without a flag or MM_SYMBOLS a replay takes every coin of the recording that is configured.
    // Who chose all of them is given the same, and finds it compiled.
    let is_all = settings.symbols.iter().eq(found.coins())
        && found.coins().iter().all(|coin| settings.instrument(coin).is_some());
    let is_chosen = settings.symbols_are_chosen() && !is_all;
    let symbols = if is_chosen { settings.symbols.as_slice() } else { &[] };
    let loaded = found.load(LoadOptions {
        symbols,
        instrument: &|coin| settings.instrument(coin),
        allow_unsound: how.allow_unsound,
        decode: &mut *data::venue_decoder(),
        progress,
    })?;
    Ok((settings, loaded))
}

/// The same under a person's eyes: a bar on the screen, unless it is to be quiet, and what is odd about the
/// recording is told.
///
/// # Errors
/// See [`read`].
pub fn read_shown(
    paths: &[PathBuf],
    draft: Draft,
    how: Reading,
    is_quiet: bool,
) -> Result<(Settings, Loaded), AppError> {
    let bar = Progress::new(is_quiet, "reading");
    let (settings, loaded) = read(paths, draft, how, &|done, of| bar.tell(done, of))?;
    drop(bar);
    loaded.report.warnings.iter().for_each(terminal::complain);
    Ok((settings, loaded))
}
