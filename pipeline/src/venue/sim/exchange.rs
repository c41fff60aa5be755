//! The replay's exchange: latency around the venue's core, and its adapters. Actions arrive late and
//! in order, what the core tells becomes answers that arrive late and in order. One account, kept by
//! cash and not by lots, so that it can disagree with ours.

use super::core::{Asked, Core, Fact, Refused, Rules, Sink, Status, Tif, Who, rules};
use super::latency::{Latency, LatencyModel};
use super::link::{SimFeed, SimGateway};
use super::{Market, MarketOutput};
use crate::rt::{Board, BoardReader, In, Out, Stage, board, ring};
use crate::types::limits::{MAX_ASSETS, MAX_SIM_ORDERS, RING_BOOKS, RING_SIM};
use crate::types::{
    self, Action, ActionKind, AssetId, Bps, Cloid, Done, DoneWhy, Fill, MarketEvent, Nanos, Oid,
    OrderRequest, Px, Qty, Reject, Universe, Usd, VenueEvent, VenueEventKind, notional,
};
use crate::venue::hl::sign::OrderRef;
use crate::venue::market_ring::{MarketOut, market_ring};
use std::collections::VecDeque;

/// Words of the account board: cash, fees, fills, then positions.
const ACCOUNT_WORDS: usize = 3 + MAX_ASSETS;
/// Oids start here, so that none is [`Oid::NONE`].
const FIRST_OID: u64 = 1_000;
/// The one account.
const US: Who = 0;

/// What the exchange is set up with.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeConfig {
    /// Latency of each way. A recorded feed has its own: only orders and answers use it.
    pub latency: LatencyModel,
    /// Maker fee; positive = cost.
    pub maker_fee: Bps,
    /// Taker fee.
    pub taker_fee: Bps,
    /// Seeds the latencies.
    pub seed: u64,
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
    core: Core<M>,
    actions: In<Action>,
    events: Out<VenueEvent>,
    feed: Option<MarketOut>,
    entry: Latency,
    market_data: Latency,
    arrivals: VecDeque<(Nanos, Action)>,
    board: Board<ACCOUNT_WORDS>,
    output: MarketOutput,
    answers: Answers,
    waiting_feed: VecDeque<MarketEvent>,
    last_feed_arrival: Nanos,
}

/// Answers on their way.
struct Answers {
    response: Latency,
    /// The item that is being dealt with.
    asked: Item,
    /// Messages that found a full ring, oldest first.
    waiting: VecDeque<VenueEvent>,
    last_arrival: Nanos,
}

/// One item of an action.
#[derive(Clone, Copy, Debug, Default)]
struct Item {
    of: ActionKind,
    cloid: Cloid,
    asset: AssetId,
    /// The whole request is refused with it.
    is_whole: bool,
    /// An item of its request was refused for a fault before: breakers count requests.
    is_after_fault: bool,
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
        let first_oid = Oid(FIRST_OID);
        let mut core =
            Core::new(Rules::REPLAY, universe, market, Nanos::ZERO, first_oid, MAX_SIM_ORDERS);
        core.open_account([config.maker_fee, config.taker_fee]);
        let exchange = Self {
            core,
            actions,
            events,
            feed: publishes.then_some(feed),
            entry: latency(0),
            market_data: latency(2),
            arrivals: VecDeque::with_capacity(RING_SIM),
            board,
            output: MarketOutput {
                events: Vec::with_capacity(RING_SIM),
                executions: Vec::with_capacity(MAX_SIM_ORDERS),
            },
            answers: Answers {
                response: latency(1),
                asked: Item::default(),
                waiting: VecDeque::with_capacity(RING_SIM),
                last_arrival: Nanos::ZERO,
            },
            waiting_feed: VecDeque::with_capacity(if publishes { RING_SIM } else { 0 }),
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
        if self.core.market.next_time().is_none_or(|t| t > until) {
            return 0;
        }
        let mut output = core::mem::take(&mut self.output);
        self.core.market.advance(until, &mut output);
        for event in output.events.drain(..) {
            self.publish(event);
        }
        for execution in output.executions.drain(..) {
            self.core.time = execution.time;
            self.core.on_execution(&execution, &mut self.answers);
        }
        self.output = output;
        1
    }

    fn on_action(&mut self, now: Nanos, action: &Action) {
        self.core.time = now;
        let is_late = action.expires_after_ms().is_some_and(|until| rules::is_expired(now, until));
        let mut is_after_fault = false;
        for item in action.items() {
            let OrderRequest { cloid, asset, .. } = *item;
            let asked = Item { of: action.kind, cloid, asset, is_whole: is_late, is_after_fault };
            self.answers.asked = asked;
            let refused = if is_late {
                self.core.refuse::<()>(Refused::Expired, &mut self.answers).err()
            } else {
                self.on_item(action.kind, item).err()
            };
            is_after_fault |= refused.is_some_and(|refused| refused.reason().is_error());
        }
    }

    fn on_item(&mut self, of: ActionKind, item: &OrderRequest) -> Result<(), Refused> {
        let Self { core, answers, .. } = self;
        let id = match item.oid {
            Oid::NONE => OrderRef::Cloid(item.cloid),
            oid => OrderRef::Oid(oid),
        };
        match of {
            ActionKind::Place => core.place(US, &asked(item), answers).map(drop),
            ActionKind::Cancel => core.cancel(US, item.asset, id, answers),
            ActionKind::Modify => {
                let old = core.find(US, id).filter(|o| o.asset == item.asset).map(|o| o.oid);
                if old.is_none() {
                    return core.refuse(Refused::ModifyDead, answers);
                }
                // Without `a`, which we never send, the new order must be post-only.
                if item.tif != types::Tif::Alo {
                    return core.refuse(Refused::IocCancel, answers);
                }
                core.modify(US, old, &asked(item), answers).map(drop)
            }
        }
    }

