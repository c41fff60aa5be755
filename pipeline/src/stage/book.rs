//! Book: keeps each asset's book and its estimates, publishes views.

use crate::logic::book::Book;
use crate::logic::estimates::{Imbalance, Volatility};
use crate::rt::{In, OutLatest, Stage};
use crate::stage::params::ParamsIn;
use crate::types::limits::POLL_BATCH;
use crate::types::{AssetId, AssetParams, BookState, BookView, Link, MarketEvent, Nanos, Side};

struct AssetBook {
    book: Book,
    volatility: Volatility,
    imbalance: Imbalance,
    params: AssetParams,
    view: BookView,
}

/// See the module.
pub struct BookStage {
    input: In<MarketEvent>,
    out: OutLatest<BookView>,
    params: ParamsIn,
    assets: Vec<AssetBook>,
}

fn volatility(params: &AssetParams) -> Volatility {
    let mut volatility =
        Volatility::new(params.vol_sample, params.vol_halflife_s, params.vol_horizon_s);
    volatility.begin_with(params.start_vol_bps);
    volatility
}

impl BookStage {
    /// One set of parameters for each asset.
    pub fn new(
        input: In<MarketEvent>,
        out: OutLatest<BookView>,
        changes: ParamsIn,
        params: &[AssetParams],
    ) -> Self {
        let asset = |(i, p): (usize, &AssetParams)| AssetBook {
            book: Book::default(),
            volatility: volatility(p),
            imbalance: Imbalance::default(),
            params: *p,
            view: BookView { asset: AssetId::new(i), ..BookView::default() },
        };
        let assets = params.iter().enumerate().map(asset).collect();
        Self { input, out, params: changes, assets }
    }

    fn on_event(&mut self, event: &MarketEvent) {
        match event {
            MarketEvent::Book(snapshot) => {
                let asset = &mut self.assets[snapshot.asset.index()];
                if asset.book.apply_snapshot(snapshot) {
                    let raw = asset.book.imbalance(asset.params.imbalance_levels);
                    asset.imbalance.update(raw, asset.params.imbalance_alpha);
                    asset.refresh(event, snapshot.seq);
                    self.publish(snapshot.asset);
                }
            }
            MarketEvent::Bbo(bbo) => {
                let asset = &mut self.assets[bbo.asset.index()];
                if asset.book.apply_bbo(bbo) {
                    asset.refresh(event, bbo.seq);
                    self.publish(bbo.asset);
                }
            }
            // Trades move no book; estimates of arrival rates will take them from here.
            MarketEvent::Trade(_) => {}
            MarketEvent::Status(status) => match status.link {
                Link::Up => {}
                Link::Dropped => self.void(status.asset, event),
                Link::Down => {
                    (0..self.assets.len()).for_each(|i| self.void(AssetId::new(i), event));
                }
                Link::NewParams => self.take_params(status.generation),
            },
        }
    }

    /// Every asset's view is published anew, so that the generation reaches all later stages.
    fn take_params(&mut self, generation: u32) {
        let Self { params, assets, .. } = self;
        params.advance(generation, |asset, new| assets[asset.index()].set_params(new));
        for i in 0..self.assets.len() {
            self.assets[i].view.generation = generation;
            self.publish(AssetId::new(i));
        }
    }

    fn void(&mut self, id: AssetId, event: &MarketEvent) {
        let asset = &mut self.assets[id.index()];
        asset.book.void();
        asset.volatility.break_series();
        asset.refresh(event, asset.view.market_seq);
        self.publish(id);
    }

    fn publish(&mut self, asset: AssetId) {
        self.out.push(asset.index(), self.assets[asset.index()].view);
    }
}

impl AssetBook {
    fn set_params(&mut self, new: &AssetParams) {
        self.params = *new;
        self.volatility.set(new.vol_sample, new.vol_halflife_s, new.vol_horizon_s);
    }

    fn refresh(&mut self, event: &MarketEvent, seq: u64) {
        let state = self.book.state();
        let mid = self.book.mid();
        if state == BookState::Ok {
            self.volatility.update(event.recv_time(), mid);
        }
        let e6 = |bps: Option<f64>| bps.map_or(-1, |v| (v * 1e6) as i64);
        self.view = BookView {
            asset: self.view.asset,
            state,
            _pad: 0,
            generation: self.view.generation,
            market_seq: seq,
            venue_time: event.venue_time(),
            recv_time: event.recv_time(),
            bid: self.book.best(Side::Bid),
            ask: self.book.best(Side::Ask),
            mid,
            microprice: self.book.microprice(),
            imbalance_e6: (self.imbalance.get() * 1e6) as i64,
            vol_bps_e6: e6(self.volatility.bps()),
            vol_slow_bps_e6: e6(self.volatility.slow_bps()),
            arrivals: self.view.arrivals,
        };
    }
}

impl Stage for BookStage {
    fn name(&self) -> &'static str {
        "book"
    }

    fn poll(&mut self, _now: Nanos) -> usize {
        self.out.flush();
        let mut work = 0;
        while work < POLL_BATCH {
            let Some(event) = self.input.pop() else { break };
            self.on_event(&event);
            work += 1;
        }
        work
    }
}
