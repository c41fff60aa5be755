//! One coin: its streams, its decimals, where its trades were.

use super::stream::{Stream, StreamReport};
use crate::data::report::{Crossings, KINDS};
use crate::masked::masked;
use botmm_pipeline::logic::depth::Depth;
use botmm_pipeline::types::decimal::SCALE_DIGITS;
use botmm_pipeline::types::{Coin, Level, MarketEvent, Px, Side};
use serde::Serialize;

/// Names of the streams, in the order of [`MarketEvent::channel_rank`].
pub const STREAMS: [&str; KINDS.len()] = ["trades", "touches", "books"];

/// See the module.
#[derive(Debug, Serialize)]
pub struct CoinReport {
    /// Its name.
    pub coin: String,
    /// Those that there are: books, touches, trades.
    pub streams: Vec<StreamReport>,
    /// The most decimals that a price and a size of it has.
    pub decimals: Decimals,
    /// Books and touches of which bid and ask are one price, and their share of all of them. A replay
    /// does not use them.
    pub locked: Share,
    /// Those of which the bid is above the ask.
    pub crossed: Share,
    /// Where its trades were.
    pub trades: Trades,
    /// Marks of the venue.
    pub marks: u64,
    /// What it can be used for.
    pub good_for: Vec<Verdict>,
}

/// The most that were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Decimals {
    /// Of a price.
    pub price: u32,
    /// Of a size.
    pub size: u32,
}

/// So many, of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Share {
    /// How many.
    pub count: u64,
    /// Of all, 0..=1.
    pub share: f64,
}

/// Trades against the best prices that stood at the venue before them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trades {
    /// Strictly between bid and ask: the book that is recorded was not the newest.
    pub inside: u64,
    /// At one of both.
    pub at_touch: u64,
    /// Below the bid or above the ask: through the book, or the same.
    pub outside: u64,
    /// Before the first two-sided book.
    pub before_any_book: u64,
    /// By takers who bought.
    pub buys: u64,
    /// By takers who sold.
    pub sells: u64,
}

impl Trades {
    /// Those that could be compared.
    pub fn placed(&self) -> u64 {
        self.inside + self.at_touch + self.outside
    }
}

/// A use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// `replay` quotes on it.
    Replay,
    /// Fills by a queue model mean something: sizes ahead, and trades with a taker's side.
    Queue,
    /// A replay of it sees all that a bot saw there, when it saw it.
    Parity,
}

/// Whether it does for a use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Which.
    #[serde(rename = "use")]
    pub of: Use,
    /// Whether it does.
    pub good: bool,
    /// Why not, a reason each.
    pub why_not: Vec<String>,
}

/// What of a coin is kept to tell all that.
pub struct Collected {
    coin: Coin,
    streams: [Stream; KINDS.len()],
    decimals: Decimals,
    trades: Trades,
    marks: u64,
    /// The best prices that stood last, in the order of the venue.
    best: Option<[Px; 2]>,
    /// Of a book that is told level by level.
    depth: Depth,
}

impl Collected {
    /// Nothing so far.
    pub fn new(coin: Coin) -> Self {
        Self {
            coin,
            streams: Default::default(),
            decimals: Decimals::default(),
            trades: Trades::default(),
            marks: 0,
            best: None,
            depth: Depth::default(),
        }
    }

    /// Takes in events in order of receipt.
    pub fn add(&mut self, event: &MarketEvent) {
        if let Some(stream) = self.streams.get_mut(usize::from(event.channel_rank())) {
            stream.add(event);
        }
        match event {
            MarketEvent::Trade(trade) => self.see(&Level { px: trade.px, qty: trade.qty }),
            MarketEvent::Bbo(bbo) => [bbo.bid, bbo.ask].iter().for_each(|level| self.see(level)),
            MarketEvent::Book(book) => {
                book.bids().iter().chain(book.asks()).for_each(|level| self.see(level));
            }
            MarketEvent::Level(l) => self.see(&Level { px: l.px, qty: l.qty }),
            MarketEvent::Mark(_) => self.marks += 1,
            MarketEvent::Status(_) => {}
        }
    }

    /// Takes in the same in the order of the venue. What happened at one moment is there as trades first.
    pub fn place(&mut self, event: &MarketEvent) {
        let two_sided = |bid: &Level, ask: &Level| {
            (bid.qty.is_positive() && ask.qty.is_positive()).then_some([bid.px, ask.px])
        };
        match event {
            MarketEvent::Bbo(bbo) => self.best = two_sided(&bbo.bid, &bbo.ask),
            MarketEvent::Book(book) => {
                let best = book.bids().first().zip(book.asks().first());
                self.best = best.and_then(|(bid, ask)| two_sided(bid, ask));
            }
            MarketEvent::Level(change) => {
                self.depth.apply(change);
                self.best = two_sided(&self.depth.best(Side::Bid), &self.depth.best(Side::Ask));
            }
            MarketEvent::Trade(trade) => {
                let trades = &mut self.trades;
                match trade.aggressor {
                    Side::Bid => trades.buys += 1,
                    Side::Ask => trades.sells += 1,
                }
                let count = match self.best {
                    None => &mut trades.before_any_book,
                    Some([bid, ask]) if bid < trade.px && trade.px < ask => &mut trades.inside,
                    Some(best) if best.contains(&trade.px) => &mut trades.at_touch,
                    Some(_) => &mut trades.outside,
                };
                *count += 1;
            }
            MarketEvent::Status(_) | MarketEvent::Mark(_) => {}
        }
    }

    fn see(&mut self, level: &Level) {
        if level.qty.is_positive() {
            self.decimals.price = self.decimals.price.max(decimals_of(level.px.raw()));
            self.decimals.size = self.decimals.size.max(decimals_of(level.qty.raw()));
        }
    }

    /// All that is told of it, but for what it can be used for.
    pub fn tell(self, crossings: [Crossings; KINDS.len()]) -> CoinReport {
        let Self { coin, streams, decimals, trades, marks, .. } = self;
        let named = streams.into_iter().zip(STREAMS).rev();
        let streams: Vec<StreamReport> =
            named.filter_map(|(stream, name)| stream.tell(name, name != STREAMS[0])).collect();
        let sound: u64 = streams.iter().filter(|s| s.stream != STREAMS[0]).map(|s| s.events).sum();
        let count = |of: fn(&Crossings) -> u64| crossings.iter().map(of).sum::<u64>();
        let (locked, crossed) = (count(|c| c.locked), count(|c| c.crossed));
        let all = (sound + locked + crossed).max(1) as f64;
        let share = |count: u64| Share { count, share: count as f64 / all };
        CoinReport {
            coin: masked(coin.as_str()).into_owned(),
            streams,
            decimals,
            locked: share(locked),
            crossed: share(crossed),
            trades,
            marks,
            good_for: Vec::new(),
        }
    }
}

/// Decimals that units of 1e-8 need.
fn decimals_of(mut raw: i64) -> u32 {
    let mut decimals = SCALE_DIGITS;
    while decimals > 0 && raw % 10 == 0 {
        (raw, decimals) = (raw / 10, decimals - 1);
    }
    decimals
}
