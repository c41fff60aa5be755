//! Our orders as the venue told of them: when each came to rest, when it was gone, and what was filled. All times are
//! block times, so nothing has to be guessed of latencies.

use crate::bot::blackbox::{Built, Kept, Line};
use crate::data::{self, LoadOptions, Loaded};
use crate::exit::AppError;
use botmm_pipeline::types::{AssetId, Nanos, Px, Qty, Side, Universe};
use botmm_pipeline::venue::hl::user::{UserEvent, UserParser, WireStatus};
use botmm_pipeline::venue::tap::Item;
use std::collections::BTreeMap;
use std::path::Path;

/// An order that rested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Of which coin.
    pub asset: AssetId,
    /// Which side.
    pub side: Side,
    /// At which price.
    pub px: Px,
    /// With which size.
    pub qty: Qty,
    /// From this block on.
    pub from: Nanos,
    /// Up to this block.
    pub gone: Option<Nanos>,
    /// From this moment of our own clock on nobody knows: a connection was lost, or the record ends.
    pub lost: Option<Nanos>,
    /// Block and size of each fill, oldest first.
    pub fills: Vec<(Nanos, Qty)>,
}

impl Own {
    /// What of it rests at the end of a block.
    pub fn leaves(&self, block: Nanos) -> Qty {
        if block < self.from || self.gone.is_some_and(|gone| gone <= block) {
            return Qty::ZERO;
        }
        let filled = self.fills.iter().filter(|(at, _)| *at <= block).map(|(_, qty)| *qty);
        (self.qty - filled.sum()).max(Qty::ZERO)
    }

    /// Filled in this block.
    pub fn filled_in(&self, block: Nanos) -> Qty {
        self.fills.iter().filter(|(at, _)| *at == block).map(|(_, qty)| *qty).sum()
    }

    /// The block of the first fill.
    pub fn first_fill(&self) -> Option<Nanos> {
        self.fills.first().map(|(at, _)| *at)
    }
}

/// What a run's capture says.
pub struct Told {
    /// What the run was.
    pub built: Built,
    /// What everybody was shown.
    pub market: Loaded,
    /// Our orders, by the venue's numbers.
    pub orders: Vec<Own>,
    /// How often it was not known any more what becomes of orders.
    pub gaps: usize,
    /// Damage of the files, in words.
    pub damage: Vec<String>,
}

/// Reads a capture.
///
/// # Errors
/// There is none, it cannot be read, is of another form, or holds no market.
pub fn read(root: &Path) -> Result<Told, AppError> {
    let mut kept = Kept::open(root)?;
    let Some((_, Line::Run(built))) = kept.next_line()? else {
        return Err(kept.unusable("its beginning is missing"));
    };
    built.configs().map_err(|e| kept.unusable(e))?;
    let market = market(root, &built.universe())?;
    let mut heard = Heard::new(&market.universe);
    while let Some((now, line)) = kept.next_line()? {
        heard.line(now, line);
    }
    let (orders, gaps) = heard.end();
    Ok(Told { built: *built, market, orders, gaps, damage: kept.damage() })
}

/// The market of a capture, of the coins that were traded.
fn market(root: &Path, traded: &Universe) -> Result<Loaded, AppError> {
    let found = data::find_compiled(&[root.to_owned()], None, &|_, _| {})?;
    let names = traded.iter().map(|(_, instrument)| instrument.coin.to_string());
    let symbols: Vec<String> = names.filter(|coin| found.coins().contains(coin)).collect();
    let instrument = |coin: &str| traded.find(coin.as_bytes()).map(|asset| *traded.get(asset));
    Ok(found.load(LoadOptions {
        symbols: &symbols,
        instrument: &instrument,
        allow_unsound: true,
        decode: &mut *data::venue_decoder(),
        progress: &|_, _| {},
    })?)
}

