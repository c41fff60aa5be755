//! Every bound of the pipeline, with the relations between them asserted at compile time.
//! A loop or queue without a line here has unbounded latency, and is a defect.

use super::fixed::{Nanos, Px, Qty, Usd};

/// Prices and sizes beyond these are of no market: data that holds them is unsound. Inside them no
/// sum, product or rounding of the pipeline leaves 64 bits.
pub const MAX_PX: Px = Px::whole(10_000_000);
/// See [`MAX_PX`].
pub const MAX_QTY: Qty = Qty::whole(1_000_000_000);

/// Assets one process trades (AssetId 0..MAX_ASSETS).
pub const MAX_ASSETS: usize = 16;
/// Book levels a side in an `l2Book` frame (PROTOCOL §2.3).
pub const BOOK_LEVELS: usize = 20;
/// Quote levels a side (STRATEGY §3: weights .50 .30 .15 .05).
pub const QUOTE_LEVELS: usize = 4;
/// Order slots of one asset: two sides.
pub const SLOTS_PER_ASSET: usize = 2 * QUOTE_LEVELS;
/// Items in one signed action: never more than one asset's slots, so no loop ever splits a batch.
pub const MAX_BATCH: usize = SLOTS_PER_ASSET;
/// Trades one frame may carry into the pipeline in one go.
pub const MAX_TRADES_PER_FRAME: usize = 64;

/// Changes that the RSI may look back on.
pub const MAX_RSI_BARS: usize = 64;
/// Bars that the slope of the filtered price may span.
pub const MAX_SLOPE_BARS: usize = 16;
/// Flat bars that fill a gap: of a longer one the last so many, averages having forgotten the rest.
pub const MAX_FLAT_BARS: i64 = 1024;

/// Distances from the mid that arrivals are counted at; the last one has no end.
pub const ARRIVAL_BINS: usize = 64;
/// Blocks whose mid is remembered, so that a trade or a fill which comes after its own block's book is
/// still measured from the mid before it: at a block every 80 ms, five seconds.
pub const MAX_BLOCK_MIDS: usize = 64;

/// Samples of an asset's fit that wait for the end of their horizon: at one every 200 ms, 51 s. Beyond it
/// they are counted and not learned from.
pub const MAX_FIT_SAMPLES: usize = 256;

/// API errors remembered: more than any limit allows, so that a breaker can trip.
pub const MAX_API_ERRORS: usize = 64;
/// Alerts that the gate keeps until the next look: every breaker and every coin's volatility can begin
/// and end in one poll.
pub const MAX_ALERTS: usize = 64;
/// Longest step of the clock that counts as time that has passed. The clock is looked at all the time:
/// a longer step is a clock that was set, or a machine that slept, and nothing cools down in it.
pub const MAX_CLOCK_STEP: Nanos = Nanos::secs(60);

/// Events in flight between feed and book.
pub const RING_MARKET: usize = 512;
/// Of these, books: some seconds of every asset's.
pub const RING_BOOKS: usize = 128;
/// Book views in flight between book and quote.
pub const RING_VIEW: usize = 256;
/// Targets in flight between quote and risk, and risk and dispatch.
pub const RING_TARGET: usize = 256;
/// Venue events in flight from dispatch to quote and risk. Full = halt: a fill is never lost.
pub const RING_VENUE: usize = 4096;
/// Facts in flight from each stage to the side thread. Full = halt: room for what the venue replays at once
/// (2000 fills), with an alert and the measurements of each, while the side thread has a slow turn.
pub const RING_FACT: usize = 8192;
/// Commentary in flight from each stage to the side thread.
pub const RING_COMMENTARY: usize = 8192;
/// Latency samples in flight from each lane to the side thread.
pub const RING_SAMPLE: usize = 16384;
/// Moments of frames, and of actions, in flight to the side thread ([`crate::rt::trips`]): one of its slow turns' worth.
pub const RING_TRIP: usize = 2048;
/// Actions and venue events in flight between the gateway and the simulator.
pub const RING_SIM: usize = 4096;

/// Parameter changes in flight from the side thread to each stage that has parameters.
pub const RING_PARAMS: usize = 64;
/// Commands in flight from the side thread to a stage.
pub const RING_COMMAND: usize = 1024;

/// Messages one stage takes from one ring in one poll, so that a poll is bounded work.
pub const POLL_BATCH: usize = 64;

/// FIFO lots one asset can hold; beyond it the two newest are merged at their exact cost.
pub const MAX_LOTS: usize = 1024;
/// Fills of an asset that wait for one of their markouts: at 60 s, 17 fills a second. Beyond it they
/// are counted and not measured.
pub const MAX_PAST_FILLS: usize = 1024;
/// Fills remembered to recognise a duplicate (the venue's snapshot replays 2000).
pub const FILL_MEMORY: usize = 8192;
/// Resting orders the simulator holds for us: every slot, plus replaced ones not yet reported.
pub const MAX_SIM_ORDERS: usize = 4 * MAX_ASSETS * SLOTS_PER_ASSET;

const _: () = assert!(
    MAX_ASSETS as i64 <= i64::MAX / (2 * Usd::LARGEST_VALUE.raw()),
    "the values of all assets add up, twice over"
);
const _: () = assert!(MAX_BATCH <= 20, "the design batches at most 20 orders in one action");
const _: () = assert!(POLL_BATCH < RING_BOOKS && RING_BOOKS <= RING_MARKET);
const _: () = assert!(POLL_BATCH < RING_VIEW, "one poll must never overflow the next ring");
const _: () = assert!(POLL_BATCH < RING_TARGET);
const _: () = assert!(POLL_BATCH * MAX_BATCH < RING_VENUE);
const _: () = assert!(MAX_TRADES_PER_FRAME < RING_MARKET);
const _: () = assert!(FILL_MEMORY.is_power_of_two());
const _: () = assert!(2 * MAX_ASSETS <= RING_PARAMS, "a change of all assets, and the next");
const _: () = assert!(2 * MAX_ASSETS + 16 <= MAX_ALERTS, "a storm of every coin, and the breakers");
const _: () = assert!(MAX_ASSETS <= 256, "an AssetId travels in 16 bits, a slot in 16");
