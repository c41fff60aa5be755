//! Events, one by one → a compiled tape.
//!
//! What is added lies in a log of the same records, in the order in which it came, so that a loader never
//! holds a whole event twice. At the end the log is read in the order of each clock and written again,
//! stream by stream.

use super::bits::{BitWriter, Coder};
use super::field::{FIELDS, Measuring, Units, Writing};
use super::index::{CHUNK, Extent, HEAD, Head, Index, Reach, Stream};
use super::log::{KEYS, Key, Log, LogReader, PLAIN};
use super::order::{InOrder, Order, Orders, is_among, rank, strays};
use super::record::{Kind, Last, Times};
use super::{Tape, TapeCounts};
use crate::types::{MarkPrice, MarketEvent, Nanos};

/// Beyond it, differences may be too large to be counted in units.
const FAR: u64 = 1 << 61;

/// Finds the units of a stream: the largest that all its values are whole numbers of.
#[derive(Clone, Copy, Debug, Default)]
struct FindUnit {
    unit: i64,
}

impl FindUnit {
    fn see(&mut self, value: i64) {
        if self.unit != 0 && value % self.unit == 0 && value.unsigned_abs() < FAR {
            return;
        }
        let far = value.unsigned_abs() >= FAR;
        let (mut a, mut b) = (self.unit, if far { 1 } else { value.abs() });
        while b != 0 {
            (a, b) = (b, a % b);
        }
        self.unit = a;
    }
    fn found(self) -> i64 {
        self.unit.max(1)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct FindUnits {
    venue: FindUnit,
    recv: FindUnit,
    px: FindUnit,
    qty: FindUnit,
}

impl FindUnits {
    fn see(&mut self, event: &MarketEvent) {
        self.venue.see(event.venue_time().0);
        self.recv.see(event.recv_time().0);
        let mut level = |px: i64, qty: i64| {
            self.px.see(px);
            self.qty.see(qty);
        };
        match event {
            MarketEvent::Trade(t) => level(t.px.raw(), t.qty.raw()),
            MarketEvent::Bbo(b) => {
                [b.bid, b.ask].iter().for_each(|l| level(l.px.raw(), l.qty.raw()));
            }
            MarketEvent::Book(b) => {
                let levels = b.bids().iter().chain(b.asks());
                levels.for_each(|l| level(l.px.raw(), l.qty.raw()));
            }
            MarketEvent::Level(l) => level(l.px.raw(), l.qty.raw()),
            MarketEvent::Status(_) => {}
            MarketEvent::Mark(m) => {
                level(m.px.raw(), 0);
                level(m.oracle.raw(), 0);
            }
        }
    }

    fn found(&self) -> Units {
        Units {
            venue: self.venue.found(),
            recv: self.recv.found(),
            px: self.px.found(),
            qty: self.qty.found(),
        }
    }
}

/// Collects events for a [`Tape`] one by one, in parts that can still be sorted out.
#[derive(Debug)]
pub struct TapeBuilder {
    parts: Vec<Log>,
    /// How many events the parts before each have.
    begins: Vec<usize>,
    /// Of each event.
    keys: Vec<Key>,
    /// Whether they came in the order of each clock so far, and whether they had when the last part began.
    in_order: [[InOrder; 2]; 2],
    counts: TapeCounts,
    units: Vec<FindUnits>,
    marks: Vec<MarkPrice>,
}

impl Default for TapeBuilder {
    fn default() -> Self {
        Self {
            parts: vec![Log::new()],
            begins: vec![0],
            keys: Vec::new(),
            in_order: Default::default(),
            counts: TapeCounts::default(),
            units: vec![FindUnits::default(); KEYS],
            marks: Vec::new(),
        }
    }
}

impl TapeBuilder {
    /// Adds an event. The order of calls breaks ties between events of one kind at one time. The
    /// venue's marks are kept apart, for a simulated venue: the bot of a replay values positions by its
    /// books alone.
    pub fn push(&mut self, event: &MarketEvent) {
        let key = Key::of(event);
        self.units[key.index()].see(event);
        if let MarketEvent::Mark(mark) = event {
            return self.marks.push(*mark);
        }
        self.counts.add(event);
        let [recv, venue] = &mut self.in_order[0];
        recv.see((event.recv_time(), rank(key)));
        venue.see((event.venue_time(), rank(key)));
        self.keys.push(key);
        let last = self.parts.len() - 1;
        self.parts[last].push(key, event);
    }

    /// Events so far.
    pub fn counts(&self) -> TapeCounts {
        self.counts
    }

    /// What comes from here on is a part of its own.
    pub fn begin_part(&mut self) {
        if self.part_begin() < self.keys.len() {
            self.parts.push(Log::new());
            self.begins.push(self.keys.len());
            self.in_order[1] = self.in_order[0];
        }
    }

    fn part_begin(&self) -> usize {
        self.begins[self.begins.len() - 1]
    }

    /// The events of the last part, in the order in which they were added.
    pub fn part(&self) -> impl Iterator<Item = MarketEvent> {
        let mut reader = self.parts[self.parts.len() - 1].reader();
        (0..).map_while(move |position| reader.get(position))
    }

    /// Takes those events of the last part back that are not to be kept, by their place in it.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let begin = self.part_begin();
        self.keys.truncate(begin);
        self.in_order[0] = self.in_order[1];
        let last = self.parts.len() - 1;
        let part = core::mem::replace(&mut self.parts[last], Log::new());
        let mut reader = part.reader();
        for (position, event) in (0..).map_while(|position| Some((position, reader.get(position)?)))
        {
            self.counts.take_back(&event);
            if keep(position) {
                self.push(&event);
            }
        }
    }

    /// The tape of all of them.
    pub fn finish(mut self) -> Tape {
        self.marks.sort_by_key(|mark| mark.recv_time);
        let [recv, venue] = self.in_order[0];
        let orders = Orders {
            by_recv: self.order(recv, |event| event.recv_time()),
            by_venue: self.order(venue, |event| event.venue_time()),
        };
        Compile::new(self, orders).run()
    }

    fn order(&self, in_order: InOrder, time: fn(&MarketEvent) -> Nanos) -> Order {
        let count = self.keys.len() as u32;
        if !in_order.is_broken {
            return Order::AsAdded(count);
        }
        let mut readers = self.readers();
        let times: Vec<Nanos> =
            (0..count).map(|i| readers.get(i).map_or(Nanos::ZERO, |event| time(&event))).collect();
        let mut order: Vec<u32> = (0..count).collect();
        // Stable: what ties on time and channel keeps its order.
        order.sort_by_key(|&i| (times[i as usize], rank(self.keys[i as usize])));
        Order::Sorted(order)
    }

    fn readers(&self) -> Readers<'_> {
        Readers { begins: &self.begins, parts: self.parts.iter().map(Log::reader).collect() }
    }
}

