//! A made feed of one perpetual, the job that engines are compared by: level changes and trades.
//!
//! Zero intelligence: limit orders, cancels and takers whose side persists, in bursts, and every five
//! seconds the twenty best levels of each side told again. Each row is decided by integers that one seed
//! draws; floats come in only when a record is written, each by one multiplication. So the same feed can
//! be made bit for bit in any language, and is known by a hash of its records.
//!
//! Shared by benches, tests and the peers' workspace, so it uses nothing beside the standard library.
#![allow(dead_code, reason = "nobody uses all of it")]

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

/// A level has this size now.
pub const DEPTH: u64 = 1;
/// A taker traded.
pub const TRADE: u64 = 2;
/// A level, told again.
pub const SNAPSHOT: u64 = 4;
/// The bits of the above.
pub const KIND: u64 = 7;
/// Of the bids, or of a taker who bought.
pub const BUY: u64 = 1 << 29;
/// Of the asks, or of a taker who sold.
pub const SELL: u64 = 1 << 28;
/// At both clocks, the venue's and that of receipt.
const BOTH_CLOCKS: u64 = 1 << 31 | 1 << 30;

/// Of prices.
pub const TICK: f64 = 0.1;
/// Of sizes.
pub const LOT: f64 = 0.0001;
/// Bytes of a record in a file.
pub const RECORD: usize = 64;

/// The moment at which it begins, unix nanoseconds.
const START_NS: i64 = 1_760_000_000_000_000_000;
/// Prices there are.
const TICKS: usize = 1 << 17;
const FIRST_BID: usize = 39_999;
const FIRST_ASK: usize = 40_001;
const FIRST_LEVELS: usize = 80;
const RESTATED_LEVELS: usize = 20;
const RESTATED_EVERY_NS: i64 = 5_000_000_000;
/// Operations after which levels far from the touch are dropped.
const SWEEP_EVERY: u64 = 4096;
const BIDS: usize = 0;
const ASKS: usize = 1;

/// Which feed.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Of all draws.
    pub seed: u64,
    /// It ends with the operation that reaches so many.
    pub rows: u64,
    /// Resting sizes are so many times larger: above 1 the place in the queue matters more.
    pub thick: i64,
}

/// The feed that engines are compared by.
pub const FULL: Spec = Spec { seed: 42, rows: 8_000_000, thick: 1 };
/// A short one, on which the queue models differ by several percent.
pub const QUEUES: Spec = Spec { seed: 7, rows: 500_000, thick: 12 };

/// A level as it is now, or a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// [`DEPTH`], [`TRADE`] or [`SNAPSHOT`], with [`BUY`] or [`SELL`] and the clocks.
    pub ev: u64,
    /// The venue's time, unix nanoseconds.
    pub exch_ts: i64,
    /// The time of receipt, unix nanoseconds.
    pub local_ts: i64,
    /// Price in ticks.
    pub tick: i64,
    /// Size in lots; of a level, 0 = it is gone.
    pub lots: i64,
}

impl Row {
    /// [`DEPTH`], [`TRADE`] or [`SNAPSHOT`].
    pub fn kind(&self) -> u64 {
        self.ev & KIND
    }

    /// Whether it is of the bids, or of a taker who bought.
    pub fn is_buy(&self) -> bool {
        self.ev & BUY != 0
    }

    /// As a number of the file.
    pub fn px(&self) -> f64 {
        self.tick as f64 * TICK
    }

    /// As a number of the file.
    pub fn qty(&self) -> f64 {
        self.lots as f64 * LOT
    }

    /// As it lies in a file: order id and the two free fields are 0.
    pub fn to_bytes(self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        let parts = [
            self.ev.to_le_bytes(),
            self.exch_ts.to_le_bytes(),
            self.local_ts.to_le_bytes(),
            self.px().to_le_bytes(),
            self.qty().to_le_bytes(),
        ];
        for (place, part) in bytes.chunks_exact_mut(8).zip(parts) {
            place.copy_from_slice(&part);
        }
        bytes
    }
}

/// All rows, made as they are asked for.
pub fn rows(spec: Spec) -> impl Iterator<Item = Row> {
    let mut maker = Maker::new(spec);
    let mut made = Vec::new().into_iter();
    std::iter::from_fn(move || {
        loop {
            if let Some(row) = made.next() {
                return Some(row);
            }
            if maker.told >= spec.rows {
                return None;
            }
            maker.operation();
            made = std::mem::take(&mut maker.out).into_iter();
        }
    })
}

