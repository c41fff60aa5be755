//! Quote: brings each asset's desk the news, and hands on the quotes that it makes.

use crate::logic::desk::Desk;
use crate::rt::{Board, In, InLatest, Out, OutLatest, Stage};
use crate::stage::metrics::Metrics;
use crate::stage::params::ParamsIn;
use crate::stage::status::{STRATEGY_WORDS, StrategyStatus};
use crate::types::limits::{RING_COMMAND, RING_VENUE};
use crate::types::{
    AssetId, AssetParams, BookView, Instrument, Nanos, QuoteCommand, QuoteTarget, Record, Universe,
    VenueEvent, VenueEventKind,
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
    pub records: Out<Record>,
    /// One board for each asset.
    pub status: Vec<Board<STRATEGY_WORDS>>,
}

/// See the module.
pub struct QuoteStage {
    rings: QuoteRings,
    desks: Vec<Desk>,
    venue_seq: u64,
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
        let desk = |((_, i), p): ((_, &Instrument), &AssetParams)| Desk::new(*i, p);
        Self {
            rings,
            desks: universe.iter().zip(params).map(desk).collect(),
            venue_seq: 0,
            metrics,
        }
    }

    /// Takes the markouts that are due, with the mids known until now.
    fn settle(&mut self, now: Nanos) -> usize {
        let Self { rings, desks, metrics, .. } = self;
        let mut work = 0;
        for (i, desk) in desks.iter_mut().enumerate() {
            let asset = AssetId::new(i);
            let settled = desk.settle(now, |m| {
                rings.records.push_or_drop(Record::Markout {
                    asset,
                    time: now,
                    tid: m.fill.tid,
                    side: m.fill.side,
                    qty: m.fill.qty,
                    horizon: m.horizon,
                    px: m.fill.px,
                    mid_at_fill: m.fill.mid,
                    mid: m.mid,
                });
            });
            if settled > 0 {
                metrics.set_markouts(asset, desk.markouts());
            }
            work += settled;
        }
        work
    }

    fn take_venue(&mut self, now: Nanos) -> usize {
        let mut work = 0;
        while work < RING_VENUE {
            let Some(event) = self.rings.venue.pop() else { break };
            work += 1;
            self.venue_seq += 1;
            let desk = &mut self.desks[event.asset.index()];
            match event.kind {
                VenueEventKind::Fill(fill) => {
                    desk.on_fill(now, &fill);
                    self.metrics.set_markouts(event.asset, desk.markouts());
                }
                VenueEventKind::Opening { position, mark } => desk.on_opening(now, position, mark),
                VenueEventKind::Funding(paid) => desk.on_funding(paid),
                _ => {}
            }
        }
        work
    }

    fn take_commands(&mut self) -> usize {
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
                QuoteCommand::Listed { asset, is_listed } => {
                    self.desks[asset.index()].set_listed(is_listed);
                }
            }
        }
        work
    }

    fn take_views(&mut self) -> usize {
        let Self { rings: QuoteRings { views, params, .. }, desks, .. } = self;
        views.take(
            |v| v.asset.index(),
            |v| {
                params.advance(v.generation, |asset, new| desks[asset.index()].set_params(new));
                desks[v.asset.index()].on_view(v);
            },
        )
    }

    fn decide(&mut self, now: Nanos) -> usize {
        let mut decisions = 0;
        for (i, desk) in self.desks.iter_mut().enumerate() {
            let Some(mut quote) = desk.decide(now, self.venue_seq) else { continue };
            // Its own view may still be of an older one.
            quote.target.generation = self.rings.params.generation();
            // Before the target, so that whoever sees the decision finds its terms.
            self.rings.records.push_or_drop(Record::Terms(quote.terms));
            self.rings.out.push(i, quote.target);
            StrategyStatus::of(desk, &quote.terms, now).show(&mut self.rings.status[i]);
            decisions += 1;
        }
        decisions
    }
}

impl Stage for QuoteStage {
    fn name(&self) -> &'static str {
        "quote"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        self.rings.out.flush();
        let settled = self.settle(now);
        let news = self.take_venue(now) + self.take_commands() + self.take_views();
        settled + news + self.decide(now)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.desks.iter().filter_map(Desk::next_due).min()
    }
}
