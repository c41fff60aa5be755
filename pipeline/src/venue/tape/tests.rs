use super::*;
use crate::types::{
    AssetId, Bbo, BookSnapshot, FeedChange, LevelChange, LevelNews, MarkPrice, Px, Qty, Side, Trade,
};

fn trade(venue: i64, recv: i64, tid: u64) -> MarketEvent {
    let (venue_time, recv_time) = (Nanos(venue), Nanos(recv));
    MarketEvent::Trade(Trade { venue_time, recv_time, tid, ..Trade::default() })
}
fn bbo(venue: i64, recv: i64) -> MarketEvent {
    let (venue_time, recv_time) = (Nanos(venue), Nanos(recv));
    MarketEvent::Bbo(Bbo { venue_time, recv_time, ..Bbo::default() })
}
fn book(venue: i64, recv: i64) -> MarketEvent {
    let (venue_time, recv_time) = (Nanos(venue), Nanos(recv));
    MarketEvent::Book(BookSnapshot { venue_time, recv_time, ..BookSnapshot::EMPTY })
}
fn name(event: &MarketEvent) -> String {
    match event {
        MarketEvent::Trade(t) => format!("t{}", t.tid),
        MarketEvent::Bbo(_) => "bbo".into(),
        MarketEvent::Book(_) => "book".into(),
        MarketEvent::Status(_) => "status".into(),
        MarketEvent::Level(_) => "level".into(),
        MarketEvent::Mark(_) => unreachable!("no mark is on a tape"),
    }
}

fn sample() -> Tape {
    let up = FeedStatus::of(FeedChange::Up, AssetId::default(), Nanos(50));
    Tape::build([
        MarketEvent::Status(up),
        book(20, 50),
        bbo(20, 40),
        trade(20, 50, 7),
        trade(20, 50, 3), // a later call, a smaller id: the call order counts
        trade(10, 60, 1), // old news: happened first, learned last
    ])
}

#[test]
fn each_clock_has_its_own_order() {
    let tape = sample();
    let recv: Vec<_> = tape.iter_recv().map(|e| name(&e)).collect();
    assert_eq!(recv, ["bbo", "t7", "t3", "book", "status", "t1"]);
    let venue: Vec<_> = tape.iter_venue().map(|e| name(&e)).collect();
    assert_eq!(venue, ["t1", "t7", "t3", "bbo", "book", "status"]);
    assert_eq!(tape.span(), Some((Nanos(40), Nanos(60))));
    assert_eq!(tape.venue_span(), Some((Nanos(10), Nanos(50))));
    assert_eq!(tape.counts(), TapeCounts { books: 1, bbos: 1, trades: 3, statuses: 1, levels: 0 });
    assert_eq!(tape.counts().total(), tape.len());
    assert_eq!(Tape::build([]).span(), None);
}

#[test]
fn marks_are_the_venues_alone() {
    let mark = |ms, asset| MarkPrice {
        recv_time: Nanos(ms),
        asset: AssetId::new(asset),
        ..MarkPrice::default()
    };
    let marks = [mark(30, 0), mark(10, 2)].map(MarketEvent::Mark);
    let tape = Tape::build(marks.into_iter().chain([bbo(20, 40)]));
    assert_eq!(tape.marks().collect::<Vec<_>>(), [mark(10, 2), mark(30, 0)]);
    assert_eq!([0, 1, 2].map(|i| tape.has_marks(AssetId::new(i))), [true, false, true]);
    assert_eq!((tape.len(), tape.span()), (1, Some((Nanos(40), Nanos(40)))));
}

#[test]
fn what_is_taken_back_leaves_no_gap() {
    let events = [book(1, 1), trade(2, 2, 7), book(3, 3), trade(4, 4, 8), bbo(5, 5), book(6, 6)];
    let mut builder = TapeBuilder::default();
    builder.push(&trade(0, 0, 6));
    builder.begin_part();
    events.iter().for_each(|event| builder.push(event));
    builder.retain(|position| position != 2 && position != 3);
    builder.push(&trade(7, 7, 9));
    let left: Vec<_> = builder.part().collect();
    assert_eq!(left, [events[0], events[1], events[4], events[5], trade(7, 7, 9)]);
    let counts = TapeCounts { books: 2, bbos: 1, trades: 3, statuses: 0, levels: 0 };
    assert_eq!(builder.counts(), counts);
    assert_eq!(builder.finish().counts(), counts);
}

#[test]
fn what_is_added_comes_after_all_of_its_time_and_moves_nothing() {
    let added = [60, 50, 50, 30].map(|t| FeedStatus::new_params(t as u32, Nanos(t)));
    let tape = sample().with_statuses(added);
    let generation = |e: &MarketEvent| match e {
        MarketEvent::Status(s) if s.change == FeedChange::NewParams => Some(s.generation),
        _ => None,
    };
    let recv: Vec<_> = tape
        .iter_recv()
        .map(|e| generation(&e).map_or_else(|| name(&e), |g| g.to_string()))
        .collect();
    assert_eq!(
        recv,
        ["30", "bbo", "t7", "t3", "book", "status", "50", "50", "t1", "60"],
        "by receive time"
    );
    let others = |e: &MarketEvent| generation(e).is_none();
    let (before, after): (Vec<_>, Vec<_>) =
        (sample().iter_venue().collect(), tape.iter_venue().filter(others).collect());
    assert_eq!(before, after);
}

