//! The replay's exchange and the embedded one, on the same market with the same orders: they must say
//! the same. What a bot hears of the replay is compared with what it would read in the texts of the
//! embedded exchange.

use super::acted_on::Hit;
use super::*;
use botmm_pipeline::rt::Stage;
use botmm_pipeline::types::{
    self as wire, Action, ActionKind, Done, Fill, OrderRequest, Reject, RejectReason,
    VenueEventKind,
};
use botmm_pipeline::venue::Gateway;
use botmm_pipeline::venue::hl::user::ItemError;
use botmm_pipeline::venue::sim::core::Rules;
use botmm_pipeline::venue::sim::exchange::{Ends, Exchange, ExchangeConfig, VenueAccount};
use botmm_pipeline::venue::sim::latency::LatencyModel;
use botmm_pipeline::venue::sim::link::SimGateway;

/// Between two actions; several blocks.
const PAUSE: Nanos = Nanos::millis(240);
const EXPIRES: Nanos = Nanos::secs(5);
/// Twenty seconds before an hour ends.
const BEGIN: Nanos = Nanos(START.0 + 3_580_000_000_000);
/// What user 1 has.
const DEPOSIT: Usd = Usd::whole(10_000);

/// What a bot hears of one item, ids left out.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Rests(Qty),
    /// Why, and the touch that is told with it.
    Refused(RejectReason, Px, Px),
    Fill(Px, Qty, Usd),
    /// Left, and whether it was filled whole.
    Ended(Qty, bool),
    /// Funding; negative = we were paid.
    Paid(Usd),
    Liquidated,
}

/// One step of a story: an action of one item, or an agent who takes.
#[derive(Clone, Debug)]
pub enum Step {
    /// `late`: it arrives after its end.
    Act {
        kind: ActionKind,
        item: OrderRequest,
        late: bool,
    },
    Take(Side, Px, Qty),
    /// The market is elsewhere.
    Move(Px),
    /// Nothing happens, for so long.
    Wait(Nanos),
}

fn take(side: Side, px: &str, size: &str) -> Step {
    Step::Take(side, Px::parse(px).unwrap(), qty(size))
}

fn item(n: u128, side: Side, px: &str, qty: &str) -> OrderRequest {
    OrderRequest {
        cloid: Cloid::from_u128(n),
        asset: btc(),
        side,
        px: Px::parse(px).unwrap(),
        qty: Qty::parse(qty).unwrap(),
        ..OrderRequest::default()
    }
}

fn act(kind: ActionKind, item: OrderRequest) -> Step {
    Step::Act { kind, item, late: false }
}

fn place(n: u128, side: Side, px: &str, qty: &str) -> Step {
    act(ActionKind::Place, item(n, side, px, qty))
}

fn reduce(n: u128, side: Side, px: &str, qty: &str) -> Step {
    act(ActionKind::Place, OrderRequest { reduce_only: true, ..item(n, side, px, qty) })
}

fn modify(n: u128, side: Side, px: &str, qty: &str) -> Step {
    act(ActionKind::Modify, item(n, side, px, qty))
}

fn cancel(n: u128) -> Step {
    act(ActionKind::Cancel, item(n, Side::Bid, "1", "1"))
}

fn late(step: Step) -> Step {
    match step {
        Step::Act { kind, item, .. } => Step::Act { kind, item, late: true },
        other => other,
    }
}

/// When each step begins, and when it is over.
fn times(steps: &[Step]) -> impl Iterator<Item = (Nanos, Nanos, &Step)> {
    steps.iter().scan(BEGIN, |over, step| {
        let begins = *over + PAUSE;
        let takes = if let Step::Wait(span) = step { *span } else { Nanos::ZERO };
        *over = begins + takes;
        Some((begins, *over + PAUSE - Nanos(1), step))
    })
}

