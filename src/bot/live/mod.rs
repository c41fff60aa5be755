//! A bot that trades over sockets in wall time: what `run` and `paper` share. They differ in the
//! venue that they reach, and in nothing else.

mod ending;
mod last_check;
mod links;
mod listing;
mod params;
mod refused;
mod risk;
mod show;
pub mod startup;
#[cfg(test)]
mod tests;
mod watchdog;

pub use ending::Finished;
pub use show::Show;
pub use startup::{Access, listed, threaded_plan};

use crate::bot::session;
use crate::exit::AppError;
use crate::files::{Readers, make_folder};
use crate::journal::{Journal, utc};
use crate::masked::masked;
use crate::net::{Rest, Stopped, WsStatus, WsTransport};
use crate::report::Days;
use crate::settings::{Draft, Overrides, Settings};
use crate::side::candles::{self, BackFill};
use crate::side::records;
use crate::side::reload::{Effect, Reload};
use crate::side::risk_state::RiskKeeper;
use crate::side::state::RunState;
use crate::stop::{Resting, Stop};
use crate::terminal;
use crate::ui::screen::{LastFills, Picture};
use crate::venue_api::account::{OnlySession, OpenOrder, VenueSide};
use crate::venue_api::worth;
use botmm_pipeline::rt::threads::Threads;
use botmm_pipeline::rt::{
    BoardReader, Discipline, HaltLevel, In, Lane, Latencies, LevelCell, WallClock,
};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::status::{AssetStatus, STATUS_WORDS, STRATEGY_WORDS, StrategyStatus};
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::risk::utc_day;
use botmm_pipeline::types::{Nanos, Qty, Record, Universe, Usd};
use botmm_pipeline::venue::hl::feed::{FeedConfig, FeedStats, HlFeed};
use botmm_pipeline::venue::hl::gateway::{GatewayConfig, GatewayView, HlGateway, VIEW_WORDS};
use botmm_pipeline::venue::hl::sign::RequestSigner;
use botmm_pipeline::wiring::{self, Pipeline};
use links::Fallback;
use listing::Listing;
use startup::{Account, Started};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use watchdog::{Guarded, Watchdog};

/// The side thread's turn.
const TURN: Duration = Duration::from_millis(20);
/// Alerts kept on the screen.
const ALERTS_SHOWN: usize = 5;

/// What a live run is asked to do.
pub struct Request {
    /// Which network it is, in large on the screen.
    pub network: &'static str,
    /// Real money is at stake.
    pub is_real_money: bool,
    /// First line of the screen.
    pub title: String,
    /// What the summary calls the market.
    pub market: &'static str,
    /// What it says of our place in the queue.
    pub queue: String,
    /// What it says of the latency.
    pub latency: String,
    /// Where the journal goes.
    pub dir: PathBuf,
    /// The folder of all runs, whose journals are bounded together with this one.
    pub runs: Option<PathBuf>,
    /// How to reach the venue.
    pub access: Access,
    /// The configuration before the venue's universe is known, without what changes while it runs.
    pub draft: Draft,
    /// Flags on top.
    pub flags: Overrides,
    /// What a reader of the summary must know.
    pub notes: Vec<String>,
    /// Tells it to end.
    pub stop: Arc<Stop>,
}

