use super::*;
use crate::logic::ledger::AssetLedger;
use crate::types::Qty;
use crate::types::limits::MAX_PAST_FILLS;
use proptest::prelude::*;

fn fill(side: Side, px: Px, qty: Qty) -> Fill {
    Fill { side, px, qty, ..Fill::default() }
}

fn on_fill(m: &mut Markouts, time: Nanos, fill: &Fill) -> Vec<Measurement> {
    let mut told = Vec::new();
    let count = m.on_fill(time, fill, |t| told.push(t));
    assert!(count >= told.len(), "what is given up was due too");
    told
}

fn on_block(m: &mut Markouts, time: Nanos, mid: Option<Px>) -> Vec<Measurement> {
    let mut told = Vec::new();
    let count = m.on_block(time, mid, |t| told.push(t));
    assert!(count >= told.len(), "what is given up was due too");
    told
}

/// Horizons and mids of what was told, the mid at the fill as horizon −1; in whole dollars.
fn in_short(told: &[Measurement]) -> Vec<(i64, i64)> {
    let dollars = |px: Px| px.raw() / SCALE;
    let short = |told: &Measurement| match told {
        Measurement::MidAtFill(fill) => (-1, dollars(fill.mid)),
        Measurement::Markout(m) => (m.horizon as i64, dollars(m.mid)),
    };
    told.iter().map(short).collect()
}

#[test]
fn known_answers() {
    let mut m = Markouts::default();
    let mid = |px| Some(Px::whole(px));
    on_block(&mut m, Nanos::secs(8), mid(100));
    assert_eq!(
        on_fill(&mut m, Nanos::secs(10), &fill(Side::Bid, Px::whole(99), Qty::whole(2))),
        []
    );
    on_block(&mut m, Nanos::secs(9), mid(101));
    // What the fill's own block left is already what became of it.
    assert_eq!(in_short(&on_block(&mut m, Nanos::secs(10), mid(98))), [(-1, 101)]);
    assert_eq!(m.mid_before(Nanos::secs(10)), mid(101));
    assert_eq!(m.mid_before(Nanos::secs(11)), None, "the feed has not come so far");
    // A block without a mid lets time pass, and the last mid stands.
    assert_eq!(in_short(&on_block(&mut m, Nanos::secs(11), None)), [(0, 98)]);
    assert_eq!(in_short(&on_block(&mut m, Nanos::secs(39), mid(103))), [(1, 98)]);
    // A fill that we learn of late is measured like any other.
    let late = fill(Side::Ask, Px::whole(104), Qty::whole(1));
    assert_eq!(in_short(&on_fill(&mut m, Nanos::secs(37), &late)), [(-1, 98), (0, 98)]);
    let bid = m.side(Side::Bid);
    assert_eq!((bid.fills(), bid.captured()), (1, Usd::whole(4)));
    let at = |h: usize| {
        let sum = bid.at(h);
        (sum.fills(), sum.value(), sum.adverse(), sum.markout())
    };
    assert_eq!(at(0), (1, Usd::whole(198), Usd::whole(-6), Usd::whole(-2)));
    assert_eq!(at(1), at(0));
    assert_eq!(at(2), (0, Usd::ZERO, Usd::ZERO, Usd::ZERO));
    assert_eq!((m.side(Side::Ask).captured(), m.missed()), (Usd::whole(6), 0));
}

#[test]
fn what_nobody_can_know_is_counted_and_not_measured() {
    let mut m = Markouts::default();
    let buy = fill(Side::Bid, Px::whole(99), Qty::whole(2));
    // Before any block.
    assert_eq!(on_fill(&mut m, Nanos::secs(1), &buy), []);
    assert_eq!(on_block(&mut m, Nanos::secs(2), Some(Px::whole(100))), []);
    assert_eq!(m.missed(), HORIZONS.len() as u64);
    // In a hole of the feed, and of one before it the horizons that end in it.
    assert_eq!(on_fill(&mut m, Nanos::secs(3), &buy), []);
    assert_eq!(in_short(&on_block(&mut m, Nanos::secs(3), Some(Px::whole(100)))), [(-1, 100)]);
    m.lose_track();
    assert_eq!(on_fill(&mut m, Nanos::secs(5), &buy), []);
    assert_eq!(on_block(&mut m, Nanos::secs(6), Some(Px::whole(90))), []);
    assert_eq!(m.missed(), 2 * HORIZONS.len() as u64 + 1);
    assert_eq!(in_short(&on_block(&mut m, Nanos::secs(70), None)), [(1, 90), (2, 90), (3, 90)]);
    let bid = m.side(Side::Bid);
    assert_eq!((bid.fills(), bid.captured(), bid.at(0).fills()), (1, Usd::whole(2), 0));
}