/// The venue's order, whatever was recorded, and what an earlier run did stays where it was.
#[test]
fn another_way_to_the_venue_keeps_its_order() {
    let delayed = |text: &str| {
        let model = text.parse().unwrap();
        let tape = sample().received_after(Latency::new(model, 7, 2));
        let recv: Vec<_> = tape.iter_recv().map(|e| (name(&e), e.recv_time().0)).collect();
        let venue: Vec<_> = tape.iter_venue().map(|e| name(&e)).collect();
        assert_eq!(venue, ["t1", "t7", "t3", "bbo", "book", "status"], "{text}");
        assert_eq!(tape.counts(), sample().counts());
        recv
    };
    let named = |all: &[(&str, i64)]| -> Vec<(String, i64)> {
        all.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect()
    };
    let expected = [("t1", 40), ("t7", 50), ("t3", 50), ("bbo", 50), ("book", 50)];
    assert_eq!(delayed("30ns"), named(&[&expected[..], &[("status", 50)]].concat()));
    let late = [("status", 50), ("t1", 110), ("t7", 120), ("t3", 120), ("bbo", 120)];
    assert_eq!(delayed("100ns"), named(&[&late[..], &[("book", 120)]].concat()));
    let drawn = delayed("lognormal:100us,1");
    assert!(drawn.is_sorted_by_key(|(_, at)| *at), "{drawn:?}");
    assert_eq!(drawn, delayed("lognormal:100us,1"), "the same seed, the same delays");
    let order: Vec<_> = drawn.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(order, ["status", "t1", "t7", "t3", "bbo", "book"], "none overtakes another");
    // Parameters that change later do not put what was received together into another order.
    let tape = sample().received_after(Latency::new("lognormal:100us,2".parse().unwrap(), 7, 2));
    let before: Vec<_> = tape.iter_recv().map(|e| name(&e)).collect();
    let with = tape.with_statuses([FeedStatus::new_params(1, Nanos(10))]);
    let after: Vec<_> = with.iter_recv().skip(1).map(|e| name(&e)).collect();
    assert_eq!(before, after);
}

#[test]
fn the_feed_never_runs_ahead_of_its_clock() {
    let mut feed = TapeFeed::new(&sample());
    assert_eq!(feed.next(Nanos(39)), None);
    assert_eq!(feed.next_deadline(), Some(Nanos(40)));
    assert_eq!(feed.next(Nanos(40)).map(|e| name(&e.to_kept())), Some("bbo".into()));
    assert_eq!(feed.next(Nanos(49)), None);
    let mut seen = Vec::new();
    while let Some(event) = feed.next(Nanos(1_000)) {
        seen.push(name(&event.to_kept()));
    }
    assert_eq!(seen, ["t7", "t3", "book", "status", "t1"]);
    assert_eq!(feed.next_deadline(), None);
}

mod twin;

/// Changes of levels on a grid of 0.1 and 0.0001, a clock of receipt that lags by what it likes.
fn levels(seed: u64) -> Vec<MarketEvent> {
    use rand::{RngExt, SeedableRng};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut venue = 1_000_000_000;
    let change = |_| {
        venue += rng.random_range(0..5_000_000) * i64::from(rng.random_bool(0.7));
        let news = match rng.random_range(0..100) {
            0 => LevelNews::AllCleared,
            1 => LevelNews::Cleared,
            _ => LevelNews::Size,
        };
        let has_price = news != LevelNews::AllCleared;
        let px = i64::from(has_price) * rng.random_range(39_000..41_000) * 10_000_000;
        MarketEvent::Level(LevelChange {
            asset: AssetId::new(rng.random_range(0..2)),
            side: if has_price && rng.random() { Side::Ask } else { Side::Bid },
            news,
            tick: 10_000_000,
            seq: 0,
            venue_time: Nanos(venue),
            recv_time: Nanos(venue + rng.random_range(40_000_000..60_000_000)),
            px: Px::from_raw(px),
            qty: Qty::from_raw(rng.random_range(0..9_000) * 10_000),
        })
    };
    (0..3_000).map(change).collect()
}

#[test]
fn changes_of_levels_come_back_by_either_clock_in_few_bytes() {
    for seed in 0..3 {
        let mut events = levels(seed);
        let bytes = Tape::build(events.iter().copied()).to_bytes(Vec::new()).unwrap();
        assert!(bytes.len() < 20 * events.len(), "seed {seed}: {} bytes", bytes.len());
        let tape = Tape::open(Box::new(bytes)).unwrap();
        assert_eq!((tape.counts().levels, tape.len()), (events.len(), events.len()));
        assert!(tape.iter_venue().eq(events.iter().copied()), "seed {seed}");
        events.sort_by_key(MarketEvent::recv_time);
        assert!(tape.iter_recv().eq(events), "seed {seed}");
        assert_eq!(tape.damage(), None);
    }
}
