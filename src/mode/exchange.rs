//! `botmm exchange`: a local Hyperliquid that any client can trade on.

use super::session;
use crate::cli::{ExchangeArgs, Funded, MarketKind};
use crate::exchange::faults::{Schedule, read_schedule};
use crate::exchange::front::{HubConfig, Limits};
use crate::exchange::local::{self, HISTORY, LocalConfig};
use crate::exchange::venue::VenueConfig;
use crate::exit::AppError;
use crate::settings::Settings;
use crate::terminal;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::{Instrument, Nanos};
use std::sync::atomic::Ordering;
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
    let settings = Settings::load(args.config.as_deref(), &|n| std::env::var(n).ok())?
        .with(&args.overrides())?;
    let clock = WallClock::default();
    let start = clock.now();
    let faults = match &args.faults {
        Some(path) => read_schedule(path)?,
        None => Schedule::default(),
    };
    let history = if args.market == MarketKind::Synthetic { HISTORY } else { Nanos::ZERO };
    let everything: Vec<_> =
        settings.coins().filter_map(|coin| settings.instrument(coin)).collect();
    let universe = local::listed(by_venue_index(everything));
    let market = local::synthetic(&universe, start - history, settings.seed);
    let config = LocalConfig {
        listen: args.listen,
        admin: args.admin,
        universe,
        market: Box::new(market),
        venue: venue_config(args, &settings, history),
        hub: HubConfig {
            sources: args.source.into(),
            limits: if args.limits { Limits::VENUE } else { Limits::LOOPBACK },
            ..HubConfig::default()
        },
        funded: args.fund.iter().map(|f| (f.address, f.amount)).collect(),
        faults,
        start,
    };
    let stop = session::stop_flag()?;
    let server = local::launch(config, clock)?;
    terminal::print(&format!("exchange: listening on http://{}\n", server.addr()))?;
    if let Some(admin) = server.admin_addr() {
        terminal::print(&format!("exchange: faults by hand on http://{admin}/faults\n"))?;
    }
    while !stop.load(Ordering::Relaxed) && !server.has_ended() {
        std::thread::sleep(TURN);
    }
    server.stop()?;
    Ok(())
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

/// As the mainnet lists them.
fn by_venue_index(mut instruments: Vec<Instrument>) -> Vec<Instrument> {
    instruments.sort_by_key(|i| i.venue_index);
    instruments
}
