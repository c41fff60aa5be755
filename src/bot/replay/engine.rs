//! One replay: a loaded recording through the stages, against the simulator, in virtual time.

use super::exact;
use super::fills::Fills;
use super::notes;
use super::params::{Changes, Changing, RecordedParams};
use super::samples::{Sample, Samples};
use crate::bot::lines::{self, Kind};
use crate::bot::session::{self, Ended};
use crate::data::{self, LoadReport, Loaded};
use crate::exit::AppError;
use crate::journal::Journal;
use crate::masked::masked;
use crate::report::{DataFile, Days, Summary};
use crate::settings::{FeedDelay, QueueSemantics, Settings};
use crate::side::records::Records;
use crate::side::reload::Effect;
use botmm_pipeline::rt::virtual_time::{Drive, run_inline, run_lockstep};
use botmm_pipeline::rt::{Lane, Latencies, Plan, RingStats, Stage, WallClock};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::types::params::GridParams;
use botmm_pipeline::types::{Fact, Nanos, Record, Universe, Usd};
use botmm_pipeline::venue::sim::Market;
use botmm_pipeline::venue::sim::exchange::{AccountReader, Ends, Exchange, VenueAccount};
use botmm_pipeline::venue::sim::latency::Latency;
use botmm_pipeline::venue::sim::orderwise::codec::OrderTape;
use botmm_pipeline::venue::sim::orderwise::market::OrderwiseMarket;
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use botmm_pipeline::venue::tape::{Tape, TapeFeed};
use botmm_pipeline::wiring;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Moments between two looks at rings that only lag, the progress and Ctrl-C.
const LOOK_EVERY: u64 = 64;
/// Of the random numbers of one seed, those of the feed's delays, as in a simulated exchange.
const FEED_WAY: u64 = 2;

/// How a replay is done, whatever it is for.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// Drop nothing between the stages.
    pub lossless: bool,
    /// What explains decisions is neither told nor measured: no terms, no commentary, no latency of stages. What is
    /// decided and filled is the same.
    pub lean: bool,
    /// When events reach us.
    pub feed: FeedDelay,
    /// Our orders stand at their true places among those of the recording.
    pub is_exact: bool,
    /// By whose rules a place that is estimated decides fills.
    pub semantics: QueueSemantics,
    /// What is quoted in place of the configured strategy.
    pub grid: Option<GridParams>,
}

/// What one replay is done with.
pub struct Replay<'a> {
    /// The configuration.
    pub settings: &'a Settings,
    /// See there.
    pub how: How,
    /// Threads; [`None`] = inline.
    pub plan: Option<&'a Plan>,
    /// Where every execution goes.
    pub fills: Option<&'a Path>,
    /// Parameters change as an earlier run's did.
    pub recorded: Option<&'a RecordedParams>,
    /// Where the journal goes.
    pub out: Option<&'a Path>,
    /// Take a sample of the money at each multiple of this.
    pub sample_every: Option<Nanos>,
}

/// What a replay came to.
pub struct Replayed {
    /// The result.
    pub summary: Summary,
    /// The money on the way there, in order of time; its last moment is the end.
    pub samples: Vec<Sample>,
    /// Files that could not be written.
    pub troubles: Vec<AppError>,
    /// Whether a limit halted it.
    pub verdict: Result<(), AppError>,
}

/// Told how much of the recording is behind us, of how much, in milliseconds of its time.
type Progress<'a> = &'a dyn Fn(u64, u64);
/// Told each record, as a journal is.
type Hear<'h> = &'h mut dyn FnMut(&Record);

/// First and last moment of the recording, by either clock, and when the last answer is in.
struct Span {
    start: Nanos,
    last: Nanos,
    end: Nanos,
}

/// The lanes, and the venue that they are driven with.
type Driven = (Vec<Lane>, Box<dyn Stage>);

/// A replay that has begun: what its end is told from.
struct Begun<'h> {
    config: wiring::Config,
    account: AccountReader,
    metrics: Arc<Metrics>,
    rings: Vec<Arc<RingStats>>,
    side: Side<'h>,
    span: Span,
    notes: Vec<String>,
}

impl<'a> Replay<'a> {
    /// Inline, and nothing is kept of it.
    pub fn of(settings: &'a Settings, how: How) -> Self {
        let (plan, fills, recorded, out) = (None, None, None, None);
        Self { settings, how, plan, fills, recorded, out, sample_every: None }
    }
}

