//! The coarse engine over candles (docs/candles.md): what the strategy would have quoted from bar to bar, what
//! these would have filled, and what that came to. Said to be coarse wherever it is shown.

mod coin;
mod engine;
mod source;
#[cfg(test)]
mod tests;

use self::coin::Rates;
use self::engine::{Engine, Terms};
use self::source::{Gathered, MOST_BARS, fetch};
use crate::bot::session;
use crate::data::DataError;
use crate::data::bars::Bar;
use crate::data::bars::interval::Interval;
use crate::exit::AppError;
use crate::masked::masked;
use crate::net::{Endpoint, Rest, Tls};
use crate::report::{BySymbol, Coarse, CoarseCoin, Days, RunCounts, RunMetrics, Worth};
use crate::settings::{Draft, Settings};
use crate::terminal;
use crate::when::utc_s;
use botmm_pipeline::logic::ledger::AssetLedger;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{Instrument, Nanos, Qty, Universe, Usd};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Coins that the configuration does not have are numbered down from here; no venue has so many.
const UNLISTED: u32 = 1_000_000;
/// The most decimals that a size has at the venue.
const MOST_DECIMALS: u8 = 5;
/// What a page of candles weighs at most, and what the venue allows a minute (PROTOCOL §2).
const PAGE_WEIGHT: u32 = 20 + 5_000 / 60 + 1;
const WEIGHT_A_MINUTE: u32 = 1_200;

/// What is asked for.
pub struct Request {
    /// Files of candles and contexts, and folders of them.
    pub paths: Vec<PathBuf>,
    /// The configuration, flags on top.
    pub draft: Draft,
    /// How long the bars are; needed where there are several lengths, and for a venue.
    pub interval: Option<Interval>,
    /// A venue to ask, and the coins to ask for.
    pub fetch: Option<(Endpoint, Vec<String>)>,
    /// The first open and the last that it is asked for.
    pub span: [Option<Nanos>; 2],
    /// What funding pays, units of 1e-10 an hour, in place of what the data say.
    pub funding_rate_e10: Option<i64>,
    /// Our fills are at most so much of a bar's volume, thousandths.
    pub share_e3: u16,
    /// Use what is sound of a file of which most is not.
    pub allow_unsound: bool,
    /// Print JSON.
    pub json: bool,
}

/// Runs the bars through the strategy, and prints what that came to.
///
/// # Errors
/// There are no bars, they cannot be read, or the configuration will not do.
pub fn run(request: Request) -> Result<(), AppError> {
    let mut gathered = Gathered::default();
    gathered.files(&request.paths, request.allow_unsound)?;
    if let Some((endpoint, coins)) = &request.fetch {
        ask_venue(endpoint, coins, &request, &mut gathered)?;
    }
    let interval = gathered.interval(request.interval)?;
    let bars = gathered.of(interval);
    let coins: BTreeSet<String> = bars.keys().cloned().collect();
    let settings = request.draft.clone().with_recorded(&coins).build()?;
    let told = told(&settings, interval, &bars, &request, gathered)?;
    terminal::print(&match request.json {
        true => told.to_json().map_err(|e| AppError::Failed(e.to_string()))?,
        false => told.text(),
    })
}

/// Asks a venue for bars, at its pace.
fn ask_venue(
    endpoint: &Endpoint,
    coins: &[String],
    request: &Request,
    gathered: &mut Gathered,
) -> Result<(), AppError> {
    let interval = request.interval.ok_or_else(|| {
        AppError::Usage("how long are the bars to be? name it: --interval 1h".to_owned())
    })?;
    let rest = Rest::new(endpoint, &Tls::default())?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    let [from, to] = request.span;
    let from = from.unwrap_or(now - Nanos(MOST_BARS * interval.span().0));
    let mut weight = 0;
    let mut ask = |question: &Value| -> Result<Value, AppError> {
        weight += PAGE_WEIGHT;
        if weight > WEIGHT_A_MINUTE {
            terminal::complain("waiting a minute: the venue allows no more questions in one");
            sleep(Duration::from_secs(60));
            weight = PAGE_WEIGHT;
        }
        Ok(rest.info(question)?)
    };
    for coin in coins {
        fetch(
            &mut ask,
            (coin.as_str(), interval),
            [from, to.unwrap_or(now)],
            now,
            &mut gathered.bars,
        )?;
    }
    let host = endpoint.rest_url();
    gathered.notes.push(format!("asked {host}: its newest {MOST_BARS} bars at most, not kept"));
    Ok(())
}

