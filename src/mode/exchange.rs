//! `botmm exchange`: a local Hyperliquid that any client can trade on.

use super::{live, session};
use crate::cli::{ExchangeArgs, Funded, MarketKind};
use crate::exchange::faults::{Schedule, read_schedule};
use crate::exchange::front::{HubConfig, Limits};
use crate::exchange::local::{self, HISTORY, LocalConfig};
use crate::exchange::markets::Say;
use crate::exchange::markets::mirror::{Mirror, Why};
use crate::exchange::markets::tape::{self, Speed};
use crate::exchange::venue::VenueConfig;
use crate::exit::AppError;
use crate::net::{Endpoint, Tls, WsState, WsTransport};
use crate::settings::{Draft, Settings};
use crate::terminal;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{Instrument, Nanos, Universe};
use botmm_pipeline::venue::sim::Market;
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often a stop is looked for.
const TURN: Duration = Duration::from_millis(50);

/// What an exchange is to trade, and when it opens.
struct Listing {
    settings: Settings,
    universe: Universe,
    market: Box<dyn Market>,
    /// The market runs this long before the start.
    history: Nanos,
    start: Nanos,
    /// One line about the market.
    words: String,
}

/// Runs the verb until it is stopped.
pub fn run(args: &ExchangeArgs) -> Result<(), AppError> {
    for (i, Funded { address, .. }) in args.fund.iter().enumerate() {
        if args.fund[..i].iter().any(|before| before.address == *address) {
            return Err(AppError::Usage(format!("--fund names {address} twice")));
        }
    }
    if let Some(problem) = args.misplaced() {
        return Err(AppError::Usage(problem.to_owned()));
    }
    let faults = match &args.faults {
        Some(path) => read_schedule(path)?,
        None => Schedule::default(),
    };
    let draft = Draft::load(args.config.as_deref(), &|n| std::env::var(n).ok())?;
    let stop = session::stop_flag()?;
    let clock = WallClock::default();
    let listing = match args.market {
        MarketKind::Synthetic => synthetic(args, draft, &clock)?,
        MarketKind::Tape => recorded(args, draft, &clock)?,
        MarketKind::Mainnet => mirrored(args, "mainnet", draft, &clock)?,
        MarketKind::Mirror => {
            mirrored(args, args.mirror_url.as_deref().unwrap_or_default(), draft, &clock)?
        }
    };
    let words = listing.words.clone();
    let server = local::launch(config(args, listing, faults), clock)?;
    terminal::print(&format!("exchange: listening on http://{}\n", server.addr()))?;
    if let Some(admin) = server.admin_addr() {
        terminal::print(&format!("exchange: faults by hand on http://{admin}/faults\n"))?;
    }
    terminal::print(&format!("exchange: {words}\n"))?;
    while !stop.load(Ordering::Relaxed) && !server.has_ended() {
        std::thread::sleep(TURN);
    }
    server.stop()?;
    Ok(())
}

/// Seeded agents in every configured coin, or in those that were asked for.
fn synthetic(args: &ExchangeArgs, draft: Draft, clock: &WallClock) -> Result<Listing, AppError> {
    let settings = draft.with(&args.overrides())?.build()?;
    let coins: Vec<&str> = match args.symbols {
        Some(_) => settings.symbols.iter().map(String::as_str).collect(),
        None => settings.coins().collect(),
    };
    if coins.len() > MAX_ASSETS {
        return Err(AppError::Usage(format!(
            "{} coins are configured and at most {MAX_ASSETS} fit; choose some with --symbols",
            coins.len()
        )));
    }
    let universe = universe(&settings, coins);
    let start = clock.now();
    let market = Box::new(local::synthetic(&universe, start - HISTORY, settings.seed));
    let words = format!("synthetic market of {}, seed {}", coins_of(&universe), settings.seed);
    Ok(Listing { settings, universe, market, history: HISTORY, start, words })
}

