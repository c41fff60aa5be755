//! A whole bot and a whole exchange in virtual time, in one thread: feed, five stages and gateway over
//! memory transports, and behind them the embedded exchange with its faults.

use crate::checks::{Checks, Final};
use crate::coins;
use crate::spy::{Seen, Spy, Tamper};
use botmm::exchange::faults::{Fault, Faulty, Schedule};
use botmm::exchange::front::{Hub, HubConfig};
use botmm::exchange::local::{self, LocalConfig};
use botmm::exchange::memory::Memory;
use botmm::exchange::venue::VenueConfig;
use botmm::settings::Settings;
use botmm_pipeline::rt::virtual_time::{Drive, run_inline};
use botmm_pipeline::rt::{BoardReader, HaltLevel, Lane, WallClock};
use botmm_pipeline::types::*;
use botmm_pipeline::venue::hl::clock::VenueOffset;
use botmm_pipeline::venue::hl::feed::{FeedConfig, HlFeed};
use botmm_pipeline::venue::hl::gateway::{GatewayConfig, HlGateway, VIEW_WORDS};
use botmm_pipeline::venue::hl::session::DEAD_LINK;
use botmm_pipeline::venue::hl::sign::{Address, Network, Nonce, RequestSigner, Signer};
use botmm_pipeline::wiring::{self, Pipeline};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Half a minute before a full hour: funding is paid in every run.
pub const START: Nanos = Nanos::millis(1_795_359_600_000 - 30_000);
/// A key for tests.
pub const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";
pub const MONEY: Usd = Usd::whole(100_000);
/// Part of every order's id.
pub const SESSION: u32 = 77;
/// The market runs this long before the bot comes.
const HISTORY: Nanos = Nanos::secs(20);
pub const LATENCY: Nanos = Nanos::millis(15);
/// Between the bot's being well again and its end.
const STAYS_WELL: Nanos = Nanos::secs(3);
/// How long the end may take: an order on its way when the halt came may be unknown first.
const END: Nanos = Nanos::secs(20);

pub type Venue = Memory<Faulty<Hub>>;

/// What to run.
pub struct Setup {
    pub seed: u64,
    pub faults: Vec<Fault>,
    /// After the last fault, the bot is well again within this time.
    pub bound: Nanos,
    /// It trades at least so long.
    pub runs_for: Nanos,
    pub tamper: Tamper,
    /// The limits that the checkers hold the bot to.
    pub held_to: [Usd; 2],
    /// How far the venue's clock may be off.
    pub max_clock_offset: Nanos,
    /// What losses are measured against.
    pub capital: Usd,
}

/// What came of it.
pub struct Outcome {
    /// What was wrong.
    pub problems: Vec<String>,
    pub decision_hash: u64,
    pub fills: usize,
    pub orders: u64,
    /// From the end of the last fault until everything was quoted.
    pub recovery: Option<Nanos>,
    pub losses: u64,
    /// How often the books of all coins were stale at once.
    pub stale_spells: usize,
    /// How often it was liquidated.
    pub liquidations: usize,
}

impl Setup {
    pub fn new(seed: u64, faults: Vec<Fault>, bound: Nanos) -> Self {
        let risk = params().risk;
        let held_to = [risk.max_position_usd, risk.max_total_position_usd];
        let (runs_for, capital) = (Nanos::secs(12), risk.capital_usd);
        let max_clock_offset = risk.max_clock_offset;
        let tamper = Tamper::Nothing;
        Self { seed, faults, bound, runs_for, tamper, held_to, max_clock_offset, capital }
    }

    /// When the last fault is over, and what it held back has come.
    pub fn quiet(&self) -> Nanos {
        use botmm::exchange::faults::FaultKind::{
            ClockJump, ClockSkew, DelayAnswers, Drop, LateFeed, Liquidation, Reorder,
        };
        let quiet = |fault: &Fault| {
            let echo = match fault.kind {
                DelayAnswers { delay, .. } | Reorder { delay, .. } | LateFeed { delay } => delay,
                ClockJump { offset } | ClockSkew { offset } => Nanos(offset.0.abs()),
                Drop { .. } => Nanos::millis(100),
                // Until it is seen, and the wait for a person begins.
                Liquidation { .. } => Nanos::secs(1),
                _ => Nanos::ZERO,
            };
            START + fault.end() + echo
        };
        self.faults.iter().map(quiet).max().unwrap_or(START)
    }
}

pub fn user() -> Address {
    Signer::from_hex(KEY).unwrap().address()
}

pub fn universe() -> Universe {
    local::listed(["BTC", "ETH"].map(|name| coins::major(name).unwrap()))
}

/// Close to the touch, without regard to fees, so that much is traded; breakers that end soon.
pub fn params() -> AssetParams {
    AssetParams {
        vol_sample: Nanos::millis(200),
        min_spread_bps: 0.1,
        vol_multiplier: 0.0,
        fee_floor: false,
        min_edge_bps: 0.0,
        order_size_usd: Usd::whole(300),
        requote_min: Nanos::millis(200),
        tick: Nanos::millis(500),
        requote_threshold_bps: 0.1,
        maker_fee: Bps::from_f64(1.5),
        risk: RiskLimits {
            max_position_usd: Usd::whole(1_000),
            max_total_position_usd: Usd::whole(1_600),
            capital_usd: Usd::whole(1_000_000),
            api_error_cooldown: Nanos::secs(3),
            large_move_cooldown: Nanos::secs(3),
            stale_book: Nanos::secs(1),
            max_actions_per_min: 6_000,
            max_orders_per_min: 6_000,
            ack_timeout: Nanos::secs(2),
            ..RiskLimits::default()
        },
        ..AssetParams::default()
    }
}

