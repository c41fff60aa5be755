//! What moves an embedded exchange's prices besides seeded agents: a recording ([`tape`]), or another
//! venue's public data ([`mirror`]). Both are sources of the simulator's recorded market, so users'
//! orders wait and fill by the same rules on either.

pub mod mirror;
pub mod tape;

use botmm_pipeline::types::{MarketEvent, Nanos};

/// Where a market says, in one line each, what whoever runs the exchange must know. Called on the
/// exchange's thread.
pub type Say = Box<dyn FnMut(&str) + Send>;

/// The same event at another venue time.
fn at_time(mut event: MarketEvent, venue_time: Nanos) -> MarketEvent {
    match &mut event {
        MarketEvent::Book(b) => b.venue_time = venue_time,
        MarketEvent::Bbo(b) => b.venue_time = venue_time,
        MarketEvent::Trade(t) => t.venue_time = venue_time,
        MarketEvent::Level(l) => l.venue_time = venue_time,
        // Its time is when it reached us, and no venue's.
        MarketEvent::Status(_) | MarketEvent::Mark(_) => {}
    }
    event
}
