//! The beginning of a live run: from what was asked for to lanes that go and tasks that have their turns.

use super::connect::{Connected, connect, run_lanes};
use super::control::{self, Served};
use super::local::{Door, NewestText};
use super::metrics::Exposed;
use super::startup::{self, Access, Started};
use super::tasks::Tasks;
use super::watchdog::{self, Guarded, Watchdog};
use super::{About, LATENCY_EVERY, Live, Request, Watched};
use crate::bot::host;
use crate::bot::lines::{self, Kind};
use crate::bot::session;
use crate::exit::AppError;
use crate::files::{Readers, make_folder};
use crate::history::run_name;
use crate::journal::{Bounds, Journal};
use crate::masked::masked;
use crate::net::{Rest, Stopped};
use crate::report::Days;
use crate::settings::Settings;
use crate::side::beat::Heart;
use crate::side::books::KeepBooks;
use crate::side::candles::{self, BackFill};
use crate::side::card::Card;
use crate::side::dead_man::memory::Memory;
use crate::side::dead_man::{self, DeadMan};
use crate::side::far::{FarGuard, Mouth};
use crate::side::fit::KeepFit;
use crate::side::guard::GuardRung;
use crate::side::history::KeepHistory;
use crate::side::killer::{Armed, Killer, kill_files};
use crate::side::latch::Latch;
use crate::side::links::{HURRY, Links};
use crate::side::listing::Listing;
use crate::side::manifest::Manifest;
use crate::side::notify::Notify;
use crate::side::params::Params;
use crate::side::presign::Presign;
use crate::side::progress::Progress;
use crate::side::reconcile::{self, Reconcile};
use crate::side::refused::RefusedCancels;
use crate::side::reload::Reload;
use crate::side::risk_state::RiskKeeper;
use crate::side::service::Service;
use crate::side::slow::SlowWay;
use crate::side::state::RunState;
use crate::side::task::Workers;
use crate::side::tuner::Tuner;
use crate::speaker;
use crate::stop::{Look, Resting};
use crate::terminal;
use crate::ui::curve::Curve;
use crate::ui::fills::LastFills;
use crate::ui::view::Newest;
use crate::venue_api::account::{AccountClient, OnlySession, OwnCancels, Principal, Way};
use crate::venue_api::worth::Worth;
use botmm_pipeline::rt::{BoardReader, Discipline, WallClock};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::status::{AssetStatus, STATUS_WORDS};
use botmm_pipeline::types::{Nanos, Universe};
use botmm_pipeline::venue::hl::sign::{Nonce, RequestSigner};
use botmm_pipeline::wiring::{self, Pipeline};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Live {
    /// Goes through the start, then sets the lanes going. Quoting begins when the order link has
    /// reconciled.
    pub fn start(request: Request, clock: (WallClock, Discipline)) -> Result<Self, AppError> {
        Self::start_with(request, clock, |_| {})
    }

    /// The same with another pipeline than the settings ask for.
    pub(super) fn start_with(
        request: Request,
        (clock, discipline): (WallClock, Discipline),
        adjust: impl FnOnce(&mut wiring::Config),
    ) -> Result<Self, AppError> {
        let Request { dir, runs, access, draft, flags, stop, .. } = &request;
        let told = stop.clone();
        let stopped: Stopped = Arc::new(move || told.is_asked());
        let mut plan = startup::threaded_plan(draft, flags)?;
        let refused = host::prepare(&mut plan, !access.key_is_disposable);
        speaker::start()?;
        let draft = draft.clone().with_live_file()?;
        // Before anything is asked of the venue: what cannot be written down is not begun.
        make_folder(dir, Readers::Group)?;
        let Started { asking, rest, listed, settings, complete, account, worth, offset } =
            startup::start(access, draft.clone(), flags, &|| clock.now(), &stopped)?;
        let universe = settings.universe();
        let draft = draft.with_account(worth.value);
        let now = clock.now();
        let reload = Reload::new(draft, complete, settings.clone(), universe.clone(), now);
        let key = access.signer.address();
        let state = RunState::open(&access.state_dir, key, now)?;
        let (risk, earlier) = RiskKeeper::open(&access.state_dir, key)?;
        let title = masked(&request.about.title).into_owned();
        let door = Door::open(settings.http_port, &access.state_dir, key)?;
        let notify = Notify::open(&settings, &access.tls, (request.about.network, &title), now)?;
        startup::warn(&settings, account, access);
        let start_time = clock.now();
        let journal = begin_journal(&request, &settings, account, start_time)?;
        let mut config = session::pipeline_config(&settings, universe.clone(), false);
        (config.session, config.risk) = (state.session(), earlier);
        config.venue_clock = offset.clock();
        adjust(&mut config);
        let (to_ask, params) = (candles::ask(&rest), &mut config.params);
        let (candles, complaints) =
            BackFill::begin(&candles::ask(&asking), to_ask, &universe, params, now);
        complaints.iter().for_each(|c| terminal::complain(format_args!("warning: {c}")));
        let only_session = OnlySession::default();
        if access.allow_other_session {
            only_session.set(state.session());
        }
        let own_cancels = OwnCancels::default();
        let shared = (&only_session, &own_cancels);
        let way = way_of(access, account, state.nonce(), &universe, shared, worth);
        let venue = AccountClient { rest: rest.clone(), ..way()? };
        let found = startup::found_otherwise(access, &venue);
        let hurried = way()?.rest;
        let connected =
            connect(&request, &plan, (&settings, &config), &state, account, (offset, &clock))?;
        let Connected { mut pipeline, link, sockets, feed_stats, went, captured, presigner } =
            connected;
        request.frozen.stand_in(&mut pipeline);
        // Before anything can be sent: what is latched is.
        let card = card(access, &config, account, &state);
        card.write(&access.state_dir, key)?;
        let far = settings.guard_at.clone().map(|far| FarGuard::new(far.at, far.key));
        let armed = armed(&request, &pipeline, &card, (&way, far.clone()), &config);
        let killer = Killer::start(armed, clock.clone())?;
        let (threads, mut pipeline, blackbox) = run_lanes(
            &plan,
            (&config, pipeline),
            &clock,
            captured,
            (went, settings.wire.budget.map(|budget| budget.limit)),
        )?;
        pipeline.rings.extend_from_slice(journal.stats());
        let progress = Progress::new(threads.pulse(), link.clone());
        let watchdog = guard(&request, &pipeline, &progress, way()?, &clock)?;
        stop.watch_orders(what_rests(&pipeline.metrics, &pipeline.status, &universe));

        let newest = Newest::default();
        let served = Served::new(&state, &killer, stop, newest.clone());
        let control = control::listen(&access.state_dir, key, served);
        let scraped = NewestText::default();
        let serve = |door: Door| door.serve(newest.clone(), scraped.clone(), killer.clone());
        let exposed = Exposed::by(door.map(serve).transpose()?, scraped.clone());

        let worth_now = {
            let way = way.clone();
            move || Ok(way()?.worth()?.value)
        };
        let heart = Heart::start(&access.state_dir, key, state.session(), progress.clone())?;
        if let Some(guard) = far.clone() {
            let (signer, heart, killer) = (access.signer.clone(), heart.clone(), killer.clone());
            Mouth { guard, signer, card, heart, killer }.open()?;
        }
        let dead_man = DeadMan::new(
            dead_man::ask_over(way.clone()),
            progress.clone(),
            link.clone(),
            config.venue_clock.clone(),
            settings.dead_man_horizon,
        );
        let (memory, trouble) = Memory::open(&access.state_dir, key);
        trouble.iter().for_each(|said| terminal::complain(format_args!("warning: {said}")));
        let dead_man = dead_man.going_on(memory, now);
        let (fit, trouble) = KeepFit::open(&access.state_dir, key, &universe, &config.params);
        trouble.iter().for_each(|said| terminal::complain(format_args!("warning: {said}")));
        let of_links = (way.clone(), link.clone(), clock.clone(), own_cancels);
        let (dead_after, place) = (settings.dead_link, access.endpoint.rest_url());
        let metrics = pipeline.metrics.clone();
        let books = KeepBooks::new(
            (&access.state_dir, key),
            (account.address, place.clone(), dir),
            universe.clone(),
            link.clone(),
            metrics.clone(),
        );
        let timeout = Duration::from_nanos(settings.guard_timeout.0.unsigned_abs());
        let history = KeepHistory::of(&settings.history, runs.as_deref(), dir, now)?;
        let told =
            history.as_ref().map(|kept| (kept.path().to_owned(), run_name(kept.path(), dir)));
        let tuner = Tuner::of(&settings.tuner, told, now);
        let presign = presigner.map(|maker| Presign::new(maker, metrics.clone(), stop));
        let timeout = access.has_guard_key.then_some(timeout);
        let is_needed = !access.key_is_disposable;
        let guard = GuardRung::new(&access.state_dir, key, timeout, is_needed, far);
        let service =
            Service::new(request.systemd, progress.clone(), link.clone(), metrics.clone());
        let ask = reconcile::ask_over(way.clone());
        let seen = (pipeline.status.clone(), metrics.clone());
        let reconcile = Reconcile::new(ask, link.clone(), seen, universe.clone(), worth);
        let manifest = Manifest::new(feed_stats.clone(), universe.clone());
        let counted = (pipeline.level.clone(), metrics);
        let tasks = Tasks {
            books,
            fit,
            guard,
            killer,
            params: Params::new(reload, Arc::new(worth_now), now),
            risk,
            state,
            links: Links::new(of_links, progress.clone(), counted, dead_after, sockets, feed_stats),
            dead_man,
            service,
            reconcile,
            refused: RefusedCancels::new(way.clone(), clock.clone()),
            manifest,
            slow: SlowWay::new(settings.wire.budget),
            listing: Listing::new(rest.clone(), place, (universe, listed), now),
            candles,
            notify,
            history,
            tuner,
            presign,
            workers: Workers::start()?,
        };
        let mut live = Self {
            about: About { title, notes: [request.about.notes, refused].concat(), ..request.about },
            dir: request.dir,
            settings,
            config,
            tasks,
            params_changes: 0,
            next_latency: start_time + LATENCY_EVERY,
            start_time: clock.now(),
            clock,
            discipline,
            started: Instant::now(),
            plan_name: plan.name,
            threads: Some(threads),
            pipeline,
            link,
            venue,
            rest,
            hurried,
            journal: Some(journal),
            blackbox,
            alerts: Vec::new(),
            exposed,
            halted_by: None,
            curve: Curve::default(),
            fills: LastFills::default(),
            newest,
            days: Days::default(),
            stop: request.stop,
            flatten_within_bps: request.flatten_within_bps,
            way,
            watchdog,
            control,
            heart,
            progress,
            frozen: request.frozen,
        };
        live.tell_the_beginning(found);
        Ok(live)
    }
}

