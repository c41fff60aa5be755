//! A feed of made frames and a gateway that leads nowhere, for rehearsals (`rt/rehearsal.rs`).
//!
//! There is no connection, key or file behind either: whatever a pipeline between them does ends here.

use super::hl::Decoder;
use super::{Feed, Gateway};
use crate::types::limits::{BOOK_LEVELS, SLOTS_PER_ASSET};
use crate::types::{
    Action, ActionKind, AssetId, Coin, Done, DoneWhy, LentEvent, MarketEvent, Nanos, Oid,
    OrderRequest, Qty, Universe, VenueEvent, VenueEventKind,
};
use std::collections::VecDeque;

/// The mids that made books have in turn, dollars: six basis points apart, so that every order moves.
const MIDS: [u32; 2] = [65_000, 65_039];
/// Digits of a time in milliseconds, from 2001 to 2286.
const TIME_DIGITS: usize = 13;

/// Tells a book of a made market, ever again, as a frame of the venue's that is decoded: one each time that it is
/// asked for all that there is.
pub struct MadeFeed {
    decoder: Decoder,
    universe: Universe,
    frames: [Vec<u8>; 2],
    /// Where the digits of the time begin in each.
    time_at: usize,
    turn: usize,
    /// The present one is told: who asks on hears that there is no more.
    is_told: bool,
}

impl MadeFeed {
    /// Of the first coin of a universe.
    pub fn new(universe: Universe) -> Self {
        let coin = universe.get(AssetId::new(0)).coin;
        let frames = MIDS.map(|mid| frame(coin, mid).into_bytes());
        let key = br#""time":"#;
        let time_at = frames[0].windows(key.len()).position(|w| w == key);
        Self {
            decoder: Decoder::new(),
            universe,
            time_at: time_at.map_or(0, |at| at + key.len()),
            frames,
            turn: 0,
            is_told: false,
        }
    }
}

impl Feed for MadeFeed {
    fn next(&mut self, now: Nanos) -> Option<LentEvent<'_>> {
        self.is_told = !self.is_told;
        if !self.is_told {
            return None;
        }
        self.turn = (self.turn + 1) % self.frames.len();
        let frame = &mut self.frames[self.turn];
        write_time(&mut frame[self.time_at..][..TIME_DIGITS], now);
        let mut books = 0;
        let read = self.decoder.decode(frame, now, &self.universe, |_| books += 1);
        assert!(read.is_ok() && books == 1, "a made frame is a book: {read:?}");
        Some(MarketEvent::Book(self.decoder.book()))
    }

    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
}

/// A book of 20 levels a side, a few dollars apart, of the time 0.
fn frame(coin: Coin, mid: u32) -> String {
    let level =
        |px: u32, i: usize| format!(r#"{{"px":"{px}.0","sz":"{i}.{:05}","n":{i}}}"#, px % 977);
    let side = |sign: i64| -> String {
        let levels = (1..=BOOK_LEVELS).map(|i| {
            let away = sign * (3 * i as i64 + i as i64 % 3);
            level((i64::from(mid) + away) as u32, i)
        });
        levels.collect::<Vec<_>>().join(",")
    };
    let (bids, asks, time) = (side(-1), side(1), "0".repeat(TIME_DIGITS));
    format!(
        r#"{{"channel":"l2Book","data":{{"coin":"{coin}","time":{time},"levels":[[{bids}],[{asks}]]}}}}"#
    )
}

/// Digits of a time in milliseconds, of one that has so many.
fn write_time(digits: &mut [u8], now: Nanos) {
    let mut left = now.as_millis().unsigned_abs();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
    }
}

/// Takes every order of one coin and says so; none is ever filled, and none goes anywhere.
pub struct Nowhere {
    resting: [Option<(Oid, Qty)>; SLOTS_PER_ASSET],
    answers: VecDeque<VenueEvent>,
    oids: u64,
}

/// With memory for all answers that may wait.
impl Default for Nowhere {
    fn default() -> Self {
        let answers = VecDeque::with_capacity(8 * SLOTS_PER_ASSET);
        Self { resting: [None; SLOTS_PER_ASSET], answers, oids: 0 }
    }
}

impl Nowhere {
    fn say(&mut self, now: Nanos, of: &OrderRequest, kind: VenueEventKind) {
        // It is asked between any two actions; what nobody asks for is not kept.
        if self.answers.len() < self.answers.capacity() {
            self.answers.push_back(VenueEvent::new(of.cloid, of.asset, [now; 2], kind));
        }
    }
}

impl Gateway for Nowhere {
    fn submit(&mut self, now: Nanos, action: &Action) -> bool {
        for item in action.items() {
            let rests = |slot: &Option<(Oid, Qty)>| slot.is_some_and(|(oid, _)| oid == item.oid);
            let at = self.resting.iter().position(rests);
            if let Some((oid, leaves)) = at.and_then(|at| self.resting[at].take()) {
                let is_modify = action.kind == ActionKind::Modify;
                let why = if is_modify { DoneWhy::Replaced } else { DoneWhy::Canceled };
                self.say(now, item, VenueEventKind::Done(Done { oid, leaves, why, _pad: [0; 7] }));
            }
            if action.kind != ActionKind::Cancel
                && let Some(free) = self.resting.iter().position(Option::is_none)
            {
                self.oids += 1;
                let oid = Oid(self.oids);
                self.resting[free] = Some((oid, item.qty));
                self.say(now, item, VenueEventKind::Ack { oid, leaves: item.qty });
            }
        }
        true
    }

    fn next(&mut self, _: Nanos) -> Option<VenueEvent> {
        self.answers.pop_front()
    }

    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
}
