//! Whether the account gained what our ledger says. The venue's side is its cash and our positions at *our* marks,
//! less what it was at the opening, less what came and went otherwise than by trading ([`worth`]): no price has a
//! say in it, so a difference is money that one of the two does not know of. Transfers are looked up once there is
//! a difference, and told.

use crate::side::alert::{Alert, Topic};
use crate::venue_api::worth::{Closing, Transfers, Worth, gained};
use botmm_pipeline::types::record::AccountView;
use botmm_pipeline::types::{Nanos, Usd};
use botmm_pipeline::venue::hl::gateway::GatewayView;

/// What is no difference: the larger of a dollar and one part of ten thousand of what the account was worth at the
/// start. The venue counts its cash by the millionth and rounds each fee; a fill that was missed, paid twice or
/// made by somebody else is more, once it matters.
const AT_LEAST: Usd = Usd::whole(1);
const SHARE: i64 = 10_000;

/// See the module.
pub struct Value {
    start: Worth,
    /// What came and went since the opening, as far as it is known.
    moved: Usd,
    /// Up to this moment of the venue's.
    known_until: Option<Nanos>,
    /// The last comparison found a difference: the next one comes with transfers.
    differs: bool,
    /// Why nothing is compared was told.
    is_told: bool,
}

/// What a comparison came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It cannot be said.
    Unknown,
    /// They agree.
    Agrees,
    /// They do not.
    Differs {
        /// What we gained by our ledger.
        ours: Usd,
        /// By the venue.
        venue: Usd,
    },
}

impl Value {
    /// Of an account that was worth this at the start.
    pub fn new(start: Worth) -> Self {
        Self { start, moved: Usd::ZERO, known_until: None, differs: false, is_told: false }
    }

    /// Since when transfers are to be asked for, if they are.
    pub fn transfers_since(&self, view: &GatewayView) -> Option<Nanos> {
        let opening = view.opening.map(|opening| opening.time);
        self.known_until.or(opening).filter(|_| self.differs)
    }

    /// Differences up to this are none.
    pub fn tolerance(&self) -> Usd {
        AT_LEAST.max(Usd::from_raw(self.start.value.raw().saturating_abs() / SHARE))
    }

    /// Compares. The account must have been looked at while ours stood.
    pub fn judge(
        &mut self,
        view: &GatewayView,
        ours: &AccountView,
        (closing, transfers): (&Closing, Option<&Transfers>),
        say: &mut Vec<Alert>,
    ) -> Verdict {
        let moved = Transfers { sum: self.moved, ..Transfers::default() };
        let venue = match gained(&self.start, view, closing, &moved, ours.fees) {
            Ok(venue) => venue,
            Err(why) => {
                if view.opening.is_some() && !std::mem::replace(&mut self.is_told, true) {
                    let words = format!("the account's value is not compared with ours: {why}");
                    say.push(Alert::info(Topic::Account, words));
                }
                return Verdict::Unknown;
            }
        };
        let ours = ours.net();
        self.differs = (venue - ours).abs() > self.tolerance();
        if !self.differs {
            return Verdict::Agrees;
        }
        let Some(explained) = transfers.and_then(|new| self.explain(venue - ours, new, say)) else {
            return Verdict::Differs { ours, venue };
        };
        let venue = venue - explained;
        self.differs = (venue - ours).abs() > self.tolerance();
        if self.differs { Verdict::Differs { ours, venue } } else { Verdict::Agrees }
    }

    /// What of a difference came or went otherwise than by trading; [`None`] = nothing did since the last look.
    fn explain(&mut self, off: Usd, new: &Transfers, say: &mut Vec<Alert>) -> Option<Usd> {
        self.known_until = Some(new.newest?);
        // What cannot be told to the cent is what is missing.
        let (sum, how) = match &new.unclear {
            None => (new.sum, "by transfers".to_owned()),
            Some(word) => (off, format!("by `{word}`, by all that can be seen")),
        };
        let way = if sum.is_negative() { "left" } else { "came to" };
        let words = format!("{} USD {way} the account {how}: no profit or loss of ours", sum.abs());
        say.push(Alert::warn(Topic::Account, words));
        self.moved += sum;
        Some(sum)
    }
}
