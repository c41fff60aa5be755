//! A tape by one of its clocks, with what lies on top of it: another way to the venue, and more changes of
//! link or parameters.

use super::index::Reach;
use super::record::Kind;
use super::walk::{Due, Walk};
use super::{Core, Tape};
use crate::types::{FeedStatus, LentEvent, MarkPrice, MarketEvent, Nanos};
use crate::venue::sim::latency::Latency;
use std::sync::Arc;

/// Changes of the link, alone.
pub(super) fn links(core: &Arc<Core>) -> Walk {
    let mut streams = core.index.streams.iter();
    Walk::of_stream(core, streams.find(|stream| stream.kind == Kind::Statuses))
}

/// Where the next event comes from. Of two that are due at one time, the one named first here.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// What was recorded, received then.
    Tape(Due, Nanos),
    /// A recorded change of the link, where the others are delayed.
    Link(Due),
    /// What lies on top.
    Added(FeedStatus),
}

/// Walks a tape by one of its clocks. Each event is lent from where the next one will be rebuilt.
#[derive(Debug)]
pub struct Cursor {
    order: Reach,
    tape: Walk,
    /// The next event of it, and when it is received.
    tape_due: Option<(Due, Nanos)>,
    /// The delays, and when the last event was received.
    delay: Option<(Latency, Nanos)>,
    /// Changes of the link, where what is delayed does not keep its place among them.
    links: Option<Walk>,
    added: Arc<[FeedStatus]>,
    next_added: usize,
    /// The next event, and when; of a plain walk, nothing.
    due: Option<(Nanos, Source)>,
    /// What was recorded and nothing else is left to come, as it was received.
    is_plain: bool,
}

impl Cursor {
    pub(super) fn new(tape: &Tape, order: Reach) -> Self {
        let Tape { core, added, delay } = tape;
        // An event that is received so long after it happened keeps its place among all others by the
        // venue's clock, and by ours, but not that among changes of the link by ours.
        let is_moved = delay.is_some() && order == Reach::Recv;
        let walked = if delay.is_some() { Reach::Venue } else { order };
        let mut new = Self {
            order,
            tape: Walk::new(core, walked, !is_moved),
            tape_due: None,
            delay: delay.clone().map(|latency| (latency, Nanos(i64::MIN))),
            links: is_moved.then(|| links(core)),
            added: added.clone(),
            next_added: 0,
            due: None,
            is_plain: false,
        };
        new.look_at_tape();
        new.look();
        new
    }

    /// When the next event is due, by the clock that is followed.
    #[inline]
    pub fn next_time(&self) -> Option<Nanos> {
        match self.is_plain {
            true => self.tape.due().map(|due| self.time_of(due)),
            false => self.due.map(|(time, _)| time),
        }
    }

    #[inline]
    fn time_of(&self, due: &Due) -> Nanos {
        if self.order == Reach::Venue { due.times.venue } else { due.times.recv }
    }

    /// Whether the next event is the change of a level or a trade.
    #[inline]
    pub fn is_row(&self) -> bool {
        let kind = match (self.is_plain, &self.due) {
            (true, _) => self.tape.due().map(|due| due.kind),
            (false, Some((_, Source::Tape(due, _)))) => Some(due.kind),
            (false, _) => None,
        };
        matches!(kind, Some(Kind::Levels | Kind::Trades))
    }

    /// The next event.
    #[inline]
    pub fn next_event(&mut self) -> Option<LentEvent<'_>> {
        if self.is_plain {
            return self.tape.next();
        }
        self.next_of_several()
    }

    fn next_of_several(&mut self) -> Option<LentEvent<'_>> {
        let (_, source) = self.due?;
        match source {
            Source::Tape(due, recv) => {
                let is_read = self.tape.advance(due, recv);
                self.look_at_tape();
                self.look();
                is_read.then(|| self.tape.lend(due.lane))
            }
            Source::Link(due) => {
                let links = self.links.as_mut()?;
                let event =
                    links.advance(due, due.times.recv).then(|| links.lend(due.lane).to_kept());
                self.look();
                match event {
                    Some(MarketEvent::Status(status)) => Some(MarketEvent::Status(status)),
                    _ => None,
                }
            }
            Source::Added(status) => {
                self.next_added += 1;
                self.look();
                Some(MarketEvent::Status(status))
            }
        }
    }

    /// When the next recorded event is received.
    #[inline]
    fn look_at_tape(&mut self) {
        self.tape_due = self.tape.due().copied().map(|due| {
            let recv = match &mut self.delay {
                Some((latency, last)) if due.kind != Kind::Statuses => {
                    let at = due.times.venue.0.saturating_add(latency.draw().0);
                    *last = (*last).max(Nanos(at));
                    *last
                }
                _ => due.times.recv,
            };
            (due, recv)
        });
    }

    /// Finds the next event.
    #[inline]
    fn look(&mut self) {
        let is_other = self.links.is_some() || self.next_added < self.added.len();
        self.is_plain = self.delay.is_none() && !is_other;
        let of_tape = self.tape_due.map(|(due, recv)| {
            let time = if self.order == Reach::Venue { due.times.venue } else { recv };
            (time, Source::Tape(due, recv))
        });
        self.due = of_tape;
        if is_other {
            self.look_at_others();
        }
    }

    fn look_at_others(&mut self) {
        let link = self.links.as_ref().and_then(Walk::due).copied();
        let link = link.map(|due| (due.times.recv, Source::Link(due)));
        let added = self.added.get(self.next_added);
        let added = added.map(|status| (status.recv_time, Source::Added(*status)));
        for other in [link, added].into_iter().flatten() {
            if self.due.is_none_or(|(time, _)| other.0 < time) {
                self.due = Some(other);
            }
        }
    }
}

/// The venue's marks, one after the other.
#[derive(Debug)]
pub struct Marks {
    walk: Walk,
}

impl Marks {
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Self { walk: Walk::of_stream(core, core.index.marks.as_ref()) }
    }

    /// When the next one was received.
    pub fn next_time(&self) -> Option<Nanos> {
        self.walk.due().map(|due| due.times.recv)
    }

    /// The next one that was received by then.
    pub fn next_by(&mut self, until: Nanos) -> Option<MarkPrice> {
        let due = *self.walk.due().filter(|due| due.times.recv <= until)?;
        if !self.walk.advance(due, due.times.recv) {
            return None;
        }
        match self.walk.lend(due.lane) {
            MarketEvent::Mark(mark) => Some(mark),
            _ => None,
        }
    }
}

impl Iterator for Marks {
    type Item = MarkPrice;
    fn next(&mut self) -> Option<MarkPrice> {
        self.next_by(Nanos(i64::MAX))
    }
}