/// Reads all parts. One event after the other is cheap.
struct Readers<'a> {
    begins: &'a [usize],
    parts: Vec<LogReader<'a>>,
}

impl Readers<'_> {
    fn get(&mut self, position: u32) -> Option<MarketEvent> {
        let position = position as usize;
        let part = self.begins.partition_point(|begin| *begin <= position) - 1;
        self.parts[part].get(position - self.begins[part])
    }
}

/// The streams of one key: of both orders, and where they differ of each alone.
#[derive(Clone, Copy, Debug, Default)]
struct StreamsOf {
    both: Option<usize>,
    recv: Option<usize>,
    venue: Option<usize>,
}

/// Writes what was collected.
struct Compile {
    from: TapeBuilder,
    orders: Orders,
    /// Of each event: the two orders do not agree on its place among its like. Empty = of none.
    is_stray: Vec<bool>,
    streams: Vec<Stream>,
    streams_of: Vec<StreamsOf>,
}

impl Compile {
    fn new(from: TapeBuilder, orders: Orders) -> Self {
        let is_stray = strays(&from.keys, &orders);
        let mut new = Self {
            from,
            orders,
            is_stray,
            streams: Vec::new(),
            streams_of: vec![StreamsOf::default(); KEYS],
        };
        for (i, key) in new.from.keys.iter().enumerate() {
            let of = new.streams_of[key.index()];
            let (streams, units) = (&mut new.streams, &new.from.units);
            let mut count = |stream: Option<usize>, reach| {
                let stream = stream.unwrap_or_else(|| {
                    streams.push(empty(*key, reach, units[key.index()].found()));
                    streams.len() - 1
                });
                streams[stream].events += 1;
                Some(stream)
            };
            new.streams_of[key.index()] = match is_among(&new.is_stray, i) {
                false => StreamsOf { both: count(of.both, Reach::Both), ..of },
                true => {
                    let recv = count(of.recv, Reach::Recv);
                    StreamsOf { recv, venue: count(of.venue, Reach::Venue), ..of }
                }
            };
        }
        new
    }

