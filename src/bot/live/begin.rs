//! From a request to a bot that trades: the start, then every part, put together on one page.

use super::links::{Fallback, HURRY};
use super::listing::Listing;
use super::startup::{self, Access, Started};
use super::watchdog::{self, Guarded, Watchdog};
use super::{Live, Request, Watched};
use crate::bot::session;
use crate::exit::AppError;
use crate::files::{Readers, make_folder};
use crate::journal::{Bounds, Journal};
use crate::masked::masked;
use crate::net::{Rest, Stopped, WsTransport};
use crate::report::Days;
use crate::settings::Settings;
use crate::side::candles::{self, BackFill};
use crate::side::reload::Reload;
use crate::side::risk_state::RiskKeeper;
use crate::side::state::RunState;
use crate::stop::{Look, Resting};
use crate::terminal;
use crate::ui::screen::LastFills;
use crate::venue_api::account::{Account, OnlySession, VenueSide};
use botmm_pipeline::rt::threads::Threads;
use botmm_pipeline::rt::{BoardReader, Discipline, Lane, WallClock};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::status::{AssetStatus, STATUS_WORDS};
use botmm_pipeline::types::risk::utc_day;
use botmm_pipeline::types::{Nanos, Universe};
use botmm_pipeline::venue::hl::feed::{FeedConfig, HlFeed};
use botmm_pipeline::venue::hl::gateway::{GatewayConfig, HlGateway};
use botmm_pipeline::venue::hl::sign::RequestSigner;
use botmm_pipeline::wiring::{self, Pipeline};
use std::sync::Arc;
use std::time::Instant;

