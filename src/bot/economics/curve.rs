//! The touch of one coin over a recording, by the venue's clock: a step each time that it changes.

use botmm_pipeline::logic::depth::Depth;
use botmm_pipeline::types::{FeedChange, Level, MarketEvent, Nanos, Px, Side};

/// So long after the last book or touch nobody knows the touch any more.
pub const SILENCE: Nanos = Nanos::secs(5);

/// From a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    from: Nanos,
    /// Bid and ask; [`None`] = not known, or a side is empty, or they do not stand apart.
    touch: Option<[Px; 2]>,
}

/// A stretch of time in which the touch was one and the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its begin, by the venue's clock.
    pub from: Nanos,
    /// How long it was.
    pub span: Nanos,
    /// Bid and ask.
    pub touch: [Px; 2],
}

impl Piece {
    /// Half of the way from bid to ask, in basis points of the mid.
    pub fn half_spread_bps(&self) -> f64 {
        let [bid, ask] = self.touch.map(Px::to_f64);
        (ask - bid) / (ask + bid) * 1e4
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Curve {
    steps: Vec<Step>,
    /// The last book or touch.
    last: Option<Nanos>,
    /// Of a book that is told level by level.
    depth: Depth,
}

impl Curve {
    /// Takes in an event of the coin, in the order of the venue.
    pub fn add(&mut self, event: &MarketEvent) {
        let touch = match event {
            MarketEvent::Bbo(bbo) => apart(&bbo.bid, &bbo.ask),
            MarketEvent::Book(book) => {
                let best = book.bids().first().zip(book.asks().first());
                best.and_then(|(bid, ask)| apart(bid, ask))
            }
            MarketEvent::Level(change) => {
                self.depth.apply(change);
                apart(&self.depth.best(Side::Bid), &self.depth.best(Side::Ask))
            }
            MarketEvent::Status(_) | MarketEvent::Trade(_) | MarketEvent::Mark(_) => return,
        };
        let at = event.venue_time();
        self.hush(at);
        self.step(at, touch);
        self.last = Some(at);
    }

    /// From here on it is not known, until it is told again.
    pub fn lose(&mut self, change: FeedChange, at: Nanos) {
        use FeedChange::{Down, Dropped, Refused, Silent};
        if matches!(change, Down | Dropped | Silent | Refused) {
            self.hush(at);
            self.step(at, None);
            self.depth.clear();
        }
    }

    /// What the last moment before this one left: the mid, to half of the last decimal.
    pub fn mid_before(&self, moment: Nanos) -> Option<f64> {
        let after = self.steps.partition_point(|step| step.from < moment);
        let step = self.steps.get(after.checked_sub(1)?)?;
        let is_known = self.last.is_some_and(|last| moment <= last + SILENCE);
        let [bid, ask] = step.touch.filter(|_| is_known)?.map(Px::to_f64);
        Some(f64::midpoint(bid, ask))
    }

    /// Where both sides were known, in order of time. The last step ends with the last book or touch.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> {
        let ends = self.steps.iter().skip(1).map(|step| step.from).chain(self.last);
        self.steps.iter().zip(ends).filter_map(|(step, end)| {
            let (from, span) = (step.from, end - step.from);
            step.touch.filter(|_| span > Nanos::ZERO).map(|touch| Piece { from, span, touch })
        })
    }

    /// A silence that was too long ends what was known.
    fn hush(&mut self, now: Nanos) {
        if let Some(last) = self.last.filter(|last| now > *last + SILENCE) {
            self.step(last + SILENCE, None);
        }
    }

    fn step(&mut self, from: Nanos, touch: Option<[Px; 2]>) {
        match self.steps.last_mut() {
            // Of one moment the last word counts.
            Some(step) if step.from >= from => step.touch = touch,
            Some(step) if step.touch == touch => return,
            _ => self.steps.push(Step { from, touch }),
        }
        if let [.., before, newest] = self.steps.as_slice()
            && before.touch == newest.touch
        {
            self.steps.pop();
        }
    }
}

fn apart(bid: &Level, ask: &Level) -> Option<[Px; 2]> {
    let has_both = bid.qty.is_positive() && ask.qty.is_positive();
    (has_both && bid.px < ask.px).then_some([bid.px, ask.px])
}
