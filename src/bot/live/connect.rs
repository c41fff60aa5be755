//! From two connections to lanes that go between them.

use super::startup;
use super::{Request, Watched};
use crate::bot::blackbox::{self, Blackbox, Built, Sources, Wired};
use crate::exit::AppError;
use crate::net::{SocketOptions, Timeouts, WsStatus, WsTransport};
use crate::settings::{Settings, WireSettings};
use crate::side::presign::presigned;
use crate::side::records::Records;
use crate::side::state::RunState;
use crate::venue_api::account::Principal;
use botmm_pipeline::rt::threads::Threads;
use botmm_pipeline::rt::{
    BoardReader, In, Lane, Plan, Recorder, Stopwatch, Trips, WallClock, Went,
};
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::clock::VenueOffset;
use botmm_pipeline::venue::hl::feed::FeedStats;
use botmm_pipeline::venue::hl::gateway::{GatewayConfig, VIEW_WORDS};
use botmm_pipeline::venue::hl::sign::{Presigner, RequestSigner};
use botmm_pipeline::venue::tap::{Tap, TapIn};
use botmm_pipeline::wiring::{self, Pipeline};
use std::path::PathBuf;
use std::sync::Arc;

/// Both connections, of a pipeline that was built upon them and does not run yet.
pub(super) struct Connected {
    pub(super) pipeline: Pipeline,
    pub(super) link: BoardReader<VIEW_WORDS>,
    pub(super) sockets: [WsStatus; 2],
    pub(super) feed_stats: Arc<FeedStats>,
    pub(super) went: In<Went>,
    pub(super) captured: Option<Captured>,
    pub(super) presigner: Option<Presigner>,
}

/// What a run keeps of itself, before it begins.
pub(super) struct Captured {
    root: PathBuf,
    built: Built,
    taps: [TapIn; 2],
    max_bytes: u64,
}

/// What may wait for the capture's thread: bytes of each connection, and duty cycles of each lane.
const TAP_BYTES: usize = 4 << 20;
const CYCLES: usize = 1 << 13;

/// Builds the pipeline between two connections, which open when it runs.
pub(super) fn connect(
    Request { about, dir, runs, access, .. }: &Request,
    plan: &Plan,
    (settings, config): (&Settings, &wiring::Config),
    state: &RunState,
    account: Principal,
    (offset, clock): (VenueOffset, &WallClock),
) -> Result<Connected, AppError> {
    let socket = || {
        let (endpoint, tls) = (&access.endpoint, &access.tls);
        let sockets = (sockets_of(&settings.wire), clock.clone());
        WsTransport::with_sockets(endpoint, tls, Timeouts::default(), sockets)
    };
    let ((market, market_status), (orders, order_status)) = (socket()?, socket()?);
    let dead_after = settings.dead_link;
    let gateway_config = GatewayConfig {
        account: account.address,
        vault: account.vault,
        seed: blackbox::seed_of_orders(state.session()),
        settle: startup::settle(state, config),
        session: state.session(),
        watch: (!access.allow_other_session).then(|| startup::longest_way(config)),
        offset,
        max_clock_offset: settings.account_limits().max_clock_offset,
        dead_after,
        maker_fee: settings.sim.maker_fee,
        taker_fee: settings.sim.taker_fee,
    };
    let signer = RequestSigner::new(access.signer.clone(), access.endpoint.network());
    let (signer, presigner) = match settings.is_presigned {
        true => presigned(access.signer.clone(), signer),
        false => (signer, None),
    };
    let max_bytes = settings.capture_max_mb << 20;
    let (links, captured) = if max_bytes == 0 {
        ((Tap::none(market), Tap::none(orders)), None)
    } else {
        let lanes = plan.lanes.iter().map(|lane| lane.stages.clone()).collect();
        let built = Built::new((about.verb, lanes), config, &gateway_config);
        let root = dir.join(blackbox::FOLDER);
        blackbox::make_room(runs.as_deref(), &root, max_bytes);
        let (market, of_market) = Tap::new(market, TAP_BYTES);
        let (orders, of_orders) = Tap::new(orders, TAP_BYTES);
        let captured = Captured { root, built, taps: [of_market, of_orders], max_bytes };
        ((market, orders), Some(captured))
    };
    let (watch, went) = Stopwatch::new(clock.clone());
    let Wired { pipeline, link, feed_stats } =
        blackbox::wire(links, config, gateway_config, (signer, state.nonce()), Some(watch));
    let sockets = [market_status, order_status];
    Ok(Connected { pipeline, link, sockets, feed_stats, went, captured, presigner })
}

/// Sockets as they are configured.
fn sockets_of(wire: &WireSettings) -> SocketOptions {
    let WireSettings { nodelay, quickack, busy_poll_us, kernel_stamps, .. } = *wire;
    SocketOptions { nodelay, quickack, busy_poll_us, kernel_stamps }
}

/// Sets the lanes going.
pub(super) fn run_lanes(
    plan: &Plan,
    (config, pipeline): (&wiring::Config, Pipeline),
    clock: &WallClock,
    captured: Option<Captured>,
    (went, budget): (In<Went>, Option<Nanos>),
) -> Result<(Threads, Watched, Option<Blackbox>), AppError> {
    let Pipeline { stages, records, mut control, status, strategy, metrics, rings, .. } = pipeline;
    let (came, level, shared) = (pipeline.came, pipeline.level, pipeline.shared);
    let trips = Trips::new(came, went, budget);
    let (mut lanes, latencies) = Lane::by_plan(plan, stages, clock);
    if let Some(every) = plan.rehearse {
        let mut rehearsed = wiring::rehearsal(config);
        lanes.iter_mut().for_each(|lane| lane.rehearse_with(&mut rehearsed, every));
    }
    let blackbox = match captured {
        Some(Captured { root, built, taps: [market, orders], max_bytes }) => {
            let record = |(i, lane): (usize, &mut Lane)| {
                let (recorder, cycles) = Recorder::new(i, CYCLES, shared.clone());
                lane.record(recorder);
                cycles
            };
            let cycles = lanes.iter_mut().enumerate().map(record).collect();
            let asked = control.tell();
            let sources = Sources { market, orders, cycles, asked, shared: shared.clone() };
            Some(Blackbox::start(&root, &built, sources, clock.clone(), max_bytes)?)
        }
        None => None,
    };
    let threads = Threads::start(lanes, clock, &level).map_err(AppError::io("threads", "start"))?;
    let records = Records::new(records, &rings);
    let left =
        Watched { level, metrics, rings, status, strategy, records, control, latencies, trips };
    Ok((threads, left, blackbox))
}