fn market(steps: &[Step]) -> Hit {
    let of_market = |step: &Step| matches!(step, Step::Take(..) | Step::Move(_));
    let all = times(steps).filter(|(.., step)| of_market(step));
    Hit { still: Still::new(2), steps: all.map(|(at, _, step)| (at, step.clone())).collect() }
}

/// What the replay's exchange says of each step, and its account at the end.
fn replay(rules: Rules, steps: &[Step]) -> (Vec<Vec<Heard>>, VenueAccount) {
    let latency = LatencyModel::Constant(Nanos::ZERO);
    let config = ExchangeConfig {
        latency,
        maker_fee: wire::Bps::from_f64(1.5),
        taker_fee: wire::Bps::from_f64(4.5),
        seed: 1,
        rules,
        deposit: DEPOSIT,
        start: BEGIN,
    };
    let (mut exchange, links) = Exchange::new(market(steps), universe(2), config, false);
    let Ends { mut gateway, account, .. } = links;
    let mut heard = Vec::new();
    for (now, over, step) in times(steps) {
        if let Step::Act { kind, item, late } = step {
            let end = if *late { now - Nanos::millis(1) } else { now + EXPIRES };
            let mut action = Action { sent_time: now, expires_after: end, ..Action::new(*kind) };
            action.push(*item);
            assert!(gateway.submit(now, &action));
        }
        // As virtual time goes, from one deadline to the next.
        let mut at = now;
        while at < over {
            exchange.poll(at);
            at = exchange.next_deadline().unwrap_or(over).max(at + Nanos(1)).min(over);
        }
        exchange.poll(over);
        heard.push(hear(&mut gateway, over));
    }
    (heard, VenueAccount::read(&account))
}

fn hear(gateway: &mut SimGateway, now: Nanos) -> Vec<Heard> {
    let events = std::iter::from_fn(|| gateway.next(now));
    let words = events.filter_map(|event| match event.kind {
        VenueEventKind::Ack { leaves, .. } => Some(Heard::Rests(leaves)),
        VenueEventKind::Reject(Reject { reason, best_bid, best_ask, is_whole, .. }) => {
            let whole = [RejectReason::Expired, RejectReason::RateLimit].contains(&reason);
            assert_eq!(is_whole, whole);
            Some(Heard::Refused(reason, best_bid, best_ask))
        }
        VenueEventKind::Fill(Fill { px, qty, fee, .. }) => Some(Heard::Fill(px, qty, fee)),
        VenueEventKind::Done(Done { leaves, why, .. }) => {
            Some(Heard::Ended(leaves, why == wire::DoneWhy::Filled))
        }
        VenueEventKind::Funding(paid) => Some(Heard::Paid(paid)),
        VenueEventKind::Notice(wire::AlertKind::Liquidated) => Some(Heard::Liquidated),
        _ => None,
    });
    // In the texts of the embedded exchange the answer comes before the news.
    let mut words: Vec<Heard> = words.collect();
    words.sort_by_key(|heard| !matches!(heard, Heard::Refused(..)));
    words
}

/// What the embedded exchange says, as the bot reads it; the account at the end, and what was paid for it.
fn embedded(rules: Rules, steps: &[Step]) -> (Vec<Vec<Heard>>, AccountState, Usd) {
    let base_requests = rules.base_requests;
    let config = VenueConfig { entry_latency: Nanos::ZERO, base_requests, ..config() };
    let mut w = World::at(BEGIN, config, Box::new(market(steps)), universe(2));
    let mut heard = Vec::new();
    for (now, over, step) in times(steps) {
        w.now = now;
        w.events.clear();
        let mut ticket = None;
        if let Step::Act { kind, item, late } = step {
            let mut signed = w.signed(user(1), command(*kind, item));
            // The bot sends no end with a cancel.
            let end = if *late { now - Nanos::millis(1) } else { now + EXPIRES };
            signed.expires_after_ms = (*kind != ActionKind::Cancel).then(|| end.as_millis() as u64);
            ticket = Some(signed.ticket);
            w.venue.submit(now, signed);
        }
        w.venue.advance(over, &mut w.events);
        let answer = ticket.map(|ticket| w.answer(ticket));
        heard.push(words(answer, &w.events));
    }
    (heard, w.venue.account(&user(1)), w.venue.core.insured)
}