/// What the bars come to.
fn told(
    settings: &Settings,
    interval: Interval,
    bars: &BTreeMap<String, Vec<Bar>>,
    request: &Request,
    gathered: Gathered,
) -> Result<Coarse, AppError> {
    let Gathered { rates, files, mut notes, .. } = gathered;
    let universe = universe(settings, bars, &mut notes)?;
    let config = session::pipeline_config(settings, universe.clone(), true);
    let rates_of = |coin: &str| match (request.funding_rate_e10, rates.get(coin)) {
        (Some(rate), _) => Rates::Fixed(rate),
        (None, Some(told)) => Rates::Told(told.clone()),
        (None, None) => Rates::None,
    };
    let none = Vec::new();
    let of = |(_, i): (_, &Instrument)| {
        let coin = i.coin.as_str();
        (bars.get(coin).unwrap_or(&none).as_slice(), rates_of(coin))
    };
    let all: Vec<(&[Bar], Rates)> = universe.iter().map(of).collect();
    let opens = || all.iter().flat_map(|(bars, _)| bars.first()).map(|bar| bar.candle.open_time);
    let ends = all.iter().flat_map(|(bars, _)| bars.last()).map(Bar::end);
    let span = [opens().min().unwrap_or_default(), ends.max().unwrap_or_default()];
    let unpaid: Vec<&str> = universe
        .iter()
        .filter(|(asset, _)| matches!(all[asset.index()].1, Rates::None))
        .map(|(_, i)| i.coin.as_str())
        .collect();
    let funding = match (request.funding_rate_e10, unpaid.as_slice()) {
        (Some(e10), _) => {
            format!("funding {} bps an hour, for ever (--funding-rate)", e10 as f64 / 1e6)
        }
        (None, []) => "funding as the contexts told it".to_owned(),
        (None, unpaid) => format!(
            "funding 0 for {}: no contexts tell its rates; --funding-rate sets one",
            unpaid.join(", ")
        ),
    };
    let terms = Terms { maker_fee: settings.sim.maker_fee, share_e3: request.share_e3 };
    let mut engine = Engine::new(&universe, &config.params, all, terms);
    engine.run();
    let mut assumptions = assumptions(&terms);
    assumptions.push(funding);
    Ok(result(&engine, &universe, settings, (interval, span), |coarse| {
        coarse.notes = notes.iter().map(|note| masked(note).into_owned()).collect();
        (coarse.assumptions, coarse.data) = (assumptions, files);
    }))
}

/// The coins that were chosen, with what is known of their grids.
fn universe(
    settings: &Settings,
    bars: &BTreeMap<String, Vec<Bar>>,
    notes: &mut Vec<String>,
) -> Result<Universe, DataError> {
    let available = || bars.keys().cloned().collect::<Vec<_>>().join(", ");
    let mut instruments = Vec::new();
    for (i, coin) in (0..).zip(&settings.symbols) {
        let Some(of) = bars.get(coin) else {
            return Err(DataError::UnknownSymbol { symbol: coin.clone(), available: available() });
        };
        let known = settings.instrument(coin);
        let decimals = || of.iter().map(|bar| decimals_of(bar.volume)).max().unwrap_or(0);
        let told = || Instrument::new(coin, UNLISTED - i, decimals().min(MOST_DECIMALS), 3);
        if known.is_none() {
            notes.push(format!(
                "{coin} is not in [universe]: {} size decimals are assumed, as its volumes have",
                decimals().min(MOST_DECIMALS)
            ));
        }
        instruments.extend(known.or_else(told));
    }
    if instruments.len() > MAX_ASSETS {
        let (found, available) = (instruments.len(), available());
        return Err(DataError::TooManyAssets { found, max: MAX_ASSETS, available });
    }
    Ok(Universe::new(instruments))
}

