//! What the decode tests are made of: market frames as values, the texts that mean them, and ways
//! to damage a text.

use botmm_pipeline::types::decimal::write_decimal;
use botmm_pipeline::types::limits::MAX_PX;
use botmm_pipeline::types::{
    Bbo, BookSnapshot, Level, MarketEvent, Nanos, Px, Qty, Side, Trade, Universe,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// The coins that the tests trade.
pub const COINS: [&str; 4] = ["BTC", "ETH", "SOL", "kPEPE"];

/// When every test frame reaches us.
pub const RECV: Nanos = Nanos(1_795_360_000_000_000_123);

/// A universe of [`COINS`].
pub fn universe() -> Universe {
    crate::coins::universe(COINS.map(|name| (name, 2)))
}

/// A generated frame. Prices, sizes in units of 1e-8, times in ms.
#[derive(Clone, Debug)]
pub enum Model {
    /// Coin, time, bids and asks best first, `fast` as written.
    Book(usize, u64, Vec<(i64, i64)>, Vec<(i64, i64)>, Option<bool>),
    /// Coin, time, bid, ask.
    Bbo(usize, u64, Option<(i64, i64)>, Option<(i64, i64)>),
    /// Coin, time, buys, px, sz, tid.
    Trades(Vec<(usize, u64, bool, i64, i64, u64)>),
}

/// How a frame is written down.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Integers as `65011` and not as `65011.0`.
    pub bare_integers: bool,
    /// A seed for shuffling keys, putting in whitespace and unknown keys; [`None`] = as the venue.
    pub shuffle: Option<u64>,
}

/// The form that the venue sends.
pub const COMPACT: Style = Style { bare_integers: false, shuffle: None };

fn level(&(px, sz): &(i64, i64)) -> Level {
    Level { px: Px::from_raw(px), qty: Qty::from_raw(sz) }
}

