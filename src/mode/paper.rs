//! `botmm paper`: the synthetic market on this machine, in wall time, on the plan's threads.

use super::session::{self, Ended};
use crate::cli::PaperArgs;
use crate::exit::AppError;
use crate::report::Summary;
use crate::settings::Settings;
use crate::side::journal::{Journal, make_run_folder, utc, write_whole};
use crate::side::screen::Picture;
use crate::terminal;
use botmm_pipeline::rt::threads::Threads;
use botmm_pipeline::rt::{
    BoardReader, HaltLevel, IdleStrategy, In, Lane, LanePlan, Latencies, LevelCell, Plan,
    RingStats, Stage, WallClock,
};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::status::{AssetStatus, STATUS_WORDS};
use botmm_pipeline::types::{Nanos, Record, Universe};
use botmm_pipeline::venue::sim::exchange::{AccountReader, Exchange, Links, VenueAccount};
use botmm_pipeline::venue::sim::synthetic::{MarketProfile, SyntheticMarket};
use botmm_pipeline::wiring;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Market before the start, so that volatility is known at once (live: candles do this).
const HISTORY: Nanos = Nanos::secs(120);
/// The side thread's turn.
const TURN: Duration = Duration::from_millis(20);
/// Pictures of the status screen, and lines where there is no screen.
const SCREEN_EVERY: Duration = Duration::from_millis(250);
const LINE_EVERY: Duration = Duration::from_secs(5);
/// How long the orders may take to be cancelled at the end.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(3);
/// Alerts kept on the screen.
const ALERTS_SHOWN: usize = 5;
const NOTES: [&str; 3] = [
    "a synthetic market: it shows that the bot works, not that it earns",
    "its agents are calibrated to 35 minutes of 2025-09-04; queues at the touch are shorter than real",
    "funding is not simulated",
];

/// Runs the verb.
pub fn run(args: &PaperArgs) -> Result<(), AppError> {
    let settings = session::settings(&args.common, &args.overrides())?;
    let Some(plan) = session::plan(&settings.plan_name)? else {
        return Err(AppError::Usage(
            "plan `inline` has no threads, and paper runs in wall time: use solo, paired, \
             dedicated or auto"
                .to_owned(),
        ));
    };
    let stop = session::stop_flag()?;
    let clock = WallClock::default();
    let dir = match &args.common.out {
        Some(dir) => dir.clone(),
        None => make_run_folder(Path::new("runs"), clock.now())?,
    };
    let mut paper = Paper::start(&settings, plan, clock, dir)?;
    let show = Show::choose(args.common.json);
    let time_limit = args.duration.map(|d| Duration::from_nanos(d.0 as u64));
    show.begin();
    let ended = paper.watch(&stop, time_limit, &show);
    drop(show);
    let summary = paper.finish(&settings)?;
    let json = summary.to_json().map_err(|e| AppError::io("summary", "write")(e.into()))?;
    write_whole(&paper.dir.join("summary.json"), &json)?;
    terminal::print(&if args.common.json { json } else { summary.to_string() })?;
    if !args.common.json {
        terminal::print(&format!("journal: {}\n", paper.dir.join("journal.jsonl").display()))?;
    }
    ended?;
    session::verdict(&paper.metrics)
}

/// Where the status goes.
enum Show {
    /// A terminal: one refreshed screen.
    Screen,
    /// A pipe or a log: a line now and then.
    Lines,
    /// Nothing but the summary.
    Nothing,
}

impl Show {
    fn choose(json: bool) -> Self {
        match json {
            true => Self::Nothing,
            false if std::io::stdout().is_terminal() => Self::Screen,
            false => Self::Lines,
        }
    }
    /// The alternate screen, without a cursor: what was there before comes back at the end.
    fn begin(&self) {
        if matches!(self, Self::Screen) {
            let _ = terminal::print("\x1b[?1049h\x1b[?25l");
        }
    }
    fn every(&self) -> Duration {
        if matches!(self, Self::Screen) { SCREEN_EVERY } else { LINE_EVERY }
    }
    fn picture(&self, picture: &Picture<'_>) {
        let _ = match self {
            Self::Screen => {
                // Each line erases the rest of what was there, so that nothing flickers.
                let text = picture.text().replace('\n', "\x1b[K\n");
                terminal::print(&format!("\x1b[H{text}\x1b[J"))
            }
            Self::Lines => terminal::print(&format!("{}\n", picture.line())),
            Self::Nothing => Ok(()),
        };
    }
}

