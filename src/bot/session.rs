//! What `replay` and `paper` share: from settings to a pipeline, and from its counters to a
//! summary.

use crate::bot::host;
use crate::data::Cache;
use crate::exit::AppError;
use crate::files::{Readers, write_whole};
use crate::journal::SUMMARY;
use crate::masked::masked;
use crate::report::{
    Assumptions, BySymbol, CauseFills, DataFile, Days, FitResult, LatencyNs, PnlSplit,
    ReasonShares, RunCounts, RunMetrics, SideMarkouts, Signing, Summary, SymbolResult, WireResult,
};
use crate::rungs::Rungs;
use crate::settings::{Draft, Overrides, PlanFile, Settings, SimSettings};
use crate::terminal;
use crate::when::utc;
use botmm_pipeline::rt::{IdleStrategy, LanePlan, Latencies, Plan, RingStats, Trips};
use botmm_pipeline::stage::numbers::{AssetNumbers, Numbers};
use botmm_pipeline::types::limits::{MAX_ASSETS, RING_COMMENTARY};
use botmm_pipeline::types::params::LateAction;
use botmm_pipeline::types::{AssetId, AssetParams, FillCause, Nanos, Px, Universe, Usd, notional};
use botmm_pipeline::venue::SigningCounts;
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

/// Where compiled tapes are kept: beside their recordings, else in the user's cache. `BOTMM_TAPES` says
/// otherwise: a folder for all, or `off` for none.
pub fn tapes() -> Option<Cache> {
    let var = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match var("BOTMM_TAPES") {
        Some(folder) if folder.as_os_str() == "off" => None,
        Some(folder) => Some(Cache { beside: false, elsewhere: Some(folder) }),
        None => {
            let home = || var("HOME").map(|home| home.join(".cache"));
            let cache = var("XDG_CACHE_HOME").or_else(home);
            Some(Cache { beside: true, elsewhere: cache.map(|dir| dir.join("botmm/tapes")) })
        }
    }
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
/// cores that the process may use. Plan files count cores from 0 within those, isolated ones first.
pub fn plan(name: &str) -> Result<Option<Plan>, AppError> {
    let cores = host::cores();
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
    let (priority, lock_memory) = (file.priority, file.lock_memory);
    let rehearse = (file.rehearse_us > 0).then(|| Nanos(1_000 * i64::from(file.rehearse_us)));
    let lanes = file.lanes.into_iter().map(lane).collect();
    let plan = Plan { name: file.name, lanes, priority, lock_memory, rehearse };
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
pub fn marks(numbers: &Numbers) -> [Px; MAX_ASSETS] {
    core::array::from_fn(|i| numbers.assets.get(i).map_or(Px::ZERO, |asset| asset.mark))
}

/// Kinds of market events, in the order of `MarketEvent::kind`.
const KINDS: [&str; 6] = ["book", "bbo", "trade", "status", "mark", LEVELS];
/// Told of recordings that have them alone.
const LEVELS: &str = "level";

/// What a summary is made from.
pub struct Ended<'a> {
    /// What was configured.
    pub settings: &'a Settings,
    /// What the pipeline was built from.
    pub config: &'a wiring::Config,
    /// What it counted.
    pub numbers: Numbers,
    /// Its rings, with what they lost.
    pub rings: &'a [Arc<RingStats>],
    /// How long polls took.
    pub latencies: &'a Latencies,
    /// How long the way from wire to wire took; [`None`] = there was no wire.
    pub trips: Option<&'a Trips>,
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
    /// Who would have cancelled what rests, had the bot been gone; [`None`] = there was nobody's money.
    pub rungs: Option<Rungs>,
}

impl Ended<'_> {
    /// The summary.
    pub fn summary(self) -> Summary {
        let n = &self.numbers;
        let wall_s = self.wall.as_secs_f64();
        let reasons = self.reasons();
        let traded: BySymbol = self.by_coin(AssetNumbers::clone);
        Summary {
            events: n.events,
            events_by_kind: KINDS
                .into_iter()
                .zip(n.events_by_kind)
                .filter(|(kind, count)| *kind != LEVELS || *count > 0)
                .collect(),
            span_s: self.span.as_secs_f64(),
            events_per_s: if wall_s > 0.0 { n.events as f64 / wall_s } else { 0.0 },
            decisions: n.decisions,
            decision_hash: n.decision_hash,
            orders: n.orders,
            cancels: n.cancels,
            modifies: n.modifies,
            rejects: n.rejects,
            signing: self.signing(),
            fills: n.fills,
            fills_by_cause: self.fills_by_cause(),
            volume_usd: n.volume,
            gross_pnl_usd: n.gross,
            fees_usd: n.fees,
            net_pnl_usd: n.net(),
            pnl_split: PnlSplit::of(&traded),
            markouts: traded.iter().map(|(s, t)| (s.clone(), SideMarkouts::of(t))).collect(),
            by_symbol: traded.iter().map(|(s, t)| (s.clone(), SymbolResult::of(t))).collect(),
            metrics: RunMetrics::of(&traded, &self.all_days(), &self.counts()),
            fit: self.fit(),
            position: self.by_coin(|asset| asset.position),
            position_usd: self.position_usd(),
            equity_residual_usd: self.venue_net.map(|theirs| n.net() - theirs),
            transfers_usd: self.transfers,
            rungs: self.rungs.clone(),
            max_worst_case_exposure_usd: self.by_coin(|asset| asset.max_exposure),
            max_position_usd: self.limits(),
            warnings: reasons.warnings(),
            reasons,
            latency_ns: self.latency_ns(),
            wire: self.wire(),
            assumptions: self.assumptions(),
            dropped: self.dropped(),
        }
    }

    fn signing(&self) -> Option<Signing> {
        let counts = self.numbers.signing;
        let SigningCounts { presigned, ordinary, dropped } = counts;
        (counts != SigningCounts::default()).then_some(Signing { presigned, ordinary, dropped })
    }

    /// Without coins that are held and have no mark.
    fn position_usd(&self) -> BTreeMap<String, Usd> {
        let worth = |asset: &AssetNumbers| {
            let (qty, mark) = (asset.position, asset.mark);
            (qty.is_zero() || !mark.is_zero()).then(|| notional(mark, qty))
        };
        let all = self.by_coin(worth).into_iter();
        all.filter_map(|(coin, value)| Some((coin, value?))).collect()
    }

    /// Of the coins whose fit was asked for.
    fn fit(&self) -> BTreeMap<String, FitResult> {
        let all = self.by_coin(|asset| asset.fit).into_iter();
        all.filter(|(_, score)| score.moves > 0.0)
            .map(|(coin, score)| (coin, FitResult::of(&score)))
            .collect()
    }

    fn limits(&self) -> BTreeMap<String, Usd> {
        let coins = self.config.universe.iter().zip(&self.config.params);
        coins.map(|((_, i), p)| (i.coin.to_string(), p.risk.max_position_usd)).collect()
    }

    /// Nothing where no fill has a cause.
    fn fills_by_cause(&self) -> BTreeMap<&'static str, CauseFills> {
        let all = FillCause::ALL.iter().zip(self.numbers.by_cause);
        all.filter(|(_, (fills, _))| *fills > 0)
            .map(|(cause, (fills, volume_usd))| (cause.as_str(), CauseFills { fills, volume_usd }))
            .collect()
    }

    /// The days that ended, and the present one so far.
    fn all_days(&self) -> Days {
        let mut days = self.days.clone();
        self.numbers.today.into_iter().for_each(|today| days.add(today));
        days
    }

    fn counts(&self) -> RunCounts {
        RunCounts {
            capital: self.settings.capital(),
            max_drawdown: self.numbers.max_drawdown,
            cancels: self.numbers.cancels,
        }
    }

    fn dropped(&self) -> BTreeMap<String, u64> {
        let rings = self.rings.iter().map(|r| (r.name, r.dropped()));
        let sum = |of: fn(&AssetNumbers) -> u64| self.numbers.assets.iter().map(of).sum();
        let all = rings.chain([
            ("lane->side", self.latencies.dropped()),
            ("trips", self.trips.map_or(0, Trips::dropped)),
            ("levels", sum(|asset| asset.levels_lost)),
            ("markouts", sum(|asset| asset.markouts_missed)),
        ]);
        all.map(|(name, dropped)| (name.to_owned(), dropped)).collect()
    }

    fn by_coin<T>(&self, value: impl Fn(&AssetNumbers) -> T) -> BTreeMap<String, T> {
        let coins = self.config.universe.iter().zip(&self.numbers.assets);
        coins.map(|((_, i), asset)| (i.coin.to_string(), value(asset))).collect()
    }

    fn reasons(&self) -> ReasonShares {
        let coins = self.config.universe.iter().zip(&self.numbers.assets);
        ReasonShares::from_times(coins.map(|((_, i), asset)| (i.coin.as_str(), asset.reasons)))
    }

    fn latency_ns(&self) -> BTreeMap<String, LatencyNs> {
        // Where nothing was measured, nothing is shown.
        let stages = self.latencies.stages();
        let is_measured = self.latencies.stages().any(|l| l.max_ns > 0);
        stages
            .filter(|_| is_measured)
            .map(|l| {
                let latency = LatencyNs { p50: l.p50_ns, p99: l.p99_ns, max: l.max_ns };
                (l.stage.to_owned(), latency)
            })
            .collect()
    }

    fn wire(&self) -> Option<WireResult> {
        let trips = self.trips?;
        let steps = trips.steps().map(|l| {
            (l.stage.to_owned(), LatencyNs { p50: l.p50_ns, p99: l.p99_ns, max: l.max_ns })
        });
        Some(WireResult {
            counts_from: trips.counts_from(),
            trips: trips.count(),
            over_budget: trips.breaches(),
            steps_ns: steps.collect(),
        })
    }

    fn assumptions(&self) -> Assumptions {
        Assumptions {
            queue: self.queue.clone(),
            rules: self.rules.clone(),
            latency: self.latency.clone(),
            feed: self.feed.clone(),
            feed_late: feed_late(self.settings),
            fee_bps: self.settings.sim.maker_fee,
            capital_usd: self.settings.capital(),
            seed: self.settings.seed,
            plan: self.plan.clone(),
            lossless: self.config.lossless,
            market: self.market.to_owned(),
            config_sha256: self.settings.sha256(),
            data: self.data.clone(),
            notes: self
                .notes
                .iter()
                .chain(&models(self.config))
                .map(|note| masked(note).into_owned())
                .collect(),
        }
    }
}