impl Model {
    /// The events that the frame means.
    pub fn events(&self, universe: &Universe) -> Vec<MarketEvent> {
        let asset = |coin: usize| universe.find(COINS[coin].as_bytes()).unwrap();
        let millis = |ms: u64| Nanos::millis(ms as i64);
        match self {
            Self::Book(coin, time, bids, asks, fast) => {
                let mut book = BookSnapshot::EMPTY;
                book.asset = asset(*coin);
                (book.venue_time, book.recv_time) = (millis(*time), RECV);
                book.fast = fast.unwrap_or(false);
                (book.bid_count, book.ask_count) = (bids.len() as u8, asks.len() as u8);
                for (to, from) in [(&mut book.bids, bids), (&mut book.asks, asks)] {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = level(from));
                }
                vec![MarketEvent::Book(book)]
            }
            Self::Bbo(coin, time, bid, ask) => vec![MarketEvent::Bbo(Bbo {
                asset: asset(*coin),
                venue_time: millis(*time),
                recv_time: RECV,
                bid: bid.as_ref().map(level).unwrap_or_default(),
                ask: ask.as_ref().map(level).unwrap_or_default(),
                ..Bbo::default()
            })],
            Self::Trades(trades) => trades
                .iter()
                .map(|&(coin, time, buy, px, sz, tid)| {
                    MarketEvent::Trade(Trade {
                        asset: asset(coin),
                        aggressor: if buy { Side::Bid } else { Side::Ask },
                        venue_time: millis(time),
                        recv_time: RECV,
                        px: Px::from_raw(px),
                        qty: Qty::from_raw(sz),
                        tid,
                        ..Trade::default()
                    })
                })
                .collect(),
        }
    }

    /// The frame's text.
    pub fn text(&self, style: Style) -> String {
        let mut w = Writer { style, state: style.shuffle.unwrap_or(0) };
        let (channel, data) = match self {
            Self::Book(coin, time, bids, asks, fast) => {
                let sides = vec![w.side(bids), w.side(asks)];
                let levels = w.array(sides);
                let mut keys = vec![
                    ("coin", quoted(COINS[*coin])),
                    ("time", time.to_string()),
                    ("levels", levels),
                ];
                keys.extend(fast.map(|f| ("fast", f.to_string())));
                ("l2Book", w.object(keys))
            }
            Self::Bbo(coin, time, bid, ask) => {
                let side = |w: &mut Writer, l: &Option<(i64, i64)>| {
                    l.map_or("null".to_string(), |l| w.level(l))
                };
                let sides = vec![side(&mut w, bid), side(&mut w, ask)];
                let keys = vec![
                    ("coin", quoted(COINS[*coin])),
                    ("time", time.to_string()),
                    ("bbo", w.array(sides)),
                ];
                ("bbo", w.object(keys))
            }
            Self::Trades(trades) => {
                let all = trades.iter().map(|t| w.trade(t)).collect();
                ("trades", w.array(all))
            }
        };
        w.object(vec![("channel", quoted(channel)), ("data", data)])
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// Writes JSON in a style. `state` is a small random generator of its own, so that the text is a
/// function of model and style alone.
struct Writer {
    style: Style,
    state: u64,
}

impl Writer {
    fn random(&mut self, below: usize) -> usize {
        self.state = self.state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.state >> 33) as usize % below
    }

    fn space(&mut self) -> &'static str {
        match self.style.shuffle {
            None => "",
            Some(_) => ["", "", "", " ", "\n", "\t  "][self.random(6)],
        }
    }

    fn number(&self, raw: i64) -> String {
        let mut text = String::new();
        write_decimal(raw, &mut text).unwrap();
        if !text.contains('.') && !self.style.bare_integers {
            text.push_str(".0");
        }
        quoted(&text)
    }

    fn level(&mut self, (px, sz): (i64, i64)) -> String {
        let n = 1 + px % 150;
        self.object(vec![("px", self.number(px)), ("sz", self.number(sz)), ("n", n.to_string())])
    }

    fn side(&mut self, levels: &[(i64, i64)]) -> String {
        let all = levels.iter().map(|l| self.level(*l)).collect();
        self.array(all)
    }

    fn trade(&mut self, t: &(usize, u64, bool, i64, i64, u64)) -> String {
        let &(coin, time, buy, px, sz, tid) = t;
        let user = |n: u64| format!("\"0x{n:040x}\"");
        let users = self.array(vec![user(tid), user(time)]);
        self.object(vec![
            ("coin", quoted(COINS[coin])),
            ("side", quoted(if buy { "B" } else { "A" })),
            ("px", self.number(px)),
            ("sz", self.number(sz)),
            ("time", time.to_string()),
            ("hash", format!("\"0x{tid:064x}\"")),
            ("tid", tid.to_string()),
            ("users", users),
        ])
    }

    fn array(&mut self, items: Vec<String>) -> String {
        let items: Vec<_> =
            items.iter().map(|i| format!("{}{i}{}", self.space(), self.space())).collect();
        format!("[{}]", items.join(","))
    }

    fn object(&mut self, mut keys: Vec<(&str, String)>) -> String {
        if self.style.shuffle.is_some() {
            if self.random(4) == 0 {
                keys.push((
                    "new\\n\\\"key\\u0041",
                    r#"{"px":["x\\",{"sz":null}],"b":-1.5e3}"#.into(),
                ));
            }
            for i in (1..keys.len()).rev() {
                let j = self.random(i + 1);
                keys.swap(i, j);
            }
        }
        let keys: Vec<_> = keys
            .iter()
            .map(|(k, v)| format!("{}\"{k}\"{}:{}{v}", self.space(), self.space(), self.space()))
            .collect();
        format!("{{{}}}", keys.join(","))
    }
}

/// Amounts of all magnitudes that a market may have, in units of 1e-8: of 1 to 7 digits, and a few
/// of any size. What is a plausible price is a plausible size too.
fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![
        9 => (1_i64..10_000_000, 0_u32..=8).prop_map(|(m, e)| m * 10_i64.pow(e)),
        1 => 1..=MAX_PX.raw(),
    ]
}

/// Levels with rising prices.
fn rising() -> impl Strategy<Value = Vec<(i64, i64)>> {
    let gap = (1_i64..1_000_000, 0_u32..=7).prop_map(|(m, e)| m * 10_i64.pow(e));
    vec((gap, amount()), 0..=20).prop_map(|levels| {
        let mut px = 0;
        let next = |(gap, sz)| {
            px += gap;
            (px, sz)
        };
        levels.into_iter().map(next).collect()
    })
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![9 => 1_600_000_000_000_u64..1_900_000_000_000, 1 => 0_u64..9_000_000_000_000]
}