/// Writes it as an array of records (`.npy`); how many there are.
///
/// # Errors
/// The file cannot be written.
pub fn write_npy(path: &Path, spec: Spec) -> io::Result<u64> {
    let count = rows(spec).count() as u64;
    write_records(path, count, rows(spec).map(Row::to_bytes))?;
    Ok(count)
}

/// Writes records as an array (`.npy`), of which there are so many.
///
/// # Errors
/// The file cannot be written.
pub fn write_records(
    path: &Path,
    count: u64,
    records: impl Iterator<Item = [u8; RECORD]>,
) -> io::Result<()> {
    let about = format!(
        "{{'descr': [('ev', '<u8'), ('exch_ts', '<i8'), ('local_ts', '<i8'), ('px', '<f8'), ('qty', '<f8'), \
         ('order_id', '<u8'), ('ival', '<i8'), ('fval', '<f8')], 'fortran_order': False, 'shape': ({count},), }}"
    );
    // Magic, version, length and text fill blocks of 64 bytes together.
    let text = (10 + about.len() + 1).next_multiple_of(RECORD) - 10;
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(b"\x93NUMPY\x01\0")?;
    file.write_all(&(text as u16).to_le_bytes())?;
    writeln!(file, "{about:<width$}", width = text - 1)?;
    for record in records {
        file.write_all(&record)?;
    }
    file.into_inner()?.sync_all()
}

/// The world of the feed.
struct Maker {
    draws: Draws,
    thick: i64,
    /// Most waits between two operations are one of these, times 17 nanoseconds.
    waits: Vec<i64>,
    /// Lots by tick, of bids and of asks.
    book: [Vec<i64>; 2],
    best: [usize; 2],
    total: [i64; 2],
    now: i64,
    received: i64,
    restated_at: i64,
    taken_side: usize,
    operations: u64,
    told: u64,
    out: Vec<Row>,
}

impl Maker {
    fn new(spec: Spec) -> Self {
        let wait = |i: u32| (-((f64::from(i) + 0.5) / 4096.0).ln() * 1e6).round_ties_even() as i64;
        let mut maker = Self {
            draws: Draws(spec.seed),
            thick: spec.thick,
            waits: (0..4096).map(wait).collect(),
            book: [vec![0; TICKS], vec![0; TICKS]],
            best: [FIRST_BID, FIRST_ASK],
            total: [0; 2],
            now: START_NS,
            received: START_NS,
            restated_at: START_NS,
            taken_side: BIDS,
            operations: 0,
            told: 0,
            out: Vec::new(),
        };
        for i in 0..FIRST_LEVELS {
            for (side, tick) in [(BIDS, FIRST_BID - i), (ASKS, FIRST_ASK + i)] {
                let lots = maker.draws.size() * maker.thick;
                maker.book[side][tick] = lots;
                maker.total[side] += lots;
            }
        }
        maker
    }

    /// One thing that happens, and the rows that tell it.
    fn operation(&mut self) {
        self.operations += 1;
        self.pass_time();
        if self.now >= self.restated_at {
            self.restated_at = self.now + RESTATED_EVERY_NS;
            self.restate();
        }
        let (low, high) = (150_000 * self.thick, 450_000 * self.thick);
        let drawn = self.draws.below(1000);
        let mut side = usize::from(self.draws.next() & 1 == 1);
        let mut act = match drawn {
            0..520 => Act::Add,
            520..900 => Act::Cancel,
            _ => Act::Take,
        };
        if act == Act::Take {
            let goes_on = self.draws.below(10) < 6;
            side = if goes_on { self.taken_side } else { 1 - self.taken_side };
            self.taken_side = side;
        }
        if act == Act::Add && self.total[side] > high {
            act = Act::Cancel;
        }
        if act != Act::Add && self.total[side] < low {
            act = Act::Add;
        }
        match act {
            Act::Add => self.add(side),
            Act::Cancel => self.cancel(side),
            Act::Take => self.take(side, low / 2),
        }
        if self.operations.is_multiple_of(SWEEP_EVERY) {
            self.sweep();
        }
        self.told += self.out.len() as u64;
    }

    fn pass_time(&mut self) {
        self.now += if self.draws.below(5) == 0 {
            20_000 + self.draws.below(60_000)
        } else {
            1000 + self.waits[self.draws.below(4096) as usize] * 17
        };
        let arrives = self.now + 40_000_000 + self.draws.below(20_000_000);
        self.received = self.received.max(arrives);
    }

