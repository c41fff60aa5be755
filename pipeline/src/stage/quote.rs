//! Quote: from views and our position to the orders we want.

use crate::logic::adaptive::Adapted;
use crate::logic::bars::{Atr, Bars};
use crate::logic::ledger::AssetLedger;
use crate::logic::markouts::Markouts;
use crate::logic::quoter::{QuoteInput, Quoter};
use crate::logic::toxicity::SideToxicity;
use crate::rt::{In, InLatest, Out, OutLatest, Stage};
use crate::stage::metrics::Metrics;
use crate::stage::params::ParamsIn;
use crate::types::limits::RING_VENUE;
use crate::types::{
    AssetParams, BookState, BookView, Nanos, QuoteCommand, QuoteTarget, Record, Universe,
    VenueEvent, VenueEventKind,
};
use std::sync::Arc;

/// The rings of the quote stage.
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
}

struct AssetQuoter {
    params: AssetParams,
    view: Option<BookView>,
    bars: Bars<Atr>,
    ledger: AssetLedger,
    markouts: Markouts,
    /// Something changed since the last decision.
    dirty: bool,
    last_decision: Option<Nanos>,
}

impl AssetQuoter {
    /// When the next decision is due: soon after a change, at the latest after a tick.
    fn due(&self) -> Option<Nanos> {
        self.view?;
        let wait = if self.dirty { self.params.requote_min } else { self.params.tick };
        Some(self.last_decision.map_or(Nanos::ZERO, |last| last + wait))
    }
}

/// See the module.
pub struct QuoteStage {
    rings: QuoteRings,
    universe: Universe,
    assets: Vec<AssetQuoter>,
    venue_seq: u64,
    metrics: Arc<Metrics>,
}

impl QuoteStage {
    /// One set of parameters for each asset of the universe.
    pub fn new(
        rings: QuoteRings,
        universe: Universe,
        params: &[AssetParams],
        metrics: Arc<Metrics>,
    ) -> Self {
        let asset = |p: &AssetParams| AssetQuoter {
            params: *p,
            view: None,
            bars: Bars::new(p.signal.atr_bar, Atr::default()),
            ledger: AssetLedger::default(),
            markouts: Markouts::default(),
            dirty: false,
            last_decision: None,
        };
        Self { rings, universe, assets: params.iter().map(asset).collect(), venue_seq: 0, metrics }
    }

    /// Takes the markouts that are due, with the mids known until now.
    fn settle(&mut self, now: Nanos) -> usize {
        let Self { rings, universe, assets, metrics, .. } = self;
        let mut work = 0;
        for (id, _) in universe.iter() {
            let markouts = &mut assets[id.index()].markouts;
            let settled = markouts.settle(now, |m| {
                rings.records.push_or_drop(Record::Markout {
                    asset: id,
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
                metrics.set_markouts(id, markouts);
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
            let asset = &mut self.assets[event.asset.index()];
            match event.kind {
                VenueEventKind::Fill(fill) => {
                    asset.ledger.book(fill.side, fill.px, fill.qty, fill.fee);
                    asset.markouts.on_fill(now, &fill);
                    self.metrics.set_markouts(event.asset, &asset.markouts);
                    asset.dirty = true;
                }
                VenueEventKind::Opening { position, mark } => {
                    asset.ledger.open_with(position, mark);
                    asset.dirty = true;
                }
                VenueEventKind::Funding(paid) => asset.ledger.book_funding(paid),
                _ => {}
            }
        }
        work
    }

    fn decide(&mut self, now: Nanos) -> usize {
        let mut decisions = 0;
        for (id, instrument) in self.universe.iter() {
            let asset = &mut self.assets[id.index()];
            let (Some(view), Some(due)) = (&asset.view, asset.due()) else { continue };
            if now < due {
                continue;
            }
            let vol_bps = view.vol_bps_e6 as f64 * 1e-6;
            let input = QuoteInput {
                view,
                position: asset.ledger.position(),
                atr: asset.bars.atr(view.mid, vol_bps, asset.params.vol_horizon_s),
                is_listed: true,
                score: 0.0,
                signal: 0,
                adapted: Adapted::NOTHING,
                toxicity: [SideToxicity::default(); 2],
                now,
                venue_seq: self.venue_seq,
            };
            let quote = Quoter::new(*instrument, &asset.params).quote(&input);
            // Before the target, so that whoever sees the decision finds its terms.
            self.rings.records.push_or_drop(Record::Terms(quote.terms));
            self.rings.out.push(id.index(), quote.target);
            (asset.dirty, asset.last_decision) = (false, Some(now));
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
        let venue = self.take_venue(now);
        let Self { rings: QuoteRings { views, params, .. }, assets, .. } = self;
        let views = views.take(
            |v| v.asset.index(),
            |v| {
                params.advance(v.generation, |asset, new| {
                    let asset = &mut assets[asset.index()];
                    (asset.params, asset.dirty) = (*new, true);
                });
                let asset = &mut assets[v.asset.index()];
                if v.state == BookState::Ok {
                    asset.bars.update(v.recv_time, v.mid);
                    asset.markouts.on_mid(v.mid);
                }
                (asset.view, asset.dirty) = (Some(*v), true);
            },
        );
        settled + venue + views + self.decide(now)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let quotes = self.assets.iter().filter_map(AssetQuoter::due);
        quotes.chain(self.assets.iter().filter_map(|a| a.markouts.next_due())).min()
    }
}
