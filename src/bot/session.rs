//! What `replay` and `paper` share: from settings to a pipeline, and from its counters to a
//! summary.

use super::traded::traded;
use crate::exit::AppError;
use crate::files::{Readers, write_whole};
use crate::journal::SUMMARY;
use crate::masked::masked;
use crate::report::{
    Assumptions, CauseFills, DataFile, Days, LatencyNs, PnlSplit, ReasonShares, RunCounts,
    RunMetrics, SideMarkouts, Summary, SymbolResult,
};
use crate::settings::{Draft, Overrides, PlanFile, Settings, SimSettings};
use crate::terminal;
use botmm_pipeline::rt::plan::allowed_cores;
use botmm_pipeline::rt::{IdleStrategy, LanePlan, Latencies, Plan, RingStats};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::types::limits::{MAX_ASSETS, RING_COMMENTARY};
use botmm_pipeline::types::{
    AssetId, AssetParams, BreakWhy, DayNet, FillCause, Nanos, Px, Qty, Side, Universe, Usd,
    notional,
};
use botmm_pipeline::venue::hl::clock::VenueClock;
use botmm_pipeline::venue::sim::exchange::ExchangeConfig;
use botmm_pipeline::wiring;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A configuration of this name is taken from the working folder when none was named.
const OWN_CONFIG: &str = "botmm.toml";

/// The configuration file that was named, or the one of the working folder, which is then said.
pub fn config_file(named: Option<&Path>) -> Option<PathBuf> {
    let own = || {
        let own = Path::new(OWN_CONFIG).to_owned();
        own.exists().then(|| {
            terminal::complain(format_args!("using {OWN_CONFIG} of this folder"));
            own
        })
    };
    named.map(Path::to_owned).or_else(own)
}

/// The configuration file of a verb that trades with real money: only one that was named. Another that
/// lies in the working folder is told of.
pub fn named_config_file(named: Option<&Path>) -> Option<&Path> {
    if named.is_none() && Path::new(OWN_CONFIG).exists() {
        terminal::complain(format_args!(
            "{OWN_CONFIG} of this folder is not used: `run` takes the one that --config names"
        ));
    }
    named
}

/// The configuration of a market verb: the file, the environment, and the flags on top.
pub fn draft(named: Option<&Path>, flags: &Overrides) -> Result<Draft, AppError> {
    let file = config_file(named);
    let draft = Draft::load(file.as_deref(), &|n| std::env::var(n).ok())?;
    Ok(draft.with(flags)?)
}

/// The pipeline's configuration for these assets.
pub fn pipeline_config(settings: &Settings, universe: Universe, lossless: bool) -> wiring::Config {
    let params = universe.iter().map(|(_, i)| settings.params(i.coin.as_str())).collect();
    // Runs against a simulated account start from nothing: the seed tells them apart.
    let session = settings.seed as u32;
    let venue_clock = VenueClock::default();
    let commentary = RING_COMMENTARY;
    wiring::Config { universe, params, session, lossless, risk: None, venue_clock, commentary }
}

/// Takes note of limits that rise while it runs: a summary holds the highest exposure of a run against
/// the highest limit.
pub fn raise_limits(config: &mut wiring::Config, params: &[(AssetId, AssetParams)]) {
    for (asset, new) in params {
        let limit = &mut config.params[asset.index()].risk.max_position_usd;
        *limit = new.risk.max_position_usd.max(*limit);
    }
}

/// The simulated exchange's configuration; its first moment is `start`.
pub fn exchange_config(settings: &Settings, start: Nanos) -> ExchangeConfig {
    let (SimSettings { latency, maker_fee, taker_fee, rules, .. }, seed) =
        (settings.sim, settings.seed);
    let deposit = settings.capital();
    ExchangeConfig { latency, maker_fee, taker_fee, seed, rules, deposit, start }
}

/// The plan of a name, checked against this machine; [`None`] = inline. `auto` chooses by the
/// cores that the process may use. Plan files count cores from 0 within those.
pub fn plan(name: &str) -> Result<Option<Plan>, AppError> {
    let cores = allowed_cores();
    let name = match name {
        "inline" => return Ok(None),
        "auto" => Plan::auto_name(cores.len()),
        name => name,
    };
    let file = PlanFile::shipped(name)?;
    let lane = |l: crate::settings::LaneFile| LanePlan {
        stages: l.stages,
        // A core beyond the last is kept as it is, so that validation names it.
        core: l.core.map(|i| cores.get(i).copied().unwrap_or(i)),
        idle: IdleStrategy::parse(&l.idle).unwrap_or(IdleStrategy::Backoff),
    };
    let plan = Plan { name: file.name, lanes: file.lanes.into_iter().map(lane).collect() };
    plan.validate(&botmm_pipeline::stage::NAMES, &cores).map_err(|e| {
        AppError::Usage(format!(
            "plan `{name}` does not fit this machine: {e} (this process may use {} cores: try \
             --plan auto)",
            cores.len()
        ))
    })?;
    Ok(Some(plan))
}

