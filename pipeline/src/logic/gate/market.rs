//! What the gate watches of one market: moves within a second, and the volatility's emergency.

use crate::types::AlertKind;
use crate::types::{Nanos, Px, QuoteTarget, RiskLimits};
use std::collections::VecDeque;

/// Window of the large-move breaker.
const MOVE_WINDOW: Nanos = Nanos::secs(1);
/// Mids kept for it; samples closer together than window/this replace each other.
const MOVE_SAMPLES: usize = 64;
/// A volatility emergency is over when it has not been one for this long, so that a volatility around
/// the threshold is one event and not many.
const VOL_CALM: Nanos = Nanos::secs(30);

/// Mids of the last second.
#[derive(Clone, Debug)]
pub(super) struct MoveWindow {
    samples: VecDeque<(Nanos, Px)>,
}

impl Default for MoveWindow {
    fn default() -> Self {
        Self { samples: VecDeque::with_capacity(MOVE_SAMPLES) }
    }
}

impl MoveWindow {
    /// Takes note of a mid; the largest relative move against any mid of the last second.
    pub fn update(&mut self, now: Nanos, mid: Px) -> f64 {
        assert!(mid.is_positive(), "a mid of {mid}");
        while self.samples.front().is_some_and(|(t, _)| now - *t > MOVE_WINDOW) {
            self.samples.pop_front();
        }
        // Of a clock that was set back.
        while self.samples.back().is_some_and(|(t, _)| *t > now) {
            self.samples.pop_back();
        }
        let from = |m: Px| (mid.to_f64() / m.to_f64() - 1.0).abs();
        let mids = || self.samples.iter().map(|(_, m)| *m);
        let low = mids().min().map_or(0.0, from);
        let high = mids().max().map_or(0.0, from);
        let spacing = Nanos(MOVE_WINDOW.0 / MOVE_SAMPLES as i64);
        if self.samples.back().is_none_or(|(t, _)| now - *t >= spacing) {
            if self.samples.len() == MOVE_SAMPLES {
                self.samples.pop_front();
            }
            self.samples.push_back((now, mid));
        }
        low.max(high)
    }

    /// Moves count from here.
    pub fn clear(&mut self) {
        self.samples.clear();
    }
}

/// Whether an asset's volatility is an emergency. The quoter widens the spread while it is; here its
/// beginning and end become events.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Storm {
    /// When it was last seen, while it lasts.
    seen: Option<Nanos>,
}

impl Storm {
    /// Takes note of a volatility; what there is to tell. An unknown one is no emergency.
    pub fn update(
        &mut self,
        now: Nanos,
        target: &QuoteTarget,
        limits: &RiskLimits,
    ) -> Option<AlertKind> {
        let (vol, slow) = (target.vol_bps_e6, target.vol_slow_bps_e6);
        let is_one = vol >= 0 && limits.is_vol_emergency(vol as f64, slow as f64);
        match (self.seen, is_one) {
            (None, false) => None,
            (Some(seen), false) if now - seen >= VOL_CALM => {
                self.seen = None;
                Some(AlertKind::VolCalm)
            }
            (Some(seen), false) => {
                self.seen = Some(seen.min(now)); // The clock may have been set back.
                None
            }
            (before, true) => {
                self.seen = Some(now);
                before.is_none().then_some(AlertKind::VolEmergency)
            }
        }
    }
}
