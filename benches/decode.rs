//! Market frames to fixed point: our scanner, our simd-json twin, and serde_json straight into
//! fixed point (what a careful bot without a scanner would write).
//!
//! `cargo bench --bench decode`. Every parser reads each of 256 different frames in turn, so that no
//! branch predictor learns one by heart; all are first checked to read the same numbers.

mod harness;

use botmm_pipeline::types::decimal::write_decimal;
use botmm_pipeline::types::limits::BOOK_LEVELS;
use botmm_pipeline::types::{
    LentEvent, Level, MarketEvent, Nanos, Px, Qty, Side, Universe, parse_decimal,
};
use botmm_pipeline::venue::hl::{Channel, Decoder};
use serde::Deserialize;
use serde::de::{self, Deserializer, Error, SeqAccess, Visitor};
use std::fmt::Write;
use std::hint::black_box;

/// Different frames of each kind.
const FRAMES: usize = 256;
/// Calls of each parser and kind.
const CALLS: usize = 200_000;
const RECV: Nanos = Nanos(1_795_360_000_000_000_000);

/// Makes a frame.
type Generator = fn(&mut Random) -> String;

fn main() {
    harness::print_rig();
    let kinds: [(&str, Generator); 4] = [
        ("l2Book, 20 levels a side", book_frame),
        ("bbo", bbo_frame),
        ("trades x1", |r| trades_frame(r, 1)),
        ("trades x5", |r| trades_frame(r, 5)),
    ];
    for (title, frame) in kinds {
        let mut random = Random(0x5EED);
        let frames: Vec<String> = (0..FRAMES).map(|_| frame(&mut random)).collect();
        assert_all_agree(&frames);
        let bytes = frames.iter().map(String::len).sum::<usize>() / FRAMES;
        let results = time_all(&frames);
        harness::print_table(&format!("{title}, {bytes} bytes a frame"), &results);
    }
}

fn universe() -> Universe {
    harness::made::btc()
}

fn time_all(frames: &[String]) -> Vec<harness::Percentiles> {
    let universe = universe();
    let (mut scanner, mut twin) = (Decoder::new(), Decoder::new());
    let mut reference = Reference::default();
    let (mut a, mut b, mut c) = (0, 0, 0);
    let next = |i: &mut usize| {
        *i = (*i + 1) % FRAMES;
        black_box(frames[*i].as_bytes())
    };
    let mut candidates: [harness::Candidate; 3] = [
        (
            "scanner (Decoder::decode)",
            Box::new(|| {
                let sink = |e: LentEvent<'_>| {
                    black_box(e);
                };
                black_box(scanner.decode(next(&mut a), RECV, &universe, sink).is_ok());
            }),
        ),
        (
            "simd-json, reused tape (twin)",
            Box::new(|| {
                let sink = |e: LentEvent<'_>| {
                    black_box(e);
                };
                black_box(twin.decode_twin(next(&mut b), RECV, &universe, sink).is_ok());
            }),
        ),
        (
            "serde_json to fixed point",
            Box::new(|| {
                black_box(reference.read(next(&mut c)));
                black_box(&reference);
            }),
        ),
    ];
    let results = harness::interleave(&mut candidates, CALLS);
    drop(candidates);
    assert_eq!(scanner.fallbacks(), 0, "the scanner is to be timed, not its fallback");
    results
}

fn assert_all_agree(frames: &[String]) {
    let universe = universe();
    let (mut decoder, mut reference) = (Decoder::new(), Reference::default());
    for frame in frames {
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        let bytes = frame.as_bytes();
        let channel = decoder.decode(bytes, RECV, &universe, |e| fast.push(e.to_kept()));
        let other = decoder.decode_twin(bytes, RECV, &universe, |e| slow.push(e.to_kept()));
        assert_eq!((channel, &fast), (other, &slow), "{frame}");
        assert!(
            matches!(channel, Ok(Channel::Book | Channel::Bbo | Channel::Trades(_))),
            "{frame}"
        );
        assert!(reference.read(bytes), "{frame}");
        let mut levels: Vec<&Level> = Vec::new();
        for event in &fast {
            match event {
                MarketEvent::Book(b) => levels.extend(Side::BOTH.iter().flat_map(|s| b.side(*s))),
                MarketEvent::Bbo(b) => levels.extend([&b.bid, &b.ask]),
                _ => {}
            }
        }
        assert!(levels.into_iter().eq(&reference.levels), "{frame}");
        let trades: Vec<_> = fast.iter().filter_map(trade_of).collect();
        assert_eq!(trades, reference.trades, "{frame}");
    }
}

type TradeRow = (Px, Qty, u64, u64, bool);

fn trade_of(event: &MarketEvent) -> Option<TradeRow> {
    let MarketEvent::Trade(t) = event else { return None };
    let time = t.venue_time.as_millis() as u64;
    Some((t.px, t.qty, t.tid, time, t.aggressor == Side::Bid))
}

// ---- serde_json, without owned strings and without a document -----------------------------------

/// What serde_json reads into; its lists are reused.
#[derive(Default)]
struct Reference {
    levels: Vec<Level>,
    trades: Vec<TradeRow>,
}

