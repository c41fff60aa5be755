//! A bot that trades over sockets in wall time: what `run` and `paper` share. They differ in the
//! venue that they reach, and in nothing else.

mod begin;
mod compare;
mod connect;
mod control;
mod ending;
mod flat;
pub mod frozen;
mod last_check;
mod local;
mod metrics;
mod notify;
mod params;
mod place;
mod risk;
mod show;
pub mod startup;
mod tasks;
#[cfg(test)]
mod tests;
pub mod watchdog;
mod whole;

pub use ending::Finished;
pub use place::place;
pub use show::Show;
pub use startup::{Access, threaded_plan};
pub use whole::trade;

use crate::bot::blackbox::Blackbox;
use crate::bot::lines;
use crate::exit::AppError;
use crate::journal::Journal;
use crate::masked::masked;
use crate::net::Rest;
use crate::report::Days;
use crate::rungs::Rungs;
use crate::settings::{Draft, Overrides, Settings};
use crate::side::alert::{Alert, Topic};
use crate::side::beat::Heart;
use crate::side::control::Control;
use crate::side::progress::Progress;
use crate::side::records::Records;
use crate::side::reload::Effect;
use crate::speaker;
use crate::stop::Stop;
use crate::systemd::Systemd;
use crate::terminal;
use crate::ui::curve::Curve;
use crate::ui::fills::LastFills;
use crate::ui::view::{Newest, Parts, View};
use crate::venue_api::account::{AccountClient, Way};
use crate::when::utc;
use botmm_pipeline::rt::threads::Threads;
use botmm_pipeline::rt::{
    BoardReader, Discipline, HaltLevel, Latencies, LevelCell, Trips, WallClock,
};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::status::{AssetStatus, STATUS_WORDS, STRATEGY_WORDS, StrategyStatus};
use botmm_pipeline::types::{AlertKind, Fact, Nanos, Record};
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};
use botmm_pipeline::wiring;
use frozen::Frozen;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tasks::Tasks;
use watchdog::Watchdog;

/// The side thread's turn.
const TURN: Duration = Duration::from_millis(20);
/// How often the journal is told how long polls take; and at the end.
const LATENCY_EVERY: Nanos = Nanos::secs(3_600);
/// How often whoever asks sees something new.
const VIEW_EVERY: Duration = Duration::from_secs(1);
/// Alerts kept to be shown.
const ALERTS_SHOWN: usize = 20;

/// What screen and summary say of a run.
pub struct About {
    /// `run` or `paper`.
    pub verb: &'static str,
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
    /// What a reader of the summary must know.
    pub notes: Vec<String>,
}

/// What a live run is asked to do.
pub struct Request {
    /// What is said of it.
    pub about: About,
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
    /// Tells it to end.
    pub stop: Arc<Stop>,
    /// Who is told how it goes, if systemd started it.
    pub systemd: Option<Systemd>,
    /// What is held at the end is closed too, at no price further from the mark than this.
    pub flatten_within_bps: Option<u32>,
    /// What a drill makes stand.
    pub frozen: Frozen,
}

/// A running bot.
pub struct Live {
    about: About,
    dir: PathBuf,
    settings: Settings,
    /// What the pipeline was built from; limits that were raised since are the highest that held.
    config: wiring::Config,
    tasks: Tasks,
    params_changes: u64,
    clock: WallClock,
    discipline: Discipline,
    started: Instant,
    start_time: Nanos,
    next_latency: Nanos,
    plan_name: String,
    threads: Option<Threads>,
    pipeline: Watched,
    link: BoardReader<VIEW_WORDS>,
    venue: AccountClient,
    /// For its questions while it runs, and at the end.
    rest: Rest,
    hurried: Rest,
    journal: Option<Journal>,
    blackbox: Option<Blackbox>,
    alerts: Vec<String>,
    exposed: metrics::Exposed,
    /// The alert of what halted the run, if one did: others come after it.
    halted_by: Option<String>,
    curve: Curve,
    fills: LastFills,
    newest: Newest,
    days: Days,
    stop: Arc<Stop>,
    flatten_within_bps: Option<u32>,
    way: Way,
    watchdog: Watchdog,
    /// Held as long as the bot listens; [`None`] = it cannot.
    control: Option<Control>,
    heart: Heart,
    progress: Progress,
    frozen: Frozen,
}

/// What is left of a pipeline in the side thread's hands.
struct Watched {
    level: Arc<LevelCell>,
    metrics: Arc<Metrics>,
    rings: Vec<Arc<botmm_pipeline::rt::RingStats>>,
    status: Vec<BoardReader<STATUS_WORDS>>,
    strategy: Vec<BoardReader<STRATEGY_WORDS>>,
    records: Records,
    control: wiring::Control,
    latencies: Latencies,
    trips: Trips,
}

