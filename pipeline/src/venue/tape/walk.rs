//! The events of a compiled tape, one after the other.

use super::Core;
use super::bits::{BitReader, Coder};
use super::field::{FIELDS, Reading, Units};
use super::index::{CHUNK, Extent, Reach, Stream, has_sum};
use super::record::{Kind, Last, MAX_RECORD, Times};
use crate::types::{LentEvent, LevelChange, MarketEvent, Nanos, Trade};
use std::sync::Arc;

/// Bytes of a tape on their way to whoever reads bits: chunk by chunk, each checked when it comes.
#[derive(Debug)]
struct Chunks {
    extent: Extent,
    /// The next chunk.
    next: usize,
    /// What is here, and zeros behind it.
    bytes: Box<[u8]>,
    filled: usize,
    /// The next bit to be read of what is here.
    at: usize,
}

impl Chunks {
    fn new(extent: &Extent) -> Self {
        let room = MAX_RECORD + CHUNK + size_of::<u64>();
        let bytes = vec![0; room].into_boxed_slice();
        Self { extent: extent.clone(), next: 0, bytes, filled: 0, at: 0 }
    }

    /// Whether a whole record is here, or all that is left.
    #[inline]
    fn is_ready(&self) -> bool {
        self.at + MAX_RECORD * 8 <= self.filled * 8 || self.next == self.extent.sums.len()
    }

    /// Gets the next chunk.
    ///
    /// # Errors
    /// In words: it cannot be read, or is damaged.
    #[cold]
    fn refill(&mut self, core: &Core) -> Result<(), Torn> {
        let read = self.at / 8;
        self.bytes.copy_within(read..self.filled, 0);
        (self.filled, self.at) = (self.filled - read, self.at % 8);
        let begin = self.next as u64 * CHUNK as u64;
        let len = (self.extent.len - begin).min(CHUNK as u64) as usize;
        let into = &mut self.bytes[self.filled..self.filled + len];
        let offset = self.extent.offset + begin;
        core.bytes.read_at(offset, into).map_err(|e| Box::new(format!("byte {offset}: {e}")))?;
        if !has_sum(into, self.extent.sums[self.next]) {
            return Err(Box::new(format!("the sum of its bytes from {offset} on is another")));
        }
        self.filled += len;
        self.next += 1;
        self.bytes[self.filled..].fill(0);
        Ok(())
    }

    /// The bits that are here. Whoever reads them says up to where with [`Self::read_to`].
    #[inline]
    fn bits(&self) -> BitReader<'_> {
        BitReader::new(&self.bytes, self.at)
    }

    /// False when that is beyond the end: no writer wrote it.
    #[inline]
    fn read_to(&mut self, at: usize) -> bool {
        self.at = at;
        at <= self.filled * 8
    }
}

/// The streams' numbers in an order: so many bits each.
#[derive(Debug)]
struct Codes {
    chunks: Chunks,
    bits: u32,
    /// Bits that were read and not told yet, and how many.
    word: u64,
    left: u32,
}

impl Codes {
    /// Bits that are read at once.
    const AT_ONCE: u32 = 32;

    fn new(extent: &Extent, bits: u32) -> Self {
        Self { chunks: Chunks::new(extent), bits, word: 0, left: 0 }
    }

    #[inline]
    fn next(&mut self, core: &Core) -> Result<usize, Torn> {
        if self.left < self.bits {
            self.read(core)?;
        }
        let code = self.word & !u64::MAX.unbounded_shl(self.bits);
        (self.word, self.left) = (self.word.unbounded_shr(self.bits), self.left - self.bits);
        Ok(code as usize)
    }

    #[cold]
    fn read(&mut self, core: &Core) -> Result<(), Torn> {
        while !self.chunks.is_ready() {
            self.chunks.refill(core)?;
        }
        let end = self.chunks.filled * 8;
        // The last ones may be fewer: what lies beyond is no code.
        let more = Self::AT_ONCE.min((end - self.chunks.at.min(end)) as u32);
        let mut bits = self.chunks.bits();
        self.word |= bits.bits(more) << self.left;
        let at = bits.at();
        self.left += more;
        if self.chunks.read_to(at) && self.left >= self.bits { Ok(()) } else { Err(torn(BEYOND)) }
    }
}