/// However it ends, a panic included, the terminal is given back as it was.
impl Drop for Show {
    fn drop(&mut self) {
        if matches!(self, Self::Screen) {
            let _ = terminal::print("\x1b[?25h\x1b[?1049l");
        }
    }
}

/// A running paper market.
struct Paper {
    dir: PathBuf,
    title: String,
    plan_name: String,
    config: wiring::Config,
    clock: WallClock,
    started: Instant,
    start_time: Nanos,
    pipeline: Option<Threads>,
    venue: Option<Threads>,
    level: Arc<LevelCell>,
    metrics: Arc<Metrics>,
    rings: Vec<Arc<RingStats>>,
    status: Vec<BoardReader<STATUS_WORDS>>,
    account: AccountReader,
    records: Vec<In<Record>>,
    latencies: Latencies,
    venue_latencies: Latencies,
    journal: Option<Journal>,
    alerts: Vec<String>,
}

impl Paper {
    fn start(
        settings: &Settings,
        plan: Plan,
        clock: WallClock,
        dir: PathBuf,
    ) -> Result<Self, AppError> {
        let universe = settings.universe();
        let journal = Journal::create(&dir, &universe)?;
        let config = session::pipeline_config(settings, universe.clone(), false);
        let start_time = clock.now();
        let market = synthetic(&universe, start_time - HISTORY, settings.seed);
        let (mut exchange, Links { feed, gateway, account }) =
            Exchange::new(market, universe, session::exchange_config(settings), true);
        exchange.poll(start_time);
        let wiring::Pipeline { stages, records, status, metrics, rings, level } =
            wiring::build(&config, feed, gateway);

        let (lanes, latencies) = Lane::by_plan(&plan, stages, &clock);
        let (venue_lanes, venue_latencies) =
            Lane::by_plan(&venue_plan(), vec![Box::new(exchange)], &clock);
        let spawn =
            |lanes| Threads::start(lanes, &clock, &level).map_err(AppError::io("threads", "start"));
        let (venue, pipeline) = (Some(spawn(venue_lanes)?), Some(spawn(lanes)?));
        let title =
            format!("botmm paper  ·  synthetic market, seed {}, plan {}", settings.seed, plan.name);
        Ok(Self {
            dir,
            title,
            plan_name: plan.name,
            config,
            clock,
            started: Instant::now(),
            start_time,
            pipeline,
            venue,
            level,
            metrics,
            rings,
            status,
            account,
            records,
            latencies,
            venue_latencies,
            journal: Some(journal),
            alerts: Vec::new(),
        })
    }

    /// The side thread's loop, until told to stop.
    fn watch(
        &mut self,
        stop: &AtomicBool,
        limit: Option<Duration>,
        show: &Show,
    ) -> Result<(), AppError> {
        let mut next_picture = Duration::ZERO;
        loop {
            let elapsed = self.started.elapsed();
            self.drain();
            if elapsed >= next_picture {
                self.show(show);
                next_picture = elapsed + show.every();
            }
            if stop.load(Ordering::Relaxed) || limit.is_some_and(|l| elapsed >= l) {
                return Ok(());
            }
            if let Some(lane) = self.dead_lane() {
                return Err(AppError::RiskHalt { reason: format!("lane {lane} died") });
            }
            if self.level.get() == HaltLevel::Halt {
                return Err(AppError::RiskHalt { reason: self.newest_alert() });
            }
            std::thread::sleep(TURN);
        }
    }

    fn dead_lane(&self) -> Option<String> {
        let threads = [&self.pipeline, &self.venue];
        threads.into_iter().flatten().find_map(|t| t.dead_lane().map(str::to_owned))
    }