impl Live {
    /// The side thread's loop, until told to stop. A panic of it is a halt.
    pub fn watch(&mut self, limit: Option<Duration>, show: &Show) -> Result<(), AppError> {
        caught(|| self.turns(limit, show)).unwrap_or_else(|said| {
            self.pipeline.level.raise(HaltLevel::Halt);
            Err(AppError::RiskHalt { reason: format!("the side thread panicked: {said}") })
        })
    }

    fn turns(&mut self, limit: Option<Duration>, show: &Show) -> Result<(), AppError> {
        let stop = self.stop.clone();
        let (mut next_view, mut next_shown) = (Duration::ZERO, Duration::ZERO);
        loop {
            let elapsed = self.started.elapsed();
            self.progress.side_turns(self.clock.now());
            self.frozen.side_stands();
            self.drain();
            if let Some(set) = self.discipline.turn() {
                self.tasks.presign.iter().for_each(|made| made.generation().end());
                self.say(Alert::warn(Topic::Machine, set.to_string()));
            }
            self.do_tasks();
            self.expose();
            if elapsed >= next_view {
                let view = self.view();
                if elapsed >= next_shown {
                    show.view(&view);
                    next_shown = elapsed + show.every();
                }
                self.newest.set(view);
                next_view = elapsed + show.every().min(VIEW_EVERY);
            }
            if stop.is_suspension_asked() {
                self.suspend(&stop);
            }
            if stop.is_asked() {
                let why = stop.signal().filter(|signal| *signal != "SIGTERM");
                why.iter()
                    .for_each(|why| self.say(Alert::info(Topic::Run, format!("{why}: ending"))));
                return Ok(());
            }
            if show.is_asked_to_end() || limit.is_some_and(|l| elapsed >= l) {
                return Ok(());
            }
            if let Some(lane) = self.threads.as_ref().and_then(Threads::dead_lane) {
                return Err(AppError::RiskHalt { reason: format!("lane {lane} died") });
            }
            if self.pipeline.level.raised() == HaltLevel::Halt {
                self.drain(); // What raised it has been told by now.
                return Err(AppError::RiskHalt { reason: self.why_halted() });
            }
            std::thread::sleep(TURN);
        }
    }

    fn why_halted(&self) -> String {
        if let Some(alert) = &self.halted_by {
            return alert.clone();
        }
        let alert = self.alerts.last().map_or("the halt level was raised", String::as_str);
        match GatewayView::read(&self.link).text.as_str() {
            "" => alert.to_owned(),
            said => format!("{alert} (the venue said: {said})"),
        }
    }

    /// What each task has to do, to say, and to write down.
    fn do_tasks(&mut self) {
        let out = self.tasks.turn(&mut self.pipeline.control, &self.clock);
        if let Some(journal) = &mut self.journal {
            out.lines.iter().for_each(|line| journal.write_line(line));
        }
        out.said.into_iter().for_each(|alert| self.say(alert));
        if let Some(news) = self.blackbox.as_mut().and_then(Blackbox::news) {
            self.say(Alert::warn(Topic::Machine, news));
        }
        let now = self.clock.now();
        if now >= self.next_latency {
            self.next_latency = now + LATENCY_EVERY;
            self.tell_latency(now);
        }
    }

    fn tell_latency(&mut self, now: Nanos) {
        if let Some(journal) = &mut self.journal {
            let Watched { latencies, trips, .. } = &self.pipeline;
            journal.write_line(&lines::latency(latencies, trips, now));
        }
    }

    fn drain(&mut self) {
        self.pipeline.latencies.drain();
        self.pipeline.trips.drain();
        if let Some(breaches) = self.pipeline.trips.take_breaches() {
            self.tasks.slow.breached(breaches);
        }
        for mut record in self.pipeline.records.take(self.clock.now()) {
            if let Record::Fact(Fact::Alert { kind, time, .. }) = &mut record {
                *kind = self.named(*kind, *time);
            }
            if let Some(journal) = &mut self.journal {
                journal.write(&record);
            }
            if let Record::Fact(fact) = &record {
                self.hear(fact);
            }
        }
        self.write_down();
    }

    /// An order that is gone was cancelled by us too, where it was not by the order link.
    fn named(&self, kind: AlertKind, time: Nanos) -> AlertKind {
        match self.tasks.killer.why() {
            Some(_) if matches!(kind, AlertKind::CanceledByOther | AlertKind::OrdersVanish) => {
                AlertKind::CanceledOverHttps
            }
            _ => self.tasks.links.named(kind, time),
        }
    }

    /// Hands the journal's writer what there is for it. Without room for facts, trading is over.
    fn write_down(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        let (said, overrun) = (journal.flush(), journal.overrun());
        said.into_iter().for_each(|said| self.say(Alert::warn(Topic::Machine, said)));
        if let Some(why) = overrun
            && self.pipeline.level.raised() != HaltLevel::Halt
        {
            self.pipeline.level.raise(HaltLevel::Halt);
            self.halted_by_this(Alert::critical(Topic::Machine, why), self.clock.now());
        }
    }

