//! Should this market be made at all (docs/economics.md)? Its half spreads and the markouts of its trades against
//! the fee, replays of our quotes under other queues and feeds, and one verdict against lending.

mod clusters;
mod curve;
mod fills;
mod market;
mod replays;
#[cfg(test)]
mod tests;

use self::market::Seen;
use self::replays::{Case, Replays};
use crate::bot::replay::{self, Reading, engine};
use crate::data::Loaded;
use crate::exit::AppError;
use crate::report::economics::{
    Bench, Capital, Cell, Economics, Market, ReplayRow, Tier, Touch, Verdict, Worth, judge,
};
use crate::settings::{Draft, FeeTable, FeedDelay, Settings};
use crate::stop::Stop;
use crate::terminal::{self, Progress};
use crate::when::utc;
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::{Bps, Nanos, Universe};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is asked for.
pub struct Request {
    /// Recordings: files, or folders of them.
    pub paths: Vec<PathBuf>,
    /// The configuration, flags on top.
    pub draft: Draft,
    /// When events reach us, in the verdict.
    pub feed: FeedDelay,
    /// Other feeds to compare it with.
    pub feeds: Vec<FeedDelay>,
    /// Which of [`HORIZONS`] fills are valued at.
    pub horizon: usize,
    /// What lending brings, percent a year.
    pub benchmark_apr_pct: f64,
    /// What staking takes off, percent: each beside none, for every row of the fee table.
    pub staking_discounts: Vec<u32>,
    /// How it is read.
    pub reading: Reading,
    /// Print JSON.
    pub json: bool,
}

/// Measures, replays, and prints.
///
/// # Errors
/// The recording or the configuration will not do, or it was interrupted.
pub fn run(request: Request) -> Result<(), AppError> {
    let stop = Stop::listen(false)?;
    let Request { paths, draft, reading, .. } = &request;
    let (settings, loaded) = replay::read_shown(paths, draft.clone(), *reading, request.json)?;
    let bar = Progress::new(request.json, "replaying");
    let progress = |done, of| bar.tell(done, of);
    let economics = told(&request, &settings, &loaded, (stop.flag(), &progress))?;
    drop(bar);
    terminal::print(&match request.json {
        true => economics.to_json().map_err(|e| AppError::Failed(e.to_string()))?,
        false => economics.text(),
    })
}

/// All that is told of a recording.
fn told(
    request: &Request,
    settings: &Settings,
    loaded: &Loaded,
    watched: replays::Watched<'_>,
) -> Result<Economics, AppError> {
    let Loaded { tape, universe, report, .. } = loaded;
    let Some(span) = tape.venue_span().map(|(first, last)| [first, last]) else {
        return Err(AppError::data("recording", "no usable event", "name another recording"));
    };
    let (horizon, fee) = (request.horizon, settings.sim.maker_fee);
    let seen = market::look(tape, universe, horizon);
    let replays = Replays { settings, loaded, span, horizon, watched };
    let (rows, notes) = replays.all(&Case::all(settings, loaded, request.feed, &request.feeds))?;
    let names = || universe.iter().map(|(_, i)| i.coin.to_string());
    let mut market: BTreeMap<String, Market> =
        names().zip(seen.iter().map(|c| c.tell(fee.to_f64(), horizon))).collect();
    for (coin, market) in &mut market {
        let of_fills = rows.first().and_then(|row| row.by_coin.get(coin));
        let of_fills = of_fills.and_then(|t| t.adverse_bps.0[horizon]);
        market.break_even_of_fills_bps = of_fills.map(|adverse| adverse.mean + fee.to_f64());
    }
    let tiers = tiers(&settings.fees, &request.staking_discounts);
    let span_s = (span[1] - span[0]).as_secs_f64();
    let judged = Judged { rows: &rows, seen: &seen, request, fee, span_s };
    let capital = capital(settings, universe, &rows);
    Ok(Economics {
        verdict: judged.all(settings.capital().to_f64()),
        verdict_by_coin: names()
            .enumerate()
            .map(|(i, c)| (c.clone(), judged.coin(i, &c)))
            .collect(),
        span: span.map(utc),
        span_s,
        horizon,
        horizon_s: HORIZONS[horizon].as_secs_f64(),
        maker_fee_bps: fee,
        benchmark: Bench::of(request.benchmark_apr_pct, settings.capital().to_f64(), span_s),
        market,
        map: map(&seen, universe, &tiers, horizon),
        replays: rows,
        tiers,
        capital,
        assumptions: assumptions(request, settings),
        notes: notes.into_iter().chain(of_the_market(loaded, &seen)).collect(),
        config_sha256: settings.sha256(),
        data: engine::files(report),
    })
}

