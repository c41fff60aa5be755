//! A bot that trades over sockets in wall time: what `run` and `paper` share. They differ in the
//! venue that they reach, and in nothing else.

mod begin;
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
mod whole;

pub use ending::Finished;
pub use show::Show;
pub use startup::{Access, threaded_plan};
pub use whole::trade;

use crate::bot::session;
use crate::exit::AppError;
use crate::journal::Journal;
use crate::masked::masked;
use crate::net::{Rest, WsStatus};
use crate::report::Days;
use crate::settings::{Draft, Overrides, Settings};
use crate::side::candles::{self, BackFill};
use crate::side::records;
use crate::side::reload::{Effect, Reload};
use crate::side::risk_state::RiskKeeper;
use crate::side::state::RunState;
use crate::stop::Stop;
use crate::terminal;
use crate::ui::screen::{LastFills, Picture};
use crate::venue_api::account::{OpenOrder, VenueSide};
use crate::venue_api::worth;
use crate::when::utc;
use botmm_pipeline::rt::threads::Threads;
use botmm_pipeline::rt::{BoardReader, Discipline, HaltLevel, In, Latencies, LevelCell, WallClock};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::status::{AssetStatus, STATUS_WORDS, STRATEGY_WORDS, StrategyStatus};
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::{Nanos, Qty, Record, Usd};
use botmm_pipeline::venue::hl::feed::FeedStats;
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};
use botmm_pipeline::wiring;
use links::Fallback;
use listing::Listing;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use watchdog::Watchdog;

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

/// Does a part of the side thread's work; an error is what a panic said, which has been told on stderr.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|said| {
        let text = said.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| said.downcast_ref::<String>().cloned());
        text.unwrap_or_else(|| "no words".to_owned())
    })
}
