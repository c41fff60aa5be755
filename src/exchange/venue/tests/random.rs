//! Many users send legal and illegal actions against the synthetic market, and an auditor that
//! sees only the events keeps its own books of everything.

use super::*;
use botmm_pipeline::types::notional;
use botmm_pipeline::venue::sim::synthetic::{MarketProfile, SyntheticMarket};
use std::collections::HashSet;

const USERS: u8 = 6;
const FUNDS: Usd = Usd::whole(200_000);
const STEPS: usize = 4_000;
/// Allowed by all users but the first.
const BUILDER: BuilderFee = BuilderFee { builder: Address::new([0xb1; 20]), tenths_bp: 10 };

/// What the events say, by themselves.
#[derive(Default)]
struct Audit {
    open: BTreeMap<Oid, Order>,
    ended: HashSet<Oid>,
    filled: HashMap<Oid, Qty>,
    cash: BTreeMap<Address, Usd>,
    szi: BTreeMap<(Address, AssetId), Qty>,
    traded: HashMap<(AssetId, u64), Address>,
    fills: usize,
    maker_fills: usize,
    user_trades: usize,
    statuses: HashMap<String, usize>,
    block: Nanos,
    fired: usize,
    /// Orders opened so far, and the how-manieth each was: a trigger order comes to the book when it fires.
    opened: usize,
    arrived: HashMap<Oid, usize>,
    /// What the slices of each TWAP order got, and whether it is over.
    twaps: BTreeMap<u64, (Qty, bool)>,
}

impl Audit {
    fn on_event(&mut self, event: &Event) {
        match event {
            Event::Order(order) => self.on_order(order),
            Event::Fill(fill) => self.on_fill(fill),
            Event::Twap(change) => self.on_twap(change),
            Event::Funding(f) => *self.cash.entry(f.user).or_default() += f.usdc,
            Event::Block(time) => {
                assert!(*time > self.block, "blocks go forward");
                self.block = *time;
                self.check_reduce_only();
            }
            _ => {}
        }
    }

    fn on_order(&mut self, order: &Order) {
        let word = format!("{:?}", order.status);
        let word = word.split(['(', ' ']).next().unwrap().to_owned();
        *self.statuses.entry(word).or_default() += 1;
        assert!(!self.ended.contains(&order.oid), "{order:?} after its end");
        let filled = self.filled.get(&order.oid).copied().unwrap_or_default();
        assert_eq!(order.orig - order.leaves, filled, "{order:?}");
        if order.status == OrderStatus::Triggered {
            // It opens anew, in the book or as a taker, or is refused there.
            assert!(self.open.remove(&order.oid).is_some(), "{order:?} fired from nowhere");
            assert!(order.reduce_only && order.conditional.is_some());
            self.fired += 1;
            return;
        }
        if order.status == OrderStatus::Open {
            self.opened += 1;
            self.arrived.insert(order.oid, self.opened);
            let clash = self.open.insert(order.oid, order.clone());
            assert!(clash.is_none(), "{order:?} opened twice");
            return;
        }
        self.ended.insert(order.oid);
        let was_open = self.open.remove(&order.oid).is_some();
        let rejected = matches!(order.status, OrderStatus::Rejected(_));
        assert_eq!(was_open, !rejected, "{order:?}");
        assert!(!rejected || filled.is_zero(), "{order:?} was refused and filled");
    }

    /// It says what its slices got, and nothing after its end.
    fn on_twap(&mut self, change: &TwapChange) {
        let (sliced, is_over) = self.twaps.entry(change.id).or_default();
        assert!(!*is_over, "{change:?} after its end");
        assert_eq!(change.twap.executed, *sliced, "{change:?}");
        assert!(*sliced <= change.twap.qty, "{change:?} got too much");
        *is_over = change.status != TwapStatus::Activated;
    }