impl Live {
    /// Goes through the start, then sets the lanes going. Quoting begins when the order link has
    /// reconciled.
    pub fn start(
        request: Request,
        (clock, discipline): (WallClock, Discipline),
    ) -> Result<Self, AppError> {
        let Request { network: network_name, is_real_money, title, market, queue, latency, .. } =
            request;
        let Request { dir, runs, access, draft, flags, notes, stop, .. } = request;
        let told = stop.clone();
        let stopped: Stopped = Arc::new(move || told.is_asked());
        let plan = startup::threaded_plan(&draft, &flags)?;
        let draft = draft.with_live_file()?;
        // Before anything is asked of the venue: what cannot be written down is not begun.
        make_folder(&dir, Readers::Group)?;
        let Started { asking, rest, settings, complete, account, worth, offset } =
            startup::start(&access, draft.clone(), &flags, &|| clock.now(), &stopped)?;
        let universe = settings.universe();
        let draft = draft.with_account(worth.value);
        let reload = Reload::new(draft, complete, settings.clone(), universe.clone(), clock.now());
        let key = access.signer.address();
        let state = RunState::open(&access.state_dir, key, clock.now())?;
        let (risk, earlier) = RiskKeeper::open(&access.state_dir, key)?;
        warn(&settings, &account, &access);
        let (max_mb, keep_days) = (settings.journal.max_mb, settings.journal.keep_days);
        let bounds = Bounds::of(max_mb, keep_days, runs);
        let journal = Journal::create(&dir, &universe, Some(bounds))?;
        let mut config = session::pipeline_config(&settings, universe.clone(), false);
        (config.session, config.risk) = (state.session(), earlier);
        let (back_fill, complaints) =
            BackFill::begin(&candles::ask(&asking, clock.now()), &universe, &mut config.params);
        complaints.iter().for_each(|c| terminal::complain(format_args!("warning: {c}")));
        let listing = Listing::new(access.endpoint.rest_url(), clock.now());

        let network = access.endpoint.network();
        let signer = || RequestSigner::new(access.signer.clone(), network);
        let (market_socket, market_status) = WsTransport::new(&access.endpoint, &access.tls)?;
        let (order_socket, order_status) = WsTransport::new(&access.endpoint, &access.tls)?;
        let seed = u64::from(state.session());
        let dead_after = settings.dead_link;
        let feed_config = FeedConfig { seed, dead_after };
        let venue_clock = offset.clock();
        config.venue_clock = venue_clock.clone();
        let feed = HlFeed::new(market_socket, universe.clone(), feed_config, venue_clock);
        let feed_stats = feed.stats();
        let Account { address, vault, .. } = account;
        let gateway_config = GatewayConfig {
            account: address,
            vault,
            seed: seed ^ 1 << 32,
            settle: startup::settle(&state, &config),
            session: state.session(),
            watch: (!access.allow_other_session).then(|| startup::longest_way(&config)),
            offset,
            max_clock_offset: settings.account_limits().max_clock_offset,
            dead_after,
            maker_fee: settings.sim.maker_fee,
            taker_fee: settings.sim.taker_fee,
        };
        let (gateway, link) =
            HlGateway::new(order_socket, universe.clone(), signer(), state.nonce(), gateway_config);
        let Pipeline { stages, records, control, status, strategy, metrics, rings, level } =
            wiring::build(&config, feed, gateway);
        let (lanes, latencies) = Lane::by_plan(&plan, stages, &clock);
        let threads =
            Threads::start(lanes, &clock, &level).map_err(AppError::io("threads", "start"))?;
        let only_session = OnlySession::default();
        if access.allow_other_session {
            only_session.set(state.session());
        }
        let (endpoint, tls) = (access.endpoint.clone(), access.tls.clone());
        let (signer_of_https, nonce, coins) =
            (access.signer.clone(), state.nonce(), universe.clone());
        let way = move || -> Result<VenueSide, AppError> {
            Ok(VenueSide {
                rest: Rest::with_timeouts(&endpoint, &tls, HURRY)?,
                account,
                signer: RequestSigner::new(signer_of_https.clone(), network),
                nonce: nonce.clone(),
                universe: coins.clone(),
                only_session: only_session.clone(),
                start: worth,
            })
        };
        let hurried = way()?.rest;
        let guarded = Guarded {
            stop: stop.clone(),
            level: level.clone(),
            metrics: metrics.clone(),
            venue: way()?,
            clock: clock.clone(),
            leave: Box::new(watchdog::leave),
        };
        let watchdog = Watchdog::start(guarded, watchdog::Patience::default())?;
        stop.watch_orders(what_rests(&metrics, &status, &universe));
        let venue = way()?;
        let fallback = Fallback::new(Arc::new(way), link.clone(), clock.clone());
        let venue = VenueSide { rest: rest.clone(), ..venue };
        Ok(Self {
            network: network_name,
            is_real_money,
            title: masked(&title).into_owned(),
            market,
            queue,
            latency,
            notes,
            dir,
            settings,
            config,
            reload,
            params_changes: 0,
            start_time: clock.now(),
            capital_day: utc_day(clock.now()),
            next_capital: Nanos::ZERO,
            clock,
            discipline,
            started: Instant::now(),
            plan_name: plan.name,
            threads: Some(threads),
            pipeline: Watched {
                level,
                metrics,
                rings,
                status,
                strategy,
                records,
                control,
                latencies,
            },
            link,
            sockets: [("market data", market_status), ("orders", order_status)],
            venue,
            rest,
            hurried,
            state,
            back_fill,
            listing,
            risk,
            journal: Some(journal),
            alerts: Vec::new(),
            fills: LastFills::default(),
            days: Days::default(),
            refused: Vec::new(),
            stop,
            watchdog,
            socket_trouble: [None, None],
            fallback,
            feed_stats,
            told_ahead: 0,
        })
    }
}

/// What a person should know before it trades.
fn warn(settings: &Settings, account: &Account, access: &Access) {
    for warning in &settings.warnings {
        terminal::complain(format_args!("warning: {warning}"));
    }
    if account.is_own_key && !access.key_is_disposable {
        terminal::complain(format_args!(
            "warning: this is the account's own key, which can also withdraw; approve an agent key \
             on the venue's API page and use that"
        ));
    }
}

/// What may rest at the venue, for whoever asks while the side thread is busy.
fn what_rests(
    metrics: &Arc<Metrics>,
    status: &[BoardReader<STATUS_WORDS>],
    universe: &Universe,
) -> Look {
    let (metrics, status, universe) = (metrics.clone(), status.to_vec(), universe.clone());
    Box::new(move || {
        let works = |board: &BoardReader<STATUS_WORDS>| {
            let shown = AssetStatus::read(board);
            !shown.bid.is_zero() || !shown.ask.is_zero()
        };
        // Without a link the boards show nothing: then it may be any of them.
        let is_known = status.iter().any(works);
        let may = universe.iter().zip(&status).filter(|(_, board)| !is_known || works(board));
        let coins: Vec<_> = may.map(|((_, i), _)| i.coin.as_str()).collect();
        Resting {
            orders: metrics.open_orders.get(),
            coins: coins.join(", "),
            is_halted: metrics.halted.get() != 0,
        }
    })
}
