//! The scanner's twin and authority: a walk over simd-json's tape.
//!
//! Key order, whitespace, escapes and unknown keys do not matter to it; a known key that is missing
//! or there twice does. It alone refuses frames, and says why.

use super::frame::{Channel, Context, DecodeError, Field, Scratch, nanos_from_ms};
use crate::types::limits::{BOOK_LEVELS, MAX_PX, MAX_QTY};
use crate::types::{
    AssetId, Bbo, Level, MarkPrice, Nanos, Px, Qty, Side, Trade, read_decimal, read_rate,
};
use simd_json::{Buffers, INPUT_PADDING, Node, StaticNode, Tape};

/// Frames of this size and below never make a buffer grow.
const USUAL_FRAME_BYTES: usize = 16 << 10;

/// The buffers that make the walk reusable.
pub(super) struct TapeParser {
    /// simd-json writes unescaped strings over its input, and a frame may be on its way to the
    /// recorder: it gets a copy, with the padding that spares simd-json a copy of its own.
    copy: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl TapeParser {
    pub fn new() -> Self {
        Self {
            copy: Vec::with_capacity(USUAL_FRAME_BYTES + INPUT_PADDING),
            buffers: Buffers::new(USUAL_FRAME_BYTES),
            tape: Tape(Vec::with_capacity(USUAL_FRAME_BYTES / 8)),
        }
    }

    /// Reads any frame into `out`. On `Err` what is in `out` means nothing.
    pub fn parse(
        &mut self,
        frame: &[u8],
        context: Context,
        out: &mut Scratch,
    ) -> Result<Channel, DecodeError> {
        self.copy.clear();
        self.copy.extend_from_slice(frame);
        self.copy.resize(frame.len() + INPUT_PADDING, 0);
        let start = self.copy.as_ptr() as usize;
        let mut tape = core::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let parsed =
            simd_json::fill_tape_padded(&mut self.copy, frame.len(), &mut self.buffers, &mut tape);
        let result = match parsed {
            Ok(()) => Walk { nodes: &tape.0, start, context }.frame(out),
            Err(e) => Err(DecodeError::NotJson { at: e.index() as u32 }),
        };
        self.tape = tape.reset();
        result
    }
}

/// Where a value starts on the tape.
type At = usize;

struct Walk<'t, 'i> {
    nodes: &'t [Node<'i>],
    /// Address of the frame's copy, to tell where a text lies in it.
    start: usize,
    context: Context<'t>,
}

