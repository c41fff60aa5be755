//! A recording through the pipeline, against the simulator, in virtual time.

pub mod engine;
pub mod exact;
mod fills;
mod notes;
mod params;
pub mod samples;

use self::engine::{Replay, Replayed};
use self::params::RecordedParams;
use crate::bot::session;
use crate::data::{self, LoadOptions, Loaded};
use crate::exit::AppError;
use crate::settings::{Draft, FeedDelay, QueueSemantics, Settings};
use crate::stop::Stop;
use crate::terminal;
use botmm_pipeline::types::params::GridParams;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};

/// What a replay is asked to do.
pub struct Request<'a> {
    /// Recordings: files, or folders of them.
    pub paths: &'a [PathBuf],
    /// The configuration, with flags on top, before the recording's coins are known.
    pub draft: Draft,
    /// The plan's name.
    pub plan: &'a str,
    /// Drop nothing between the stages.
    pub lossless: bool,
    /// See [`Replay::lean`].
    pub lean: bool,
    /// Of a file of which most is not sound, use what is.
    pub allow_unsound: bool,
    /// Read the recording itself, and keep nothing of it.
    pub no_tape: bool,
    /// When events reach us.
    pub feed: FeedDelay,
    /// Our orders stand at their true places among those of the recording.
    pub is_exact: bool,
    /// By whose rules a place that is estimated decides fills.
    pub semantics: QueueSemantics,
    /// What is quoted in place of the configured strategy.
    pub grid: Option<GridParams>,
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
    let bar = progress_bar(request.json, "reading");
    let how = Reading { allow_unsound: request.allow_unsound, no_tape: request.no_tape };
    let (settings, loaded) = read(request.paths, request.draft, how, &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    loaded.report.warnings.iter().for_each(terminal::complain);

    let replay = Replay {
        settings: &settings,
        plan: plan.as_ref(),
        lossless: request.lossless,
        lean: request.lean,
        feed: request.feed,
        is_exact: request.is_exact,
        semantics: request.semantics,
        grid: request.grid,
        fills: request.fills,
        recorded: recorded.as_ref(),
        out: request.out,
        sample_every: None,
    };
    let bar = progress_bar(request.json, "replaying");
    let progress = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let Replayed { summary, mut troubles, verdict, .. } =
        replay.run(&loaded, stop.flag(), &progress)?;
    bar.finish_and_clear();
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

fn progress_bar(quiet: bool, what: &'static str) -> ProgressBar {
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(0) }; // stderr, tty only
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %  eta {eta}") {
        bar.set_style(style);
    }
    bar.with_message(what)
}
