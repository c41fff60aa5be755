//! Made-up markets for the benches: seeded, so that every run times the same input.

use botmm_pipeline::types::decimal::write_decimal;
use botmm_pipeline::types::limits::BOOK_LEVELS;
use botmm_pipeline::types::{
    Action, ActionKind, AssetId, AssetParams, Bbo, BookSnapshot, Done, DoneWhy, Instrument, Level,
    Nanos, Oid, OrderRequest, Px, Qty, QuoteTarget, Reason, Side, Universe, Usd, VenueEvent,
    VenueEventKind,
};
use std::collections::VecDeque;
use std::fmt::Write;

/// Where the clocks start.
pub const START: Nanos = Nanos::millis(1_795_360_000_000);

/// A small seeded generator (splitmix64).
pub struct Random(pub u64);

impl Random {
    /// A number below `n`, all equally likely (to within 2⁻⁴⁰ for small `n`).
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    /// A size in lots of 1e-5 coin: mostly small, sometimes tens of coins.
    pub fn qty(&mut self) -> Qty {
        let ceiling = [100, 5_000, 50_000, 300_000, 2_500_000][self.below(5) as usize];
        Qty::from_raw((1 + self.below(ceiling)) as i64 * 1_000)
    }
}

/// An instrument on the venue's grid.
pub fn instrument(name: &str, sz_decimals: u8) -> Instrument {
    Instrument::new(name, 0, sz_decimals, 40).unwrap_or_else(|| panic!("`{name}` is no coin"))
}

/// BTC alone.
pub fn btc() -> Universe {
    Universe::new(vec![instrument("BTC", 5)])
}

/// Starting parameters, but for an action budget that a bench does not use up.
pub fn params() -> AssetParams {
    let mut params = AssetParams { order_size_usd: Usd::whole(400), ..AssetParams::default() };
    params.risk.action_budget = 1 << 60;
    params.risk.max_actions_per_min = u32::MAX;
    params.risk.max_orders_per_min = u32::MAX;
    params
}

/// BTC's book, 20 levels a side a few dollars apart, around a mid that moves by `step` dollars, up
/// or down, from one book to the next. It stays within a percent of where it began.
pub fn books(count: usize, step: i64) -> Vec<BookSnapshot> {
    const HOME: i64 = 65_000;
    let mut random = Random(0x5EED);
    let mut mid = HOME;
    let mut book = |i: usize| {
        let up = if (mid - HOME).abs() > 300 { mid < HOME } else { random.below(2) == 0 };
        mid += if up { step } else { -step };
        let mut book = BookSnapshot {
            venue_time: START + Nanos(500_000_000 * i as i64),
            recv_time: START + Nanos(500_000_000 * i as i64 + 30_000_000),
            bid_count: BOOK_LEVELS as u8,
            ask_count: BOOK_LEVELS as u8,
            ..BookSnapshot::EMPTY
        };
        for (side, levels) in [(Side::Bid, &mut book.bids), (Side::Ask, &mut book.asks)] {
            let mut px = mid;
            for level in levels {
                px -= side.sign() * (1 + random.below(3) as i64);
                *level = Level { px: Px::whole(px), qty: random.qty() };
            }
        }
        book
    };
    (0..count).map(&mut book).collect()
}

/// The touch of a book.
pub fn bbo_of(book: &BookSnapshot) -> Bbo {
    Bbo {
        asset: book.asset,
        seq: 0,
        venue_time: book.venue_time,
        recv_time: book.recv_time,
        bid: book.bids[0],
        ask: book.asks[0],
        ..Bbo::default()
    }
}

/// The `l2Book` frame of a book, as the venue writes it.
pub fn frame_of(book: &BookSnapshot, universe: &Universe) -> String {
    let ladder = |levels: &[Level]| levels.iter().map(level_text).collect::<Vec<_>>().join(",");
    let coin = universe.get(book.asset).coin;
    let time = book.venue_time.as_millis();
    format!(
        r#"{{"channel":"l2Book","data":{{"coin":"{coin}","time":{time},"levels":[[{}],[{}]]}}}}"#,
        ladder(book.bids()),
        ladder(book.asks())
    )
}

fn level_text(level: &Level) -> String {
    let orders = 1 + level.qty.raw() / 1_000 % 40;
    let (px, sz) = (decimal(level.px.raw()), decimal(level.qty.raw()));
    format!(r#"{{"px":"{px}","sz":"{sz}","n":{orders}}}"#)
}

/// As the venue writes it: integers with `.0`.
fn decimal(raw: i64) -> String {
    let mut text = String::new();
    let _ = write_decimal(raw, &mut text);
    if !text.contains('.') {
        let _ = text.write_str(".0");
    }
    text
}

/// Two orders a side, 13 and 20 dollars from a mid that is `shift` dollars off.
pub fn target(shift: i64, now: Nanos) -> QuoteTarget {
    let mid = 65_000 + shift;
    let mut target = QuoteTarget {
        time: now,
        mid: Some(Px::whole(mid)),
        fair: Px::whole(mid),
        best_bid: Px::whole(mid - 1),
        best_ask: Px::whole(mid + 1),
        bid_reason: Reason::Quoted,
        ask_reason: Reason::Quoted,
        ..QuoteTarget::default()
    };
    for side in Side::BOTH {
        for (i, level) in target.side_mut(side)[..2].iter_mut().enumerate() {
            let px = Px::whole(mid - side.sign() * (13 + 7 * i as i64));
            *level = Level { px, qty: Qty::from_raw(200_000) };
        }
    }
    target
}

/// The only asset of [`btc`].
pub fn first() -> AssetId {
    AssetId::new(0)
}

/// A venue that takes every order and fills none.
#[derive(Default)]
pub struct Venue {
    /// What it has not said yet.
    answers: VecDeque<VenueEvent>,
    /// Every resting order, with its unfilled size.
    resting: Vec<(Oid, Qty)>,
    last_oid: u64,
}

impl Venue {
    /// Carries an action out, and keeps the answers for [`Venue::next`].
    pub fn take(&mut self, now: Nanos, action: &Action) {
        for item in action.items() {
            if action.kind != ActionKind::Place {
                let at = self.resting.iter().position(|(oid, _)| *oid == item.oid);
                let at = at.unwrap_or_else(|| panic!("order {:?} does not rest", item.oid));
                let (oid, leaves) = self.resting.swap_remove(at);
                let why = match action.kind {
                    ActionKind::Modify => DoneWhy::Replaced,
                    _ => DoneWhy::Canceled,
                };
                let done = Done { oid, leaves, why, _pad: [0; 7] };
                self.answers.push_back(event(now, item, VenueEventKind::Done(done)));
            }
            if action.kind != ActionKind::Cancel {
                self.last_oid += 1;
                let oid = Oid(self.last_oid);
                self.resting.push((oid, item.qty));
                let ack = VenueEventKind::Ack { oid, leaves: item.qty };
                self.answers.push_back(event(now, item, ack));
            }
        }
    }

    /// The next answer.
    pub fn next(&mut self) -> Option<VenueEvent> {
        self.answers.pop_front()
    }
}

fn event(now: Nanos, item: &OrderRequest, kind: VenueEventKind) -> VenueEvent {
    let (cloid, asset) = (item.cloid, item.asset);
    VenueEvent::new(cloid, asset, [now; 2], kind)
}