/// What verdicts rest on.
struct Judged<'a> {
    rows: &'a [ReplayRow],
    seen: &'a [Seen],
    request: &'a Request,
    fee: Bps,
    span_s: f64,
}

impl Judged<'_> {
    /// Replays that differ from the first by their queue alone.
    fn band(&self) -> impl Iterator<Item = &ReplayRow> {
        let feed = self.request.feed.to_string();
        self.rows.iter().filter(move |row| row.feed == feed)
    }

    /// Of all coins, on the account's capital.
    fn all(&self, capital: f64) -> Verdict {
        let band: Vec<Worth> = self.band().map(|row| row.all.worth).collect();
        let touches: Vec<Touch> = self.seen.iter().filter_map(|coin| self.touch(coin)).collect();
        self.judge(&band, &touches, capital)
    }

    /// Of one coin, on what its positions were worth at most.
    fn coin(&self, asset: usize, coin: &str) -> Verdict {
        let band: Vec<Worth> =
            self.band().filter_map(|row| Some(row.by_coin.get(coin)?.worth)).collect();
        let touch: Vec<Touch> = self.touch(&self.seen[asset]).into_iter().collect();
        let capital = self.rows.first().and_then(|row| row.exposure_usd.get(coin).copied());
        self.judge(&band, &touch, capital.unwrap_or_default())
    }

    fn judge(&self, band: &[Worth], touches: &[Touch], capital: f64) -> Verdict {
        let bench = Bench::of(self.request.benchmark_apr_pct, capital, self.span_s);
        judge(band, touches, bench, self.span_s)
    }

    fn touch(&self, coin: &Seen) -> Option<Touch> {
        let realised = coin.realised(self.request.horizon)?;
        Some(Touch { edge_bps: realised.mean - self.fee.to_f64(), se: realised.se? })
    }
}

/// Fees that differ, dearest first.
fn tiers(fees: &FeeTable, discounts: &[u32]) -> Vec<Tier> {
    let tiers = fees.volume_tiers.iter().enumerate();
    let tiers = tiers.map(|(i, tier)| (format!("tier {i}"), tier.maker_bps));
    let rebates = fees.maker_rebates.iter().enumerate();
    let rebates = rebates.map(|(i, rebate)| (format!("rebate {}", i + 1), rebate.maker_bps));
    let mut all: Vec<Tier> = Vec::new();
    let plain: Vec<_> = tiers.chain(rebates).collect();
    let staked = discounts.iter().flat_map(|pct| {
        let staked =
            |(name, fee): &(String, Bps)| (format!("{name} -{pct}%"), FeeTable::staked(*fee, *pct));
        plain.iter().map(staked).collect::<Vec<_>>()
    });
    for (name, maker_fee_bps) in plain.iter().cloned().chain(staked) {
        if all.iter().all(|tier| tier.maker_fee_bps != maker_fee_bps) {
            all.push(Tier { name, maker_fee_bps });
        }
    }
    all.sort_by_key(|tier| std::cmp::Reverse(tier.maker_fee_bps));
    all
}

