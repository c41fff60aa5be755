//! The replay's exchange: latency around the venue's core, and its adapters. Actions arrive late and
//! in order, what the core tells becomes answers that arrive late and in order. One account, kept by
//! cash and not by lots, so that it can disagree with ours.
//!
//! Which of the venue's rules hold is said by [`Rules`]. With blocks, what arrived waits for the next one;
//! the market moves up to it, what waited is executed in the block's order, and the market does the block's
//! own moment. Prices are due in blocks too.

mod answers;

use self::answers::{Answers, Item};
use super::core::rules::BlockPart;
use super::core::{Asked, Core, Refused, Rules, Tif, Who, rules};
use super::latency::{Latency, LatencyModel};
use super::link::{SimFeed, SimGateway};
use super::{Market, MarketOutput};
use crate::rt::{Ahead, Board, BoardReader, In, Out, Stage, board, ring};
use crate::types::limits::{MAX_ASSETS, MAX_SIM_ORDERS, RING_BOOKS, RING_SIM};
use crate::types::{
    self, Action, ActionKind, Bps, MarketEvent, Nanos, Oid, OrderRequest, Px, Qty, Universe, Usd,
    VenueEvent, notional,
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
    /// Which of the venue's rules hold.
    pub rules: Rules,
    /// What the account holds at the start; of no account without [`Rules::margin`].
    pub deposit: Usd,
    /// The first moment.
    pub start: Nanos,
}

/// The account as the venue keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VenueAccount {
    /// Money in and out by trading and funding, fees not included; what was lost beyond the deposit too.
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
    /// What is executed in one block.
    batch: Vec<Action>,
    deposit: Usd,
    board: Board<ACCOUNT_WORDS>,
    output: MarketOutput,
    answers: Answers,
    waiting_feed: VecDeque<MarketEvent>,
    last_feed_arrival: Nanos,
}

