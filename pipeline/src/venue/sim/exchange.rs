//! The simulated exchange: latency, the venue's checks, our resting orders in a [`Market`], fees,
//! and an account of its own, kept by cash and not by lots, so that it can disagree with ours.

use super::core::{Refused, rules};
use super::latency::{Latency, LatencyModel};
use super::link::{SimFeed, SimGateway};
use super::{Execution, Market, MarketOutput, RestingOrder};
use crate::rt::{Board, BoardReader, In, Out, Stage, board, ring};
use crate::types::limits::{MAX_ASSETS, MAX_SIM_ORDERS, RING_BOOKS, RING_SIM};
use crate::types::{
    Action, ActionKind, AssetId, Bps, Cloid, Done, DoneWhy, Fill, MarketEvent, Nanos, Oid,
    OrderRequest, Px, Qty, Reject, Side, Tif, Universe, Usd, VenueEvent, VenueEventKind, notional,
};
use crate::venue::market_ring::{MarketOut, market_ring};
use std::collections::VecDeque;

/// Words of the account board: cash, fees, fills, then positions.
const ACCOUNT_WORDS: usize = 3 + MAX_ASSETS;
/// Oids start here, so that none is [`Oid::NONE`].
const FIRST_OID: u64 = 1_000;

/// What the exchange is set up with.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeConfig {
    /// Latency of each way. A recorded feed has its own: only orders and answers use it.
    pub latency: LatencyModel,
    /// Maker fee; positive = cost.
    pub maker_fee: Bps,
    /// Seeds the latencies.
    pub seed: u64,
}

#[derive(Clone, Copy, Debug)]
struct LiveOrder {
    oid: Oid,
    cloid: Cloid,
    side: Side,
    px: Px,
    leaves: Qty,
    asset: AssetId,
}

/// The account as the venue keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VenueAccount {
    /// Money in and out by trading, fees not included.
    pub cash: Usd,
    /// Fees charged (positive = cost).
    pub fees: Usd,
    /// Fills made.
    pub fills: u64,
    /// Positions by asset.
    pub position: [Qty; MAX_ASSETS],
}

impl VenueAccount {
    /// Account value gained or lost, at these marks.
    pub fn net(&self, marks: &[Px; MAX_ASSETS]) -> Usd {
        let open: Usd = self.position.iter().zip(marks).map(|(q, m)| notional(*m, *q)).sum();
        self.cash + open - self.fees
    }

    /// Reads the exchange's board.
    pub fn read(board: &AccountReader) -> Self {
        let words = board.0.read();
        Self {
            cash: Usd::from_raw(words[0] as i64),
            fees: Usd::from_raw(words[1] as i64),
            fills: words[2],
            position: core::array::from_fn(|i| Qty::from_raw(words[3 + i] as i64)),
        }
    }
}

/// Where the venue's account can be read from another thread.
#[derive(Clone)]
pub struct AccountReader(BoardReader<ACCOUNT_WORDS>);

/// See the module. A stage outside the pipeline: it is the other side.
pub struct Exchange<M> {
    market: M,
    universe: Universe,
    config: ExchangeConfig,
    actions: In<Action>,
    events: Out<VenueEvent>,
    feed: Option<MarketOut>,
    entry: Latency,
    response: Latency,
    market_data: Latency,
    arrivals: VecDeque<(Nanos, Action)>,
    orders: Vec<LiveOrder>,
    next_oid: u64,
    account: VenueAccount,
    board: Board<ACCOUNT_WORDS>,
    output: MarketOutput,
    /// Messages that found a full ring, oldest first.
    waiting_events: VecDeque<VenueEvent>,
    waiting_feed: VecDeque<MarketEvent>,
    last_event_arrival: Nanos,
    last_feed_arrival: Nanos,
}

/// The pipeline's ends of an exchange.
pub struct Links {
    /// Public data; of no use when the feed is a tape.
    pub feed: SimFeed,
    /// Orders and answers.
    pub gateway: SimGateway,
    /// The venue's account.
    pub account: AccountReader,
}