/// Decimals that a size has.
fn decimals_of(qty: Qty) -> u8 {
    let mut raw = qty.raw();
    let mut decimals = 8;
    while decimals > 0 && raw % 10 == 0 {
        (raw, decimals) = (raw / 10, decimals - 1);
    }
    decimals
}

fn assumptions(terms: &Terms) -> Vec<String> {
    let share = f64::from(terms.share_e3) / 10.0;
    vec![
        "quotes for a bar are made from the bars before it, and stand unchanged for all of it".to_owned(),
        "a quote fills only when its bar trades through it by a tick or more: at its own price, as maker, \
         also when the bar opens beyond it"
            .to_owned(),
        format!(
            "fills are at most {share} % of a bar's volume, both sides together; the side that the close is \
             against comes first"
        ),
        "the book is one tick around the last close; queues, latency, sizes at the touch, arrivals of \
         trades, refusals and our own impact are not modelled, markouts and toxicity not measured"
            .to_owned(),
        "the first bar after a gap is not quoted, and an hour without a bar pays no funding".to_owned(),
        format!("maker fee {} bps", terms.maker_fee),
    ]
}

fn result(
    engine: &Engine<'_>,
    universe: &Universe,
    settings: &Settings,
    (interval, [from, to]): (Interval, [Nanos; 2]),
    finish: impl FnOnce(&mut Coarse),
) -> Coarse {
    let mut days = Days::default();
    engine.days.iter().for_each(|day| days.add(*day));
    let max_drawdown = engine.equity.max_drawdown();
    let counts = RunCounts { capital: settings.capital(), max_drawdown, cancels: 0 };
    let metrics = RunMetrics::of(&BySymbol::default(), &days, &counts);
    let mut coarse = Coarse {
        engine: Coarse::ENGINE,
        label: Coarse::LABEL,
        interval: interval.name().to_owned(),
        span: [utc_s(from), utc_s(to)],
        span_s: (to - from).as_secs_f64(),
        fills: 0,
        volume_usd: Usd::ZERO,
        gross_pnl_usd: Usd::ZERO,
        fees_usd: Usd::ZERO,
        funding_usd: Usd::ZERO,
        net_pnl_usd: engine.net(),
        worth: Worth::of(&metrics),
        by_symbol: BTreeMap::new(),
        breaks: engine
            .breaks
            .iter()
            .map(|(why, at)| format!("{} at {}", why.in_words(), utc_s(*at)))
            .collect(),
        assumptions: Vec::new(),
        notes: Vec::new(),
        config_sha256: settings.sha256(),
        data: Vec::new(),
    };
    for coin in &engine.coins {
        let ledger = engine.gate.ledger(coin.asset);
        let of = of_coin(coin, ledger, settings);
        coarse.fills += of.fills[0] + of.fills[1];
        coarse.volume_usd += of.volume_usd;
        coarse.gross_pnl_usd += of.gross_pnl_usd;
        coarse.fees_usd += of.fees_usd;
        coarse.funding_usd += of.funding_usd;
        coarse.by_symbol.insert(universe.get(coin.asset).coin.as_str().to_owned(), of);
    }
    finish(&mut coarse);
    coarse
}

fn of_coin(coin: &coin::Coin<'_>, ledger: &AssetLedger, settings: &Settings) -> CoarseCoin {
    let counts = coin.counts.clone();
    let mark = coin.mark().unwrap_or_default();
    CoarseCoin {
        bars: counts.bars,
        after_gaps: counts.after_gaps,
        quoted: counts.quoted,
        withheld: counts.withheld,
        fills: counts.fills,
        capped: counts.capped,
        volume_usd: counts.volume,
        gross_pnl_usd: ledger.realized() + ledger.unrealized(mark),
        fees_usd: ledger.fees(),
        funding_usd: ledger.funding(),
        net_pnl_usd: ledger.net(mark),
        position: ledger.position(),
        maker_fee_bps: settings.sim.maker_fee,
    }
}