/// The pipeline's ends of an exchange.
pub struct Ends {
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
    ) -> (Self, Ends) {
        let (action_tx, actions) = ring("dispatch->venue", RING_SIM);
        let (events, event_rx) = ring("venue->dispatch", RING_SIM);
        let (feed, feed_rx) =
            market_ring(("venue->feed", RING_SIM), ("venue->feed books", RING_BOOKS));
        let (board, reader) = board();
        let latency = |way| Latency::new(config.latency, config.seed, way);
        let first_oid = Oid(FIRST_OID);
        let ExchangeConfig { rules, deposit, start, .. } = config;
        let mut core = Core::new(rules, universe, market, start, first_oid, MAX_SIM_ORDERS);
        core.open_account([config.maker_fee, config.taker_fee]);
        core.accounts[US].cash = deposit;
        let exchange = Self {
            core,
            actions,
            events,
            feed: publishes.then_some(feed),
            entry: latency(0),
            market_data: latency(2),
            arrivals: VecDeque::with_capacity(RING_SIM),
            batch: Vec::with_capacity(if rules.block_interval.is_some() { RING_SIM } else { 0 }),
            deposit,
            board,
            output: MarketOutput {
                events: Vec::with_capacity(RING_SIM),
                executions: Vec::with_capacity(MAX_SIM_ORDERS),
            },
            answers: Answers::new(latency(1)),
            waiting_feed: VecDeque::with_capacity(if publishes { RING_SIM } else { 0 }),
            last_feed_arrival: Nanos::ZERO,
        };
        let gateway = SimGateway { actions: action_tx, events: event_rx };
        (exchange, Ends { feed: SimFeed::new(feed_rx), gateway, account: AccountReader(reader) })
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

    /// When something that is due then is dealt with.
    fn block_at(&self, due: Nanos) -> Nanos {
        self.core.rules.block_interval.map_or(due, |interval| rules::block_at(interval, due))
    }

    /// When the first action on its way is executed.
    fn next_action(&self) -> Option<Nanos> {
        self.arrivals.front().map(|(arrival, _)| self.block_at(*arrival))
    }

    /// When prices are next looked at.
    fn next_prices(&self) -> Option<Nanos> {
        self.core.next_prices().map(|due| self.block_at(due))
    }

    /// Lets all happen that is due by `now`: of one moment actions first, then prices.
    fn turn(&mut self, now: Nanos) -> usize {
        let mut work = 0;
        loop {
            let prices = self.next_prices().filter(|due| *due <= now);
            let action = self.next_action().filter(|due| *due <= prices.unwrap_or(now));
            match (action, prices) {
                (Some(time), _) if self.core.rules.block_interval.is_some() => {
                    work += self.advance(time - Nanos(1));
                    work += self.run_batch(time);
                }
                (Some(time), _) => {
                    work += self.advance(time);
                    if let Some((_, action)) = self.arrivals.pop_front() {
                        self.on_action(time, &action);
                        work += 1;
                    }
                }
                (None, Some(time)) => {
                    self.move_market(time);
                    self.core.time = time;
                    self.core.update_prices(&mut self.answers);
                    work += 1;
                }
                (None, None) => return work + self.advance(now),
            }
        }
    }

    /// What arrived up to a block is executed in its order.
    fn run_batch(&mut self, time: Nanos) -> usize {
        let mut batch = core::mem::take(&mut self.batch);
        let ready = self.arrivals.partition_point(|(arrival, _)| *arrival <= time);
        batch.extend(self.arrivals.drain(..ready).map(|(_, action)| action));
        for executed in BlockPart::ALL {
            let of_part = batch.iter().filter(|action| part(action) == executed);
            of_part.for_each(|action| self.on_action(time, action));
        }
        let count = batch.len();
        batch.clear();
        self.batch = batch;
        count
    }

    /// Lets the market move on, and reports what it did.
    fn advance(&mut self, until: Nanos) -> usize {
        if self.core.market.next_time().is_none_or(|t| t > until) {
            return 0;
        }
        self.move_market(until);
        1
    }

    fn move_market(&mut self, until: Nanos) {
        let mut output = core::mem::take(&mut self.output);
        self.core.market.advance(until, &mut output);
        self.output = output;
        self.tell_moved();
        if self.core.lacks_a_mark() {
            self.core.time = until;
            self.core.first_marks(&mut self.answers);
        }
    }

    /// What the market did while it moved.
    fn tell_moved(&mut self) {
        let mut output = core::mem::take(&mut self.output);
        for event in output.events.drain(..) {
            if let MarketEvent::Trade(trade) = &event {
                self.core.note_trade(trade.asset, trade.px);
            }
            self.publish(event);
        }
        for execution in output.executions.drain(..) {
            self.core.time = execution.time;
            self.core.on_execution(&execution, &mut self.answers);
        }
        self.output = output;
    }

    fn on_action(&mut self, now: Nanos, action: &Action) {
        self.core.time = now;
        let whole = self.admit(now, action).err();
        let (is_whole, mut is_after_fault) = (whole.is_some(), false);
        for item in action.items() {
            let OrderRequest { cloid, asset, .. } = *item;
            self.answers.asked =
                Some(Item { of: action.kind, cloid, asset, is_whole, is_after_fault });
            let refused = match whole {
                Some(why) => self.core.refuse::<()>(why, &mut self.answers).err(),
                None => self.on_item(action.kind, item).err(),
            };
            is_after_fault |= refused.is_some_and(|refused| refused.reason().is_error());
        }
        self.answers.asked = None;
    }

    /// Whether a request is executed at all.
    fn admit(&mut self, now: Nanos, action: &Action) -> Result<(), Refused> {
        if action.expires_after_ms().is_some_and(|until| rules::is_expired(now, until)) {
            self.core.spend_late(US);
            return Err(Refused::Expired);
        }
        self.core.spend(US, u64::from(action.len), action.kind == ActionKind::Cancel)
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
        // What was paid for us was lost all the same.
        let gained = account.cash + account.fees - self.deposit - self.core.insured;
        words[0] = gained.raw() as u64;
        words[1] = account.fees.raw() as u64;
        words[2] = account.fills;
        for (word, position) in words[3..].iter_mut().zip(&account.positions) {
            *word = position.szi.raw() as u64;
        }
        self.board.write(&words);
    }
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

/// Where in a block an action is executed.
fn part(action: &Action) -> BlockPart {
    let takes = action.items().iter().any(|item| item.tif == types::Tif::Ioc);
    match action.kind {
        ActionKind::Cancel => BlockPart::Cancels,
        _ if takes => BlockPart::Takers,
        _ => BlockPart::Quiet,
    }
}

impl<M: Market> Stage for Exchange<M> {
    fn name(&self) -> &'static str {
        "venue"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        let work = self.take_actions() + self.turn(now);
        self.flush();
        if core::mem::take(&mut self.answers.is_new) {
            self.show_account();
        }
        work
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let own = [self.next_action(), self.next_prices()];
        own.into_iter().flatten().chain(self.core.market.next_time()).min()
    }

    fn is_due(&self, now: Nanos) -> bool {
        self.actions.has_some()
            || self.next_deadline().is_some_and(|due| due <= now)
            || self.answers.is_new
            || !self.answers.waiting.is_empty()
            || !self.waiting_feed.is_empty()
    }

    fn calm_until(&self) -> Option<Nanos> {
        [self.next_action(), self.next_prices()].into_iter().flatten().min()
    }

    fn run_ahead(&mut self, until: Nanos) -> Ahead {
        if self.core.lacks_a_mark() {
            let next = self.core.market.next_time();
            return Ahead::nothing(next.map_or(until, |due| due.min(until)));
        }
        let mut output = core::mem::take(&mut self.output);
        let ahead = self.core.market.run_ahead(until, &mut output);
        self.output = output;
        self.tell_moved();
        ahead
    }
}