    fn restate(&mut self) {
        for side in [BIDS, ASKS] {
            let mut tick = Some(self.best[side]);
            let mut levels = 0;
            while let Some(at) = tick.filter(|_| levels < RESTATED_LEVELS) {
                if self.book[side][at] > 0 {
                    self.tell(SNAPSHOT, side, at, self.book[side][at]);
                    levels += 1;
                }
                tick = match side {
                    BIDS => Some(at - 1).filter(|at| *at > 0),
                    _ => Some(at + 1).filter(|at| *at < TICKS),
                };
            }
        }
    }

    fn add(&mut self, side: usize) {
        let distance = 1 + self.draws.distance();
        let lots = self.draws.size() * self.thick;
        let tick = behind(1 - side, self.best[1 - side], -(distance as isize));
        self.book[side][tick] += lots;
        self.best[side] =
            if side == BIDS { self.best[side].max(tick) } else { self.best[side].min(tick) };
        self.tell(DEPTH, side, tick, self.book[side][tick]);
        self.total[side] += lots;
    }

    fn cancel(&mut self, side: usize) {
        let tick = behind(side, self.best[side], self.draws.distance() as isize);
        let have = self.book[side][tick];
        if have == 0 {
            return;
        }
        let all = self.draws.below(4) == 0;
        let lots = if all { have } else { 1 + self.draws.below(have) };
        self.total[side] -= lots;
        self.book[side][tick] -= lots;
        self.tell(DEPTH, side, tick, self.book[side][tick]);
        self.walk_to_best(side);
    }

    /// Trades first, then the levels that they leave. Takers leave `keep` lots in the book.
    fn take(&mut self, side: usize, keep: i64) {
        let wanted = self.draws.size();
        let mut left = wanted;
        let mut tick = self.best[side];
        while left > 0 && self.total[side] - (wanted - left) > keep {
            let traded = left.min(self.book[side][tick]);
            if traded > 0 {
                left -= traded;
                // Whoever met the bids sold: a trade has the taker's side.
                self.tell(TRADE, 1 - side, tick, traded);
            }
            if left > 0 {
                tick = behind(side, tick, 1);
            }
        }
        let mut taken = wanted - left;
        self.total[side] -= taken;
        let mut tick = self.best[side];
        while taken > 0 {
            let gone = taken.min(self.book[side][tick]);
            if gone > 0 {
                taken -= gone;
                self.book[side][tick] -= gone;
                self.tell(DEPTH, side, tick, self.book[side][tick]);
            }
            tick = behind(side, tick, 1);
        }
        self.walk_to_best(side);
    }

    /// Levels that the market has left behind.
    fn sweep(&mut self) {
        let bids = self.best[BIDS] - 2000..self.best[BIDS] - 200;
        let asks = self.best[ASKS] + 201..self.best[ASKS] + 2001;
        for (side, ticks) in [(BIDS, bids), (ASKS, asks)] {
            for tick in ticks {
                let lots = std::mem::take(&mut self.book[side][tick]);
                if lots > 0 {
                    self.total[side] -= lots;
                    self.tell(DEPTH, side, tick, 0);
                }
            }
        }
    }

    fn walk_to_best(&mut self, side: usize) {
        while self.book[side][self.best[side]] == 0 {
            self.best[side] = behind(side, self.best[side], 1);
        }
    }

    fn tell(&mut self, kind: u64, side: usize, tick: usize, lots: i64) {
        let side = if side == BIDS { BUY } else { SELL };
        self.out.push(Row {
            ev: BOTH_CLOCKS | kind | side,
            exch_ts: self.now,
            local_ts: self.received,
            tick: tick as i64,
            lots,
        });
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Add,
    Cancel,
    Take,
}

/// So many ticks further from the touch.
fn behind(side: usize, tick: usize, by: isize) -> usize {
    tick.wrapping_add_signed(if side == BIDS { -by } else { by })
}

/// SplitMix64, one bit short, so that all are numbers of 63 bits.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> i64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 1) as i64
    }

    fn below(&mut self, bound: i64) -> i64 {
        self.next() % bound
    }

    /// From the touch, in ticks: 0, 1, 2, … each 7/8 as likely as the one before, 79 at most.
    fn distance(&mut self) -> usize {
        (0..79).take_while(|_| self.below(8) != 0).count()
    }

    /// Of an order, in lots: few are large.
    fn size(&mut self) -> i64 {
        let lots = 200 + self.below(4000);
        match self.below(64) {
            0 => lots * 32,
            1..4 => lots * 8,
            4..16 => lots * 2,
            _ => lots,
        }
    }
}