/// What each coin does while the feed is late, in words; once where all do the same.
fn feed_late(settings: &Settings) -> String {
    let of_coin = |coin: &String| {
        let risk = settings.params(coin).risk;
        let (limit, away) = (risk.max_feed_delay.as_millis(), risk.late_half_spread_bps);
        match risk.late_action {
            LateAction::Warn => format!("warn above {limit} ms"),
            LateAction::StandAside => {
                format!("stand_aside above {limit} ms: nothing nearer to the mid than {away} bps")
            }
        }
    };
    let mut words: Vec<_> = settings.symbols.iter().map(of_coin).collect();
    words.dedup();
    words.join("; ")
}

/// Prints a summary, and keeps it in its folder; each as far as it can be done.
pub fn tell(summary: &Summary, dir: Option<&Path>, json: bool) -> Vec<AppError> {
    let text = match summary.to_json() {
        Ok(text) => text,
        Err(e) => return vec![AppError::io("summary", "write")(e.into())],
    };
    let kept = dir.map_or(Ok(()), |dir| keep_text(&text, dir));
    let printed = match json {
        true => terminal::print(&text),
        false => terminal::print(&summary.to_string()),
    };
    [kept, printed].into_iter().filter_map(Result::err).collect()
}

/// Keeps the summary.
///
/// # Errors
/// The file cannot be written.
pub fn keep(summary: &Summary, dir: &Path) -> Result<(), AppError> {
    let text = summary.to_json().map_err(|e| AppError::io("summary", "write")(e.into()))?;
    keep_text(&text, dir)
}