/// The run's journal, with its first line.
fn begin_journal(
    Request { about, dir, runs, access, .. }: &Request,
    settings: &Settings,
    account: Principal,
    now: Nanos,
) -> Result<Journal, AppError> {
    let (max_mb, keep_days) = (settings.journal.max_mb, settings.journal.keep_days);
    let bounds = Bounds::of(max_mb, keep_days, runs.clone());
    let mut journal = Journal::create(dir, &settings.universe(), Some(bounds))?;
    journal.write_line(&lines::begin(kind_of(about, access, account), settings, now));
    Ok(journal)
}

/// What a kill of this run needs.
fn armed(
    Request { access, stop, .. }: &Request,
    pipeline: &Pipeline,
    card: &Card,
    (way, far): (&Way, Option<FarGuard>),
    config: &wiring::Config,
) -> Armed {
    Armed {
        level: pipeline.level.clone(),
        latch: Latch::new(&access.state_dir, access.signer.address()),
        files: kill_files(&access.state_dir),
        stop: stop.clone(),
        coins: card.coins.clone(),
        session: card.session,
        way: way.clone(),
        quiet: startup::quiet(config),
        far,
    }
}

/// What the journal says that this is.
fn kind_of(about: &About, access: &Access, account: Principal) -> Kind {
    let is_real = about.is_real_money;
    Kind {
        verb: about.verb,
        network: match (is_real, access.key_is_disposable) {
            (true, _) => "mainnet".to_owned(),
            (false, true) => "embedded".to_owned(),
            (false, false) => access.endpoint.to_string(),
        },
        is_real_money: is_real,
        // Worth nothing, and another exchange's the next time.
        account: (!access.key_is_disposable).then(|| account.address.to_string()),
    }
}