/// Why a walk ends early, in words.
type Torn = Box<String>;

#[cold]
fn torn(why: &str) -> Torn {
    Box::new(why.to_owned())
}

/// The events of one stream.
#[derive(Debug)]
struct Lane {
    chunks: Chunks,
    units: Units,
    coders: [Coder; FIELDS],
    kind: Kind,
    /// As recorded, of the last one: what is lent may have been received at another time.
    recorded: Times,
    last: Last,
    /// Its events are small: the next one is read whole, not its times alone.
    is_whole: bool,
}

const BEYOND: &str = "an event of it goes beyond its end";
const SENSELESS: &str = "an event of it makes no sense";

impl Lane {
    fn new(stream: &Stream) -> Self {
        let Stream { kind, asset, units, coders, .. } = *stream;
        let chunks = Chunks::new(&stream.extent);
        let (recorded, last) = (Times::default(), Last::none(kind, asset));
        let is_whole = matches!(kind, Kind::Levels | Kind::Trades);
        Self { chunks, units, coders, kind, recorded, last, is_whole }
    }

    /// The next event, whole; its times.
    #[inline]
    fn read_whole(&mut self, core: &Core) -> Result<Times, Torn> {
        while !self.chunks.is_ready() {
            self.chunks.refill(core)?;
        }
        let mut bits = self.chunks.bits();
        let mut reading = Reading::new(&mut bits, &self.coders);
        let read = self.last.read_row(self.recorded, &self.units, &mut reading);
        let at = bits.at();
        let Some(times) = read else { return Err(torn(SENSELESS)) };
        self.recorded = times;
        if self.chunks.read_to(at) { Ok(times) } else { Err(torn(BEYOND)) }
    }

    /// The times of the next event.
    #[inline]
    fn read_times(&mut self, core: &Core) -> Result<Times, Torn> {
        while !self.chunks.is_ready() {
            self.chunks.refill(core)?;
        }
        let mut bits = self.chunks.bits();
        let mut reading = Reading::new(&mut bits, &self.coders);
        let times = self.last.read_times(self.recorded, &self.units, &mut reading);
        let at = bits.at();
        if self.chunks.read_to(at) { Ok(times) } else { Err(torn(BEYOND)) }
    }

    /// The rest of it; `recv`: when it was received.
    #[inline]
    fn read(&mut self, times: Times, recv: Nanos) -> Result<(), Torn> {
        let mut bits = self.chunks.bits();
        let mut reading = Reading::new(&mut bits, &self.coders);
        let read = self.last.read(Times { recv, ..times }, &self.units, &mut reading);
        let at = bits.at();
        self.recorded = times;
        if read.is_none() {
            return Err(torn(SENSELESS));
        }
        if self.chunks.read_to(at) { Ok(()) } else { Err(torn(BEYOND)) }
    }
}

/// The next event of a walk.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    /// Which lane's.
    pub lane: usize,
    /// Its times, as recorded.
    pub times: Times,
    /// What it is.
    pub kind: Kind,
}

/// Events in one of the two orders, or those of one stream. The next one's times are known before it is
/// read.
#[derive(Debug)]
pub struct Walk {
    core: Arc<Core>,
    /// Which lane is next; [`None`] = there is but one.
    codes: Option<Codes>,
    /// Events that are still to come, also of lanes that are left out.
    left: u64,
    lanes: Vec<Lane>,
    /// Where the lane of a stream is.
    lane_of: Vec<LaneOf>,
    due: Option<Due>,
    /// The last event of those that are read whole.
    row: LentEvent<'static>,
}

#[derive(Clone, Copy, Debug)]
enum LaneOf {
    Lane(usize),
    /// Its events are passed over.
    LeftOut,
    /// No event of it is in this order.
    None,
}