fn keep_text(text: &str, dir: &Path) -> Result<(), AppError> {
    write_whole(&dir.join(SUMMARY), text.as_bytes(), Readers::Group)
}

/// Ends with the last of these, whose code is the process's; the others are said before it.
pub fn end_with(mut errors: Vec<AppError>) -> Result<(), AppError> {
    let last = errors.pop();
    errors.iter().for_each(terminal::complain);
    last.map_or(Ok(()), Err)
}

/// An error (exit code 6) when a limit halted the run until a person re-arms it.
pub fn verdict(numbers: &Numbers) -> Result<(), AppError> {
    let Some(halted) = &numbers.halted else { return Ok(()) };
    let why: Vec<_> = halted.iter().map(|why| why.in_words()).collect();
    let (why, net) = (why.join(", "), numbers.net());
    Err(AppError::RiskHalt { reason: format!("{why}; net at the end {net} USD") })
}
/// The fill predictors of a run, by their hashes, and from when on they were asked.
fn models(config: &wiring::Config) -> Vec<String> {
    let mut notes = Vec::new();
    for ((_, instrument), params) in config.universe.iter().zip(&config.params) {
        let Some(model) = params.fill_model else { continue };
        let (coin, [from, to]) = (instrument.coin, model.trained.map(utc));
        notes.push(format!(
            "{coin}: fill model {:.16}…, trained on {from} to {to}: it was silent up to then, so that it says nothing \
             of what it has learned from",
            model.sha256
        ));
    }
    notes
}
