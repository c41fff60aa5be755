use super::*;
use crate::coins::universe;
use botmm_pipeline::types::{Bbo, Level, Trade};

fn ms(at: i64) -> Nanos {
    Nanos::millis(at)
}

fn qty(text: &str) -> Qty {
    Qty::parse(text).unwrap()
}

/// The touch of a block: so much at 100 and at 101.
fn touch(at: i64, bid: &str) -> MarketEvent {
    let level = |px: i64, size: &str| Level { px: Px::whole(px), qty: qty(size) };
    let (bid, ask) = (level(100, bid), level(101, "7"));
    MarketEvent::Bbo(Bbo { bid, ask, venue_time: ms(at), recv_time: ms(at + 5), ..Bbo::default() })
}

/// Somebody sold.
fn sold(at: i64, px: i64, size: &str, tid: u64) -> MarketEvent {
    MarketEvent::Trade(Trade {
        aggressor: Side::Ask,
        px: Px::whole(px),
        qty: qty(size),
        tid,
        venue_time: ms(at),
        recv_time: ms(at + 5),
        ..Trade::default()
    })
}

fn bid(px: i64, size: &str, from: i64, gone: Option<i64>, fills: &[(i64, &str)]) -> Own {
    Own {
        asset: AssetId::FIRST,
        side: Side::Bid,
        px: Px::whole(px),
        qty: qty(size),
        from: ms(from),
        gone: gone.map(ms),
        lost: None,
        fills: fills.iter().map(|(at, size)| (ms(*at), qty(size))).collect(),
    }
}

fn told(events: Vec<MarketEvent>, orders: &[Own]) -> Vec<Story> {
    stories(&Tape::build(events), &universe([("BTC", 5)]), orders)
}

fn traded(size: &str, is_hit: bool) -> Step {
    Step::Traded { qty: qty(size), is_past: false, is_hit }
}

fn shown(size: &str) -> Step {
    Step::Shown(qty(size))
}

#[test]
fn an_order_sees_what_was_shown_and_traded_at_its_price_without_itself() {
    let events = vec![
        touch(0, "5"),
        touch(10, "6"),
        sold(20, 100, "1", 1),
        sold(20, 100, "1", 2),
        touch(20, "4"),
        touch(30, "3"),
        sold(40, 100, "2", 3),
        sold(40, 100, "1", 4),
        touch(40, "2"),
        sold(50, 100, "1", 5),
    ];
    let found = told(events, &[bid(100, "1", 10, Some(40), &[(40, "1")])]);
    let want = Story {
        coin: "BTC".to_owned(),
        side: Side::Bid,
        px: Px::whole(100),
        qty: qty("1"),
        joined: ms(10),
        ahead: Some(qty("5")),
        steps: vec![shown("5"), traded("2", false), shown("3"), shown("2"), traded("3", true)],
        until: ms(40),
        end: End::Filled,
    };
    assert_eq!(found, [want]);
    assert_eq!(found[0].traded(), qty("5"));
}

#[test]
fn a_cancelled_order_meets_no_taker_of_its_last_block_and_a_new_one_those_of_its_first() {
    let events =
        || vec![touch(0, "5"), sold(10, 100, "1", 1), sold(20, 100, "1", 2), sold(30, 100, "1", 3)];
    let found = told(events(), &[bid(100, "1", 10, Some(20), &[])]);
    assert_eq!((found[0].steps.as_slice(), found[0].end), (&[traded("1", false)][..], End::Left));
    assert_eq!(found[0].until, ms(20));
    // One that stands to the end of the record.
    let found = told(events(), &[bid(100, "1", 20, None, &[])]);
    assert_eq!((found[0].steps.len(), found[0].end), (2, End::Lost));
    // One of which nobody knows after the second block.
    let lost = Own { lost: Some(ms(26)), ..bid(100, "1", 10, Some(30), &[]) };
    let found = told(events(), &[lost]);
    assert_eq!((found[0].steps.len(), found[0].end), (2, End::Lost));
}

#[test]
fn what_goes_to_another_order_of_ours_and_what_rests_of_it_is_nobodys_elses() {
    let older = bid(100, "2", 10, Some(40), &[(30, "1")]);
    let younger = bid(100, "1", 20, None, &[]);
    let events = vec![
        touch(0, "5"),
        touch(10, "7"),
        touch(20, "8"),
        sold(30, 100, "6", 1),
        touch(30, "2"),
        touch(40, "1"),
    ];
    let found = told(events, &[older, younger]);
    let [of_older, of_younger] = &found[..] else { panic!("{found:?}") };
    assert_eq!(of_older.steps, [shown("5"), traded("6", true)]);
    assert_eq!((of_older.end, of_younger.end), (End::Filled, End::Lost));
    // 5 of others before both; 6 traded, of which one was ours; then nothing but ours is displayed.
    assert_eq!(of_younger.ahead, Some(qty("5")));
    assert_eq!(of_younger.steps, [shown("5"), traded("5", false), shown("0")]);
}

#[test]
fn what_does_not_agree_is_strange_and_what_is_not_shown_is_not_known() {
    let events = || vec![touch(0, "5"), sold(20, 99, "1", 1), touch(30, "5")];
    // Trades went through its price, and it was not filled.
    let found = told(events(), &[bid(100, "1", 10, Some(40), &[])]);
    let past = Step::Traded { qty: Qty::ZERO, is_past: true, is_hit: false };
    assert_eq!((found[0].end, found[0].steps.as_slice()), (End::Strange, &[past][..]));
    // They did, and it was.
    let found = told(events(), &[bid(100, "1", 10, Some(20), &[(20, "1")])]);
    let past = Step::Traded { qty: Qty::ZERO, is_past: true, is_hit: true };
    assert_eq!((found[0].end, found[0].steps.as_slice()), (End::Filled, &[past][..]));
    // It was filled, and no trade was told; or that was after all that was told.
    let found = told(events(), &[bid(98, "1", 10, Some(25), &[(25, "1")])]);
    assert_eq!(found[0].end, End::Strange);
    let found = told(events(), &[bid(98, "1", 10, Some(35), &[(35, "1")])]);
    assert_eq!((found[0].end, found[0].until), (End::Lost, ms(30)));
    // Below the touch nothing is displayed by a touch.
    let found = told(vec![touch(0, "5"), touch(20, "5")], &[bid(98, "1", 10, None, &[])]);
    assert_eq!((found[0].ahead, found[0].steps.len()), (None, 0));
    // Inside the spread nobody is before us.
    let found = told(vec![touch(0, "5")], &[]);
    assert!(found.is_empty());
}