impl<M: Market> Exchange<M> {
    /// An exchange and the pipeline's ends of it. With `publishes` its market's public events go to
    /// the feed; a recorded market's come from the tape instead.
    pub fn new(
        market: M,
        universe: Universe,
        config: ExchangeConfig,
        publishes: bool,
    ) -> (Self, Links) {
        let (action_tx, actions) = ring("dispatch->venue", RING_SIM);
        let (events, event_rx) = ring("venue->dispatch", RING_SIM);
        let (feed, feed_rx) =
            market_ring(("venue->feed", RING_SIM), ("venue->feed books", RING_BOOKS));
        let (board, reader) = board();
        let latency = |way| Latency::new(config.latency, config.seed, way);
        let exchange = Self {
            market,
            universe,
            config,
            actions,
            events,
            feed: publishes.then_some(feed),
            entry: latency(0),
            response: latency(1),
            market_data: latency(2),
            arrivals: VecDeque::with_capacity(RING_SIM),
            orders: Vec::with_capacity(MAX_SIM_ORDERS),
            next_oid: FIRST_OID,
            account: VenueAccount {
                cash: Usd::ZERO,
                fees: Usd::ZERO,
                fills: 0,
                position: [Qty::ZERO; MAX_ASSETS],
            },
            board,
            output: MarketOutput {
                events: Vec::with_capacity(RING_SIM),
                executions: Vec::with_capacity(MAX_SIM_ORDERS),
            },
            waiting_events: VecDeque::with_capacity(RING_SIM),
            waiting_feed: VecDeque::with_capacity(if publishes { RING_SIM } else { 0 }),
            last_event_arrival: Nanos::ZERO,
            last_feed_arrival: Nanos::ZERO,
        };
        let gateway = SimGateway { actions: action_tx, events: event_rx };
        (exchange, Links { feed: SimFeed::new(feed_rx), gateway, account: AccountReader(reader) })
    }

    fn take_actions(&mut self) -> usize {
        let mut taken = 0;
        while let Some(action) = self.actions.pop() {
            // One connection: a later action never overtakes an earlier one.
            let last = self.arrivals.back().map_or(Nanos::ZERO, |(t, _)| *t);
            let arrival = (action.sent_time + self.entry.draw()).max(last);
            self.arrivals.push_back((arrival, action));
            taken += 1;
        }
        taken
    }

    /// Lets the market move on, and reports what it did.
    fn advance(&mut self, until: Nanos) -> usize {
        if self.market.next_time().is_none_or(|t| t > until) {
            return 0;
        }
        self.market.advance(until, &mut self.output);
        let mut output = core::mem::take(&mut self.output);
        for event in output.events.drain(..) {
            self.publish(event);
        }
        for execution in output.executions.drain(..) {
            self.on_execution(&execution);
        }
        self.output = output;
        1
    }

    fn on_execution(&mut self, execution: &Execution) {
        let Some(at) = self.orders.iter().position(|o| o.oid == execution.oid) else {
            panic!("the market filled order {:?}, which does not rest", execution.oid);
        };
        let order = &mut self.orders[at];
        order.leaves -= execution.qty;
        assert!(!order.leaves.is_negative(), "order {:?} was overfilled", order.oid);
        let order = *order;
        let fee = self.config.maker_fee.fee_on(execution.px, execution.qty);
        let signed = order.side.signed(execution.qty);
        self.account.cash -= notional(execution.px, signed);
        self.account.fees += fee;
        self.account.fills += 1;
        self.account.position[order.asset.index()] += signed;
        let fill = Fill {
            oid: order.oid,
            px: execution.px,
            qty: execution.qty,
            fee,
            tid: execution.tid,
            side: order.side,
            cause: execution.cause,
            ..Fill::default()
        };
        self.answer(execution.time, &order, VenueEventKind::Fill(fill));
        if order.leaves.is_zero() {
            self.orders.swap_remove(at);
            self.done(execution.time, &order, DoneWhy::Filled);
        }
    }

    fn on_action(&mut self, now: Nanos, action: &Action) {
        if action.expires_after_ms().is_some_and(|until| rules::is_expired(now, until)) {
            let whole = Reject { is_whole: true, ..reject(action.kind, Refused::Expired) };
            return self.refuse_all(now, action.items(), whole);
        }
        let mut faulty = false;
        for item in action.items() {
            self.on_item(now, action.kind, item, &mut faulty);
        }
    }