    fn on_fill(&mut self, fill: &UserFill) {
        self.fills += 1;
        if let Some(id) = fill.twap_id {
            let (sliced, is_over) = self.twaps.get_mut(&id).unwrap();
            assert!(!*is_over, "{fill:?} of what is over");
            *sliced += fill.qty;
        }
        let order = self.open.get(&fill.oid).unwrap().clone();
        let total = self.filled.entry(fill.oid).or_default();
        *total += fill.qty;
        assert!(fill.qty.is_positive() && *total <= order.orig, "{fill:?} overfills");
        assert!(!order.side.is_better(fill.px, order.px) || fill.crossed);
        assert!(
            fill.px == order.px
                || order.side.opposite().is_better(order.px, fill.px)
                || !order.side.is_better(fill.px, order.px),
            "{fill:?} beyond {order:?}"
        );
        assert!(!(fill.crossed && order.tif == Tif::Alo), "{fill:?}: post-only took");
        let other = self.traded.insert((fill.asset, fill.tid), fill.user);
        if let Some(other) = other {
            assert_ne!(other, fill.user, "a self trade");
            self.user_trades += 1;
        }
        let szi = self.szi.entry((fill.user, fill.asset)).or_default();
        assert_eq!(*szi, fill.start_position);
        let after = *szi + fill.side.signed(fill.qty);
        assert!(!order.reduce_only || after.abs() < szi.abs(), "{fill:?} of a reduce-only order");
        assert!(after.is_zero() || szi.is_negative() == after.is_negative() || !order.reduce_only);
        *szi = after;
        let signed = fill.side.signed(fill.qty);
        *self.cash.entry(fill.user).or_default() -= notional(fill.px, signed) + fill.fee;
        if !fill.crossed {
            self.maker_fills += 1;
            assert_eq!(fill.px, order.px, "makers trade at their own price");
            self.check_priority(&order, other);
        }
    }

    /// After a block every resting reduce-only order has something to reduce.
    fn check_reduce_only(&self) {
        // A child may wait for a parent that has yet to open its position.
        let is_child = |o: &Order| o.conditional.is_some_and(|c| c.waits == Waits::ForFill);
        for order in self.open.values().filter(|o| o.reduce_only && !is_child(o)) {
            let szi = self.szi.get(&(order.user, order.asset)).copied().unwrap_or_default();
            assert!(order.side.signed(szi).is_negative(), "{order:?} with {szi}");
        }
    }

    /// Nobody who stood before this order was passed over. What the taker itself had there may be
    /// gone: it replaced it by the order that took, and that is told afterwards.
    fn check_priority(&self, order: &Order, taker: Option<Address>) {
        for other in self.open.values() {
            let left = other.orig - self.filled.get(&other.oid).copied().unwrap_or_default();
            let same_line = other.asset == order.asset && other.side == order.side;
            let waits = other.conditional.is_some_and(|c| c.waits != Waits::ForNothing);
            let rests = matches!(other.tif, Tif::Alo | Tif::Gtc) && !waits;
            if !same_line
                || !rests
                || left.is_zero()
                || other.oid == order.oid
                || Some(other.user) == taker
            {
                continue;
            }
            let before = order.side.is_better(other.px, order.px)
                || other.px == order.px && self.arrived[&other.oid] < self.arrived[&order.oid];
            assert!(!before, "{order:?} before {other:?}");
        }
    }

    fn compare(&self, venue: &Venue) {
        for n in 1..=USERS {
            let user = user(n);
            let state = venue.account(&user);
            let cash = FUNDS + self.cash.get(&user).copied().unwrap_or_default();
            assert_eq!(state.total_raw_usd, cash, "{user}: cash");
            let mut value = cash;
            for asset in venue.universe().assets() {
                let szi = self.szi.get(&(user, asset)).copied().unwrap_or_default();
                let shown = state.positions.iter().find(|p| p.asset == asset);
                assert_eq!(shown.map_or(Qty::ZERO, |p| p.szi), szi, "{user}: position");
                value += notional(venue.ctx(asset).mark, szi);
            }
            assert_eq!(state.account_value, value, "{user}: value");
            let all = [venue.open_orders(&user), venue.trigger_orders(&user)].concat();
            let mut open: Vec<Oid> = all.iter().map(|o| o.oid).collect();
            open.sort();
            let own = self.open.values().filter(|o| o.user == user).map(|o| o.oid);
            assert_eq!(open, own.collect::<Vec<_>>(), "{user}: open orders");
        }
    }
}

/// The hour ends, and funding is paid, in the middle of each run.
fn start() -> Nanos {
    START - Nanos::secs(150)
}

fn market(seed: u64) -> (Universe, Box<dyn Market>) {
    let universe = universe(2);
    let profiles = vec![
        MarketProfile { start_px: 50_000.0, ..MarketProfile::btc() },
        MarketProfile::for_instrument(universe.get(AssetId::new(1)), Px::whole(100)),
    ];
    let market = SyntheticMarket::new(&universe, profiles, start(), seed);
    (universe, Box::new(market))
}

