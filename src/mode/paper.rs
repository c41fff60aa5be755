//! `botmm paper`: the same program as `run`, against an exchange of its own in this process, over
//! real sockets on loopback. No key, no network, no configuration.

use super::live::{Access, Live, Request};
use super::run::trade;
use super::session;
use crate::cli::PaperArgs;
use crate::exchange::faults::Schedule;
use crate::exchange::front::HubConfig;
use crate::exchange::local::{self, HISTORY, LocalConfig};
use crate::exchange::venue::VenueConfig;
use crate::exit::AppError;
use crate::net::{Endpoint, Tls};
use crate::settings::{Draft, FeeTable, Settings};
use crate::side::journal::make_run_folder;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::{Signer, hex, keccak256};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Runs the verb.
pub fn run(args: &PaperArgs) -> Result<(), AppError> {
    let draft = Draft::load(args.common.config.as_deref(), &|n| std::env::var(n).ok())?;
    let settings = draft.clone().with(&args.overrides())?.build()?;
    let stop = session::stop_flag()?;
    let clock = WallClock::default();
    let signer = paper_key(settings.seed)?;
    let dir = match &args.common.out {
        Some(dir) => dir.clone(),
        None => make_run_folder(Path::new("runs"), clock.now())?,
    };
    let exchange = local::launch(exchange_config(&settings, &signer, clock.now()), clock.clone())?;
    let access = Access {
        endpoint: Endpoint::parse(&format!("http://{}", exchange.addr()))?,
        tls: Tls::default(),
        signer: Arc::new(signer),
        wallet: None,
        state_dir: dir.join("state"),
        key_is_disposable: true,
    };
    let request = Request {
        title: format!(
            "botmm paper  ·  embedded exchange, synthetic market, seed {}",
            settings.seed
        ),
        market: "synthetic",
        queue: "exact (price-time)",
        latency: settings.sim.latency.to_string(),
        dir,
        access,
        draft,
        flags: args.overrides(),
        notes: vec![
            "a synthetic market: it shows that the bot works, not that it earns".to_owned(),
            "its agents are calibrated to 35 minutes of 2025-09-04; queues at the touch are \
             shorter than real"
                .to_owned(),
            "the exchange is in this process, over loopback; the latency is added before each \
             block, for feed and order together"
                .to_owned(),
        ],
    };
    let live = Live::start(request, clock)?;
    let limit = args.duration.map(|d| Duration::from_nanos(d.0 as u64));
    let ended = trade(live, &stop, limit, args.common.json);
    exchange.stop()?;
    ended
}

/// A key that is worth nothing: anybody can compute it from the seed.
fn paper_key(seed: u64) -> Result<Signer, AppError> {
    let digest = keccak256(format!("botmm paper {seed}").as_bytes());
    Signer::from_hex(&hex::text(&digest)).map_err(|e| {
        AppError::data("paper key", e.to_string(), "choose another --seed; this one has no key")
    })
}

fn exchange_config(settings: &Settings, signer: &Signer, start: Nanos) -> LocalConfig {
    let universe = local::listed(settings.universe().iter().map(|(_, i)| *i));
    let market = local::synthetic(&universe, start - HISTORY, settings.seed);
    let venue = VenueConfig {
        history: HISTORY,
        fees: FeeTable::flat(settings.sim.taker_fee, settings.sim.maker_fee),
        // The news and the order each take their time: together they are how old what an order
        // rests on is when it arrives.
        entry_latency: settings.sim.latency.median() + settings.sim.latency.median(),
        ..VenueConfig::default()
    };
    LocalConfig {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        admin: None,
        universe,
        market: Box::new(market),
        venue,
        hub: HubConfig::default(),
        funded: vec![(signer.address(), settings.capital())],
        faults: Schedule::default(),
        start,
    }
}
