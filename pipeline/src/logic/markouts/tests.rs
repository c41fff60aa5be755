use super::*;
use crate::logic::ledger::AssetLedger;
use crate::types::Qty;
use crate::types::limits::MAX_PAST_FILLS;
use proptest::prelude::*;

fn fill(side: Side, px: Px, qty: Qty) -> Fill {
    Fill { side, px, qty, ..Fill::default() }
}

fn settle(markouts: &mut Markouts, now: Nanos) -> Vec<Measured> {
    let mut told = Vec::new();
    let count = markouts.settle(now, |m| told.push(m));
    assert_eq!(count, told.len());
    told
}

#[test]
fn known_answers() {
    let mut m = Markouts::default();
    m.on_mid(Px::whole(100));
    m.on_fill(Nanos::ZERO, &fill(Side::Bid, Px::whole(99), Qty::whole(2)));
    assert_eq!(m.next_due(), Some(Nanos::secs(1)));
    m.on_mid(Px::whole(98));
    let told = settle(&mut m, Nanos::secs(1));
    assert_eq!((told.len(), told[0].horizon, told[0].mid), (1, 0, Px::whole(98)));
    // What comes at the very moment counts from the next one on.
    m.on_mid(Px::whole(103));
    assert_eq!(settle(&mut m, Nanos::secs(29)).len(), 1);
    m.on_fill(Nanos::secs(29), &fill(Side::Ask, Px::whole(104), Qty::whole(1)));
    assert_eq!(m.next_due(), Some(Nanos::secs(30)));
    let bid = m.side(Side::Bid);
    assert_eq!(bid.captured(), Usd::whole(2));
    let at = |h: usize| {
        let sum = bid.at(h);
        (sum.fills(), sum.value(), sum.adverse(), sum.markout())
    };
    assert_eq!(at(0), (1, Usd::whole(198), Usd::whole(-4), Usd::whole(-2)));
    assert_eq!(at(1), (1, Usd::whole(198), Usd::whole(6), Usd::whole(8)));
    assert_eq!(at(2), (0, Usd::ZERO, Usd::ZERO, Usd::ZERO));
    assert_eq!(m.side(Side::Ask).captured(), Usd::whole(1));
}

#[test]
fn without_a_mid_the_price_of_the_fill_stands_for_it() {
    let mut m = Markouts::default();
    assert!(settle(&mut m, Nanos::secs(1)).is_empty() && m.next_due().is_none());
    m.on_fill(Nanos::ZERO, &fill(Side::Bid, Px::whole(99), Qty::whole(2)));
    assert_eq!(settle(&mut m, Nanos::secs(1))[0].mid, Px::whole(99));
    m.on_mid(Px::whole(100));
    assert_eq!(settle(&mut m, Nanos::secs(5))[0].mid, Px::whole(100));
    assert_eq!(m.side(Side::Bid).captured(), Usd::ZERO);
}

#[test]
fn fills_that_find_no_room_are_counted_and_never_measured() {
    let mut m = Markouts::default();
    m.on_mid(Px::whole(100));
    let extra = 7;
    for _ in 0..MAX_PAST_FILLS + extra {
        m.on_fill(Nanos::ZERO, &fill(Side::Ask, Px::whole(101), Qty::whole(1)));
    }
    assert_eq!(m.missed(), (extra * HORIZONS.len()) as u64);
    assert_eq!(settle(&mut m, Nanos::secs(60)).len(), MAX_PAST_FILLS * HORIZONS.len());
    let ask = m.side(Side::Ask);
    assert_eq!(ask.captured(), Usd::whole((MAX_PAST_FILLS + extra) as i64), "captured by all");
    assert_eq!(ask.at(3).fills(), MAX_PAST_FILLS as u64);
    assert_eq!(m.next_due(), None);
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
    /// When, the mid then, side, price, size.
    fills: Vec<(Nanos, Px, Side, Px, Qty)>,
}