impl Reference {
    /// Which channel it is is a look at one byte here, which favours serde_json.
    fn read(&mut self, frame: &[u8]) -> bool {
        self.levels.clear();
        self.trades.clear();
        match frame.get(br#"{"channel":""#.len()) {
            Some(b'l') => serde_json::from_slice::<Frame<BookData>>(frame).is_ok_and(|f| {
                for ladder in &f.data.levels {
                    self.levels.extend(&ladder.levels[..ladder.count]);
                }
                f.channel == "l2Book" && f.data.coin == "BTC" && f.data.time > 0
            }),
            Some(b'b') => serde_json::from_slice::<Frame<BboData>>(frame).is_ok_and(|f| {
                let level = |l: Option<LevelData>| l.map_or(Level::default(), Level::from);
                self.levels.extend(f.data.bbo.map(level));
                f.channel == "bbo" && f.data.coin == "BTC" && f.data.time > 0
            }),
            _ => serde_json::from_slice::<Frame<Vec<TradeData>>>(frame).is_ok_and(|f| {
                self.trades.extend(f.data.iter().map(TradeData::row));
                f.channel == "trades" && f.data.iter().all(|t| t.coin == "BTC")
            }),
        }
    }
}

#[derive(Deserialize)]
struct Frame<'a, T> {
    channel: &'a str,
    data: T,
}

#[derive(Deserialize)]
struct BookData<'a> {
    coin: &'a str,
    time: u64,
    levels: [Ladder; 2],
}

#[derive(Deserialize)]
struct BboData<'a> {
    coin: &'a str,
    time: u64,
    bbo: [Option<LevelData>; 2],
}

#[derive(Deserialize)]
struct LevelData {
    px: Fixed,
    sz: Fixed,
}

impl From<LevelData> for Level {
    fn from(l: LevelData) -> Self {
        Self { px: Px::from_raw(l.px.0), qty: Qty::from_raw(l.sz.0) }
    }
}

#[derive(Deserialize)]
struct TradeData<'a> {
    coin: &'a str,
    side: &'a str,
    px: Fixed,
    sz: Fixed,
    time: u64,
    tid: u64,
}

impl TradeData<'_> {
    fn row(&self) -> TradeRow {
        let (px, qty) = (Px::from_raw(self.px.0), Qty::from_raw(self.sz.0));
        (px, qty, self.tid, self.time, self.side == "B")
    }
}

/// Units of 1e-8, from a decimal string.
struct Fixed(i64);

impl<'de> Deserialize<'de> for Fixed {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Fixed;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a decimal string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Fixed, E> {
                parse_decimal(text.as_bytes()).map(Fixed).map_err(E::custom)
            }
        }
        d.deserialize_str(Text)
    }
}

/// A side of a book, on the stack.
struct Ladder {
    levels: [Level; BOOK_LEVELS],
    count: usize,
}

impl<'de> Deserialize<'de> for Ladder {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Levels;
        impl<'de> Visitor<'de> for Levels {
            type Value = Ladder;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("levels")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Ladder, A::Error> {
                let mut to = Ladder { levels: [Level::default(); BOOK_LEVELS], count: 0 };
                while let Some(level) = seq.next_element::<LevelData>()? {
                    let slot = to.levels.get_mut(to.count);
                    *slot.ok_or_else(|| A::Error::custom("too many levels"))? = level.into();
                    to.count += 1;
                }
                Ok(to)
            }
        }
        d.deserialize_seq(Levels)
    }
}

// ---- Frames that look like BTC's ----------------------------------------------------------------

/// A small seeded generator (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    /// A size in 1e-5 coin: mostly small, sometimes tens of coins.
    fn size(&mut self) -> String {
        let ceiling = [100, 5_000, 50_000, 300_000, 2_500_000][self.below(5) as usize];
        decimal((1 + self.below(ceiling)) as i64 * 1_000)
    }

    fn time(&mut self) -> u64 {
        1_795_359_600_000 + self.below(86_400_000)
    }

    fn price(&mut self) -> i64 {
        60_000 + self.below(9_000) as i64
    }

    fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from(b"0123456789abcdef"[self.below(16) as usize])).collect()
    }
}

/// As the venue writes it: integers with `.0`.
fn decimal(raw: i64) -> String {
    let mut text = String::new();
    let _ = write_decimal(raw, &mut text);
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

fn level(r: &mut Random, px: i64) -> String {
    let n = [1 + r.below(3), 1 + r.below(120)][usize::from(r.below(4) == 0)];
    format!(r#"{{"px":"{px}.0","sz":"{}","n":{n}}}"#, r.size())
}

fn book_frame(r: &mut Random) -> String {
    let (mid, time) = (r.price(), r.time());
    let mut side = |step: i64| {
        let mut px = mid;
        let mut level = |_| {
            px += step * (1 + r.below(3) as i64);
            level(r, px)
        };
        (0..BOOK_LEVELS).map(&mut level).collect::<Vec<_>>().join(",")
    };
    let (bids, asks) = (side(-1), side(1));
    format!(
        r#"{{"channel":"l2Book","data":{{"coin":"BTC","time":{time},"levels":[[{bids}],[{asks}]]}}}}"#
    )
}

fn bbo_frame(r: &mut Random) -> String {
    let (px, time) = (r.price(), r.time());
    let (bid, ask) = (level(r, px), level(r, px + 1));
    format!(r#"{{"channel":"bbo","data":{{"coin":"BTC","time":{time},"bbo":[{bid},{ask}]}}}}"#)
}

fn trades_frame(r: &mut Random, count: usize) -> String {
    let mut data = String::new();
    for i in 0..count {
        let comma = if i == 0 { "" } else { "," };
        let side = ["A", "B"][r.below(2) as usize];
        let (px, sz, time, tid) = (r.price(), r.size(), r.time(), r.below(1 << 50));
        let (hash, buyer, seller) = (r.hex(64), r.hex(40), r.hex(40));
        let _ = write!(
            data,
            r#"{comma}{{"coin":"BTC","side":"{side}","px":"{px}.0","sz":"{sz}","time":{time},"hash":"0x{hash}","tid":{tid},"users":["0x{buyer}","0x{seller}"]}}"#
        );
    }
    format!(r#"{{"channel":"trades","data":[{data}]}}"#)
}