fn command(kind: ActionKind, item: &OrderRequest) -> Command {
    let new = NewOrder {
        asset: 3,
        side: item.side,
        px: Some(item.px),
        qty: Some(item.qty),
        reduce_only: item.reduce_only,
        tif: Some(if item.tif == wire::Tif::Ioc { Tif::Ioc } else { Tif::Alo }),
        trigger: None,
        cloid: Some(item.cloid),
        builder: None,
    };
    let id = OrderRef::Cloid(item.cloid);
    match kind {
        ActionKind::Place => Command::Order(vec![new]),
        ActionKind::Cancel => Command::Cancel(vec![(3, id)]),
        ActionKind::Modify => {
            Command::Modify { items: vec![(id, new)], always_place: false, batch: true }
        }
    }
}

fn words(answer: Option<Answer>, events: &[Event]) -> Vec<Heard> {
    let refusal = match answer {
        Some(Answer::Refused(why)) => Some(why),
        Some(Answer::Order(items) | Answer::Cancel(items)) => match &items[0] {
            ItemAnswer::Error(why) => Some(why.clone()),
            _ => None,
        },
        _ => None,
    };
    let refused = refusal.map(|why| {
        let ItemError { reason, best_bid, best_ask, .. } = ItemError::of(&format!("{why} asset=3"));
        Heard::Refused(reason, best_bid, best_ask)
    });
    let told = events.iter().filter_map(|event| match event {
        // The venue's own, which closes a position.
        Event::Order(order) if order.cloid.is_none() => None,
        Event::Order(order) => match order.status {
            OrderStatus::Open => Some(Heard::Rests(order.leaves)),
            OrderStatus::Rejected(_) => None,
            OrderStatus::Filled => Some(Heard::Ended(order.leaves, true)),
            _ => Some(Heard::Ended(order.leaves, false)),
        },
        Event::Fill(f) if f.user == user(1) => Some(Heard::Fill(f.px, f.qty, f.fee)),
        Event::Funding(f) => Some(Heard::Paid(-f.usdc)),
        Event::Liquidated(_) => Some(Heard::Liquidated),
        _ => None,
    });
    refused.into_iter().chain(told).collect()
}

/// Both tell the same story, and end with the same money; of the short ones under a replay's rules too.
fn agree(steps: &[Step]) -> Vec<Vec<Heard>> {
    agree_under(Rules::REPLAY, steps);
    agree_under(Rules::VENUE, steps)
}

fn agree_under(rules: Rules, steps: &[Step]) -> Vec<Vec<Heard>> {
    let (by_replay, ours) = replay(rules, steps);
    let (by_venue, theirs, insured) = embedded(rules, steps);
    for (i, step) in steps.iter().enumerate() {
        assert_eq!(by_replay[i], by_venue[i], "step {i}, {step:?}, of {steps:#?}");
    }
    let szi = theirs.positions.iter().find(|p| p.asset == btc()).map_or(Qty::ZERO, |p| p.szi);
    assert_eq!(ours.position[0], szi, "{steps:?}");
    let cash = DEPOSIT + insured + ours.cash - ours.fees;
    assert_eq!(cash, theirs.total_raw_usd, "{steps:?}");
    by_replay
}

fn refused(reason: RejectReason) -> Vec<Heard> {
    vec![Heard::Refused(reason, Px::ZERO, Px::ZERO)]
}