impl Replay<'_> {
    /// From the first event to the last answer, or until it is to stop.
    ///
    /// # Errors
    /// The recording has no event or is damaged, it has no single orders and they are asked for, a plan's
    /// threads cannot be begun, or the journal cannot.
    pub fn run(
        &self,
        loaded: &Loaded,
        stop: &AtomicBool,
        progress: Progress<'_>,
    ) -> Result<Replayed, AppError> {
        self.run_heard(loaded, stop, progress, &mut |_| ())
    }

    /// The same, with somebody who hears what the stages tell.
    ///
    /// # Errors
    /// As [`Replay::run`].
    pub fn run_heard(
        &self,
        loaded: &Loaded,
        stop: &AtomicBool,
        progress: Progress<'_>,
        hear: Hear<'_>,
    ) -> Result<Replayed, AppError> {
        let Loaded { tape, universe, report, orders, compiled } = loaded;
        let orders =
            if self.how.is_exact { Some(exact::of(orders.as_ref(), universe)?) } else { None };
        let (driven, mut begun) = self.begin(tape.clone(), orders, universe, hear)?;
        let started = Instant::now();
        self.drive(driven, &mut begun, stop, progress)?;
        data::whole(tape, compiled.as_deref())?;
        Ok(self.end(begun, started.elapsed(), report))
    }

    fn begin<'h>(
        &self,
        tape: Tape,
        orders: Option<Arc<OrderTape>>,
        universe: &Universe,
        hear: Hear<'h>,
    ) -> Result<(Driven, Begun<'h>), AppError> {
        let tape = self.delayed(tape);
        let changes = self.changes(&tape, universe)?;
        let tape = tape.with_statuses(changes.statuses());
        let span = self.span(&tape)?;
        let mut config =
            session::pipeline_config(self.settings, universe.clone(), self.how.lossless);
        if self.how.lean {
            config.commentary = 0;
        }
        let grid = self.how.grid.map(|grid| GridParams { from: span.start, ..grid });
        config.params.iter_mut().for_each(|params| params.grid = grid);
        let mut notes = notes::of_the_venue(&self.settings.sim, self.how.is_exact, &tape, universe);
        notes.extend(notes::of_the_job(self.how.grid, self.how.semantics));
        let (exchange, Ends { gateway, account, .. }) = match orders {
            Some(orders) => {
                let marks = tape.marks().collect();
                self.venue(OrderwiseMarket::new(orders, universe, marks), universe, span.start)
            }
            None => {
                let queue = self.settings.sim.queue;
                let market = RecordedMarket::new(&tape, universe, queue).by(self.how.semantics);
                self.venue(market, universe, span.start)
            }
        };
        let wiring::Pipeline { stages, records, control, metrics, rings, .. } =
            wiring::build(&config, TapeFeed::new(&tape), gateway);
        let clock = WallClock::default();
        let (lanes, latencies) = match self.plan {
            None => Lane::inline(stages, &clock),
            Some(plan) => Lane::by_plan(plan, stages, &clock),
        };
        let lanes =
            if self.how.lean { lanes.into_iter().map(Lane::unmeasured).collect() } else { lanes };
        let mut journal = self.out.map(|dir| Journal::create(dir, universe, None)).transpose()?;
        if let Some(journal) = &mut journal {
            journal.write_line(&lines::begin(kind(), self.settings, span.start));
        }
        changes.raise_limits(&mut config);
        let changing = Changing::new(changes, control);
        let (days, records) = (Days::default(), Records::new(records, &rings));
        let fills = self.fills.map(|_| Fills::of(universe));
        let now = span.start;
        let samples = self.sample_every.map(|every| Samples::new(every, now, universe.len()));
        let side = Side {
            records,
            latencies,
            journal,
            fills,
            changing,
            days,
            samples,
            hear,
            moments: 0,
            now,
        };
        let begun = Begun { config, account, metrics, rings, side, span, notes };
        Ok(((lanes, exchange), begun))
    }

    /// The exchange of a market.
    fn venue(
        &self,
        market: impl Market + 'static,
        universe: &Universe,
        start: Nanos,
    ) -> (Box<dyn Stage>, Ends) {
        let config = session::exchange_config(self.settings, start);
        let (exchange, ends) = Exchange::new(market, universe.clone(), config, false);
        (Box::new(exchange), ends)
    }

    fn drive(
        &self,
        (lanes, venue): Driven,
        Begun { side, span, metrics, .. }: &mut Begun<'_>,
        stop: &AtomicBool,
        progress: Progress<'_>,
    ) -> Result<(), AppError> {
        let total = Nanos::as_millis(span.last - span.start) as u64;
        let mut after_moment = |now: Nanos| {
            side.look(now, metrics);
            if side.moments.is_multiple_of(LOOK_EVERY * 64) {
                progress(Nanos::as_millis(now - span.start).max(0) as u64, total);
            }
            !stop.load(Ordering::Relaxed)
        };
        let (start, end) = (span.start, span.end);
        let drive = Drive { start, end, venue, after_moment: &mut after_moment };
        match self.plan {
            None => run_inline(lanes, drive),
            Some(_) => run_lockstep(lanes, drive).map_err(|e| {
                AppError::data("pipeline", e, "this is a defect: report it with the command line")
            })?,
        }
        Ok(())
    }

    fn end(&self, begun: Begun<'_>, wall: Duration, report: &LoadReport) -> Replayed {
        let Begun { config, account, metrics, rings, mut side, span, mut notes } = begun;
        side.drain();
        let numbers = metrics.numbers(config.universe.len());
        if let Some(journal) = &mut side.journal {
            journal.write_line(&lines::end(&numbers, None, side.now));
        }
        // A full disk hides nothing of what was replayed.
        let mut troubles: Vec<AppError> =
            side.journal.take().and_then(|journal| journal.finish().err()).into_iter().collect();
        if let (Some(fills), Some(path)) = (side.fills.take(), self.fills) {
            troubles.extend(fills.write(path).err());
        }
        notes.extend(notes::of_the_data(report, self.how.feed));
        notes.append(&mut side.changing.notes);
        if side.now < span.last {
            notes.push("interrupted: the recording goes on after the span shown".to_owned());
        }
        let verdict = session::verdict(&numbers);
        let samples = side.samples.take().map(|samples| samples.end(side.now, &numbers));
        let samples = samples.unwrap_or_default();
        let venue_net = VenueAccount::read(&account).net(&session::marks(&numbers));
        let ended = Ended {
            settings: self.settings,
            config: &config,
            numbers,
            rings: &rings,
            latencies: &side.latencies,
            trips: None,
            days: side.days,
            transfers: Some(Usd::ZERO),
            venue_net: Some(venue_net),
            span: side.now.min(span.last) - span.start,
            wall,
            market: "recorded",
            queue: match self.how.is_exact {
                true => "exact".to_owned(),
                false => self.settings.sim.queue.to_string(),
            },
            rules: self.settings.sim.rules.to_string(),
            latency: self.settings.sim.latency.to_string(),
            feed: self.how.feed.to_string(),
            plan: self.plan.map_or("inline", |p| p.name.as_str()).to_owned(),
            data: files(report),
            notes,
            rungs: None,
        };
        Replayed { summary: ended.summary(), samples, troubles, verdict }
    }

    /// The tape as it reaches us.
    fn delayed(&self, tape: Tape) -> Tape {
        match self.how.feed {
            FeedDelay::Recorded => tape,
            FeedDelay::After(model) => {
                tape.received_after(Latency::new(model, self.settings.seed, FEED_WAY))
            }
        }
    }

    /// Where parameters change.
    fn changes(&self, tape: &Tape, universe: &Universe) -> Result<Changes, AppError> {
        match (self.recorded, tape.span()) {
            (Some(recorded), Some(span)) => recorded.changes(self.settings, universe, span),
            _ => Ok(Changes::default()),
        }
    }

    fn span(&self, tape: &Tape) -> Result<Span, AppError> {
        let (Some(recv), Some(venue)) = (tape.span(), tape.venue_span()) else {
            return Err(AppError::data("recording", "no usable event", "name another recording"));
        };
        let (start, last) = (recv.0.min(venue.0), recv.1.max(venue.1));
        // An order on its way at the end, and the answer to it.
        let settle = self.settings.sim.latency.settle_time();
        Ok(Span { start, last, end: last + settle + settle })
    }
}