/// What helpers must know of the run.
fn card(access: &Access, config: &wiring::Config, account: Principal, state: &RunState) -> Card {
    let (venue, quiet) = (access.endpoint.rest_url(), startup::quiet(config));
    let mut card = Card::new(venue, state.session(), &account, quiet);
    let absolute = |ca: &Path| ca.canonicalize().unwrap_or_else(|_| ca.to_owned());
    card.ca = access.tls.extra_ca.as_deref().map(absolute);
    card.shares_account = access.allow_other_session;
    card.coins = config.universe.iter().map(|(_, i)| i.coin.to_string()).collect();
    card
}

/// Ways to the venue that are there for the moments in which connections hang.
fn way_of(
    access: &Access,
    account: Principal,
    nonce: Nonce,
    universe: &Universe,
    (only_session, own_cancels): (&OnlySession, &OwnCancels),
    start: Worth,
) -> Way {
    let (endpoint, tls) = (access.endpoint.clone(), access.tls.clone());
    let (key, network) = (access.signer.clone(), access.endpoint.network());
    let (universe, only_session) = (universe.clone(), only_session.clone());
    let own_cancels = own_cancels.clone();
    Arc::new(move || {
        Ok(AccountClient {
            rest: Rest::with_timeouts(&endpoint, &tls, HURRY)?,
            account,
            signer: RequestSigner::new(key.clone(), network),
            nonce: nonce.clone(),
            universe: universe.clone(),
            only_session: only_session.clone(),
            start,
            own_cancels: own_cancels.clone(),
        })
    })
}

fn guard(
    request: &Request,
    pipeline: &Watched,
    progress: &Progress,
    venue: AccountClient,
    clock: &WallClock,
) -> Result<Watchdog, AppError> {
    let guarded = Guarded {
        stop: request.stop.clone(),
        level: pipeline.level.clone(),
        progress: progress.clone(),
        metrics: pipeline.metrics.clone(),
        venue,
        clock: clock.clone(),
        leave: Box::new(|words, code| watchdog::leave(words, code)),
    };
    Watchdog::start(guarded, watchdog::Patience::default())
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
            orders: metrics.dispatch.open_orders.get(),
            coins: coins.join(", "),
            is_halted: metrics.risk.halted.get() != 0,
        }
    })
}
