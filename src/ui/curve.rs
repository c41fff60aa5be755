//! The profit over a run, in few enough points to be drawn: when there is no more room, every other one goes,
//! and from then on they come half as often.

use botmm_pipeline::types::Usd;
use std::time::Duration;

/// Points at most; even.
const ROOM: usize = 240;

/// See the module.
#[derive(Clone, Debug)]
pub struct Curve {
    every: Duration,
    next: Duration,
    points: Vec<Usd>,
}

impl Default for Curve {
    fn default() -> Self {
        Self { every: Duration::from_secs(1), next: Duration::ZERO, points: Vec::new() }
    }
}

impl Curve {
    /// Takes a point, if it is time for one.
    pub fn add(&mut self, elapsed: Duration, net: Usd) {
        if elapsed < self.next {
            return;
        }
        if self.points.len() == ROOM {
            let mut keep = [true, false].into_iter().cycle();
            self.points.retain(|_| keep.next() == Some(true));
            self.every *= 2;
        }
        self.points.push(net);
        self.next = elapsed + self.every;
    }

    /// How far points are apart, and they, oldest first.
    pub(super) fn points(&self) -> (Duration, &[Usd]) {
        (self.every, &self.points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_drawn_whole_in_bounded_memory() {
        let mut curve = Curve::default();
        for quarter in 0..4 * 100_000 {
            curve.add(Duration::from_millis(250 * quarter), Usd::whole(quarter as i64 / 4));
        }
        let (every, points) = curve.points();
        assert_eq!(every, Duration::from_secs(512));
        assert!(points.len() <= ROOM && points.len() > ROOM / 3, "{}", points.len());
        assert_eq!(points[0], Usd::ZERO);
        let apart = points.windows(2).map(|w| w[1] - w[0]).collect::<Vec<_>>();
        assert!(apart.iter().all(|a| *a == Usd::whole(512)), "{apart:?}");
    }
}