/// Takes in lines.
struct Heard<'a> {
    universe: &'a Universe,
    parser: UserParser,
    orders: BTreeMap<u64, Own>,
    /// By order: block, the trade's number, size. Fills may be told before their order is.
    fills: BTreeMap<u64, BTreeMap<(Nanos, u64), Qty>>,
    /// Orders that took, by their numbers: those are no samples of a queue.
    takers: Vec<u64>,
    /// When it was told that an order is gone.
    told_gone: BTreeMap<u64, Nanos>,
    last: Nanos,
    /// The last word of the market's connection and of the orders'; [`None`] = it was not open yet.
    last_word: [Option<Nanos>; 2],
    gaps: usize,
}

impl<'a> Heard<'a> {
    fn new(universe: &'a Universe) -> Self {
        Self {
            universe,
            parser: UserParser::new(),
            orders: BTreeMap::new(),
            fills: BTreeMap::new(),
            takers: Vec::new(),
            told_gone: BTreeMap::new(),
            last: Nanos::ZERO,
            last_word: [None; 2],
            gaps: 0,
        }
    }

    fn line(&mut self, now: Nanos, line: Line) {
        let before = std::mem::replace(&mut self.last, now);
        let (link, item) = match line {
            Line::Market(item) => (0, item),
            Line::Orders(item) => (1, item),
            Line::Gap(_) => return self.lose(before),
            _ => return,
        };
        match item {
            Item::Frame(frame) => {
                self.last_word[link] = Some(now);
                if link == 1 {
                    self.frame(now, frame);
                }
            }
            // Nobody knows when it was lost.
            Item::Opened => {
                if let Some(last) = self.last_word[link].replace(now) {
                    self.lose(last);
                }
            }
            Item::Closed | Item::Lost(_) => self.lose(before),
            Item::Unsent(_) => {}
        }
    }

    /// A frame that is refused may have held a fill.
    fn frame(&mut self, now: Nanos, mut frame: Vec<u8>) {
        let (mut events, universe) = (Vec::new(), self.universe);
        match self.parser.parse(&mut frame, universe, &mut |event| events.push(event)) {
            Ok(_) => events.into_iter().for_each(|event| self.event(now, event)),
            Err(_) => self.lose(now),
        }
    }

    fn event(&mut self, now: Nanos, event: UserEvent) {
        match event {
            UserEvent::OrderUpdate(told) => {
                let (oid, Some(asset)) = (told.order.oid.0, told.order.asset) else { return };
                match told.status {
                    WireStatus::Open if told.order.leaves.is_positive() => {
                        self.orders.entry(oid).or_insert(Own {
                            asset,
                            side: told.order.side,
                            px: told.order.px,
                            qty: told.order.leaves,
                            from: told.time,
                            gone: None,
                            lost: None,
                            fills: Vec::new(),
                        });
                    }
                    status if status.is_terminal() => {
                        if let Some(own) = self.orders.get_mut(&oid) {
                            own.gone.get_or_insert(told.time);
                            self.told_gone.entry(oid).or_insert(now);
                        }
                    }
                    _ => {}
                }
            }
            UserEvent::Fill(told) => {
                let fill = told.fill;
                if fill.crossed {
                    self.takers.push(fill.oid.0);
                }
                let of_order = self.fills.entry(fill.oid.0).or_default();
                of_order.insert((told.time, fill.tid), fill.qty);
            }
            _ => {}
        }
    }

    /// From this moment on it is not known what was shown, or what became of orders.
    fn lose(&mut self, from: Nanos) {
        self.gaps += 1;
        for (oid, own) in &mut self.orders {
            if self.told_gone.get(oid).is_none_or(|told| *told >= from) {
                own.lost = Some(own.lost.map_or(from, |lost| lost.min(from)));
            }
        }
    }