    /// `faulty`: an item of this request was refused for a fault before; breakers count requests.
    fn on_item(&mut self, now: Nanos, of: ActionKind, item: &OrderRequest, faulty: &mut bool) {
        let (done, replaced) = match of {
            ActionKind::Place => (self.on_place(now, item), None),
            ActionKind::Cancel => (self.on_cancel(now, item), None),
            ActionKind::Modify => self.on_modify(now, item),
        };
        if let Err(refused) = done {
            let mut reject = reject(of, refused);
            reject.is_counted &= !*faulty;
            *faulty |= reject.reason.is_error();
            self.refuse(now, item, reject);
        }
        if let Some(old) = replaced {
            let why = if done.is_ok() { DoneWhy::Replaced } else { DoneWhy::Canceled };
            self.done(now, &old, why);
        }
    }

    fn on_place(&mut self, now: Nanos, item: &OrderRequest) -> Result<(), Refused> {
        self.check_numbers(item)?;
        self.check(item)?;
        self.rest(now, item);
        Ok(())
    }

    /// A modify is a cancel and a new order: a refused new order leaves the old one cancelled, unless
    /// its numbers are none at all. The old order's end is told after what became of the new one.
    fn on_modify(
        &mut self,
        now: Nanos,
        item: &OrderRequest,
    ) -> (Result<(), Refused>, Option<LiveOrder>) {
        let Some(at) = self.find(item) else { return (Err(Refused::ModifyDead), None) };
        // Without `a`, a modify must be post-only or become so.
        let takes = if item.tif == Tif::Alo { Ok(()) } else { Err(Refused::IocCancel) };
        if let Err(refused) = takes.and_then(|()| self.check_numbers(item)) {
            return (Err(refused), None);
        }
        let mut old = self.orders.swap_remove(at);
        old.leaves = self.market.cancel(old.oid).unwrap_or(Qty::ZERO);
        let checked = self.check(item);
        if checked.is_ok() {
            self.rest(now, item);
        }
        (checked, Some(old))
    }

    fn on_cancel(&mut self, now: Nanos, item: &OrderRequest) -> Result<(), Refused> {
        let at = self.find(item).ok_or(Refused::MissingOrder)?;
        let mut order = self.orders.swap_remove(at);
        order.leaves = self.market.cancel(order.oid).unwrap_or(Qty::ZERO);
        self.done(now, &order, DoneWhy::Canceled);
        Ok(())
    }

    /// Where the order that an item speaks of is: by the venue's id, or by ours (the newest of it).
    fn find(&self, item: &OrderRequest) -> Option<usize> {
        let is = |o: &LiveOrder| match item.oid {
            Oid::NONE => o.cloid == item.cloid,
            oid => o.oid == oid,
        };
        let all = self.orders.iter().enumerate().filter(|(_, o)| o.asset == item.asset && is(o));
        all.max_by_key(|(_, o)| o.oid).map(|(at, _)| at)
    }

    fn check_numbers(&self, item: &OrderRequest) -> Result<(), Refused> {
        let instrument = self.universe.get(item.asset);
        rules::check_numbers(item.px, item.qty, rules::largest_order(instrument, false))
    }

    /// The venue's checks of a new order, in the venue's order. Margin, price band and budget are not
    /// looked at; the bot sends nothing but post-only orders.
    fn check(&self, item: &OrderRequest) -> Result<(), Refused> {
        let instrument = self.universe.get(item.asset);
        let position = self.account.position[item.asset.index()];
        let closes = item.reduce_only.then_some(position);
        rules::check_grid(instrument, item.px, item.qty, closes)?;
        if item.reduce_only && rules::reducible(position, item.side).is_zero() {
            return Err(Refused::ReduceOnly);
        }
        if item.tif != Tif::Alo {
            return Err(Refused::IocCancel);
        }
        let (bid, ask) = self.market.touch(item.asset);
        let opposite = if item.side == Side::Bid { ask } else { bid };
        let own = self.orders.iter().filter(|o| o.asset == item.asset && o.side != item.side);
        if rules::crosses(item.side, item.px, opposite, own.map(|o| o.px)) {
            return Err(rules::bad_alo_px((bid, ask)));
        }
        let is_full = self.orders.len() == MAX_SIM_ORDERS;
        if is_full { Err(Refused::TooManyOrders) } else { Ok(()) }
    }