/// The newest marks.
pub fn marks(metrics: &Metrics) -> [Px; MAX_ASSETS] {
    core::array::from_fn(|i| Px::from_raw(metrics.risk.mark[i].get() as i64))
}

/// Kinds of market events, in the order of `MarketEvent::kind`.
const KINDS: [&str; 5] = ["book", "bbo", "trade", "status", "mark"];

/// What a summary is made from.
pub struct Ended<'a> {
    /// What was configured.
    pub settings: &'a Settings,
    /// What the pipeline was built from.
    pub config: &'a wiring::Config,
    /// Its counters.
    pub metrics: &'a Metrics,
    /// Its rings, with what they lost.
    pub rings: &'a [Arc<RingStats>],
    /// How long polls took.
    pub latencies: &'a Latencies,
    /// UTC days that ended.
    pub days: Days,
    /// What the venue's own account gained, at our marks; [`None`] = it did not tell.
    pub venue_net: Option<Usd>,
    /// What came to the account otherwise than by trading; [`None`] = it could not be told.
    pub transfers: Option<Usd>,
    /// Time covered, of the market's clock.
    pub span: Nanos,
    /// Our own time.
    pub wall: Duration,
    /// `recorded` or `synthetic`.
    pub market: &'static str,
    /// Queue model.
    pub queue: String,
    /// Which of the venue's rules hold.
    pub rules: String,
    /// How long orders and answers take.
    pub latency: String,
    /// How late the feed is.
    pub feed: String,
    /// The plan's name.
    pub plan: String,
    /// Files read.
    pub data: Vec<DataFile>,
    /// What else a reader must know.
    pub notes: Vec<String>,
}

