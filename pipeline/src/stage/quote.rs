//! Quote: brings each asset's desk the news, and hands on the quotes that it makes.

use crate::logic::desk::Desk;
use crate::logic::freshness::Pulse;
use crate::logic::markouts::{Measured, Measurement};
use crate::logic::past_fills::PastFill;
use crate::rt::{Ahead, Board, In, InLatest, Input, OutLatest, Stage, bring_near};
use crate::stage::metrics::Metrics;
use crate::stage::params::ParamsIn;
use crate::stage::records::RecordsOut;
use crate::stage::status::{STRATEGY_WORDS, StrategyStatus};
use crate::types::fit::LEADERS;
use crate::types::limits::{RING_COMMAND, RING_VENUE};
use crate::types::{
    AlertKind, AssetId, AssetParams, BookView, Commentary, Fact, Instrument, Nanos, QuoteCommand,
    QuoteTarget, Universe, VenueEvent, VenueEventKind,
};
use std::sync::Arc;

/// The rings and boards of the quote stage.
pub struct QuoteRings {
    /// From book.
    pub views: InLatest<BookView>,
    /// From dispatch.
    pub venue: In<VenueEvent>,
    /// From the side thread.
    pub commands: In<QuoteCommand>,
    /// From the side thread.
    pub params: ParamsIn,
    /// To risk.
    pub out: OutLatest<QuoteTarget>,
    /// To the side thread.
    pub records: RecordsOut,
    /// One board for each asset.
    pub status: Vec<Board<STRATEGY_WORDS>>,
}

/// See the module.
pub struct QuoteStage {
    rings: QuoteRings,
    desks: Vec<Desk>,
    universe: Universe,
    /// Of each asset, those whose last second counts in its fit.
    leaders: Vec<[Option<AssetId>; LEADERS]>,
    pulse: Pulse,
    lateness: Lateness,
    venue_seq: u64,
    /// Views that were shown ahead of their time and wait for it: those at the front.
    early: usize,
    metrics: Arc<Metrics>,
}

impl QuoteStage {
    /// One set of parameters for each asset of the universe.
    pub fn new(
        rings: QuoteRings,
        universe: &Universe,
        params: &[AssetParams],
        metrics: Arc<Metrics>,
    ) -> Self {
        assert_eq!(universe.len(), params.len(), "one set of parameters for each asset");
        let leaders = universe.assets().zip(params);
        let leaders = leaders.map(|(asset, p)| leaders_of(universe, asset, p)).collect();
        let desk = |((_, i), p): ((_, &Instrument), &AssetParams)| Desk::new(*i, p);
        Self {
            rings,
            desks: universe.iter().zip(params).map(desk).collect(),
            universe: universe.clone(),
            leaders,
            pulse: Pulse::default(),
            lateness: Lateness::default(),
            venue_seq: 0,
            early: 0,
            metrics,
        }
    }

    fn take_venue(&mut self, now: Nanos) -> usize {
        let mut work = 0;
        while work < RING_VENUE {
            let Some(event) = self.rings.venue.pop() else { break };
            work += 1;
            self.venue_seq += 1;
            let asset = event.asset;
            let desk = &mut self.desks[asset.index()];
            match event.kind {
                VenueEventKind::Fill(fill) => {
                    let records = &mut self.rings.records;
                    desk.on_fill(now, event.venue_time, &fill, |told| {
                        records.fact(fact(asset, now, told));
                    });
                    self.metrics.set_markouts(asset, desk.markouts());
                }
                VenueEventKind::Opening { position, mark } => desk.on_opening(now, position, mark),
                VenueEventKind::Funding(paid) => desk.on_funding(paid),
                VenueEventKind::Ack { .. } if event.took_us > 0 => {
                    desk.on_arrival(Nanos(1_000 * i64::from(event.took_us)));
                }
                _ => {}
            }
        }
        work
    }