impl Twin {
    fn on_fill(&mut self, now: Nanos, side: Side, px: Px, qty: Qty) {
        if self.mids.is_empty() {
            self.mids.push((now, px));
        }
        self.fills.push((now, self.mids[self.mids.len() - 1].1, side, px, qty));
    }
    /// The last mid that came before a moment.
    fn before(&self, time: Nanos) -> Px {
        self.mids.iter().rfind(|(t, _)| *t < time).unwrap().1
    }
    /// Spread captured, fills measured, their adverse selection and the drift, over all sides.
    fn split(&self, now: Nanos, after: Nanos, mark: Px, flip: bool) -> (Usd, u64, Usd, Usd) {
        let (mut captured, mut measured, mut adverse, mut drift) = (0, 0, 0, 0);
        for (time, m0, side, px, qty) in &self.fills {
            let side = if flip { side.opposite() } else { *side };
            let usd = |from: Px, to: Px| {
                let e16 = i128::from((to - from).raw() * side.sign()) * i128::from(qty.raw());
                assert_eq!(e16 % i128::from(SCALE), 0, "every product is exact in 1e-8 USD");
                i64::try_from(e16 / i128::from(SCALE)).unwrap()
            };
            captured += usd(*px, *m0);
            let mut from = *m0;
            if *time + after <= now {
                from = self.before(*time + after);
                measured += 1;
                adverse += usd(*m0, from);
            }
            drift += usd(from, mark);
            let parts = usd(*px, *m0) + usd(*m0, from) + usd(from, mark);
            assert_eq!(parts, usd(*px, mark), "per fill");
        }
        (Usd::from_raw(captured), measured, Usd::from_raw(adverse), Usd::from_raw(drift))
    }
}

proptest! {
    /// Whatever comes in whatever order: for each horizon the parts are the twin's, and add up to
    /// the ledger's net to the last unit. With buys and sells exchanged they do not.
    #[test]
    fn the_split_adds_up_exactly(
        events in proptest::collection::vec((0_i64..4_000, event()), 1..300),
        sz_decimals in 0_u32..=6,
        last in 190_i64..210,
    ) {
        let grid = Grid::new(sz_decimals);
        let (mut markouts, mut ledger) = (Markouts::default(), AssetLedger::default());
        let (mut twin, mut now, mut told) = (Twin::default(), Nanos::secs(1_757_000_000), 0);
        for (pause, event) in events {
            now = now + Nanos::millis(pause);
            told += settle(&mut markouts, now).len() as u64;
            prop_assert!(markouts.next_due().is_none_or(|due| due > now));
            match event {
                Event::Mid(half_ticks) => {
                    markouts.on_mid(grid.mid(half_ticks));
                    twin.mids.push((now, grid.mid(half_ticks)));
                }
                Event::Fill { buy, px, qty, fee } => {
                    let side = if buy { Side::Bid } else { Side::Ask };
                    let (px, qty) = (grid.px(px), grid.qty(qty));
                    markouts.on_fill(now, &fill(side, px, qty));
                    ledger.book(side, px, qty, Usd::from_raw(fee));
                    twin.on_fill(now, side, px, qty);
                }
                Event::Funding(paid) => ledger.book_funding(Usd::from_raw(paid)),
                Event::Nothing => {}
            }
        }
        let mark = grid.mid(last);
        let gross = ledger.realized() + ledger.unrealized(mark);
        let sum = |value: &dyn Fn(&SideSum) -> Usd| -> Usd {
            Side::BOTH.iter().map(|side| value(markouts.side(*side))).sum()
        };
        let captured = sum(&|s| s.captured());
        let mut measurements = 0;
        for (h, after) in HORIZONS.iter().enumerate() {
            let adverse = sum(&|s| s.at(h).adverse());
            let fills: u64 = Side::BOTH.iter().map(|s| markouts.side(*s).at(h).fills()).sum();
            let drift = gross - captured - adverse;
            prop_assert_eq!((captured, fills, adverse, drift), twin.split(now, *after, mark, false));
            let net = captured + adverse + drift - ledger.fees() - ledger.funding();
            prop_assert_eq!(net, ledger.net(mark));
            measurements += fills;
            // The markout is what the measured fills captured, and what became of it.
            let measured = twin.fills.iter().filter(|f| f.0 + *after <= now);
            let values = measured.map(|(_, _, _, px, qty)| crate::types::notional(*px, *qty));
            prop_assert_eq!(sum(&|s| s.at(h).value()), values.sum::<Usd>());
            if fills == twin.fills.len() as u64 {
                prop_assert_eq!(sum(&|s| s.at(h).markout()), captured + adverse);
            }
            if captured != Usd::ZERO {
                let flipped = twin.split(now, *after, mark, true);
                prop_assert_ne!((captured, fills, adverse, drift), flipped, "signs matter");
            }
        }
        prop_assert_eq!((told, markouts.missed()), (measurements, 0));
    }
}
