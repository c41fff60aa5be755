//! The exchange that a paper run brings along, and what its results rest on.

use crate::bot::markets::{MarketKind, MarketSetup};
use crate::calibrated;
use crate::exchange::faults::Schedule;
use crate::exchange::front::HubConfig;
use crate::exchange::local::LocalConfig;
use crate::exchange::venue::VenueConfig;
use crate::exit::AppError;
use crate::settings::{FeeTable, SimSettings};
use botmm_pipeline::venue::hl::sign::{Signer, hex, keccak256};
use std::net::{Ipv4Addr, SocketAddr};

/// What a summary says of the market, of our place in its queues, and what its reader must know.
pub fn assumptions(market: MarketKind, sim: &SimSettings) -> (&'static str, String, Vec<String>) {
    let owned = |notes: [&str; 2]| notes.map(str::to_owned).to_vec();
    let estimated = |world: &str, beyond: &str| {
        let model = calibrated::in_words(sim.calibrated.as_ref(), sim.queue);
        format!(
            "{world} does not react to our orders: fills beyond {beyond} trades are estimates ({model})"
        )
    };
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
            vec![
                estimated("a recording", "the recorded"),
                "what was recorded comes when the venue made it, without the recorder's delay"
                    .to_owned(),
            ],
        ),
        MarketKind::Mainnet | MarketKind::Mirror => (
            "mirrored",
            sim.queue.to_string(),
            vec![
                estimated("the mirrored market", "its"),
                "its news take their real time to reach us, and the latency comes on top"
                    .to_owned(),
            ],
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
pub fn paper_key(seed: u64) -> Result<Signer, AppError> {
    let digest = keccak256(format!("botmm paper {seed}").as_bytes());
    Signer::from_hex(&hex::text(&digest)).map_err(|e| {
        AppError::data("paper key", e.to_string(), "choose another --seed; this one has no key")
    })
}

/// An exchange of its own on a free port of this machine, where the key has its capital.
pub fn exchange_config(listing: MarketSetup, signer: &Signer) -> LocalConfig {
    let MarketSetup { settings, universe, market, history, start, .. } = listing;
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
