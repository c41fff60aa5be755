//! After a liquidation of ours: it is told, nothing is sent and nothing rests, and our books are the
//! venue's, until a person re-arms. That person is in here.

use crate::world::{START, Setup, Venue, user};
use botmm::exchange::faults::FaultKind;
use botmm_pipeline::types::*;

/// What was sent before the bot heard of it may be in a block so much later.
const ON_ITS_WAY: Nanos = Nanos::millis(300);
/// Nothing rests any more so soon; where cancels are refused, so soon after they no longer are.
const LEFT_WITHIN: Nanos = Nanos::secs(2);
const LEFT_AFTER_REFUSALS: Nanos = Nanos::secs(7);
/// A person looks at the account, and re-arms.
const PERSON: Nanos = Nanos::secs(5);

/// One liquidation, until the bot is armed again. Further fills of it, or of what filled meanwhile,
/// belong to it.
struct Halt {
    since: Nanos,
    /// Our books were the venue's once nothing rested.
    agreed: bool,
    /// Nothing rests from then on; whether something did, which is told once.
    empty_by: Nanos,
    is_left: bool,
    rearm_at: Nanos,
}

pub struct Liquidations {
    venue: Venue,
    /// Cancels are refused then.
    refusals: Vec<(Nanos, Nanos)>,
    /// Fills of the venue's that were looked at.
    seen: usize,
    /// When the bot last said that there was one.
    told: Nanos,
    halt: Option<Halt>,
    /// The halts so far, from when to when.
    halts: Vec<(Nanos, Nanos)>,
}

/// What is to be done now.
pub enum Now {
    Nothing,
    Rearm,
}

impl Liquidations {
    pub fn new(setup: &Setup, venue: Venue) -> Self {
        let refused = |f: &&botmm::exchange::faults::Fault| f.kind == FaultKind::RefuseCancels;
        let span = |f: &botmm::exchange::faults::Fault| (START + f.start, START + f.end());
        let refusals = setup.faults.iter().filter(refused).map(span).collect();
        Self { venue, refusals, seen: 0, told: Nanos::ZERO, halt: None, halts: Vec::new() }
    }

    /// Whether one was not yet dealt with.
    pub fn is_on(&self) -> bool {
        self.halt.is_some()
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.halts.len() + usize::from(self.is_on())
    }

    /// The bot said so.
    pub fn on_alert(&mut self, now: Nanos) {
        self.told = now;
    }

    /// An order or a modify left the bot.
    pub fn on_sent(&self, sent: Nanos) -> Option<String> {
        let halt = self.halt.as_ref().filter(|halt| sent > halt.since + ON_ITS_WAY)?;
        let since = (sent - halt.since).as_millis();
        Some(format!("sent {since} ms after a liquidation, and nobody re-armed"))
    }

    /// Looks at the venue. `agrees`: whether our books are the venue's.
    pub fn look(&mut self, now: Nanos, agrees: bool, problems: &mut Vec<String>) -> Now {
        let (liquidated, rests) = self.venue.with(|host| {
            let venue = host.inner().venue();
            let fills = venue.fills(&user());
            let new = fills.iter().skip(self.seen).filter(|f| f.liquidation.is_some());
            let first = new.map(|f| f.time).min();
            self.seen = fills.len();
            (first, venue.open_orders(&user()).len())
        });
        if let (Some(since), None) = (liquidated, &self.halt) {
            let ends =
                self.refusals.iter().filter(|(from, to)| *from <= now + PERSON && since < *to);
            let refused = ends.map(|(_, to)| *to + LEFT_AFTER_REFUSALS).max();
            let empty_by = refused.unwrap_or_default().max(since + LEFT_WITHIN);
            let rearm_at = empty_by + PERSON;
            self.halt = Some(Halt { since, agreed: false, empty_by, is_left: false, rearm_at });
        }
        let Some(halt) = &mut self.halt else { return Now::Nothing };
        if now >= halt.empty_by {
            halt.agreed |= agrees;
            if rests > 0 && !std::mem::replace(&mut halt.is_left, true) {
                problems.push(format!("{rests} orders rest after a liquidation"));
            }
        }
        if now < halt.rearm_at {
            return Now::Nothing;
        }
        if self.told < halt.since {
            problems.push("a liquidation was not told".to_owned());
        }
        if !halt.agreed {
            problems.push("after a liquidation our books are not the venue's".to_owned());
        }
        self.halts.push((halt.since, now));
        self.halt = None;
        Now::Rearm
    }

    /// At the end: what the venue's history says of orders placed while nothing was to be.
    pub fn finish(&self, problems: &mut Vec<String>) {
        let within = |at: Nanos| {
            self.halts.iter().any(|(from, to)| (*from + ON_ITS_WAY + ON_ITS_WAY..*to).contains(&at))
        };
        let placed = self.venue.with(|host| {
            let history = host.inner().venue().history(&user());
            // The venue's own order that closes the position has no client id.
            history.iter().find(|o| o.cloid.is_some() && within(o.time)).map(|o| o.oid.0)
        });
        if let Some(oid) = placed {
            problems
                .push(format!("order {oid} was placed after a liquidation, and nobody re-armed"));
        }
    }
}