impl Ended<'_> {
    /// The summary.
    pub fn summary(self) -> Summary {
        let m = self.metrics;
        let wall_s = self.wall.as_secs_f64();
        let reasons = self.reasons();
        let traded = traded(m, &self.config.universe, &reasons);
        Summary {
            events: m.feed.events.get(),
            events_by_kind: KINDS
                .into_iter()
                .zip(&m.feed.events_by_kind)
                .map(|(k, n)| (k, n.get()))
                .collect(),
            span_s: self.span.as_secs_f64(),
            events_per_s: if wall_s > 0.0 { m.feed.events.get() as f64 / wall_s } else { 0.0 },
            decisions: m.risk.decisions.get(),
            decision_hash: m.decision_hash(),
            orders: m.dispatch.orders.get(),
            cancels: m.dispatch.cancels.get(),
            modifies: m.dispatch.modifies.get(),
            rejects: m.dispatch.rejects.get(),
            fills: m.dispatch.fills.get(),
            fills_by_cause: self.fills_by_cause(),
            volume_usd: m.dispatch.volume.usd(),
            gross_pnl_usd: m.gross_pnl(),
            fees_usd: m.risk.fees.usd(),
            net_pnl_usd: m.net_pnl(),
            pnl_split: PnlSplit::of(&traded),
            markouts: traded.iter().map(|(s, t)| (s.clone(), SideMarkouts::of(t))).collect(),
            by_symbol: traded.iter().map(|(s, t)| (s.clone(), SymbolResult::of(t))).collect(),
            metrics: RunMetrics::of(&traded, &self.all_days(), &self.counts()),
            position: self.by_coin(|i| self.position(i)),
            position_usd: self.position_usd(),
            equity_residual_usd: self.venue_net.map(|theirs| m.net_pnl() - theirs),
            transfers_usd: self.transfers,
            max_worst_case_exposure_usd: self.by_coin(|i| m.dispatch.max_exposure[i].usd()),
            max_position_usd: self.by_coin(|i| self.config.params[i].risk.max_position_usd),
            warnings: reasons.warnings(),
            reasons,
            latency_ns: self.latency_ns(),
            assumptions: self.assumptions(),
            dropped: self.dropped(),
        }
    }

    fn position(&self, asset: usize) -> Qty {
        Qty::from_raw(self.metrics.risk.position[asset].get() as i64)
    }

    /// Without coins that are held and have no mark.
    fn position_usd(&self) -> BTreeMap<String, Usd> {
        let marks = marks(self.metrics);
        let worth = |i: usize| {
            let (qty, mark) = (self.position(i), marks[i]);
            (qty.is_zero() || !mark.is_zero()).then(|| notional(mark, qty))
        };
        let all = self.by_coin(worth).into_iter();
        all.filter_map(|(coin, value)| Some((coin, value?))).collect()
    }

    /// Nothing where no fill has a cause.
    fn fills_by_cause(&self) -> BTreeMap<&'static str, CauseFills> {
        let m = self.metrics;
        let of = |cause: FillCause| CauseFills {
            fills: m.dispatch.cause_fills[cause as usize].get(),
            volume_usd: m.dispatch.cause_volume[cause as usize].usd(),
        };
        let all = FillCause::ALL.map(|cause| (cause.as_str(), of(cause)));
        all.into_iter().filter(|(_, f)| f.fills > 0).collect()
    }

    /// The days that ended, and the present one so far.
    fn all_days(&self) -> Days {
        let (m, mut days) = (self.metrics, self.days.clone());
        if m.risk.day.get() != 0 {
            let day = m.risk.day.get() as i64;
            days.add(DayNet { day, net: m.risk.day_net.usd(), whole: false });
        }
        days
    }

    fn counts(&self) -> RunCounts {
        RunCounts {
            capital: self.settings.capital(),
            max_drawdown: self.metrics.risk.max_drawdown.usd(),
            cancels: self.metrics.dispatch.cancels.get(),
        }
    }

    fn dropped(&self) -> BTreeMap<String, u64> {
        let rings = self.rings.iter().map(|r| (r.name, r.dropped()));
        let missed = self.metrics.quote.markouts_missed.iter().map(|n| n.get()).sum();
        let all = rings.chain([("lane->side", self.latencies.dropped()), ("markouts", missed)]);
        all.map(|(name, dropped)| (name.to_owned(), dropped)).collect()
    }

    fn by_coin<T>(&self, value: impl Fn(usize) -> T) -> BTreeMap<String, T> {
        let coins = self.config.universe.iter();
        coins.map(|(id, i)| (i.coin.to_string(), value(id.index()))).collect()
    }

    fn reasons(&self) -> ReasonShares {
        let times = self.config.universe.iter().map(|(id, i)| {
            let side = |s: Side| {
                let counters = &self.metrics.dispatch.reason_ns[id.index()][s.index()];
                core::array::from_fn(|r| Nanos(counters[r].get() as i64))
            };
            (i.coin.as_str(), Side::BOTH.map(side))
        });
        ReasonShares::from_times(times)
    }

    fn latency_ns(&self) -> BTreeMap<String, LatencyNs> {
        let stages = self.latencies.stages();
        stages
            .map(|l| {
                let latency = LatencyNs { p50: l.p50_ns, p99: l.p99_ns, max: l.max_ns };
                (l.stage.to_owned(), latency)
            })
            .collect()
    }

    fn assumptions(&self) -> Assumptions {
        Assumptions {
            queue: self.queue.clone(),
            rules: self.rules.clone(),
            latency: self.latency.clone(),
            feed: self.feed.clone(),
            fee_bps: self.settings.sim.maker_fee,
            capital_usd: self.settings.capital(),
            seed: self.settings.seed,
            plan: self.plan.clone(),
            lossless: self.config.lossless,
            market: self.market.to_owned(),
            config_sha256: self.settings.sha256(),
            data: self.data.clone(),
            notes: self.notes.iter().map(|note| masked(note).into_owned()).collect(),
        }
    }
}

/// Prints a summary, and keeps it in its folder; each as far as it can be done.
pub fn tell(summary: &Summary, dir: Option<&Path>, json: bool) -> Vec<AppError> {
    let text = match summary.to_json() {
        Ok(text) => text,
        Err(e) => return vec![AppError::io("summary", "write")(e.into())],
    };
    let keep = |dir: &Path| write_whole(&dir.join(SUMMARY), text.as_bytes(), Readers::Group);
    let kept = dir.map_or(Ok(()), keep);
    let printed = match json {
        true => terminal::print(&text),
        false => terminal::print(&summary.to_string()),
    };
    [kept, printed].into_iter().filter_map(Result::err).collect()
}

/// Ends with the last of these, whose code is the process's; the others are said before it.
pub fn end_with(mut errors: Vec<AppError>) -> Result<(), AppError> {
    let last = errors.pop();
    errors.iter().for_each(terminal::complain);
    last.map_or(Ok(()), Err)
}

/// An error (exit code 6) when a limit halted the run until a person re-arms it.
pub fn verdict(metrics: &Metrics) -> Result<(), AppError> {
    if metrics.risk.halted.get() == 0 {
        return Ok(());
    }
    let why: Vec<_> = metrics.halted_by().map(BreakWhy::in_words).collect();
    let (why, net) = (why.join(", "), metrics.net_pnl());
    Err(AppError::RiskHalt { reason: format!("{why}; net at the end {net} USD") })
}
