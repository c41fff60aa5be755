//! `botmm exchange`: a local Hyperliquid that any client can trade on.

use crate::bot::markets::MarketSetup;
use crate::cli::{ExchangeArgs, Funded};
use crate::exchange::faults::{Schedule, read_schedule};
use crate::exchange::front::{HubConfig, Limits};
use crate::exchange::local::{self, LocalConfig};
use crate::exchange::server::FrameLog;
use crate::exchange::venue::VenueConfig;
use crate::exit::AppError;
use crate::masked::masked;
use crate::settings::{Draft, Settings};
use crate::stop::Stop;
use crate::terminal;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::Nanos;
use std::time::Duration;

/// How often a stop is looked for.
const TURN: Duration = Duration::from_millis(50);

/// Runs the verb until it is stopped.
pub fn run(args: &ExchangeArgs) -> Result<(), AppError> {
    for (i, Funded { address, .. }) in args.fund.iter().enumerate() {
        if args.fund[..i].iter().any(|before| before.address == *address) {
            return Err(AppError::Usage(format!("--fund names {address} twice")));
        }
    }
    let faults = match &args.faults {
        Some(path) => read_schedule(path)?,
        None => Schedule::default(),
    };
    let draft = Draft::load(args.config.as_deref(), &|n| std::env::var(n).ok())?;
    let stop = Stop::listen(false)?;
    let (clock, mut discipline) = WallClock::disciplined();
    let asked = args.source_of_prices.asked(&args.paths, args.overrides(), true)?;
    let listing = asked.open(draft, &clock)?;
    let words = listing.words.clone();
    let log = args.frame_log.as_deref().map(FrameLog::create).transpose()?;
    let server = local::launch_noting(config(args, listing, faults), clock, log)?;
    terminal::print(&format!("exchange: listening on http://{}\n", server.addr()))?;
    if let Some(admin) = server.admin_addr() {
        terminal::print(&format!("exchange: faults by hand on http://{admin}/faults\n"))?;
    }
    terminal::print(&masked(&format!("exchange: {words}\n")))?;
    while !stop.is_asked() && !server.has_ended() {
        if let Some(set) = discipline.turn() {
            terminal::complain(format_args!("exchange: {set}"));
        }
        std::thread::sleep(TURN);
    }
    server.stop()?;
    Ok(())
}

fn config(args: &ExchangeArgs, listing: MarketSetup, faults: Schedule) -> LocalConfig {
    let MarketSetup { settings, universe, market, history, start, .. } = listing;
    LocalConfig {
        listen: args.listen,
        admin: args.admin,
        universe,
        market,
        venue: venue_config(args, &settings, history),
        hub: HubConfig {
            chains: args.source.into(),
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