/// The exchange, with its account and its faults.
pub fn exchange(setup: &Setup) -> Venue {
    exchange_from(START, setup)
}

/// The same, at another time.
pub fn exchange_from(start: Nanos, setup: &Setup) -> Venue {
    let universe = universe();
    let settings = Settings::load(None, &|_| None).unwrap();
    let config = LocalConfig {
        listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
        admin: None,
        market: Box::new(local::synthetic(&universe, start - HISTORY, setup.seed)),
        universe,
        venue: VenueConfig { history: HISTORY, fees: settings.fees, ..VenueConfig::default() },
        hub: HubConfig::default(),
        funded: vec![(user(), MONEY)],
        faults: Schedule { seed: setup.seed, faults: setup.faults.clone() },
        start,
    };
    Memory::new(local::host(config))
}

/// What a bot begins with.
pub struct Begin {
    /// Part of every order's id.
    pub session: u32,
    /// What it signs with.
    pub nonce: Nonce,
    /// After a run that was killed: how long nothing may have rested before it quotes.
    pub settle: Nanos,
    /// What that run kept.
    pub risk: Option<RiskSnapshot>,
}

/// A bot that is connected to the exchange when it runs, and what is seen of it.
pub struct Bot {
    pub pipeline: Pipeline,
    pub link: BoardReader<VIEW_WORDS>,
    pub seen: Arc<Seen>,
}

/// Builds a bot.
pub fn bot(setup: &Setup, venue: &Venue, begin: Begin) -> Bot {
    let universe = universe();
    let offset = VenueOffset::default();
    let venue_clock = offset.clock();
    let mut of_each = params();
    of_each.risk.capital_usd = setup.capital;
    let config = wiring::Config {
        params: vec![of_each; universe.len()],
        universe: universe.clone(),
        session: begin.session,
        lossless: false,
        risk: begin.risk,
        venue_clock: venue_clock.clone(),
        commentary: botmm_pipeline::types::limits::RING_COMMENTARY,
    };
    let signer = RequestSigner::new(Signer::from_hex(KEY).unwrap(), Network::Mainnet);
    let (orders, seen) = Spy::around(venue.transport(LATENCY), setup.tamper);
    let gateway_config = GatewayConfig {
        account: user(),
        vault: None,
        seed: setup.seed ^ 1 << 32,
        settle: begin.settle,
        session: begin.session,
        watch: Some(params().risk.expires_after),
        offset,
        max_clock_offset: setup.max_clock_offset,
        dead_after: DEAD_LINK,
        maker_fee: Bps::from_f64(1.5),
        taker_fee: Bps::from_f64(4.5),
    };
    let (gateway, link) =
        HlGateway::new(orders, universe.clone(), signer, begin.nonce, gateway_config);
    let feed_config = FeedConfig { seed: setup.seed, ..FeedConfig::default() };
    let feed = HlFeed::new(venue.transport(LATENCY), universe, feed_config, venue_clock);
    Bot { pipeline: wiring::build(&config, feed, gateway), link, seen }
}

/// Runs it to its end, under all checks.
pub fn run(setup: &Setup) -> Outcome {
    let venue = exchange(setup);
    let begin = Begin { session: SESSION, nonce: Nonce::after(0), settle: Nanos::ZERO, risk: None };
    let Bot { mut pipeline, link, seen } = bot(setup, &venue, begin);
    let stages = core::mem::take(&mut pipeline.stages);
    let mut checks = Checks::new(setup, venue.clone(), link);

    let well_by = setup.quiet() + setup.bound;
    let mut halt_at = well_by + STAYS_WELL;
    let mut end = halt_at + END;
    let mut after_moment = |now| {
        checks.look(now, &mut pipeline);
        if let Some(well) = checks.well_since() {
            halt_at = (well + STAYS_WELL).max(START + setup.runs_for);
        }
        if now >= halt_at && pipeline.level.get() != HaltLevel::Halt {
            checks.before_halt(now);
            pipeline.level.raise(HaltLevel::Halt);
            end = now + END;
        }
        now < end && !checks.is_over(now)
    };
    let drive = Drive {
        start: START,
        end: well_by + STAYS_WELL + END,
        venue: Box::new(venue.stage()),
        after_moment: &mut after_moment,
    };
    run_inline(Lane::inline(stages, &WallClock::default()).0, drive);
    let Final { problems, fills, recovery, losses, liquidations, stale_spells } =
        checks.finish(&mut pipeline, &seen);
    Outcome {
        problems,
        decision_hash: pipeline.metrics.decision_hash(),
        fills,
        orders: pipeline.metrics.dispatch.orders.get(),
        recovery,
        losses,
        stale_spells,
        liquidations,
    }
}
