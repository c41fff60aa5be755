//! `botmm paper`: the same program as `run`, against an exchange of its own in this process, over
//! real sockets on loopback. No key, no network, no configuration.

use crate::bot::live::frozen::Frozen;
use crate::bot::live::{self, About, Access, Live, Request, trade};
use crate::bot::markets::{MarketSetup, coins_of};
use crate::bot::paper::{assumptions, exchange_config, paper_key};
use crate::bot::session;
use crate::cli::PaperVerb;
use crate::exchange::local;
use crate::exit::AppError;
use crate::journal::RUNS;
use crate::journal::{make_run_folder, remove_empty_run_folder};
use crate::net::{Endpoint, Tls};
use crate::settings::{Draft, Overrides};
use crate::stop::Stop;
use crate::systemd::Systemd;
use botmm_pipeline::rt::WallClock;
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
    let asked = args.source.asked(paths, args.overrides(), false)?;
    let listing = asked.open(draft.clone(), &clock)?;
    let MarketSetup { lasts, words, .. } = &listing;
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
        has_guard_key: false,
        allow_other_session: false,
    };
    let (market, queue, mut notes) = assumptions(args.source.market, &sim);
    if let Some(lasts) = lasts {
        notes.push(format!("the tape lasts {:.0} s, and the run no longer", lasts.as_secs_f64()));
    }
    let request = Request {
        about: About {
            verb: "paper",
            network: "PAPER",
            is_real_money: false,
            title,
            market,
            queue,
            latency: sim.latency.to_string(),
            notes,
        },
        dir,
        runs,
        access,
        draft,
        flags: Overrides { symbols, ..args.overrides() },
        stop,
        systemd: Systemd::of_this_process()?,
        flatten_within_bps: args.end.flatten_within_bps(),
        frozen: Frozen::default(),
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