/// What the side thread does in live trading, done between two moments.
struct Side<'h> {
    records: Records,
    latencies: Latencies,
    journal: Option<Journal>,
    fills: Option<Fills>,
    changing: Changing,
    days: Days,
    samples: Option<Samples>,
    hear: Hear<'h>,
    moments: u64,
    now: Nanos,
}

impl Side<'_> {
    fn look(&mut self, now: Nanos, metrics: &Metrics) {
        if let Some(samples) = &mut self.samples {
            samples.look(now, metrics);
        }
        (self.now, self.moments) = (now, self.moments + 1);
        self.changing.hand_over();
        if self.moments.is_multiple_of(LOOK_EVERY) {
            self.drain();
        }
    }

    fn drain(&mut self) {
        let Self { records, latencies, journal, fills, changing, days, hear, now, .. } = self;
        latencies.drain();
        records.each(*now, |record| {
            hear(record);
            let mut changed = None;
            match *record {
                Record::Fact(Fact::Params { generation, time, market_seq }) => {
                    changed = changing.took_effect(&Effect { generation, time, market_seq });
                }
                Record::Fact(Fact::Day(day)) => days.add(day),
                _ => {}
            }
            if let Some(fills) = fills {
                fills.take(record);
            }
            if let Some(journal) = journal {
                journal.write(record);
                changed.iter().for_each(|line| journal.write_line(line));
            }
        });
        // That it cannot be written is said at the end.
        journal.iter_mut().for_each(|journal| drop(journal.flush()));
    }
}

fn kind() -> Kind {
    let network = "recording".to_owned();
    Kind { verb: "replay", network, is_real_money: false, account: None }
}

/// The files of a recording, as a result names them.
pub fn files(report: &LoadReport) -> Vec<DataFile> {
    let file = |f: &data::FileReport| DataFile {
        path: masked(&f.name).into_owned(),
        sha256: f.sha256.clone(),
        rows: f.rows,
        skipped: f.skipped,
    };
    report.files.iter().map(file).collect()
}
