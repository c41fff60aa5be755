//! `botmm paper`: the same program as `run`, against an exchange of its own in this process, over
//! real sockets on loopback. No key, no network, no configuration.

use super::run::{RUNS, trade};
use crate::bot::live::{self, Access, Live, Request};
use crate::bot::markets::{Asked, Listing, coins_of};
use crate::bot::session;
use crate::cli::{MarketKind, PaperVerb};
use crate::exchange::faults::Schedule;
use crate::exchange::front::HubConfig;
use crate::exchange::local::{self, LocalConfig};
use crate::exchange::venue::VenueConfig;
use crate::exit::AppError;
use crate::journal::{make_run_folder, remove_empty_run_folder};
use crate::net::{Endpoint, Tls};
use crate::settings::{Draft, FeeTable, Overrides, SimSettings};
use crate::stop::Stop;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::venue::hl::sign::{Signer, hex, keccak256};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Runs the verb.
pub fn run(args: &PaperVerb) -> Result<(), AppError> {
    let PaperVerb { paths, paper: args } = args;
    let file = session::config_file(args.common.config.as_deref());
    let draft = Draft::load(file.as_deref(), &|n| std::env::var(n).ok())?;
    live::threaded_plan(&draft, &args.overrides())?;
    let stop = Stop::listen(true)?;
    let (clock, discipline) = WallClock::disciplined();
    let asked = Asked { source: &args.source, paths, flags: args.overrides(), all_coins: false };
    let listing = asked.open(draft.clone(), &clock)?;
    let Listing { lasts, words, .. } = &listing;
    let (lasts, title) = (*lasts, format!("botmm paper  ·  embedded exchange, {words}"));
    let (seed, sim) = (listing.settings.seed, listing.settings.sim);
    // What is listed is what is traded: on a tape that is what was recorded.
    let symbols = Some(coins_of(&listing.universe));
    let signer = paper_key(seed)?;
    let exchange = local::launch(exchange_config(listing, &signer), clock.clone())?;
    let runs = args.common.out.is_none().then(|| PathBuf::from(RUNS));
    let dir = match &args.common.out {
        Some(dir) => dir.clone(),
        None => make_run_folder(Path::new(RUNS), clock.now())?,
    };
    let access = Access {
        endpoint: Endpoint::parse(&format!("http://{}", exchange.addr()))?,
        tls: Tls::default(),
        signer: Arc::new(signer),
        wallet: None,
        state_dir: dir.join("state"),
        key_is_disposable: true,
        wait: Duration::ZERO,
        strict_symbols: false,
        allow_other_session: false,
    };
    let (market, queue, mut notes) = assumptions(args.source.market, &sim);
    if let Some(lasts) = lasts {
        notes.push(format!("the tape lasts {:.0} s, and the run no longer", lasts.as_secs_f64()));
    }
    let request = Request {
        network: "PAPER",
        is_real_money: false,
        title,
        market,
        queue,
        latency: sim.latency.to_string(),
        dir,
        runs,
        access,
        draft,
        flags: Overrides { symbols, ..args.overrides() },
        notes,
        stop,
    };
    let made = args.common.out.is_none().then(|| request.dir.clone());
    let live = Live::start(request, (clock, discipline))
        .inspect_err(|_| made.iter().for_each(|dir| remove_empty_run_folder(dir)))?;
    let limit = args.duration.into_iter().chain(lasts).min();
    let limit = limit.map(|d| Duration::from_nanos(d.0 as u64));
    let ended = trade(live, limit, args.common.json);
    // What the run came to goes before what became of the exchange.
    ended.and(exchange.stop().map(drop).map_err(AppError::from))
}

/// What a summary says of the market, of our place in its queues, and what its reader must know.
fn assumptions(market: MarketKind, sim: &SimSettings) -> (&'static str, String, Vec<String>) {
    let owned = |notes: [&str; 2]| notes.map(str::to_owned).to_vec();
    let (name, queue, mut notes) = match market {
        MarketKind::Synthetic => (
            "synthetic",
            "exact (price-time)".to_owned(),
            owned([
                "a synthetic market: it shows that the bot works, not that it earns",
                "its agents are calibrated to 35 minutes of 2025-09-04; queues at the touch are \
                 shorter than real",
            ]),
        ),
        MarketKind::Tape => (
            "recorded",
            sim.queue.to_string(),
            owned([
                "a recording does not react to our orders: fills beyond the recorded trades are \
                 estimates",
                "what was recorded comes when the venue made it, without the recorder's delay",
            ]),
        ),
        MarketKind::Mainnet | MarketKind::Mirror => (
            "mirrored",
            sim.queue.to_string(),
            owned([
                "the mirrored market does not react to our orders: fills beyond its trades are \
                 estimates",
                "its news take their real time to reach us, and the latency comes on top",
            ]),
        ),
    };
    notes.push(
        "the exchange is in this process, over loopback; the latency is added before each block, for \
         feed and order together"
            .to_owned(),
    );
    (name, queue, notes)
}

/// A key that is worth nothing: anybody can compute it from the seed.
pub(crate) fn paper_key(seed: u64) -> Result<Signer, AppError> {
    let digest = keccak256(format!("botmm paper {seed}").as_bytes());
    Signer::from_hex(&hex::text(&digest)).map_err(|e| {
        AppError::data("paper key", e.to_string(), "choose another --seed; this one has no key")
    })
}

pub(crate) fn exchange_config(listing: Listing, signer: &Signer) -> LocalConfig {
    let Listing { settings, universe, market, history, start, .. } = listing;
    let venue = VenueConfig {
        history,
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
        market,
        venue,
        hub: HubConfig::default(),
        funded: vec![(signer.address(), settings.capital())],
        faults: Schedule::default(),
        start,
    }
}