    fn hear(&mut self, fact: &Fact) {
        self.fills.take(fact);
        self.tasks.hear(fact);
        match *fact {
            Fact::Params { generation, time, market_seq } => {
                self.params_took_effect(Effect { generation, time, market_seq });
            }
            Fact::Day(day) => self.days.add(day),
            Fact::Alert { asset, time, kind } => {
                if matches!(kind, AlertKind::OtherProcess | AlertKind::YoungerProcess) {
                    self.venue.only_session.set(self.tasks.state.session());
                }
                let coin = asset.map(|a| self.config.universe.get(a).coin);
                let coin = coin.map_or(String::new(), |c| format!("{c}: "));
                let why = self.reason_of(kind);
                let alert = Alert::of_stage(kind, format!("{coin}{kind}{why}"));
                match kind.is_halt() {
                    true => self.halted_by_this(alert, time),
                    false => self.say_at(time, alert),
                }
            }
            _ => {}
        }
    }

    /// Tells a person that the run ends, and why; the first such reason is the run's.
    fn halted_by_this(&mut self, alert: Alert, time: Nanos) {
        let line = masked(&format!("{} {alert}", utc(time))).into_owned();
        self.halted_by.get_or_insert(line);
        self.say_at(time, alert);
    }

    /// Tells a person, now.
    fn say(&mut self, alert: Alert) {
        self.say_at(self.clock.now(), alert);
    }

    /// Tells a person what happened at this time. Only what is shown is kept: the journal has the
    /// alerts, and this runs for months.
    fn say_at(&mut self, time: Nanos, alert: Alert) {
        self.tasks.notify.tell(time, &alert);
        self.exposed.count(&alert);
        let line = masked(&format!("{} {alert}", utc(time))).into_owned();
        if !terminal::has_screen() {
            speaker::complain(line.as_str());
        }
        if self.alerts.len() == ALERTS_SHOWN {
            self.alerts.remove(0);
        }
        self.alerts.push(line);
    }

    /// What is shown of it now.
    fn view(&mut self) -> View {
        let numbers = self.pipeline.metrics.numbers(self.config.universe.len());
        self.curve.add(self.started.elapsed(), numbers.net());
        let assets: Vec<_> = self.pipeline.status.iter().map(AssetStatus::read).collect();
        let strategies: Vec<_> = self.pipeline.strategy.iter().map(StrategyStatus::read).collect();
        let link = GatewayView::read(&self.link);
        let (used, cap) = link.requests;
        let parts = Parts {
            now: self.clock.now(),
            network: self.about.network,
            is_real_money: self.about.is_real_money,
            title: &self.about.title,
            elapsed: self.started.elapsed(),
            opening: link.opening.map(|_| self.venue.start.value),
            requests_left: (cap > 0).then(|| cap.saturating_sub(used)),
            rungs: self.rungs(),
            unattended: self.tasks.links.unattended(self.clock.now()),
            universe: &self.config.universe,
            assets: &assets,
            strategies: &strategies,
            risk: self.risk_line(),
            numbers: &numbers,
            commentary_dropped: self.commentary_dropped(),
            latencies: &self.pipeline.latencies,
            trips: &self.pipeline.trips,
            curve: &self.curve,
            fills: &self.fills,
            alerts: &self.alerts,
        };
        parts.view()
    }

    /// Who would cancel what rests, were this bot gone.
    fn rungs(&self) -> Rungs {
        Rungs {
            exchange: self.tasks.dead_man.rung(self.clock.now()),
            guard: self.tasks.guard.rung(),
            systemd: self.tasks.service.rung(),
            exchange_requests: self.tasks.dead_man.requests(),
        }
    }

    fn risk_line(&self) -> String {
        let limits = self.tasks.params.reload.settings();
        let risk = self.tasks.risk.status(limits.account_limits());
        let killer = &self.tasks.killer;
        match killer.why() {
            Some(why) => {
                format!("{}: `{}` ends it  ·  {risk}", why.to_uppercase(), killer.command())
            }
            None => risk,
        }
    }

    fn commentary_dropped(&self) -> u64 {
        self.pipeline.records.dropped() + self.journal.as_ref().map_or(0, Journal::dropped)
    }

    /// Where its journal is.
    pub fn dir(&self) -> PathBuf {
        self.dir.clone()
    }
}

/// Does a part of the side thread's work; an error is what a panic said, which has been told on stderr.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|said| {
        let text = said.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| said.downcast_ref::<String>().cloned());
        text.unwrap_or_else(|| "no words".to_owned())
    })
}