#[test]
fn a_new_order_is_checked_by_the_same_rules() {
    use RejectReason as R;
    let cases = [
        (("99", "1"), vec![Heard::Rests(qty("1"))]),
        (("0", "1"), refused(R::Tick)),
        (("-5", "1"), refused(R::Tick)),
        (("99.0001", "1"), refused(R::Tick)),
        // Both its numbers are off: the price is looked at first, but a size of none before it.
        (("99.0001", "1.0001"), refused(R::Tick)),
        (("99.0001", "0"), refused(R::Size)),
        (("99", "1.0001"), refused(R::Size)),
        (("99", "-1"), refused(R::Size)),
        (("99", "90000000000"), refused(R::Size)),
        (("99", "600000"), refused(R::Size)),
        (("99", "0.101"), refused(R::MinNotional)),
        (("100", "0.1"), vec![Heard::Rests(qty("0.1"))]),
        // Off the grid and crossing, too small and crossing: the touch is not told.
        (("105.0001", "1"), refused(R::Tick)),
        (("105", "0.09"), refused(R::MinNotional)),
        (("101", "1"), vec![Heard::Refused(R::BadAloPx, Px::whole(99), Px::whole(101))]),
        (("100.999", "1"), refused(R::Tick)),
        (("100.99", "1"), vec![Heard::Rests(qty("1"))]),
    ];
    for ((px, qty), want) in cases {
        assert_eq!(agree(&[place(1, Side::Bid, px, qty)]), [want], "{qty} at {px}");
    }
}

#[test]
fn own_orders_stand_in_each_others_way() {
    let heard = agree(&[
        place(1, Side::Ask, "100.5", "1"),
        place(2, Side::Bid, "100.5", "1"),
        place(3, Side::Bid, "100.4", "1"),
    ]);
    assert!(matches!(heard[1][..], [Heard::Refused(RejectReason::BadAloPx, ..)]));
    assert!(matches!(heard[2][..], [Heard::Rests(_)]));
}

#[test]
fn cancels_and_modifies_end_the_same_orders() {
    use RejectReason as R;
    let heard = agree(&[
        cancel(1),
        modify(1, Side::Bid, "98", "1"),
        place(1, Side::Bid, "98.5", "1"),
        modify(1, Side::Bid, "98.4", "2"),
        modify(1, Side::Bid, "98.3", "0"),
        modify(1, Side::Bid, "98.3", "1"),
        modify(1, Side::Bid, "101", "1"),
        cancel(1),
    ]);
    assert_eq!((&heard[0], &heard[1]), (&refused(R::NotFound), &refused(R::NotFound)));
    assert_eq!(heard[3], [Heard::Rests(qty("2")), Heard::Ended(qty("1"), false)]);
    // No number at all leaves the old order alone; a new order that may not rest does not.
    assert_eq!(heard[4], refused(R::Size));
    assert_eq!(heard[6].len(), 2, "{heard:?}");
    assert_eq!(heard[7], refused(R::NotFound));
}

#[test]
fn what_comes_too_late_is_refused_whole_but_a_cancel_never_is() {
    let expired = refused(RejectReason::Expired);
    let heard = agree(&[
        late(place(1, Side::Bid, "98", "1")),
        place(1, Side::Bid, "98", "1"),
        late(modify(1, Side::Bid, "98.5", "1")),
        modify(1, Side::Bid, "98.6", "1"),
        late(cancel(1)),
    ]);
    assert_eq!((&heard[0], &heard[2]), (&expired, &expired));
    assert_eq!(heard[3].len(), 2, "the late modify had left the order as it was");
    assert_eq!(heard[4], [Heard::Ended(qty("1"), false)]);
}