    fn end(self) -> (Vec<Own>, usize) {
        let Self { mut orders, fills, takers, gaps, last, .. } = self;
        for own in orders.values_mut().filter(|own| own.gone.is_none()) {
            own.lost.get_or_insert(last);
        }
        takers.iter().for_each(|oid| drop(orders.remove(oid)));
        for (oid, told) in fills {
            if let Some(own) = orders.get_mut(&oid) {
                own.fills = told.into_iter().map(|((at, _), qty)| (at, qty)).collect();
            }
        }
        (orders.into_values().collect(), gaps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coins::coin;

    fn frame(json: &str) -> Line {
        Line::Orders(Item::Frame(json.as_bytes().to_vec()))
    }

    fn update(oid: u64, status: &str, ms: i64) -> Line {
        frame(&format!(
            r#"{{"channel":"orderUpdates","data":[{{"order":{{"coin":"BTC","side":"B","limitPx":"100.0","sz":"2.0",
                "oid":{oid},"timestamp":1,"origSz":"2.0"}},"status":"{status}","statusTimestamp":{ms}}}]}}"#
        ))
    }

    fn fill(oid: u64, tid: u64, ms: i64, crossed: bool) -> Line {
        frame(&format!(
            r#"{{"channel":"userFills","data":{{"user":"0x{:040x}","fills":[{{"coin":"BTC","px":"100.0","sz":"0.5",
                "side":"B","time":{ms},"startPosition":"0.0","dir":"Open Long","closedPnl":"0.0","hash":"0x0",
                "oid":{oid},"crossed":{crossed},"fee":"0.01","tid":{tid},"feeToken":"USDC"}}]}}}}"#,
            7
        ))
    }

    fn heard(lines: Vec<Line>) -> (Vec<Own>, usize) {
        let universe = Universe::new(vec![coin("BTC", 5)]);
        let mut heard = Heard::new(&universe);
        for (at, line) in (1_000..).zip(lines) {
            heard.line(Nanos(at), line);
        }
        heard.end()
    }

    #[test]
    fn an_order_is_what_the_venue_told_of_it_each_fill_once() {
        let (orders, gaps) = heard(vec![
            fill(1, 9, 30, false),
            update(1, "open", 10),
            fill(1, 9, 30, false),
            update(1, "open", 30),
            fill(1, 10, 40, false),
            update(1, "canceled", 50),
            update(2, "open", 20),
            fill(2, 11, 20, true),
            update(3, "rejected", 20),
            update(4, "canceled", 20),
        ]);
        assert_eq!(
            (orders.len(), gaps),
            (1, 0),
            "who took, was refused or was there before is none"
        );
        let own = &orders[0];
        let half = Qty::parse("0.5").unwrap();
        assert_eq!(
            (own.from, own.gone, own.lost),
            (Nanos::millis(10), Some(Nanos::millis(50)), None)
        );
        assert_eq!(own.fills, [(Nanos::millis(30), half), (Nanos::millis(40), half)]);
        let leaves = [9, 10, 30, 49, 50].map(|ms| own.leaves(Nanos::millis(ms)).to_string());
        assert_eq!(leaves, ["0", "2", "1.5", "1", "0"]);
    }

    #[test]
    fn what_is_not_known_any_more_ends_there_and_is_counted() {
        let lost = |line: Line| {
            let lines =
                vec![update(1, "open", 10), line, update(1, "canceled", 50), update(2, "open", 60)];
            let (orders, gaps) = heard(lines);
            (orders[0].lost, orders[1].lost, gaps)
        };
        let at = |n| Some(Nanos(n));
        for line in [
            Line::Orders(Item::Closed),
            Line::Market(Item::Closed),
            Line::Orders(Item::Lost(3)),
            Line::Gap("a block is damaged".to_owned()),
        ] {
            assert_eq!(lost(line), (at(1_000), at(1_003), 1));
        }
        let refused = frame("{\"channel\":\"orderUpdates\",\"data\":[{}]}");
        assert_eq!(lost(refused), (at(1_001), at(1_003), 1));
        assert_eq!(lost(frame("{\"channel\":\"pong\"}")), (None, at(1_003), 0));
        // A market that comes back was away since its last word: what was told of orders meanwhile is no sample.
        let market = |item| Line::Market(item);
        let (orders, gaps) = heard(vec![
            market(Item::Opened),
            update(1, "open", 10),
            update(1, "canceled", 20),
            market(Item::Frame(b"{}".to_vec())),
            update(2, "open", 30),
            update(2, "canceled", 40),
            market(Item::Opened),
        ]);
        assert_eq!((orders[0].lost, orders[1].lost, gaps), (None, at(1_003), 1));
    }
}