    fn take_commands(&mut self, now: Nanos) -> usize {
        let mut work = 0;
        while work < RING_COMMAND {
            let Some(command) = self.rings.commands.pop() else { break };
            work += 1;
            match command {
                QuoteCommand::Candle { asset, series, candle } => {
                    self.desks[asset.index()].on_candle(series, &candle);
                }
                QuoteCommand::CandlesDone { asset, series } => {
                    self.desks[asset.index()].on_candles_done(series);
                }
                QuoteCommand::Fit { asset, state } => {
                    let desk = &mut self.desks[asset.index()];
                    if desk.restore_fit(&state) {
                        let state = desk.fit().state();
                        self.rings.records.fact(Fact::Fit { asset, time: now, state });
                    }
                }
                QuoteCommand::Listed { asset, listing } => {
                    self.desks[asset.index()].set_listing(listing);
                }
                QuoteCommand::Slow { until, mult_e6 } => {
                    self.desks.iter_mut().for_each(|desk| desk.set_slow(until, mult_e6));
                }
            }
        }
        work
    }

    /// Of each asset the newest view counts, but each block's mid is seen.
    fn take_views(&mut self, now: Nanos) -> usize {
        let Self { rings, desks, universe, leaders, metrics, pulse, early, .. } = self;
        let QuoteRings { views, params, records, .. } = rings;
        let mut reader = Reader { desks, universe, leaders, params, records, pulse, metrics };
        let is_ahead = *early > 0;
        let taken = views.take_all(
            |v| !is_ahead || v.recv_time <= now,
            |v| v.asset.index(),
            |v, counts| reader.on_view(now, v, counts),
        );
        *early = early.saturating_sub(taken);
        taken
    }

    /// Views whose time has passed since they were shown: each was the newest in its own moment.
    fn take_early(&mut self, now: Nanos) -> usize {
        let Self { rings, desks, universe, leaders, metrics, pulse, early, .. } = self;
        let QuoteRings { views, params, records, .. } = rings;
        let mut reader = Reader { desks, universe, leaders, params, records, pulse, metrics };
        let mut taken = 0;
        while *early > 0 && views.peek().is_some_and(|view| view.recv_time < now) {
            let Some(view) = views.pop() else { break };
            reader.on_view(view.recv_time, &view, true);
            (taken, *early) = (taken + 1, *early - 1);
        }
        taken
    }

    fn tell_lateness(&mut self, now: Nanos) {
        let limit = self.desks.iter().map(|desk| desk.params().risk.max_feed_delay).min();
        let is_late = limit.is_some_and(|limit| self.pulse.is_late(limit));
        let is_soon = self.lateness.said.is_some_and(|said| now - said < LATENESS_EVERY);
        if is_late != self.lateness.is_late && !is_soon {
            self.lateness = Lateness { is_late, said: Some(now) };
            let kind = if is_late { AlertKind::FeedLate } else { AlertKind::FeedInTime };
            self.rings.records.fact(Fact::Alert { asset: None, time: now, kind });
        }
    }

    fn decide(&mut self, now: Nanos) -> usize {
        let mut decisions = 0;
        for i in 0..self.desks.len() {
            let leaders = self.leaders(now, i);
            let desk = &mut self.desks[i];
            let Some(mut quote) = desk.decide(now, self.venue_seq, &self.pulse, leaders) else {
                continue;
            };
            // Its own view may still be of an older one.
            quote.target.generation = self.rings.params.generation();
            if self.rings.records.comments() {
                // Before the target, so that whoever sees the decision finds its terms.
                self.rings.records.comment(Commentary::Terms(quote.terms));
                StrategyStatus::of(desk, &quote.terms, now).show(&mut self.rings.status[i]);
            }
            self.rings.out.push(i, quote.target);
            if desk.params().wants_fit() {
                self.metrics.set_fit(quote.target.asset, desk.fit().score());
                if let Some(state) = desk.fit_to_tell(now) {
                    let asset = quote.target.asset;
                    self.rings.records.fact(Fact::Fit { asset, time: now, state });
                }
            }
            decisions += 1;
        }
        if decisions > 0 {
            self.tell_lateness(now);
        }
        decisions
    }

    /// The leaders' moves that an asset's decision rests on.
    fn leaders(&self, now: Nanos, asset: usize) -> [Option<f64>; LEADERS] {
        let Some(until) = self.desks[asset].wants_leaders(now) else { return [None; LEADERS] };
        self.leaders[asset].map(|leader| self.desks[leader?.index()].moved(now, until, &self.pulse))
    }
}

/// The first of a coin's leaders that are traded, and not the coin itself.
fn leaders_of(
    universe: &Universe,
    asset: AssetId,
    params: &AssetParams,
) -> [Option<AssetId>; LEADERS] {
    let named = params.fit.leaders.iter().flatten();
    let mut traded =
        named.filter_map(|coin| universe.find(coin.as_bytes())).filter(|leader| *leader != asset);
    core::array::from_fn(|_| traded.next())
}

