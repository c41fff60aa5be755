//! Quote: brings each asset's desk the news, and hands on the quotes that it makes.

use crate::logic::desk::Desk;
use crate::logic::freshness::Pulse;
use crate::logic::markouts::{Measured, Measurement};
use crate::logic::past_fills::PastFill;
use crate::rt::{Board, In, InLatest, Input, OutLatest, Stage};
use crate::stage::metrics::Metrics;
use crate::stage::params::ParamsIn;
use crate::stage::records::RecordsOut;
use crate::stage::status::{STRATEGY_WORDS, StrategyStatus};
use crate::types::limits::{RING_COMMAND, RING_VENUE};
use crate::types::{
    AssetId, AssetParams, BookView, Commentary, Fact, Instrument, Nanos, QuoteCommand, QuoteTarget,
    Universe, VenueEvent, VenueEventKind,
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
    pulse: Pulse,
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
            pulse: Pulse::default(),
            venue_seq: 0,
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
                QuoteCommand::Listed { asset, listing } => {
                    self.desks[asset.index()].set_listing(listing);
                }
            }
        }
        work
    }

    /// Of each asset the newest view counts, but each block's mid is seen.
    fn take_views(&mut self, now: Nanos) -> usize {
        let Self { rings, desks, metrics, pulse, .. } = self;
        let QuoteRings { views, params, records, .. } = rings;
        views.take_all(
            |v| v.asset.index(),
            |v, counts| {
                let desk = &mut desks[v.asset.index()];
                let told = desk.on_block(now, v, |told| {
                    records.fact(fact(v.asset, now, told));
                });
                if told > 0 {
                    metrics.set_markouts(v.asset, desk.markouts());
                }
                if counts {
                    params.advance(v.generation, |asset, new| desks[asset.index()].set_params(new));
                    let desk = &mut desks[v.asset.index()];
                    pulse.on_view(v, desk.params().risk.stale_book);
                    desk.on_view(v);
                }
            },
        )
    }

    fn decide(&mut self, now: Nanos) -> usize {
        let mut decisions = 0;
        for (i, desk) in self.desks.iter_mut().enumerate() {
            let Some(mut quote) = desk.decide(now, self.venue_seq, &self.pulse) else { continue };
            // Its own view may still be of an older one.
            quote.target.generation = self.rings.params.generation();
            // Before the target, so that whoever sees the decision finds its terms.
            self.rings.records.comment(Commentary::Terms(quote.terms));
            self.rings.out.push(i, quote.target);
            StrategyStatus::of(desk, &quote.terms, now).show(&mut self.rings.status[i]);
            decisions += 1;
        }
        decisions
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

    fn poll(&mut self, now: Nanos) -> usize {
        self.hear(now) + self.decide(now)
    }

    fn hear(&mut self, now: Nanos) -> usize {
        self.rings.out.flush();
        self.take_venue(now) + self.take_commands() + self.take_views(now)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.desks.iter().filter_map(Desk::due).min()
    }

    fn inputs(&mut self, see: &mut dyn FnMut(&mut dyn Input)) {
        let QuoteRings { views, venue, commands, .. } = &mut self.rings;
        see(views.input());
        see(venue);
        see(commands);
    }
}
