//! The events of a compiled tape, one after the other.

use super::Core;
use super::bits::{BitReader, Coder};
use super::field::{FIELDS, Reading, Units};
use super::index::{CHUNK, Extent, Reach, Stream, has_sum};
use super::record::{Kind, Last, MAX_RECORD, Times};
use crate::types::{LentEvent, Nanos};
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
    fn refill(&mut self, core: &Core) -> Result<(), String> {
        let read = self.at / 8;
        self.bytes.copy_within(read..self.filled, 0);
        (self.filled, self.at) = (self.filled - read, self.at % 8);
        let begin = self.next as u64 * CHUNK as u64;
        let len = (self.extent.len - begin).min(CHUNK as u64) as usize;
        let into = &mut self.bytes[self.filled..self.filled + len];
        let offset = self.extent.offset + begin;
        core.bytes.read_at(offset, into).map_err(|e| format!("byte {offset}: {e}"))?;
        if !has_sum(into, self.extent.sums[self.next]) {
            return Err(format!("the sum of its bytes from {offset} on is another"));
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

    /// The stream of the next event, of an extent that says so.
    #[inline]
    fn code(&mut self, core: &Core) -> Result<usize, String> {
        while !self.is_ready() {
            self.refill(core)?;
        }
        let mut bits = self.bits();
        let code = bits.bits(core.index.code_bits) as usize;
        let at = bits.at();
        if self.read_to(at) { Ok(code) } else { Err(BEYOND.to_owned()) }
    }

    /// False when that is beyond the end: no writer wrote it.
    #[inline]
    fn read_to(&mut self, at: usize) -> bool {
        self.at = at;
        at <= self.filled * 8
    }
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
}

const BEYOND: &str = "an event of it goes beyond its end";
const SENSELESS: &str = "an event of it makes no sense";

impl Lane {
    fn new(stream: &Stream) -> Self {
        let Stream { kind, asset, units, coders, .. } = *stream;
        let chunks = Chunks::new(&stream.extent);
        let (recorded, last) = (Times::default(), Last::none(kind, asset));
        Self { chunks, units, coders, kind, recorded, last }
    }

    /// The times of the next event.
    #[inline]
    fn read_times(&mut self, core: &Core) -> Result<Times, String> {
        while !self.chunks.is_ready() {
            self.chunks.refill(core)?;
        }
        let mut bits = self.chunks.bits();
        let mut reading = Reading::new(&mut bits, &self.coders);
        let times = self.last.read_times(self.recorded, &self.units, &mut reading);
        let at = bits.at();
        if self.chunks.read_to(at) { Ok(times) } else { Err(BEYOND.to_owned()) }
    }

    /// The rest of it; `recv`: when it was received.
    #[inline]
    fn read(&mut self, times: Times, recv: Nanos) -> Result<(), String> {
        let mut bits = self.chunks.bits();
        let mut reading = Reading::new(&mut bits, &self.coders);
        let read = self.last.read(Times { recv, ..times }, &self.units, &mut reading);
        let at = bits.at();
        self.recorded = times;
        read.ok_or(SENSELESS)?;
        if self.chunks.read_to(at) { Ok(()) } else { Err(BEYOND.to_owned()) }
    }
}

/// The next event of a walk.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    lane: usize,
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
    codes: Option<Chunks>,
    /// Events that are still to come, also of lanes that are left out.
    left: u64,
    lanes: Vec<Lane>,
    /// Where the lane of a stream is.
    lane_of: Vec<LaneOf>,
    due: Option<Due>,
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
        let (codes, left) = (Some(Chunks::new(codes)), index.events());
        Self::begun(Self { core: core.clone(), codes, left, lanes, lane_of, due: None })
    }

    /// Of one stream; of nothing where there is none.
    pub fn of_stream(core: &Arc<Core>, stream: Option<&Stream>) -> Self {
        let lanes: Vec<Lane> = stream.into_iter().map(Lane::new).collect();
        let (left, lane_of) = (stream.map_or(0, |s| s.events), vec![LaneOf::Lane(0)]);
        Self::begun(Self { core: core.clone(), codes: None, left, lanes, lane_of, due: None })
    }

    fn begun(mut self) -> Self {
        self.look();
        self
    }

    /// The next event's times.
    #[inline]
    pub fn due(&self) -> Option<Due> {
        self.due
    }

    /// Reads the event that is due, as received at `recv`, and looks for the one after it. False when that
    /// cannot be read.
    #[inline]
    pub fn advance(&mut self, due: Due, recv: Nanos) -> bool {
        if let Err(why) = self.lanes[due.lane].read(due.times, recv) {
            self.end(why);
            return false;
        }
        self.look();
        true
    }

    /// The event that was read last from where `due` said.
    #[inline]
    pub fn lend(&self, due: Due) -> LentEvent<'_> {
        self.lanes[due.lane].last.lend()
    }

    fn look(&mut self) {
        match self.find() {
            Ok(due) => self.due = due,
            Err(why) => self.end(why),
        }
    }

    #[cold]
    fn end(&mut self, why: String) {
        self.core.tell_damage(why);
        (self.due, self.left) = (None, 0);
    }

    fn find(&mut self) -> Result<Option<Due>, String> {
        while self.left > 0 {
            self.left -= 1;
            let code = match &mut self.codes {
                Some(codes) => codes.code(&self.core)?,
                None => 0,
            };
            let lane = match self.lane_of.get(code) {
                Some(LaneOf::Lane(lane)) => *lane,
                Some(LaneOf::LeftOut) => continue,
                Some(LaneOf::None) | None => return Err(SENSELESS.to_owned()),
            };
            let Lane { kind, .. } = self.lanes[lane];
            let times = self.lanes[lane].read_times(&self.core)?;
            return Ok(Some(Due { lane, times, kind }));
        }
        Ok(None)
    }
}