/// Any frame of the three market channels.
pub fn model() -> impl Strategy<Value = Model> {
    let coin = 0..COINS.len();
    let side = || proptest::option::of((amount(), amount()));
    let tid = prop_oneof![9 => 10_u64.pow(12)..1 << 50, 1 => any::<u64>()];
    let trade = (coin.clone(), time(), any::<bool>(), amount(), amount(), tid);
    prop_oneof![
        (coin.clone(), time(), rising(), rising(), any::<Option<bool>>()).prop_map(
            |(coin, time, mut bids, asks, fast)| {
                bids.reverse();
                Model::Book(coin, time, bids, asks, fast)
            }
        ),
        (coin, time(), side(), side()).prop_map(|(c, t, b, a)| Model::Bbo(c, t, b, a)),
        vec(trade, 0..8).prop_map(Model::Trades),
    ]
}

/// Any way to write a frame; half of the time the venue's.
pub fn style() -> impl Strategy<Value = Style> {
    (any::<bool>(), any::<Option<u64>>())
        .prop_map(|(bare_integers, shuffle)| Style { bare_integers, shuffle })
}

/// A damage to a text.
#[derive(Clone, Debug)]
pub enum Damage {
    /// A byte becomes another.
    Replace(Index, u8),
    /// A digit becomes another byte, mostly a digit or a near miss.
    Digit(Index, u8),
    /// So many bytes go.
    Delete(Index, usize),
    /// The rest goes.
    Truncate(Index),
    /// A text comes in.
    Insert(Index, &'static str),
    /// A part of the frame is copied to another place.
    Copy(Index, Index, usize),
}

/// Texts that hurt a parser most.
const SPIKES: [&str; 22] = [
    "\"",
    "\\",
    "\\u0030",
    ",",
    ".",
    "0",
    "-",
    "e5",
    " ",
    "\n",
    "\0",
    "null",
    "[",
    "]",
    "{",
    "}",
    "é",
    r#","fast":true"#,
    r#""time":1795359600000,"#,
    r#","px":"1.0""#,
    r#"{"px":"1.0","sz":"1.0","n":1},"#,
    "00000000000000000000",
];

/// Any damage.
pub fn damage() -> impl Strategy<Value = Damage> {
    let near_digits = proptest::sample::select(&b"0123456789/:.,-+eE\" "[..]);
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(i, b)| Damage::Replace(i, b)),
        (any::<Index>(), near_digits).prop_map(|(i, b)| Damage::Digit(i, b)),
        (any::<Index>(), 1_usize..40).prop_map(|(i, n)| Damage::Delete(i, n)),
        any::<Index>().prop_map(Damage::Truncate),
        (any::<Index>(), proptest::sample::select(&SPIKES[..]))
            .prop_map(|(i, s)| Damage::Insert(i, s)),
        (any::<Index>(), any::<Index>(), 1_usize..120).prop_map(|(a, b, n)| Damage::Copy(a, b, n)),
    ]
}

impl Damage {
    /// Does it.
    pub fn apply(&self, text: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        let len = text.len();
        match self {
            Self::Replace(at, byte) => text[at.index(len)] = *byte,
            Self::Digit(at, byte) => {
                let from = at.index(len);
                if let Some(i) = text[from..].iter().position(u8::is_ascii_digit) {
                    text[from + i] = *byte;
                }
            }
            Self::Delete(at, n) => {
                let from = at.index(len);
                text.drain(from..(from + n).min(len));
            }
            Self::Truncate(at) => text.truncate(at.index(len)),
            Self::Insert(at, spike) => {
                let at = at.index(len);
                text.splice(at..at, spike.bytes());
            }
            Self::Copy(from, to, n) => {
                let (from, to) = (from.index(len), to.index(len));
                let part = text[from..(from + n).min(len)].to_vec();
                text.splice(to..to, part);
            }
        }
    }
}