/// One random order, usually near the touch, sometimes nonsense.
fn random_order(dice: &mut Dice, venue: &Venue) -> NewOrder {
    let asset = AssetId::new(dice.below(2) as usize);
    let side = Side::BOTH[dice.below(2) as usize];
    let instrument = *venue.universe().get(asset);
    let mark = venue.ctx(asset).mark;
    // Within ten basis points; now and then so far that it sweeps the book, or rests for ever.
    let away = dice.below(41) as i64 - 20;
    let unit = if dice.one_in(30) { 50 } else { 20_000 };
    let raw = mark.raw() + mark.raw() / unit * away;
    let px = instrument.round_px_down(Px::from_raw(raw));
    let most = if dice.one_in(5) { 200_000 } else { 2_000 };
    let usd = Usd::whole(20 + dice.below(most) as i64);
    let qty = instrument.round_qty_down(usd.qty_at(px));
    let nonsense = dice.one_in(25);
    NewOrder {
        asset: if nonsense && dice.one_in(3) { 77 } else { instrument.venue_index },
        side,
        px: Some(if nonsense && dice.one_in(2) { Px::from_raw(raw + 1) } else { px }),
        qty: (!(nonsense && dice.one_in(4))).then_some(qty),
        reduce_only: dice.one_in(5),
        tif: [Tif::Alo, Tif::Alo, Tif::Gtc, Tif::Ioc, Tif::FrontendMarket]
            .get(dice.below(5) as usize)
            .copied(),
        trigger: None,
        cloid: dice.one_in(2).then(|| Cloid::from_u128(u128::from(dice.below(50)))),
        builder: dice.one_in(8).then_some(BUILDER),
    }
}

/// One that waits for a mark within twenty basis points of now, mostly on the side that makes sense.
fn random_trigger(dice: &mut Dice, venue: &Venue) -> NewOrder {
    let mut new = random_order(dice, venue);
    let Some(asset) = venue.asset(new.asset) else { return new };
    let tpsl = if dice.one_in(2) { TpSl::TakeProfit } else { TpSl::StopLoss };
    let mut trigger = Trigger { px: Px::ZERO, is_market: dice.one_in(2), tpsl };
    let up = trigger.is_above(new.side) != dice.one_in(8);
    let mark = venue.ctx(asset).mark.raw();
    let away = mark / 10_000 * dice.below(20) as i64;
    let px = Px::from_raw(if up { mark + away } else { mark - away });
    trigger.px = venue.universe().get(asset).round_px_down(px);
    (new.tif, new.trigger) = (None, Some(trigger));
    new.reduce_only = !dice.one_in(20);
    new
}

fn random_group(dice: &mut Dice, venue: &Venue) -> Command {
    let (grouping, mut orders) = match dice.below(3) {
        0 => (Grouping::NormalTpsl, vec![random_order(dice, venue)]),
        1 => (Grouping::PositionTpsl, Vec::new()),
        _ => (Grouping::Na, Vec::new()),
    };
    orders.extend((0..1 + dice.below(2)).map(|_| random_trigger(dice, venue)));
    if grouping == Grouping::PositionTpsl && dice.one_in(2) {
        orders.iter_mut().for_each(|o| o.qty = Some(Qty::ZERO));
    }
    Command::Grouped(grouping, orders)
}

/// A minute or two, so that some end by themselves.
fn random_twap(dice: &mut Dice, venue: &Venue) -> NewTwap {
    let NewOrder { asset, side, qty, reduce_only, .. } = random_order(dice, venue);
    let (minutes, randomize) = (dice.below(3), dice.one_in(2));
    NewTwap { asset, side, qty, reduce_only, minutes, randomize }
}

