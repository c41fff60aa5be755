//! Floor 4: every ring on one page.
//!
//! ```text
//!  feed ──market──> book ──views──> quote ──targets──> risk ──approved──> dispatch ──> gateway
//!                                     ^                  ^                   │
//!                                     └──── venue ───────┴───── venue ───────┘
//!  risk, dispatch ──records──> side
//! ```
//!
//! | ring | when full |
//! |---|---|
//! | market | a snapshot or touch is dropped and counted, the book goes void; lossless: the feed waits |
//! | views, targets, approved | the newest of each asset waits for room, older ones are superseded |
//! | venue | never lost: full = halt |
//! | records | the newest is dropped and counted |

use crate::logic::budget::Budget;
use crate::logic::gate::Gate;
use crate::logic::orders::Orders;
use crate::rt::{BoardReader, InLatest, LevelCell, OutLatest, RingStats, Stage, board, ring};
use crate::stage::book::BookStage;
use crate::stage::dispatch::{DispatchRings, DispatchStage};
use crate::stage::feed::FeedStage;
use crate::stage::metrics::Metrics;
use crate::stage::quote::QuoteStage;
use crate::stage::risk::{RiskRings, RiskStage};
use crate::stage::status::STATUS_WORDS;
use crate::types::limits::{
    POLL_BATCH, RING_MARKET, RING_RECORD, RING_TARGET, RING_VENUE, RING_VIEW,
};
use crate::types::{AssetParams, Record, Universe};
use crate::venue::{Feed, Gateway};
use std::sync::Arc;

/// What a pipeline is built from.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is traded.
    pub universe: Universe,
    /// Parameters of each asset, in the universe's order.
    pub params: Vec<AssetParams>,
    /// Part of every order's id; differs between runs against one account.
    pub session: u32,
    /// No message is superseded or dropped: every view becomes a decision when it is due.
    pub lossless: bool,
}

/// A built pipeline, not yet running.
pub struct Pipeline {
    /// The five stages, in order.
    pub stages: Vec<Box<dyn Stage>>,
    /// What the stages tell the side thread.
    pub records: Vec<crate::rt::In<Record>>,
    /// What the stages show of each asset.
    pub status: Vec<BoardReader<STATUS_WORDS>>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Loss counts of all rings.
    pub rings: Vec<Arc<RingStats>>,
    /// The halt level.
    pub level: Arc<LevelCell>,
}

/// Builds the five stages between a feed and a gateway. Live, paper, replay and tests all call this.
pub fn build<F, G>(config: &Config, feed: F, gateway: G) -> Pipeline
where
    F: Feed + 'static,
    G: Gateway + 'static,
{
    let Config { universe, params, session, lossless } = config;
    let assets = universe.len();
    let level = Arc::new(LevelCell::default());
    let metrics = Arc::new(Metrics::default());

    let (market_tx, market_rx) = ring("feed->book", RING_MARKET);
    let (view_tx, view_rx) = ring("book->quote", RING_VIEW);
    let (target_tx, target_rx) = ring("quote->risk", RING_TARGET);
    let (approved_tx, approved_rx) = ring("risk->dispatch", RING_TARGET);
    let (venue_quote_tx, venue_quote_rx) = ring("dispatch->quote", RING_VENUE);
    let (venue_risk_tx, venue_risk_rx) = ring("dispatch->risk", RING_VENUE);
    let (risk_record_tx, risk_record_rx) = ring("risk->side", RING_RECORD);
    let (dispatch_record_tx, dispatch_record_rx) = ring("dispatch->side", RING_RECORD);
    let (boards, status) = (0..assets).map(|_| board()).unzip();

    let rings = vec![
        market_tx.stats().clone(),
        view_tx.stats().clone(),
        target_tx.stats().clone(),
        approved_tx.stats().clone(),
        venue_quote_tx.stats().clone(),
        venue_risk_tx.stats().clone(),
        risk_record_tx.stats().clone(),
        dispatch_record_tx.stats().clone(),
    ];

    let risk_rings = RiskRings {
        targets: InLatest::new(target_rx, assets, POLL_BATCH, *lossless),
        venue: venue_risk_rx,
        out: OutLatest::new(approved_tx, assets),
        records: risk_record_tx,
    };
    let dispatch_rings = DispatchRings {
        targets: InLatest::new(approved_rx, assets, POLL_BATCH, *lossless),
        venue: [venue_quote_tx, venue_risk_tx],
        records: dispatch_record_tx,
        status: boards,
    };
    let views = InLatest::new(view_rx, assets, POLL_BATCH, *lossless);
    let gate = Gate::new(universe.clone(), params);
    let orders = Orders::new(universe, params, *session);
    let budget = Budget::new(&params[0].risk);
    let shared = (level.clone(), metrics.clone());

    let stages: Vec<Box<dyn Stage>> = vec![
        Box::new(FeedStage::new(feed, market_tx, metrics.clone(), *lossless)),
        Box::new(BookStage::new(market_rx, OutLatest::new(view_tx, assets), params)),
        Box::new(QuoteStage::new(
            views,
            venue_quote_rx,
            OutLatest::new(target_tx, assets),
            universe.clone(),
            params,
        )),
        Box::new(RiskStage::new(risk_rings, gate, level.clone(), metrics.clone())),
        Box::new(DispatchStage::new(gateway, dispatch_rings, orders, budget, shared)),
    ];
    let records = vec![risk_record_rx, dispatch_record_rx];
    Pipeline { stages, records, status, metrics, rings, level }
}
