//! An exchange on this machine, put together: market, venue, front, faults, server.

use super::faults::{FaultTarget, Faulty, Schedule, admin};
use super::front::{Hub, HubConfig};
use super::server::{FrameLog, Limits, Server, ServerError, ServerHandle};
use super::venue::{Venue, VenueConfig};
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::{Coin, Instrument, Nanos, Universe, Usd};
use botmm_pipeline::venue::hl::sign::Address;
use botmm_pipeline::venue::sim::Market;
use botmm_pipeline::venue::sim::synthetic::{MarketProfile, SyntheticMarket};
use std::net::SocketAddr;

/// Market before the start, so that candles and volatility are there at once.
pub const HISTORY: Nanos = Nanos::secs(2_400);

/// What a local exchange is made of.
pub struct LocalConfig {
    /// Where it listens; loopback only. Port 0 = any free one.
    pub listen: SocketAddr,
    /// Where faults are asked for by hand.
    pub admin: Option<SocketAddr>,
    /// What is listed; see [`listed`].
    pub universe: Universe,
    /// What moves the prices. With a history it begins [`VenueConfig::history`] before `start`.
    pub market: Box<dyn Market>,
    /// The core's switches.
    pub venue: VenueConfig,
    /// The front's.
    pub hub: HubConfig,
    /// Accounts with money.
    pub funded: Vec<(Address, Usd)>,
    /// What goes wrong, and when.
    pub faults: Schedule,
    /// The first block's time.
    pub start: Nanos,
}

impl FaultTarget for Hub {
    fn set_post_only_until(&mut self, until: Nanos) {
        self.venue_mut().set_post_only_until(until);
    }

    fn liquidate(&mut self, coin: Coin) {
        let asset = self.venue().universe().find(coin.as_bytes());
        asset.into_iter().for_each(|asset| self.venue_mut().force_liquidation(asset));
    }

    fn index_of(&self, coin: Coin) -> Option<u32> {
        let universe = self.venue().universe();
        Some(universe.get(universe.find(coin.as_bytes())?).venue_index)
    }
}

/// The host that a server serves, without the server: tests run it in virtual time.
pub fn host(config: LocalConfig) -> Faulty<Hub> {
    let LocalConfig { universe, market, venue, hub, funded, faults, start, .. } = config;
    let mut venue = Venue::new(venue, universe, market, start);
    for (user, amount) in funded {
        venue.fund(user, amount);
    }
    Faulty::new(Hub::new(venue, hub), start, &faults)
}

/// Starts it on a thread of its own.
///
/// # Errors
/// [`ServerError`] when an address cannot be listened on, or is not a loopback address.
pub fn launch(
    config: LocalConfig,
    clock: WallClock,
) -> Result<ServerHandle<Faulty<Hub>>, ServerError> {
    launch_noting(config, clock, None)
}

/// The same; every frame that goes out is noted.
///
/// # Errors
/// As [`launch`].
pub fn launch_noting(
    config: LocalConfig,
    clock: WallClock,
    log: Option<FrameLog>,
) -> Result<ServerHandle<Faulty<Hub>>, ServerError> {
    let (listen, admin_at) = (config.listen, config.admin);
    let mut server = Server::bind(listen, host(config), clock, Limits::default())?;
    if let Some(log) = log {
        server = server.with_frame_log(log);
    }
    match admin_at {
        Some(addr) => server.with_admin(addr, admin)?.spawn(),
        None => server.spawn(),
    }
}

/// A universe whose assets are numbered by their places, as `meta` tells them.
pub fn listed(instruments: impl IntoIterator<Item = Instrument>) -> Universe {
    let numbered = instruments.into_iter().zip(0..);
    Universe::new(numbered.map(|(i, at)| Instrument { venue_index: at, ..i }).collect())
}

/// The synthetic market of a universe, from `start` on.
pub fn synthetic(universe: &Universe, start: Nanos, seed: u64) -> SyntheticMarket {
    let profiles = universe.iter().map(|(_, i)| MarketProfile::of(i, None)).collect();
    SyntheticMarket::new(universe, profiles, start, seed)
}