#[test]
fn fills_cost_the_same_and_reduce_only_means_the_same() {
    let heard = agree(&[
        reduce(1, Side::Ask, "101", "1"),
        place(2, Side::Bid, "99.5", "0.777"),
        take(Side::Ask, "99.5", "0.5"),
        take(Side::Ask, "99.5", "0.2"),
        reduce(3, Side::Bid, "99", "1"),
        // All that is held, though worth less than 10 USD at this price; and less than all of it.
        take(Side::Ask, "99.5", "0.077"),
        place(4, Side::Ask, "100.5", "0.7"),
        take(Side::Bid, "100.5", "0.7"),
        reduce(5, Side::Ask, "100.5", "0.076"),
        reduce(6, Side::Ask, "100.5", "0.077"),
    ]);
    let reduces_nothing = refused(RejectReason::ReduceOnly);
    assert_eq!((&heard[0], &heard[4]), (&reduces_nothing, &reduces_nothing));
    // 1.5 bps of 49.75 is 0.0074625, cut after six decimals.
    assert_eq!(heard[2], [Heard::Fill(Px::parse("99.5").unwrap(), qty("0.5"), usd("0.007462"))]);
    assert_eq!(heard[5][1], Heard::Ended(qty("0"), true));
    assert_eq!(heard[8], refused(RejectReason::MinNotional));
    assert_eq!(heard[9], [Heard::Rests(qty("0.077"))]);
}

/// One step of a random story.
fn random_step(dice: &mut Dice, mid: &mut i64) -> Step {
    let side = Side::BOTH[dice.below(2) as usize];
    let n = 1 + u128::from(dice.below(6));
    let tenths = |dice: &mut Dice| *mid * 10 + dice.below(40) as i64 - 20;
    let mut px = Px::from_raw(tenths(dice) * 10_000_000);
    if dice.one_in(20) {
        px = if dice.one_in(2) { Px::whole(10) } else { Px::whole(250) };
    }
    let size =
        if dice.one_in(3) { 500_000 + dice.below(1_500_000) } else { 90 + dice.below(9_000) };
    let qty = Qty::from_raw(size as i64 * 100_000);
    let cloid = Cloid::from_u128(n);
    let new = OrderRequest { cloid, asset: btc(), side, px, qty, ..OrderRequest::default() };
    match dice.below(14) {
        0..=3 => act(ActionKind::Place, new),
        4 => act(ActionKind::Place, OrderRequest { tif: wire::Tif::Ioc, ..new }),
        5 => act(ActionKind::Place, OrderRequest { reduce_only: true, ..new }),
        6 => act(ActionKind::Modify, new),
        7 => cancel(n),
        8 => late(act(ActionKind::Place, new)),
        9..=11 => Step::Take(side, px, qty),
        12 => {
            *mid = (*mid + dice.below(13) as i64 - 6).clamp(70, 130);
            Step::Move(Px::whole(*mid))
        }
        _ => Step::Wait(Nanos::secs(1 + dice.below(12) as i64)),
    }
}

/// Under all of the venue's rules: blocks, band, margin and liquidation, funding, and the request budget.
#[test]
fn any_story_is_the_same_under_the_venues_rules() {
    use RejectReason as R;
    let rules = Rules { base_requests: 3, ..Rules::VENUE };
    let mut all = Vec::new();
    for seed in 0..12 {
        println!("seed {seed}");
        let (mut dice, mut mid) = (Dice(seed), 100);
        let steps: Vec<Step> = (0..80).map(|_| random_step(&mut dice, &mut mid)).collect();
        all.extend(agree_under(rules, &steps).into_iter().flatten());
    }
    let count = |is: &dyn Fn(&Heard) -> bool| all.iter().filter(|heard| is(heard)).count();
    let refused =
        |why| count(&|heard| matches!(heard, Heard::Refused(reason, ..) if *reason == why));
    for why in [R::Margin, R::RateLimit, R::ReduceOnly, R::BadAloPx, R::Expired, R::NotFound] {
        assert!(refused(why) > 0, "{why:?} never came");
    }
    assert!(refused(Refused::ReferencePx.reason()) > 0, "nothing was beyond the band");
    assert!(count(&|heard| matches!(heard, Heard::Paid(_))) > 0, "no funding was paid");
    assert!(count(&|heard| *heard == Heard::Liquidated) > 0, "nobody was liquidated");
    assert!(count(&|heard| matches!(heard, Heard::Fill(..))) > 50, "hardly an order was filled");
}