/// A recording, from its first price on.
fn recorded(args: &ExchangeArgs, draft: Draft, clock: &WallClock) -> Result<Listing, AppError> {
    let settings = draft.with(&args.overrides())?.build()?;
    let asked = args.symbols.is_some() || settings.origin("general.symbols").is_some();
    let symbols = if asked { settings.symbols.as_slice() } else { &[] };
    let (recording, report) = tape::load(&args.paths, symbols, &settings)?;
    report.warnings.iter().for_each(terminal::complain);
    let (speed, queue) = (args.speed.unwrap_or(Speed::REAL), settings.sim.queue);
    let coins = coins_of(recording.universe());
    let lasts_s = speed.played(recording.span()).as_secs_f64();
    let words = format!("tape of {coins} at speed {speed}, {lasts_s:.0} s, queue {queue}");
    let start = clock.now();
    let market = Box::new(recording.market(start, speed, queue, say()));
    let universe = local::listed(recording.universe().iter().map(|(_, i)| *i));
    Ok(Listing { settings, universe, market, history: Nanos::ZERO, start, words })
}

/// Another venue's public data.
fn mirrored(
    args: &ExchangeArgs,
    source: &str,
    draft: Draft,
    clock: &WallClock,
) -> Result<Listing, AppError> {
    let (endpoint, tls) = (Endpoint::parse(source)?, Tls::default());
    let listed = live::listed(&endpoint, &tls)?;
    let settings = draft.with_universe(&listed).with(&args.overrides())?.build()?;
    let universe = universe(&settings, settings.symbols.iter().map(String::as_str));
    let (transport, status) = WsTransport::new(&endpoint, &tls)?;
    let why: Why =
        Box::new(move || status.last_error().filter(|_| status.state() != WsState::Open));
    let name = endpoint.rest_url();
    let queue = settings.sim.queue;
    let words = format!("mirror of {name}: {}, queue {queue}", coins_of(&universe));
    let source = Mirror::new(transport, universe.clone(), settings.seed, name, why, say());
    let market = Box::new(RecordedMarket::told_by(source, &universe, queue).publishing());
    let (history, start) = (Nanos::ZERO, clock.now());
    Ok(Listing { settings, universe, market, history, start, words })
}

fn config(args: &ExchangeArgs, listing: Listing, faults: Schedule) -> LocalConfig {
    let Listing { settings, universe, market, history, start, .. } = listing;
    LocalConfig {
        listen: args.listen,
        admin: args.admin,
        universe,
        market,
        venue: venue_config(args, &settings, history),
        hub: HubConfig {
            sources: args.source.into(),
            limits: if args.limits { Limits::VENUE } else { Limits::LOOPBACK },
            ..HubConfig::default()
        },
        funded: args.fund.iter().map(|f| (f.address, f.amount)).collect(),
        faults,
        start,
    }
}

fn venue_config(args: &ExchangeArgs, settings: &Settings, history: Nanos) -> VenueConfig {
    let defaults = VenueConfig::default();
    VenueConfig {
        history,
        fees: settings.fees.clone(),
        block_interval: args.block_interval.unwrap_or(defaults.block_interval),
        entry_latency: args.entry_latency.unwrap_or(defaults.entry_latency),
        schedule_volume: args.schedule_cancel_volume.unwrap_or(defaults.schedule_volume),
        ..defaults
    }
}

/// These coins in the order of their venue, numbered anew.
fn universe<'a>(settings: &Settings, coins: impl IntoIterator<Item = &'a str>) -> Universe {
    let found = coins.into_iter().filter_map(|coin| settings.instrument(coin));
    let mut instruments: Vec<Instrument> = found.collect();
    instruments.sort_by_key(|i| i.venue_index);
    local::listed(instruments)
}

fn coins_of(universe: &Universe) -> String {
    let coins: Vec<&str> = universe.iter().map(|(_, i)| i.coin.as_str()).collect();
    coins.join(", ")
}

/// A market's words on stderr.
fn say() -> Say {
    Box::new(|line| terminal::complain(format_args!("exchange: {line}")))
}