    fn stream(&self, position: u32, order: Reach) -> usize {
        let of = self.streams_of[self.from.keys[position as usize].index()];
        let stream = match (is_among(&self.is_stray, position as usize), order) {
            (false, _) => of.both,
            (true, Reach::Venue) => of.venue,
            (true, _) => of.recv,
        };
        stream.unwrap_or_default()
    }

    /// Every event of every stream, in its order.
    fn each(&self, mut tell: impl FnMut(usize, &MarketEvent)) {
        let mut readers = self.from.readers();
        for i in self.orders.by_recv.iter() {
            readers.get(i).iter().for_each(|event| tell(self.stream(i, Reach::Recv), event));
        }
        if self.is_stray.is_empty() {
            return;
        }
        for i in self.orders.by_venue.iter().filter(|&i| self.is_stray[i as usize]) {
            readers.get(i).iter().for_each(|event| tell(self.stream(i, Reach::Venue), event));
        }
    }

    /// The times of the first and the last event by each clock, and of those that are no change of the link.
    fn ends(&self) -> Ends {
        let mut readers = self.from.readers();
        let mut times = |position: Option<u32>| {
            let event = position.and_then(|position| readers.get(position));
            event.map(|event| Times { venue: event.venue_time(), recv: event.recv_time() })
        };
        let Orders { by_recv, by_venue } = &self.orders;
        let is_status = |i: &u32| self.from.keys[*i as usize].kind() == Kind::Statuses;
        let mut of = |order: &Order| {
            let ends = [order.iter().next(), order.iter().next_back()];
            ends.map(|position| times(position).unwrap_or_default())
        };
        let ([first_recv, last_recv], [first, last]) = (of(by_recv), of(by_venue));
        let happened = [
            by_venue.iter().find(|i| !is_status(i)),
            by_venue.iter().rev().find(|i| !is_status(i)),
        ];
        let [begun, ended] = happened.map(|position| times(position).map(|times| times.venue));
        Ends {
            first: Times { recv: first_recv.recv, ..first },
            last: Times { recv: last_recv.recv, ..last },
            happened: begun.zip(ended),
        }
    }