#[test]
fn fills_that_find_no_room_are_counted_and_never_measured() {
    let mut m = Markouts::default();
    on_block(&mut m, Nanos(1), Some(Px::whole(100)));
    on_block(&mut m, Nanos(2), Some(Px::whole(100)));
    let extra = 7;
    for _ in 0..MAX_PAST_FILLS + extra {
        on_fill(&mut m, Nanos(2), &fill(Side::Ask, Px::whole(101), Qty::whole(1)));
    }
    assert_eq!(m.missed(), (extra * HORIZONS.len()) as u64);
    let told = on_block(&mut m, Nanos::secs(61), None);
    assert_eq!(told.len(), MAX_PAST_FILLS * HORIZONS.len());
    let ask = m.side(Side::Ask);
    assert_eq!(ask.captured(), Usd::whole((MAX_PAST_FILLS + extra) as i64), "captured by all");
    assert_eq!(ask.at(3).fills(), MAX_PAST_FILLS as u64);
    // The same while the feed stands still.
    for _ in 0..MAX_PAST_FILLS + extra {
        on_fill(&mut m, Nanos::secs(62), &fill(Side::Ask, Px::whole(101), Qty::whole(1)));
    }
    assert_eq!(m.missed(), (2 * extra * HORIZONS.len()) as u64);
}

/// What can happen to an asset.
#[derive(Clone, Copy, Debug)]
enum Event {
    Mid(i64),
    Fill { buy: bool, px: i64, qty: i64, fee: i64 },
    Funding(i64),
    Nothing,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (190_i64..210).prop_map(Event::Mid),
        3 => (any::<bool>(), 95_i64..105, 1_i64..500, -500_i64..500)
            .prop_map(|(buy, px, qty, fee)| Event::Fill { buy, px, qty, fee }),
        1 => (-500_i64..500).prop_map(Event::Funding),
        1 => Just(Event::Nothing),
    ]
}

/// A venue's grid: prices of `6 − sz_decimals` decimals, sizes of `sz_decimals`, mids on half ticks.
#[derive(Clone, Copy, Debug)]
struct Grid {
    half_tick: i64,
    lot: i64,
}

impl Grid {
    fn new(sz_decimals: u32) -> Self {
        Self { half_tick: 10_i64.pow(2 + sz_decimals) / 2, lot: 10_i64.pow(8 - sz_decimals) }
    }
    fn mid(self, half_ticks: i64) -> Px {
        Px::from_raw(self.half_tick * half_ticks)
    }
    fn px(self, ticks: i64) -> Px {
        Px::from_raw(2 * self.half_tick * ticks)
    }
    fn qty(self, lots: i64) -> Qty {
        Qty::from_raw(self.lot * lots)
    }
}

/// Keeps every fill and every mid, and looks it all up at the end.
#[derive(Default)]
struct Twin {
    mids: Vec<(Nanos, Px)>,
    /// When, side, price, size.
    fills: Vec<(Nanos, Side, Px, Qty)>,
}

/// What a twin makes of it: fills with a mid, spread captured, fills measured, their adverse
/// selection and the drift, over all sides.
type Parts = (u64, Usd, u64, Usd, Usd);

