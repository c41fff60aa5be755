//! Quote: from views and our position to the orders we want.

use crate::logic::bars::Bars;
use crate::logic::ledger::AssetLedger;
use crate::logic::quoter::{QuoteInput, quote};
use crate::rt::{In, InLatest, Out, OutLatest, Stage};
use crate::stage::params::ParamsIn;
use crate::types::limits::RING_VENUE;
use crate::types::{
    AssetParams, BookState, BookView, Nanos, QuoteCommand, QuoteTarget, Record, Universe,
    VenueEvent, VenueEventKind,
};

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
    bars: Bars,
    ledger: AssetLedger,
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
}

impl QuoteStage {
    /// One set of parameters for each asset of the universe.
    pub fn new(rings: QuoteRings, universe: Universe, params: &[AssetParams]) -> Self {
        let asset = |p: &AssetParams| AssetQuoter {
            params: *p,
            view: None,
            bars: Bars::new(p.signal.atr_bar),
            ledger: AssetLedger::default(),
            dirty: false,
            last_decision: None,
        };
        Self { rings, universe, assets: params.iter().map(asset).collect(), venue_seq: 0 }
    }

    fn take_venue(&mut self) -> usize {
        let mut work = 0;
        while work < RING_VENUE {
            let Some(event) = self.rings.venue.pop() else { break };
            work += 1;
            self.venue_seq += 1;
            let asset = &mut self.assets[event.asset.index()];
            match event.kind {
                VenueEventKind::Fill(fill) => {
                    asset.ledger.book(fill.side, fill.px, fill.qty, fill.fee);
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
                signal: 0.0,
                now,
                venue_seq: self.venue_seq,
            };
            // Its own view may still be of an older one.
            let generation = self.rings.params.generation();
            let target = quote(&input, &asset.params, instrument);
            self.rings.out.push(id.index(), QuoteTarget { generation, ..target });
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
        let venue = self.take_venue();
        let Self { rings: QuoteRings { views, params, .. }, assets, .. } = self;
        let views = views.take(
            |v| v.asset.index(),
            |v| {
                params.advance(v.generation, |asset, new| {
                    let asset = &mut assets[asset.index()];
                    // New parameters do not wait for the next quote that is due.
                    (asset.params, asset.dirty, asset.last_decision) = (*new, true, None);
                });
                let asset = &mut assets[v.asset.index()];
                if v.state == BookState::Ok {
                    asset.bars.update(v.recv_time, v.mid);
                }
                (asset.view, asset.dirty) = (Some(*v), true);
            },
        );
        venue + views + self.decide(now)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.assets.iter().filter_map(AssetQuoter::due).min()
    }
}