impl<'i> Walk<'_, 'i> {
    fn frame(&self, out: &mut Scratch) -> Result<Channel, DecodeError> {
        let [channel, data] = self.keys(0, Field::Frame, [Field::Channel, Field::Data])?;
        let channel = self.text(required(channel, Field::Channel)?, Field::Channel)?;
        let data = || required(data, Field::Data);
        match channel {
            "l2Book" => self.book(data()?, out),
            "bbo" => self.bbo(data()?, out),
            "trades" => self.trades(data()?, out),
            "activeAssetCtx" => self.mark(data()?, out),
            "pong" => Ok(Channel::Pong),
            "subscriptionResponse" => Ok(Channel::SubscriptionResponse),
            "error" => Ok(Channel::Error),
            _ => Ok(Channel::Other),
        }
    }

    fn book(&self, at: At, out: &mut Scratch) -> Result<Channel, DecodeError> {
        let wanted = [Field::Coin, Field::Time, Field::Levels, Field::Fast];
        let [coin, time, levels, fast] = self.keys(at, Field::Data, wanted)?;
        let Some(asset) = self.asset(coin)? else { return Ok(Channel::NotSubscribed) };
        out.begin_book(asset, self.time(time)?, self.context.recv_time);
        let [bids, asks] = self.pair(required(levels, Field::Levels)?, Field::Levels)?;
        out.book.bid_count = self.side(bids, Side::Bid, &mut out.book.bids)?;
        out.book.ask_count = self.side(asks, Side::Ask, &mut out.book.asks)?;
        out.book.fast = match fast.map(|at| self.node(at)) {
            None => false,
            Some(Some(Node::Static(StaticNode::Bool(fast)))) => *fast,
            Some(_) => return Err(DecodeError::WrongType(Field::Fast)),
        };
        Ok(Channel::Book)
    }

    fn side(
        &self,
        at: At,
        side: Side,
        levels: &mut [Level; BOOK_LEVELS],
    ) -> Result<u8, DecodeError> {
        let Some(Node::Array { len: count, .. }) = self.node(at) else {
            return Err(DecodeError::WrongType(Field::Levels));
        };
        *levels = [Level::default(); BOOK_LEVELS];
        let count = (*count).min(BOOK_LEVELS); // what is deeper is not looked at
        let mut item = at + 1;
        for i in 0..count {
            levels[i] = self.level(item, Field::Levels)?;
            if i > 0 && !side.is_better(levels[i - 1].px, levels[i].px) {
                return Err(DecodeError::Unsorted { side, level: i as u8 });
            }
            item = self.behind(item);
        }
        Ok(count as u8)
    }

    fn bbo(&self, at: At, out: &mut Scratch) -> Result<Channel, DecodeError> {
        let wanted = [Field::Coin, Field::Time, Field::Bbo];
        let [coin, time, touch] = self.keys(at, Field::Data, wanted)?;
        let Some(asset) = self.asset(coin)? else { return Ok(Channel::NotSubscribed) };
        let venue_time = self.time(time)?;
        let [bid, ask] = self.pair(required(touch, Field::Bbo)?, Field::Bbo)?;
        let level = |at| match self.node(at) {
            Some(Node::Static(StaticNode::Null)) => Ok(Level::default()),
            _ => self.level(at, Field::Bbo),
        };
        let (bid, ask) = (level(bid)?, level(ask)?);
        let recv_time = self.context.recv_time;
        out.bbo = Bbo { asset, venue_time, recv_time, bid, ask, ..Bbo::default() };
        Ok(Channel::Bbo)
    }

    fn trades(&self, at: At, out: &mut Scratch) -> Result<Channel, DecodeError> {
        let Some(Node::Array { len: count, .. }) = self.node(at) else {
            return Err(DecodeError::WrongType(Field::Data));
        };
        out.trades.clear();
        let mut item = at + 1;
        for _ in 0..*count {
            if let Some(trade) = self.trade(item)? {
                out.trades.push(trade);
            }
            item = self.behind(item);
        }
        if *count > 0 && out.trades.is_empty() {
            return Ok(Channel::NotSubscribed);
        }
        Ok(Channel::Trades(out.trades.len() as u32))
    }

    /// One trade; [`None`] when its coin is not ours.
    fn trade(&self, at: At) -> Result<Option<Trade>, DecodeError> {
        let wanted = [Field::Coin, Field::Side, Field::Px, Field::Sz, Field::Time, Field::Tid];
        let [coin, side, px, sz, time, tid] = self.keys(at, Field::Data, wanted)?;
        let Some(asset) = self.asset(coin)? else { return Ok(None) };
        let side = self.text(required(side, Field::Side)?, Field::Side)?;
        let aggressor = match side {
            "B" => Side::Bid,
            "A" => Side::Ask,
            _ => return Err(DecodeError::BadSide { at: self.offset(side) }),
        };
        Ok(Some(Trade {
            asset,
            aggressor,
            venue_time: self.time(time)?,
            recv_time: self.context.recv_time,
            px: Px::from_raw(self.positive(px, Field::Px, MAX_PX.raw())?),
            qty: Qty::from_raw(self.positive(sz, Field::Sz, MAX_QTY.raw())?),
            tid: self
                .unsigned(required(tid, Field::Tid)?)
                .ok_or(DecodeError::WrongType(Field::Tid))?,
            ..Trade::default()
        }))
    }

    fn mark(&self, at: At, out: &mut Scratch) -> Result<Channel, DecodeError> {
        let [coin, ctx] = self.keys(at, Field::Data, [Field::Coin, Field::Ctx])?;
        let Some(asset) = self.asset(coin)? else { return Ok(Channel::NotSubscribed) };
        let wanted = [Field::MarkPx, Field::OraclePx, Field::Funding];
        let [px, oracle, rate] = self.keys(required(ctx, Field::Ctx)?, Field::Ctx, wanted)?;
        let px = Px::from_raw(self.positive(px, Field::MarkPx, MAX_PX.raw())?);
        // What of funding cannot be read leaves the mark what it is.
        let oracle = self.positive(oracle, Field::OraclePx, MAX_PX.raw()).unwrap_or(0);
        let rate = rate.and_then(|at| self.text(at, Field::Funding).ok());
        let rate_e10 = rate.and_then(|text| read_rate(text.as_bytes()).ok());
        let (recv_time, oracle) = (self.context.recv_time, Px::from_raw(oracle));
        out.mark = MarkPrice { asset, recv_time, px, oracle, rate_e10, ..MarkPrice::default() };
        Ok(Channel::Mark)
    }

    fn level(&self, at: At, parent: Field) -> Result<Level, DecodeError> {
        let [px, sz] = self.keys(at, parent, [Field::Px, Field::Sz])?;
        Ok(Level {
            px: Px::from_raw(self.positive(px, Field::Px, MAX_PX.raw())?),
            qty: Qty::from_raw(self.positive(sz, Field::Sz, MAX_QTY.raw())?),
        })
    }

    /// A decimal above zero, at most `max`, to the nearest unit of 1e-8.
    fn positive(&self, at: Option<At>, field: Field, max: i64) -> Result<i64, DecodeError> {
        let text = self.text(required(at, field)?, field)?;
        match read_decimal(text.as_bytes()) {
            Ok(raw) if raw > max => Err(DecodeError::TooLarge { field, at: self.offset(text) }),
            Ok(raw) if raw > 0 => Ok(raw),
            Ok(_) => Err(DecodeError::NotPositive { field, at: self.offset(text) }),
            Err(why) => Err(DecodeError::BadNumber { field, why, at: self.offset(text) }),
        }
    }

    fn time(&self, at: Option<At>) -> Result<Nanos, DecodeError> {
        let at = required(at, Field::Time)?;
        match self.node(at) {
            Some(Node::Static(StaticNode::I64(_) | StaticNode::U64(_))) => {
                self.unsigned(at).and_then(nanos_from_ms).ok_or(DecodeError::BadTime)
            }
            _ => Err(DecodeError::WrongType(Field::Time)),
        }
    }

    fn asset(&self, at: Option<At>) -> Result<Option<AssetId>, DecodeError> {
        let coin = self.text(required(at, Field::Coin)?, Field::Coin)?;
        Ok(self.context.universe.find(coin.as_bytes()))
    }

    fn text(&self, at: At, field: Field) -> Result<&'i str, DecodeError> {
        match self.node(at) {
            Some(Node::String(text)) => Ok(text),
            _ => Err(DecodeError::WrongType(field)),
        }
    }

    fn unsigned(&self, at: At) -> Option<u64> {
        match self.node(at) {
            Some(Node::Static(StaticNode::U64(n))) => Some(*n),
            Some(Node::Static(StaticNode::I64(n))) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// Where the two values of an array of two start.
    fn pair(&self, at: At, field: Field) -> Result<[At; 2], DecodeError> {
        match self.node(at) {
            Some(Node::Array { len: 2, .. }) => Ok([at + 1, self.behind(at + 1)]),
            _ => Err(DecodeError::WrongType(field)),
        }
    }

    /// Where the values of the wanted keys of an object start. Other keys are skipped.
    fn keys<const N: usize>(
        &self,
        at: At,
        object: Field,
        wanted: [Field; N],
    ) -> Result<[Option<At>; N], DecodeError> {
        let Some(Node::Object { len, .. }) = self.node(at) else {
            return Err(DecodeError::WrongType(object));
        };
        let mut found = [None; N];
        let mut key = at + 1;
        for _ in 0..*len {
            let name = self.text(key, object)?;
            if let Some(i) = wanted.iter().position(|f| f.as_str() == name) {
                if found[i].is_some() {
                    return Err(DecodeError::Duplicate(wanted[i]));
                }
                found[i] = Some(key + 1);
            }
            key = self.behind(key + 1);
        }
        Ok(found)
    }

    fn node(&self, at: At) -> Option<&Node<'i>> {
        self.nodes.get(at)
    }

    /// Where the value after the one at `at` starts.
    fn behind(&self, at: At) -> At {
        match self.node(at) {
            Some(Node::Object { count, .. } | Node::Array { count, .. }) => at + 1 + count,
            _ => at + 1,
        }
    }

    fn offset(&self, text: &str) -> u32 {
        (text.as_ptr() as usize).saturating_sub(self.start) as u32
    }
}

fn required(at: Option<At>, field: Field) -> Result<At, DecodeError> {
    at.ok_or(DecodeError::Missing(field))
}