fn map(seen: &[Seen], universe: &Universe, tiers: &[Tier], horizon: usize) -> Vec<Cell> {
    let mut map = Vec::new();
    for ((_, instrument), coin) in universe.iter().zip(seen) {
        let of_all = coin.adverse(horizon).map_or(0.0, |adverse| adverse.mean);
        for (hour, spreads) in coin.by_hour() {
            let Some(half_spread_bps) = spreads.mean() else { continue };
            let own = coin.adverse_of_hour(hour, horizon);
            let adverse_bps = own.map_or(of_all, |adverse| adverse.mean);
            map.extend(tiers.iter().map(|tier| {
                let break_even_bps = tier.maker_fee_bps.to_f64() + adverse_bps;
                Cell {
                    coin: instrument.coin.to_string(),
                    hour,
                    tier: tier.name.clone(),
                    maker_fee_bps: tier.maker_fee_bps,
                    known_s: spreads.known().as_secs_f64(),
                    half_spread_bps,
                    adverse_bps,
                    is_own_adverse: own.is_some(),
                    break_even_bps,
                    edge_bps: half_spread_bps - break_even_bps,
                    offered_share: spreads.share_from(break_even_bps),
                }
            }));
        }
    }
    map
}

fn capital(settings: &Settings, universe: &Universe, rows: &[ReplayRow]) -> Capital {
    let exposure = |coin: &str| {
        rows.first().and_then(|row| row.exposure_usd.get(coin).copied()).unwrap_or_default()
    };
    let all = || universe.iter().map(|(_, i)| (i, exposure(i.coin.as_str())));
    Capital {
        account_usd: settings.capital(),
        exposure_usd: all().map(|(_, usd)| usd).sum(),
        margin_usd: all().map(|(i, usd)| usd / f64::from(i.max_leverage.max(1))).sum(),
        drawdown_usd: rows.iter().map(|row| row.max_drawdown_usd).max().unwrap_or_default(),
    }
}

fn assumptions(request: &Request, settings: &Settings) -> Vec<String> {
    let horizon = HORIZONS[request.horizon].as_secs_f64();
    let sim = &settings.sim;
    vec![
        format!(
            "a fill is worth the mid {horizon} s later: leaving a position then costs nothing here, and costs half a \
             spread or more"
        ),
        format!(
            "half spreads and markouts are by the venue's clock; {} s without a book or touch end what is known",
            curve::SILENCE.as_secs_f64()
        ),
        "adverse selection is that of the recording's trades, weighted by value; its error is that of minutes".to_owned(),
        format!(
            "replays: rules {}, latency {}, seed {}, the configured strategy, on the account's capital",
            sim.rules, sim.latency, settings.seed
        ),
        "lending is without risk and without fees; a coin is compared with its worst position, unlevered".to_owned(),
    ]
}

/// Of what the market could not tell.
fn of_the_market(loaded: &Loaded, seen: &[Seen]) -> Vec<String> {
    let mut notes: Vec<String> = loaded.report.assumed().collect();
    for ((asset, instrument), coin) in loaded.universe.iter().zip(seen) {
        let name = instrument.coin;
        if coin.by_hour().is_empty() {
            notes.push(format!("{name}: both sides were never known for any time"));
        }
        if coin.adverse(0).is_none() {
            notes.push(format!(
                "{name}: no trade could be measured, so break-even is more than the fee"
            ));
        }
        if !loaded.tape.has_marks(asset) {
            notes.push(format!("{name}: no funding rate was recorded"));
        }
    }
    if loaded.report.skipped() > 0 {
        notes.push(format!("{} unsound lines skipped", loaded.report.skipped()));
    }
    notes
}

/// The place of a horizon, in whole seconds, among those that are measured.
///
/// # Errors
/// It is none of them.
pub fn horizon(asked: Nanos) -> Result<usize, AppError> {
    HORIZONS.iter().position(|h| *h == asked).ok_or_else(|| {
        let all: Vec<String> = HORIZONS.iter().map(|h| format!("{}s", h.as_secs_f64())).collect();
        AppError::Usage(format!("--horizon: allowed: {}", all.join(", ")))
    })
}