    fn publish(&mut self, mut event: MarketEvent) {
        let arrival = event.venue_time() + self.market_data.draw();
        self.last_feed_arrival = self.last_feed_arrival.max(arrival);
        event.set_recv_time(self.last_feed_arrival);
        self.waiting_feed.push_back(event);
    }

    /// Hands waiting messages to their rings, as far as there is room.
    fn flush(&mut self) {
        while let Some(event) = self.answers.waiting.front() {
            if self.events.push(*event).is_err() {
                break;
            }
            self.answers.waiting.pop_front();
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
        let account = &self.core.accounts[US];
        let mut words = [0; ACCOUNT_WORDS];
        words[0] = (account.cash + account.fees).raw() as u64;
        words[1] = account.fees.raw() as u64;
        words[2] = account.fills;
        for (word, position) in words[3..].iter_mut().zip(&account.positions) {
            *word = position.szi.raw() as u64;
        }
        self.board.write(&words);
    }
}

impl Answers {
    fn push(&mut self, venue_time: Nanos, cloid: Cloid, asset: AssetId, kind: VenueEventKind) {
        let arrival = venue_time + self.response.draw();
        self.last_arrival = self.last_arrival.max(arrival);
        let recv_time = self.last_arrival;
        self.waiting.push_back(VenueEvent {
            cloid,
            asset,
            _pad: [0; 6],
            venue_time,
            recv_time,
            kind,
        });
    }
}

impl Sink for Answers {
    fn take(&mut self, time: Nanos, fact: Fact<'_>) {
        let (order, kind) = match fact {
            Fact::Refused(refused) => {
                let Item { cloid, asset, .. } = self.asked;
                let kind = VenueEventKind::Reject(reject(&self.asked, refused));
                return self.push(time, cloid, asset, kind);
            }
            Fact::Order(o, Status::Open) => {
                (o, VenueEventKind::Ack { oid: o.oid, leaves: o.leaves })
            }
            Fact::Order(o, status) => {
                let Some(why) = why_done(status) else { return };
                let done = Done { oid: o.oid, leaves: o.leaves, why, _pad: [0; 7] };
                (o, VenueEventKind::Done(done))
            }
            Fact::Fill(o, filled) => {
                let fill = Fill {
                    oid: o.oid,
                    px: filled.px,
                    qty: filled.qty,
                    fee: filled.fee.total,
                    tid: filled.tid,
                    side: o.side,
                    crossed: filled.crossed,
                    cause: filled.cause,
                    is_liquidation: filled.liquidation.is_some(),
                    ..Fill::default()
                };
                (o, VenueEventKind::Fill(fill))
            }
            _ => return,
        };
        self.push(time, order.cloid.unwrap_or_default(), order.asset, kind);
    }
}

/// How an order ended, as a bot hears of it. [`None`]: it did not, or it is told otherwise.
const fn why_done(status: Status) -> Option<DoneWhy> {
    Some(match status {
        Status::Open | Status::Triggered | Status::Rejected(_) => return None,
        Status::Filled => DoneWhy::Filled,
        Status::Canceled => DoneWhy::Canceled,
        Status::Replaced => DoneWhy::Replaced,
        Status::MarginCanceled => DoneWhy::Margin,
        Status::LiquidatedCanceled => DoneWhy::Liquidated,
        Status::ScheduledCancel
        | Status::SelfTradeCanceled
        | Status::ReduceOnlyCanceled
        | Status::SiblingFilledCanceled => DoneWhy::VenueCanceled,
    })
}

/// An item as the core takes it.
fn asked(item: &OrderRequest) -> Asked {
    let OrderRequest { cloid, px, qty, asset, side, tif, reduce_only, .. } = *item;
    let tif = match tif {
        types::Tif::Alo => Tif::Alo,
        types::Tif::Ioc => Tif::Ioc,
    };
    let (cloid, builder) = (Some(cloid), None);
    Asked { asset, side, px, qty, reduce_only, tif: Some(tif), cloid, builder }
}

/// A refusal as a bot hears of it.
fn reject(asked: &Item, refused: Refused) -> Reject {
    let (best_bid, best_ask) = match refused {
        Refused::BadAloPx(bid, ask) => (bid.unwrap_or_default(), ask.unwrap_or_default()),
        _ => (Px::ZERO, Px::ZERO),
    };
    let mut reject = Reject { best_bid, best_ask, ..Reject::new(asked.of, refused.reason()) };
    reject.is_whole = asked.is_whole;
    reject.is_counted &= !asked.is_after_fault;
    reject
}

impl<M: Market> Stage for Exchange<M> {
    fn name(&self) -> &'static str {
        "venue"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        let mut work = self.take_actions();
        let fills = self.core.accounts[US].fills;
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
        if self.core.accounts[US].fills != fills {
            self.show_account();
        }
        work
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let arrival = self.arrivals.front().map(|(t, _)| *t);
        arrival.into_iter().chain(self.core.market.next_time()).min()
    }
}