/// A running bot.
pub struct Live {
    network: &'static str,
    is_real_money: bool,
    title: String,
    market: &'static str,
    queue: String,
    latency: String,
    notes: Vec<String>,
    dir: PathBuf,
    settings: Settings,
    /// What the pipeline was built from; limits that were raised since are the highest that held.
    config: wiring::Config,
    reload: Reload,
    params_changes: u64,
    clock: WallClock,
    discipline: Discipline,
    started: Instant,
    start_time: Nanos,
    plan_name: String,
    threads: Option<Threads>,
    pipeline: Watched,
    link: BoardReader<VIEW_WORDS>,
    sockets: [(&'static str, WsStatus); 2],
    venue: VenueSide,
    /// For its questions while it runs, and at the end.
    rest: Rest,
    hurried: Rest,
    state: RunState,
    back_fill: BackFill,
    listing: Listing,
    risk: RiskKeeper,
    journal: Option<Journal>,
    alerts: Vec<String>,
    fills: LastFills,
    days: Days,
    /// Orders to be cancelled over HTTPS, because the order link is refused it.
    refused: Vec<OpenOrder>,
    stop: Arc<Stop>,
    watchdog: Watchdog,
    /// What each socket was last said to suffer from.
    socket_trouble: [Option<String>; 2],
    fallback: Fallback,
    feed_stats: Arc<FeedStats>,
    /// Messages dated ahead that were told of.
    told_ahead: u64,
    /// The UTC day whose capital holds, and when the next one's is asked for.
    capital_day: i64,
    next_capital: Nanos,
}

/// What is left of a pipeline in the side thread's hands.
struct Watched {
    level: Arc<LevelCell>,
    metrics: Arc<Metrics>,
    rings: Vec<Arc<botmm_pipeline::rt::RingStats>>,
    status: Vec<BoardReader<STATUS_WORDS>>,
    strategy: Vec<BoardReader<STRATEGY_WORDS>>,
    records: Vec<In<Record>>,
    control: wiring::Control,
    latencies: Latencies,
}

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
        for warning in &settings.warnings {
            terminal::complain(format_args!("warning: {warning}"));
        }
        if account.is_own_key && !access.key_is_disposable {
            terminal::complain(format_args!(
                "warning: this is the account's own key, which can also withdraw; approve an agent \
                 key on the venue's API page and use that"
            ));
        }
        let journal = Journal::create(&dir, &universe, Some(settings.journal.bounds(runs)))?;
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
        let shared = only_session.clone();
        let (endpoint, tls) = (access.endpoint.clone(), access.tls.clone());
        let (signer_of_https, nonce, coins) =
            (access.signer.clone(), state.nonce(), universe.clone());
        let way = move || -> Result<VenueSide, AppError> {
            Ok(VenueSide {
                rest: Rest::with_timeouts(&endpoint, &tls, links::HURRY)?,
                account,
                signer: RequestSigner::new(signer_of_https.clone(), network),
                nonce: nonce.clone(),
                universe: coins.clone(),
                only_session: shared.clone(),
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
        let fallback = Fallback::new(Arc::new(way), link.clone(), clock.clone());
        let (signer, nonce) = (signer(), state.nonce());
        let venue = VenueSide {
            rest: rest.clone(),
            account,
            signer,
            nonce,
            universe,
            only_session,
            start: worth,
        };
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

    /// The side thread's loop, until told to stop. A panic of it is a halt.
    pub fn watch(&mut self, limit: Option<Duration>, show: &Show) -> Result<(), AppError> {
        caught(|| self.turns(limit, show)).unwrap_or_else(|said| {
            self.pipeline.level.raise(HaltLevel::Halt);
            Err(AppError::RiskHalt { reason: format!("the side thread panicked: {said}") })
        })
    }

    fn turns(&mut self, limit: Option<Duration>, show: &Show) -> Result<(), AppError> {
        let (stop, mut next_picture) = (self.stop.clone(), Duration::ZERO);
        loop {
            let elapsed = self.started.elapsed();
            self.drain();
            if let Some(set) = self.discipline.turn() {
                self.say(format!("{} {set}", utc(self.clock.now())));
            }
            if let Err(e) = self.state.keep(self.clock.now()) {
                // Nonces are reserved ahead: a full disk need not stop trading, but must be told of.
                self.say(format!("{} {e}", utc(self.clock.now())));
            }
            self.keep_risk();
            self.cancel_refused();
            self.watch_link();
            self.watch_feed();
            self.watch_sockets();
            self.inform_quote_stage();
            self.watch_params();
            self.watch_capital();
            if elapsed >= next_picture {
                self.show(show);
                next_picture = elapsed + show.every();
            }
            if stop.is_suspension_asked() {
                self.suspend(&stop);
            }
            if stop.is_asked() {
                let why = stop.signal().filter(|signal| *signal != "SIGTERM");
                why.iter()
                    .for_each(|why| self.say(format!("{} {why}: ending", utc(self.clock.now()))));
                return Ok(());
            }
            if show.is_asked_to_end() || limit.is_some_and(|l| elapsed >= l) {
                return Ok(());
            }
            if let Some(lane) = self.threads.as_ref().and_then(Threads::dead_lane) {
                return Err(AppError::RiskHalt { reason: format!("lane {lane} died") });
            }
            if self.pipeline.level.raised() == HaltLevel::Halt {
                return Err(AppError::RiskHalt { reason: self.why_halted() });
            }
            std::thread::sleep(TURN);
        }
    }

    fn why_halted(&self) -> String {
        let alert = self.alerts.last().map_or("the halt level was raised", String::as_str);
        match GatewayView::read(&self.link).text.as_str() {
            "" => alert.to_owned(),
            said => format!("{alert} (the venue said: {said})"),
        }
    }

    /// What the quote stage cannot learn from its feed: candles of before, and what is listed.
    fn inform_quote_stage(&mut self) {
        let now = self.clock.now();
        let (rest, universe) = (&self.venue.rest, &self.config.universe);
        let to_quote = &mut self.pipeline.control.quote;
        let mut said = self.listing.turn(rest, universe, to_quote, now);
        said.extend(self.back_fill.turn(&candles::ask(rest, now), universe, to_quote));
        said.into_iter().for_each(|line| self.say(format!("{} {line}", utc(now))));
    }

    fn drain(&mut self) {
        self.pipeline.latencies.drain();
        for record in records::take(&mut self.pipeline.records) {
            if let Some(journal) = &mut self.journal {
                journal.write(&record);
            }
            self.fills.take(&record);
            self.note_refused(&record);
            match record {
                Record::Params { generation, time, market_seq } => {
                    self.params_took_effect(Effect { generation, time, market_seq });
                }
                Record::Day(day) => self.days.add(day),
                Record::Risk(kept) => self.risk.saw(&kept),
                Record::Alert { asset, time, kind } => {
                    if matches!(kind, AlertKind::OtherProcess | AlertKind::YoungerProcess) {
                        self.venue.only_session.set(self.state.session());
                    }
                    let coin = asset.map(|a| self.config.universe.get(a).coin);
                    let coin = coin.map_or(String::new(), |c| format!("{c}: "));
                    let why = self.reason_of(kind);
                    self.say(format!("{} {coin}{kind}{why}", utc(time)));
                }
                _ => {}
            }
        }
        if let Some(said) = self.journal.as_mut().and_then(Journal::flush) {
            self.say(format!("{} {said}", utc(self.clock.now())));
        }
    }

    /// Only what is shown is kept: the journal has the alerts, and this runs for months.
    fn say(&mut self, line: String) {
        let line = masked(&line).into_owned();
        if !terminal::has_screen() {
            terminal::complain(&line);
        }
        if self.alerts.len() == ALERTS_SHOWN {
            self.alerts.remove(0);
        }
        self.alerts.push(line);
    }

    fn show(&self, show: &Show) {
        let assets: Vec<_> = self.pipeline.status.iter().map(AssetStatus::read).collect();
        let strategies: Vec<_> = self.pipeline.strategy.iter().map(StrategyStatus::read).collect();
        let view = GatewayView::read(&self.link);
        let (used, cap) = view.requests;
        show.picture(&Picture {
            network: self.network,
            is_real_money: self.is_real_money,
            title: &self.title,
            elapsed: self.started.elapsed(),
            opening: view.opening.map(|_| self.venue.start.value),
            requests_left: (cap > 0).then(|| cap.saturating_sub(used)),
            link_down: self.fallback.down_for(),
            universe: &self.config.universe,
            assets: &assets,
            strategies: &strategies,
            risk: &self.risk.status(self.reload.settings().account_limits()),
            metrics: &self.pipeline.metrics,
            latencies: &self.pipeline.latencies,
            fills: &self.fills,
            alerts: &self.alerts,
        });
    }

    /// What the venue says that we gained, and what was transferred; [`None`] when that cannot be said,
    /// and then the notes say why.
    fn compare(&mut self) -> (Option<Usd>, Option<Usd>) {
        let m = &self.pipeline.metrics;
        let view = GatewayView::read(&self.link);
        let since = view.opening.map_or(self.start_time, |opening| opening.time);
        let asked = self
            .venue
            .closing(&session::marks(m))
            .and_then(|closing| Ok((closing, self.venue.transfers(since)?)));
        let ((closing, held), transfers) = match asked {
            Ok(answers) => answers,
            Err(e) => {
                self.notes.push(format!("the account could not be compared: {e}"));
                return (None, None);
            }
        };
        for (asset, instrument) in self.config.universe.iter() {
            let ours = Qty::from_raw(m.position[asset.index()].get() as i64);
            let theirs = held[asset.index()];
            if ours != theirs && view.opening.is_some() {
                let coin = instrument.coin;
                self.notes.push(format!("{coin}: our position {ours}, the venue's {theirs}"));
            }
        }
        let told = transfers.unclear.is_none().then_some(transfers.sum);
        match worth::gained(&self.venue.start, &view, &closing, &transfers, m.fees.usd()) {
            Ok(net) => (Some(net), told),
            Err(why) => {
                self.notes.push(format!("not compared with the venue's account: {why}"));
                (None, told)
            }
        }
    }

    /// Its counters.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.pipeline.metrics.clone()
    }

    /// Where its journal is.
    pub fn dir(&self) -> PathBuf {
        self.dir.clone()
    }
}

/// What may rest at the venue, for whoever asks while the side thread is busy.
fn what_rests(
    metrics: &Arc<Metrics>,
    status: &[BoardReader<STATUS_WORDS>],
    universe: &Universe,
) -> crate::stop::Look {
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

/// Does a part of the side thread's work; an error is what a panic said, which has been told on stderr.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|said| {
        let text = said.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| said.downcast_ref::<String>().cloned());
        text.unwrap_or_else(|| "no words".to_owned())
    })
}