    fn run(mut self) -> Tape {
        let mut lasts: Vec<Last> = self.streams.iter().map(last_of).collect();
        let mut lengths = vec![Measuring([[0; 65]; FIELDS]); lasts.len()];
        self.each(|stream, event| {
            let units = &self.streams[stream].units;
            lasts[stream].write(event, units, &mut lengths[stream]);
        });
        for (stream, Measuring(seen)) in self.streams.iter_mut().zip(&lengths) {
            stream.coders = seen.each_ref().map(Coder::fitted);
        }
        let mut lasts: Vec<Last> = self.streams.iter().map(last_of).collect();
        let mut written = vec![BitWriter::default(); lasts.len()];
        let mut changes = 0;
        self.each(|stream, event| {
            let Stream { units, coders, reach, .. } = &self.streams[stream];
            let mut to = Writing { bits: &mut written[stream], coders };
            let n = lasts[stream].write(event, units, &mut to);
            changes += if *reach == Reach::Venue { 0 } else { n };
        });
        let ends = self.ends();
        self.from.parts.clear(); // As large as all that was written.
        self.assemble(written, changes, ends)
    }

    fn assemble(mut self, written: Vec<BitWriter>, changes: u64, ends: Ends) -> Tape {
        let mut bytes = vec![0; HEAD];
        let code_bits = self.streams.len().next_power_of_two().trailing_zeros();
        let [by_recv, by_venue] = [Reach::Recv, Reach::Venue].map(|reach| {
            let mut bits = BitWriter::default();
            let is_recv = reach == Reach::Recv;
            let order = if is_recv { &self.orders.by_recv } else { &self.orders.by_venue };
            order.iter().for_each(|i| bits.put(self.stream(i, reach) as u64, code_bits));
            put(&mut bytes, &bits.finish())
        });
        for (stream, bits) in self.streams.iter_mut().zip(written) {
            stream.extent = put(&mut bytes, &bits.finish());
        }
        let marks = self.marks(&mut bytes);
        let Ends { first, last, happened } = ends;
        let index = Index {
            counts: self.from.counts,
            changes,
            first,
            last,
            happened,
            marked: self.from.marks.iter().fold(0, |seen, m| seen | 1 << m.asset.index()),
            code_bits,
            by_recv,
            by_venue,
            streams: self.streams,
            marks,
            note: Vec::new(),
        };
        Tape::of_parts(bytes, index)
    }

    fn marks(&self, bytes: &mut Vec<u8>) -> Option<Stream> {
        let first = MarketEvent::Mark(*self.from.marks.first()?);
        let key = Key::of(&first);
        let mut stream = empty(key, Reach::Both, self.from.units[key.index()].found());
        stream.events = self.from.marks.len() as u64;
        let (mut last, mut bits) = (last_of(&stream), BitWriter::default());
        for mark in &self.from.marks {
            let mut to = Writing { bits: &mut bits, coders: &PLAIN };
            last.write(&MarketEvent::Mark(*mark), &stream.units, &mut to);
        }
        stream.extent = put(bytes, &bits.finish());
        Some(stream)
    }
}

fn empty(key: Key, reach: Reach, units: Units) -> Stream {
    let (kind, asset, extent) = (key.kind(), key.asset(), Extent::default());
    Stream { kind, asset, reach, units, coders: PLAIN, events: 0, extent }
}

fn last_of(stream: &Stream) -> Last {
    Last::none(stream.kind, stream.asset)
}

/// Adds bytes, with their sums.
fn put(to: &mut Vec<u8>, bytes: &[u8]) -> Extent {
    let (offset, len) = (to.len() as u64, bytes.len() as u64);
    to.extend_from_slice(bytes);
    Extent { offset, len, sums: bytes.chunks(CHUNK).map(crc32fast::hash).collect() }
}

/// Head and index around the streams.
pub fn with_index(mut bytes: Vec<u8>, index: &Index) -> Vec<u8> {
    let index = index.write();
    let head = Head {
        len: (bytes.len() + index.len()) as u64,
        index_len: index.len() as u64,
        index_sum: crc32fast::hash(&index),
    };
    bytes[..HEAD].copy_from_slice(&head.write());
    bytes.extend(index);
    bytes
}

/// When the events of a tape begin and end.
struct Ends {
    /// Of each clock the first.
    first: Times,
    last: Times,
    /// Of what is no change of the link, by the venue's clock.
    happened: Option<(Nanos, Nanos)>,
}
