//! The configured quotes over the recording, under other queues and feeds.

use super::fills::{Fills, Told};
use crate::bot::replay::engine::{How, Replay, Replayed};
use crate::data::Loaded;
use crate::exit::AppError;
use crate::report::economics::{Actions, ReplayRow, Traded};
use crate::report::{Summary, SymbolResult, once};
use crate::settings::{FeedDelay, QueueModel, Settings};
use botmm_pipeline::types::{AssetId, Nanos};
use std::sync::atomic::{AtomicBool, Ordering};

/// What is heard while it goes on: who may stop it, and who is told how far it is.
pub type Watched<'a> = (&'a AtomicBool, &'a dyn Fn(u64, u64));

/// One replay to be made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// Our place among the recording's orders; [`None`] = the true one.
    queue: Option<QueueModel>,
    feed: FeedDelay,
}

impl Case {
    /// The band of queues under one feed, the most cautious first; then other feeds under that one.
    pub fn all(
        settings: &Settings,
        loaded: &Loaded,
        feed: FeedDelay,
        feeds: &[FeedDelay],
    ) -> Vec<Self> {
        let power = QueueModel::ProbPower(QueueModel::DEFAULT_POWER);
        let mut queues = vec![Some(QueueModel::RiskAverse), Some(power)];
        let configured = Some(settings.sim.queue);
        if !queues.contains(&configured) {
            queues.push(configured);
        }
        if loaded.orders.is_some() {
            queues.push(None);
        }
        let mut all: Vec<Self> = queues.into_iter().map(|queue| Self { queue, feed }).collect();
        for feed in feeds {
            let one = Self { queue: Some(QueueModel::RiskAverse), feed: *feed };
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }
}

/// What all of them share.
pub struct Replays<'a> {
    /// The configuration.
    pub settings: &'a Settings,
    /// The recording.
    pub loaded: &'a Loaded,
    /// Its first and last moment, by the venue's clock.
    pub span: [Nanos; 2],
    /// Which horizon fills are valued at.
    pub horizon: usize,
    /// By whom.
    pub watched: Watched<'a>,
}

impl Replays<'_> {
    /// Each, and what they noted, each note once.
    ///
    /// # Errors
    /// One cannot be made, or it was interrupted.
    pub fn all(&self, cases: &[Case]) -> Result<(Vec<ReplayRow>, Vec<String>), AppError> {
        let (mut rows, mut notes) = (Vec::new(), Vec::new());
        for (i, case) in cases.iter().enumerate() {
            let (row, said) = self.one(*case, (i as u64, cases.len() as u64))?;
            rows.push(row);
            notes.extend(said);
        }
        Ok((rows, once(notes)))
    }

    fn one(&self, case: Case, place: (u64, u64)) -> Result<(ReplayRow, Vec<String>), AppError> {
        let mut settings = self.settings.clone();
        settings.sim.queue = case.queue.unwrap_or(settings.sim.queue);
        let (feed, is_exact) = (case.feed, case.queue.is_none());
        let replay = Replay::of(&settings, How { lean: true, feed, is_exact, ..How::default() });
        let (stop, progress) = self.watched;
        let of_all = |done: u64, total: u64| progress(place.0 * total + done, place.1 * total);
        let mut fills = Fills::default();
        let replayed =
            replay.run_heard(self.loaded, stop, &of_all, &mut |record| fills.hear(record))?;
        if stop.load(Ordering::Relaxed) {
            return Err(AppError::Failed("interrupted: nothing is told of a part".to_owned()));
        }
        Ok(self.tell(case, replayed, &fills))
    }

    fn tell(&self, case: Case, replayed: Replayed, fills: &Fills) -> (ReplayRow, Vec<String>) {
        let Replayed { summary, verdict, .. } = replayed;
        let coins = self.loaded.universe.iter();
        let by_coin = coins.filter_map(|(asset, instrument)| {
            let coin = instrument.coin.to_string();
            let traded = self.traded(Some(asset), summary.by_symbol.get(&coin)?, fills);
            Some((coin, traded))
        });
        let all = SymbolResult {
            fills: summary.fills,
            volume_usd: summary.volume_usd,
            fees_usd: summary.fees_usd,
            funding_usd: summary.pnl_split.funding_usd,
            net_pnl_usd: summary.net_pnl_usd,
            ..SymbolResult::default()
        };
        let counts = [summary.orders, summary.modifies, summary.cancels];
        let exposure = summary.max_worst_case_exposure_usd.iter();
        let row = ReplayRow {
            queue: summary.assumptions.queue.clone(),
            feed: case.feed.to_string(),
            by_coin: by_coin.collect(),
            all: self.traded(None, &all, fills),
            actions: Actions::of(counts, summary.fills, summary.volume_usd),
            max_drawdown_usd: summary.metrics.max_drawdown_usd,
            exposure_usd: exposure.map(|(coin, usd)| (coin.clone(), usd.to_f64())).collect(),
            halted: verdict.err().map(|e| e.to_string()),
            decision_hash: format!("{:016x}", summary.decision_hash),
        };
        (row, notes(summary))
    }

    fn traded(&self, of: Option<AssetId>, result: &SymbolResult, fills: &Fills) -> Traded {
        let Told { markout_bps, adverse_bps, worth } =
            fills.tell(of, self.span, self.horizon, self.settings.seed);
        let hours = (self.span[1] - self.span[0]).as_secs_f64() / 3_600.0;
        Traded {
            fills: result.fills,
            fills_an_hour: if hours > 0.0 { result.fills as f64 / hours } else { 0.0 },
            volume_usd: result.volume_usd,
            fees_usd: result.fees_usd,
            funding_usd: result.funding_usd,
            net_pnl_usd: result.net_pnl_usd,
            markout_bps,
            adverse_bps,
            worth,
        }
    }
}

/// What a reader of any replay must know; what differs from one to the next stands in its row.
fn notes(summary: Summary) -> Vec<String> {
    let Summary { assumptions, warnings, .. } = summary;
    warnings.into_iter().chain(assumptions.notes).collect()
}
