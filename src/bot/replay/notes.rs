//! What a reader of a replay's summary must know: of the venue that was simulated, and of the data.

use crate::calibrated;
use crate::data::LoadReport;
use crate::settings::{FeedDelay, QueueSemantics, SimSettings};
use botmm_pipeline::types::params::{GRID_RUNGS, GridParams};
use botmm_pipeline::types::{Instrument, Universe};
use botmm_pipeline::venue::tape::Tape;

/// Of a feed that is as recorded.
const RECORDED_FEED: &str = "feed latency is as recorded (receive time minus venue time, the \
                             recorder's batching included): --feed 50ms is another";

/// Of the recording as a venue that keeps these rules, and of our place in its queues.
pub fn of_the_venue(
    sim: &SimSettings,
    is_exact: bool,
    tape: &Tape,
    universe: &Universe,
) -> Vec<String> {
    let rules = &sim.rules;
    let estimated = match is_exact {
        true => "our place in each queue is exact".to_owned(),
        false => format!(
            "fills beyond the recorded trades are estimates ({})",
            calibrated::in_words(sim.calibrated.as_ref(), sim.queue)
        ),
    };
    let mut notes = vec![format!("a recording does not react to our orders: {estimated}")];
    let funding = match rules.funding {
        true => "funding is paid on the hour",
        false => "funding is not simulated",
    };
    notes.push(format!("{funding}; the span is shown, and nothing under 7 days is annualised"));
    if rules.prices {
        let what = match rules.funding {
            true => "the venue's mark and funding rate are",
            false => "the venue's mark is",
        };
        let (recorded, made): (Vec<_>, Vec<_>) =
            universe.iter().partition(|(asset, _)| tape.has_marks(*asset));
        let names = |coins: Vec<(_, &Instrument)>| {
            let names: Vec<_> = coins.iter().map(|(_, i)| i.coin.as_str()).collect();
            names.join(", ")
        };
        if !recorded.is_empty() {
            notes.push(format!("{what} as recorded: {}", names(recorded)));
        }
        if let Some(rate_e10) = rules.untold_rate_e10.filter(|_| rules.funding && !made.is_empty())
        {
            let (rate, made) = (rate_e10 as f64 / 1e10, names(made));
            notes.push(format!(
                "funding is {rate} an hour, and the venue's mark is estimated from the book, where nothing was \
                 recorded: {made}"
            ));
        } else if !made.is_empty() {
            notes.push(format!(
                "{what} estimated from the book, where nothing was recorded: {}",
                names(made)
            ));
        }
    }
    notes
}

/// Of a job that engines are compared by.
pub fn of_the_job(grid: Option<GridParams>, semantics: QueueSemantics) -> Vec<String> {
    let grid = grid.map(|GridParams { half, lots, .. }| {
        format!(
            "quoted was a grid of {GRID_RUNGS} orders a side, half spread {half} half ticks, {lots} lots each, \
             in place of the configured strategy"
        )
    });
    let semantics = (semantics == QueueSemantics::Hftbacktest).then(|| {
        "fills are decided as hftbacktest decides them, with its quirks (docs/queue.md)".to_owned()
    });
    grid.into_iter().chain(semantics).collect()
}

/// Of the feed, what the loader assumed, and what it left out.
pub fn of_the_data(report: &LoadReport, feed: FeedDelay) -> Vec<String> {
    let recorded = (feed == FeedDelay::Recorded).then(|| RECORDED_FEED.to_owned());
    let mut notes: Vec<String> = recorded.into_iter().chain(report.assumed()).collect();
    if report.duplicates > 0 {
        notes.push(format!("{} replayed trades dropped by trade id", report.duplicates));
    }
    if report.skipped() > 0 {
        notes.push(format!("{} unsound lines skipped, see the messages", report.skipped()));
    }
    if report.early > 0 && feed == FeedDelay::Recorded {
        notes.push(format!("{} events were received before they happened", report.early));
    }
    notes
}