    fn newest_alert(&self) -> String {
        self.alerts.last().cloned().unwrap_or_else(|| "the halt level was raised".to_owned())
    }

    fn drain(&mut self) {
        self.latencies.drain();
        self.venue_latencies.drain();
        for ring in &mut self.records {
            while let Some(record) = ring.pop() {
                if let Some(journal) = &mut self.journal {
                    journal.write(&record);
                }
                if let Record::Alert { asset, time, kind } = record {
                    let coin = asset.map(|a| self.config.universe.get(a).coin);
                    let coin = coin.map_or(String::new(), |c| format!("{c}: "));
                    // Only what is shown is kept: the journal has them all, and this runs for months.
                    if self.alerts.len() == ALERTS_SHOWN {
                        self.alerts.remove(0);
                    }
                    self.alerts.push(format!("{} {coin}{}", utc(time), kind.in_words()));
                }
            }
        }
        if let Some(journal) = &mut self.journal {
            journal.flush();
        }
    }

    fn show(&self, show: &Show) {
        let assets: Vec<_> = self.status.iter().map(AssetStatus::read).collect();
        show.picture(&Picture {
            title: &self.title,
            elapsed: self.started.elapsed(),
            capital: self.config.params[0].risk.capital_usd,
            universe: &self.config.universe,
            assets: &assets,
            metrics: &self.metrics,
            latencies: &self.latencies,
            alerts: &self.alerts,
        });
    }

    /// Cancels what rests, waits for the venue's word, stops the threads.
    fn finish(&mut self, settings: &Settings) -> Result<Summary, AppError> {
        self.level.raise(HaltLevel::Halt);
        let mut notes: Vec<String> = NOTES.map(str::to_owned).into();
        let asked = Instant::now();
        // Two ways there and back, so that a first reading of zero is not one before the cancels.
        let settle = settings.sim.latency.settle_time();
        let at_least = Duration::from_nanos(4 * settle.0.max(0) as u64).min(CANCEL_TIMEOUT);
        while asked.elapsed() < at_least || self.metrics.open_orders.get() > 0 {
            if asked.elapsed() > CANCEL_TIMEOUT + at_least {
                let open = self.metrics.open_orders.get();
                notes.push(format!("{open} orders were not confirmed cancelled at the end"));
                break;
            }
            self.drain();
            std::thread::sleep(TURN);
        }
        let (wall, end) = (self.started.elapsed(), self.clock.now());
        for threads in [self.pipeline.take(), self.venue.take()].into_iter().flatten() {
            let unpinned = threads.unpinned();
            notes.extend(unpinned.map(|l| format!("lane {l} could not be pinned to its core")));
            if let Err(lane) = threads.stop() {
                notes.push(format!("lane {lane} died: the numbers end there"));
            }
        }
        self.drain();
        if let Some(journal) = self.journal.take() {
            journal.finish()?;
        }
        let ended = Ended {
            settings,
            config: &self.config,
            metrics: &self.metrics,
            rings: &self.rings,
            latencies: &self.latencies,
            venue_net: Some(VenueAccount::read(&self.account).net(&session::marks(&self.metrics))),
            span: end - self.start_time,
            wall,
            market: "synthetic",
            queue: "exact (price-time)".to_owned(),
            plan: self.plan_name.clone(),
            data: Vec::new(),
            notes,
        };
        Ok(ended.summary())
    }
}

/// The market's agents, one profile for each coin.
fn synthetic(universe: &Universe, start: Nanos, seed: u64) -> SyntheticMarket {
    let profiles = universe.iter().map(|(_, i)| MarketProfile::of(i, None)).collect();
    SyntheticMarket::new(universe, profiles, start, seed)
}

/// The venue's own thread: polite, since it stands for another machine.
fn venue_plan() -> Plan {
    let lane = LanePlan { stages: vec!["venue".to_owned()], core: None, idle: IdleStrategy::Park };
    Plan { name: "venue".to_owned(), lanes: vec![lane] }
}