impl Walk {
    /// In one of the two orders, from the first event on; without changes of the link if so said.
    pub fn new(core: &Arc<Core>, order: Reach, with_statuses: bool) -> Self {
        let index = &core.index;
        let codes = if order == Reach::Venue { &index.by_venue } else { &index.by_recv };
        let (mut lanes, mut lane_of) = (Vec::new(), Vec::new());
        for stream in &index.streams {
            lane_of.push(if stream.reach != Reach::Both && stream.reach != order {
                LaneOf::None
            } else if stream.kind == Kind::Statuses && !with_statuses {
                LaneOf::LeftOut
            } else {
                lanes.push(Lane::new(stream));
                LaneOf::Lane(lanes.len() - 1)
            });
        }
        let codes = Codes::new(codes, index.code_bits);
        let (codes, left) = (Some(codes), index.events());
        Self::begun(core, codes, left, (lanes, lane_of))
    }

    /// Of one stream; of nothing where there is none.
    pub fn of_stream(core: &Arc<Core>, stream: Option<&Stream>) -> Self {
        let lanes: Vec<Lane> = stream.into_iter().map(Lane::new).collect();
        let (left, lane_of) = (stream.map_or(0, |s| s.events), vec![LaneOf::Lane(0)]);
        Self::begun(core, None, left, (lanes, lane_of))
    }

    fn begun(
        core: &Arc<Core>,
        codes: Option<Codes>,
        left: u64,
        (lanes, lane_of): (Vec<Lane>, Vec<LaneOf>),
    ) -> Self {
        let row = MarketEvent::Trade(Trade::default());
        let mut new = Self { core: core.clone(), codes, left, lanes, lane_of, due: None, row };
        new.look();
        new
    }

    /// The next event's times.
    #[inline]
    pub fn due(&self) -> Option<&Due> {
        self.due.as_ref()
    }

    /// The event that is due, as it was received. [`None`] when it cannot be read, or there is none.
    #[inline]
    pub fn next(&mut self) -> Option<LentEvent<'_>> {
        let due = self.due?;
        let lane = &self.lanes[due.lane];
        if lane.is_whole {
            let row = match &lane.last {
                Last::Level(level) => MarketEvent::Level(*level),
                Last::Trade(trade) => MarketEvent::Trade(*trade),
                _ => return None,
            };
            self.look();
            return Some(row);
        }
        self.advance(due, due.times.recv).then(|| self.lend(due.lane))
    }

    /// Reads the event that is due, as received at `recv`, and looks for the one after it. False when that
    /// cannot be read.
    #[inline]
    pub fn advance(&mut self, due: Due, recv: Nanos) -> bool {
        let lane = &mut self.lanes[due.lane];
        match &lane.last {
            Last::Level(level) => {
                self.row = MarketEvent::Level(LevelChange { recv_time: recv, ..*level });
            }
            Last::Trade(trade) => {
                self.row = MarketEvent::Trade(Trade { recv_time: recv, ..*trade });
            }
            _ => {
                if let Err(why) = lane.read(due.times, recv) {
                    self.end(*why);
                    return false;
                }
            }
        }
        self.look();
        true
    }

    /// The event that was read last of a lane, as [`Due`] names it.
    #[inline]
    pub fn lend(&self, lane: usize) -> LentEvent<'_> {
        let lane = &self.lanes[lane];
        if lane.is_whole { self.row } else { lane.last.lend() }
    }

    #[inline]
    fn look(&mut self) {
        if let Err(why) = self.find() {
            self.end(*why);
        }
    }

    #[cold]
    fn end(&mut self, why: String) {
        self.core.tell_damage(why);
        (self.due, self.left) = (None, 0);
    }

    #[inline]
    fn find(&mut self) -> Result<(), Torn> {
        while self.left > 0 {
            self.left -= 1;
            let code = match &mut self.codes {
                Some(codes) => codes.next(&self.core)?,
                None => 0,
            };
            let number = match self.lane_of.get(code) {
                Some(LaneOf::Lane(lane)) => *lane,
                Some(LaneOf::LeftOut) => continue,
                Some(LaneOf::None) | None => return Err(torn(SENSELESS)),
            };
            let lane = &mut self.lanes[number];
            let times = match lane.is_whole {
                true => lane.read_whole(&self.core)?,
                false => lane.read_times(&self.core)?,
            };
            self.due = Some(Due { lane: number, times, kind: lane.kind });
            return Ok(());
        }
        self.due = None;
        Ok(())
    }
}