    fn rest(&mut self, now: Nanos, item: &OrderRequest) {
        let oid = Oid(self.next_oid);
        self.next_oid += 1;
        let order = LiveOrder {
            oid,
            cloid: item.cloid,
            side: item.side,
            px: item.px,
            leaves: item.qty,
            asset: item.asset,
        };
        self.orders.push(order);
        let resting =
            RestingOrder { oid, asset: item.asset, side: item.side, px: item.px, qty: item.qty };
        self.market.place(&resting);
        self.answer(now, &order, VenueEventKind::Ack { oid, leaves: item.qty });
    }

    fn refuse_all(&mut self, now: Nanos, items: &[OrderRequest], mut reject: Reject) {
        for item in items {
            self.refuse(now, item, reject);
            reject.is_counted = false;
        }
    }

    fn refuse(&mut self, now: Nanos, item: &OrderRequest, reject: Reject) {
        let order = LiveOrder {
            oid: item.oid,
            cloid: item.cloid,
            side: item.side,
            px: item.px,
            leaves: item.qty,
            asset: item.asset,
        };
        self.answer(now, &order, VenueEventKind::Reject(reject));
    }

    fn done(&mut self, now: Nanos, order: &LiveOrder, why: DoneWhy) {
        let done = Done { oid: order.oid, leaves: order.leaves, why, _pad: [0; 7] };
        self.answer(now, order, VenueEventKind::Done(done));
    }

    fn answer(&mut self, venue_time: Nanos, order: &LiveOrder, kind: VenueEventKind) {
        let arrival = venue_time + self.response.draw();
        self.last_event_arrival = self.last_event_arrival.max(arrival);
        self.waiting_events.push_back(VenueEvent {
            cloid: order.cloid,
            asset: order.asset,
            _pad: [0; 6],
            venue_time,
            recv_time: self.last_event_arrival,
            kind,
        });
    }

    fn publish(&mut self, mut event: MarketEvent) {
        let arrival = event.venue_time() + self.market_data.draw();
        self.last_feed_arrival = self.last_feed_arrival.max(arrival);
        event.set_recv_time(self.last_feed_arrival);
        self.waiting_feed.push_back(event);
    }

    /// Hands waiting messages to their rings, as far as there is room.
    fn flush(&mut self) {
        while let Some(event) = self.waiting_events.front() {
            if self.events.push(*event).is_err() {
                break;
            }
            self.waiting_events.pop_front();
        }
        let Some(feed) = &mut self.feed else { return self.waiting_feed.clear() };
        while let Some(event) = self.waiting_feed.front() {
            if !feed.push(0, event.lend()) {
                break;
            }
            self.waiting_feed.pop_front();
        }
    }

    fn show_account(&mut self) {
        let mut words = [0; ACCOUNT_WORDS];
        words[0] = self.account.cash.raw() as u64;
        words[1] = self.account.fees.raw() as u64;
        words[2] = self.account.fills;
        for (word, qty) in words[3..].iter_mut().zip(&self.account.position) {
            *word = qty.raw() as u64;
        }
        self.board.write(&words);
    }
}

/// A refusal as a bot hears of it.
fn reject(of: ActionKind, refused: Refused) -> Reject {
    let (best_bid, best_ask) = match refused {
        Refused::BadAloPx(bid, ask) => (bid.unwrap_or_default(), ask.unwrap_or_default()),
        _ => (Px::ZERO, Px::ZERO),
    };
    Reject { best_bid, best_ask, ..Reject::new(of, refused.reason()) }
}

impl<M: Market> Stage for Exchange<M> {
    fn name(&self) -> &'static str {
        "venue"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        let mut work = self.take_actions();
        let fills = self.account.fills;
        while let Some((arrival, action)) = self.arrivals.front().copied() {
            if arrival > now {
                break;
            }
            self.arrivals.pop_front();
            self.advance(arrival);
            self.on_action(arrival, &action);
            work += 1;
        }
        work += self.advance(now);
        self.flush();
        if self.account.fills != fills {
            self.show_account();
        }
        work
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let arrival = self.arrivals.front().map(|(t, _)| *t);
        arrival.into_iter().chain(self.market.next_time()).min()
    }
}