fn random_command(dice: &mut Dice, venue: &Venue, n: u8) -> Command {
    let open = [venue.open_orders(&user(n)), venue.trigger_orders(&user(n))].concat();
    let pick = |dice: &mut Dice| match open.len() {
        0 => (3, Oid(dice.below(1_000))),
        len => {
            let order = &open[dice.below(len as u64) as usize];
            (venue.universe().get(order.asset).venue_index, order.oid)
        }
    };
    match dice.below(18) {
        0..=5 => {
            let count = 1 + dice.below(4);
            Command::Order((0..count).map(|_| random_order(dice, venue)).collect())
        }
        6 | 7 => {
            let (asset, oid) = pick(dice);
            Command::Cancel(vec![(asset, OrderRef::Oid(oid)); 1 + dice.below(2) as usize])
        }
        8 | 9 => {
            let (asset, oid) = pick(dice);
            let new = NewOrder { asset, ..random_order(dice, venue) };
            let items = vec![(OrderRef::Oid(oid), new)];
            Command::Modify { items, always_place: dice.one_in(3), batch: dice.one_in(2) }
        }
        12..=14 => random_group(dice, venue),
        15 | 16 => Command::TwapOrder(random_twap(dice, venue)),
        17 => {
            let running = venue.twaps(&user(n));
            let id = running.first().map_or(dice.below(100), |(id, _)| *id);
            Command::TwapCancel(3 + 10 * dice.below(2) as u32, id)
        }
        10 => Command::UpdateLeverage {
            asset: 3 + 10 * dice.below(2) as u32,
            is_cross: !dice.one_in(4),
            leverage: dice.below(23) as u32,
        },
        _ => Command::UpdateIsolatedMargin {
            asset: 3,
            micro_usd: dice.below(2_000_000_000) as i64 - 1_000_000_000,
        },
    }
}

/// The same actions at the same times, with `cut` more calls of `advance` between them.
fn run(seed: u64, cut: i64) -> (Vec<Event>, Venue) {
    let (universe, market) = market(seed);
    let config = VenueConfig { twap_minutes: [1, 1_440], ..config() };
    let mut venue = Venue::new(config, universe, market, start());
    for n in 1..=USERS {
        venue.fund(user(n), FUNDS);
    }
    (1..usize::from(USERS)).for_each(|who| venue.approve_builder(who, BUILDER));
    let mut dice = Dice(seed);
    let (mut now, mut events) = (start(), Vec::new());
    for step in 0..STEPS {
        let next = now + Nanos::millis(1 + dice.below(150) as i64);
        for i in 1..=cut {
            venue.advance(Nanos(now.0 + (next.0 - now.0) * i / (cut + 1)), &mut events);
        }
        now = next;
        venue.advance(now, &mut events);
        let n = 1 + dice.below(u64::from(USERS)) as u8;
        let action = Signed {
            ticket: Ticket(step as u64),
            signer: user(n),
            user_signed: false,
            command: random_command(&mut dice, &venue, n),
            nonce: START.as_millis() as u64 + step as u64,
            vault: None,
            expires_after_ms: None,
        };
        venue.submit(now, action);
    }
    venue.advance(now + Nanos::secs(3), &mut events);
    (events, venue)
}

#[test]
fn whatever_users_do_the_books_agree() {
    for seed in 0..4 {
        println!("seed {seed}");
        let (events, venue) = run(seed, 0);
        let mut audit = Audit::default();
        events.iter().for_each(|event| audit.on_event(event));
        audit.compare(&venue);
        let answers = events.iter().filter(|e| matches!(e, Event::Answer(..))).count();
        assert_eq!(answers, STEPS, "each request has its answer");
        println!("{} fills, {} fired, {:?}", audit.fills, audit.fired, audit.statuses);
        assert!(audit.fired > 20, "triggers fired");
        let (sliced, over) = audit.twaps.values().fold((0, 0), |(sliced, over), (qty, is_over)| {
            (sliced + usize::from(qty.is_positive()), over + usize::from(*is_over))
        });
        assert!(sliced > 20 && over > 20, "{sliced} TWAP orders were sliced, {over} ended");
        assert!(audit.fills > 3_000 && audit.maker_fills > 300, "a lively market");
        assert!(audit.user_trades > 50, "users met each other");
        assert!(events.iter().any(|e| matches!(e, Event::Funding(_))), "the hour passed");
        assert_eq!(venue.core.insured, Usd::ZERO, "nobody went broke");
        let fees: Usd =
            events.iter().map(|e| if let Event::Fill(f) = e { f.fee } else { Usd::ZERO }).sum();
        assert_eq!(fees, venue.core.accounts.iter().map(|a| a.fees).sum());
        let is_built = |e: &&Event| matches!(e, Event::Fill(f) if f.builder_fee.is_positive());
        assert!(events.iter().filter(is_built).count() > 100, "builders were paid");
        let net: Qty = (0..2).map(|i| audit.szi.values().skip(i).step_by(2).copied().sum()).sum();
        let _ = net;
    }
}

#[test]
fn equal_calls_give_equal_events_however_time_is_cut() {
    let (whole, _) = run(11, 0);
    let (cut, _) = run(11, 3);
    assert_eq!(whole.len(), cut.len());
    assert!(whole == cut, "cutting time changed what happened");
    assert!(run(12, 0).0 != whole, "another seed is another story");
}