/// What was last said of the feed's delay, and when.
#[derive(Clone, Copy, Debug, Default)]
struct Lateness {
    is_late: bool,
    said: Option<Nanos>,
}

/// A delay that is now above the limit and now below is told of no more often.
const LATENESS_EVERY: Nanos = Nanos::secs(60);

/// What the news of a view are told to.
struct Reader<'a> {
    desks: &'a mut [Desk],
    universe: &'a Universe,
    leaders: &'a mut [[Option<AssetId>; LEADERS]],
    params: &'a mut ParamsIn,
    records: &'a mut RecordsOut,
    pulse: &'a mut Pulse,
    metrics: &'a Metrics,
}

impl Reader<'_> {
    fn on_view(&mut self, now: Nanos, view: &BookView, counts: bool) {
        let Self { desks, universe, leaders, params, records, pulse, metrics } = self;
        let (asset, index) = (view.asset, view.asset.index());
        let told = desks[index].on_block(now, view, |told| records.fact(fact(asset, now, told)));
        if told > 0 {
            metrics.set_markouts(asset, desks[index].markouts());
        }
        if counts {
            params.advance(view.generation, |asset, new| {
                desks[asset.index()].set_params(new);
                leaders[asset.index()] = leaders_of(universe, asset, new);
            });
            pulse.on_view(view, desks[index].params().risk.stale_book);
            desks[index].on_view(view);
        }
    }
}

fn fact(asset: AssetId, time: Nanos, told: Measurement) -> Fact {
    match told {
        Measurement::MidAtFill(PastFill { time: venue_time, tid, side, px, qty, mid }) => {
            Fact::MidAtFill { asset, time, venue_time, tid, side, qty, px, mid }
        }
        Measurement::Markout(Measured { horizon, fill, mid }) => Fact::Markout {
            asset,
            time,
            tid: fill.tid,
            side: fill.side,
            qty: fill.qty,
            horizon,
            px: fill.px,
            mid_at_fill: fill.mid,
            mid,
        },
    }
}

impl Stage for QuoteStage {
    fn name(&self) -> &'static str {
        "quote"
    }

    /// What was shown of this moment ahead of it comes after all that is heard, as it would in its time.
    fn poll(&mut self, now: Nanos) -> usize {
        let heard = self.hear(now);
        let shown = if self.early > 0 { self.take_views(now) } else { 0 };
        heard + shown + self.decide(now)
    }

    fn hear(&mut self, now: Nanos) -> usize {
        self.rings.out.flush();
        let early = self.take_early(now);
        let heard = early + self.take_venue(now) + self.take_commands(now);
        heard + if self.early == 0 { self.take_views(now) } else { 0 }
    }

    fn hears(&self, now: Nanos) -> bool {
        let QuoteRings { views, venue, commands, out, .. } = &self.rings;
        venue.has_some()
            || views.peek().is_some_and(|view| self.early == 0 || view.recv_time < now)
            || commands.has_some()
            || out.has_pending()
    }

    fn is_due(&self, now: Nanos) -> bool {
        self.next_deadline().is_some_and(|due| due <= now)
            || self.rings.views.peek().is_some_and(|view| view.recv_time <= now)
            || self.hears(now)
    }

    /// Views that were shown ahead of their time wait for it, and are a moment only if they may be decided on.
    fn run_ahead(&mut self, until: Nanos) -> Ahead {
        let Self { rings, desks, early, .. } = self;
        let mut first = until;
        *early = rings.views.look(|view| {
            first = first.min(desks[view.asset.index()].due_with(view.recv_time));
        });
        Ahead::nothing(first)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.desks.iter().filter_map(Desk::due).min()
    }

    fn fault_in(&mut self) {
        self.rings.records.fault_in();
    }

    fn warm(&mut self, _: Nanos) {
        bring_near(self);
        bring_near(&self.desks[..]);
        self.rings.out.warm();
        self.rings.records.warm();
    }

    fn inputs(&mut self, see: &mut dyn FnMut(&mut dyn Input)) {
        let QuoteRings { views, venue, commands, .. } = &mut self.rings;
        see(views.input());
        see(venue);
        see(commands);
    }
}