impl Twin {
    /// The last mid of a block before a moment, once there is a block at or after it.
    fn before(&self, time: Nanos) -> Option<Px> {
        self.mids.last().filter(|(last, _)| *last >= time)?;
        self.mids.iter().rfind(|(t, _)| *t < time).map(|(_, mid)| *mid)
    }
    fn split(&self, after: Nanos, mark: Px, flip: bool) -> Parts {
        let (mut fills, mut measured) = (0, 0);
        let (mut captured, mut adverse, mut drift) = (0, 0, 0);
        for (time, side, px, qty) in &self.fills {
            let side = if flip { side.opposite() } else { *side };
            let usd = |from: Px, to: Px| {
                let e16 = i128::from((to - from).raw() * side.sign()) * i128::from(qty.raw());
                assert_eq!(e16 % i128::from(SCALE), 0, "every product is exact in 1e-8 USD");
                i64::try_from(e16 / i128::from(SCALE)).unwrap()
            };
            let m0 = self.before(*time);
            let mut from = m0.unwrap_or(*px);
            fills += u64::from(m0.is_some());
            captured += usd(*px, from);
            if let (Some(m0), Some(then)) = (m0, self.before(*time + after)) {
                from = then;
                measured += 1;
                adverse += usd(m0, from);
            }
            drift += usd(from, mark);
        }
        let usd = Usd::from_raw;
        (fills, usd(captured), measured, usd(adverse), usd(drift))
    }
}

/// Events at venue times, some of the fills told of late; the parts by horizon.
fn play(events: &[(i64, i64, Event)], grid: Grid, mark: Px) -> ([Parts; HORIZONS.len()], Twin) {
    let (mut markouts, mut ledger) = (Markouts::default(), AssetLedger::default());
    let (mut twin, mut now, mut late) = (Twin::default(), Nanos::secs(1_757_000_000), Vec::new());
    for (pause, lateness, event) in events {
        now = now + Nanos::millis(*pause);
        late.retain(|(due, time, fill): &(Nanos, Nanos, Fill)| {
            let is_due = *due <= now;
            if is_due {
                on_fill(&mut markouts, *time, fill);
            }
            !is_due
        });
        match *event {
            Event::Mid(half_ticks) => {
                on_block(&mut markouts, now, Some(grid.mid(half_ticks)));
                twin.mids.push((now, grid.mid(half_ticks)));
            }
            Event::Fill { buy, px, qty, fee } => {
                let side = if buy { Side::Bid } else { Side::Ask };
                let (px, qty) = (grid.px(px), grid.qty(qty));
                late.push((now + Nanos::millis(*lateness), now, fill(side, px, qty)));
                late.sort_by_key(|(due, ..)| *due);
                ledger.book(side, px, qty, Usd::from_raw(fee));
                twin.fills.push((now, side, px, qty));
            }
            Event::Funding(paid) => ledger.book_funding(Usd::from_raw(paid)),
            Event::Nothing => {}
        }
    }
    for (_, time, fill) in late {
        on_fill(&mut markouts, time, &fill);
    }
    let gross = ledger.realized() + ledger.unrealized(mark);
    let sum = |value: &dyn Fn(&SideSum) -> Usd| -> Usd {
        Side::BOTH.iter().map(|side| value(markouts.side(*side))).sum()
    };
    let captured = sum(&|s| s.captured());
    let with_mid = Side::BOTH.iter().map(|side| markouts.side(*side).fills()).sum();
    let parts = core::array::from_fn(|h| {
        let adverse = sum(&|s| s.at(h).adverse());
        let measured = Side::BOTH.iter().map(|side| markouts.side(*side).at(h).fills()).sum();
        let drift = gross - captured - adverse;
        let net = captured + adverse + drift - ledger.fees() - ledger.funding();
        assert_eq!(net, ledger.net(mark));
        (with_mid, captured, measured, adverse, drift)
    });
    (parts, twin)
}

proptest! {
    /// Whatever comes in whatever order, and however late we learn of a fill: for each horizon the
    /// parts are the twin's, and add up to the ledger's net to the last unit. With buys and sells
    /// exchanged they do not.
    #[test]
    fn the_split_adds_up_exactly_however_late_fills_are(
        // A pause lasts no longer than the memory of blocks, so that nothing is forgotten.
        events in proptest::collection::vec((0_i64..400, 0_i64..3_000, event()), 1..300),
        sz_decimals in 0_u32..=6,
        last in 190_i64..210,
    ) {
        let grid = Grid::new(sz_decimals);
        let mark = grid.mid(last);
        let (parts, twin) = play(&events, grid, mark);
        for (parts, after) in parts.iter().zip(HORIZONS) {
            prop_assert_eq!(*parts, twin.split(after, mark, false));
            if parts.1 != Usd::ZERO {
                prop_assert_ne!(*parts, twin.split(after, mark, true), "signs matter");
            }
        }
    }
}
