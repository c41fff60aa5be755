//! Few enough points to be drawn, of however many there are: of each stretch of time the first, the lowest,
//! the highest and the last stay, so no spike is lost.

use super::model::Point;
use botmm_pipeline::types::Nanos;
use std::collections::BTreeMap;

/// Stretches of a series that is thinned, at most; each has up to five points.
const STRETCHES: usize = 400;

/// The points of a series, or fewer of the same shape. A gap stays a gap.
pub fn thin(points: Vec<Point>) -> Vec<Point> {
    if points.len() <= 4 * STRETCHES {
        return points;
    }
    let [Some(first), Some(last)] = [points.first(), points.last()].map(|p| p.map(|p| p.x)) else {
        return points;
    };
    let width = ((last - first) / STRETCHES as f64).max(f64::MIN_POSITIVE);
    let stretch = |p: &Point| (((p.x - first) / width) as usize).min(STRETCHES - 1);
    let mut kept = Vec::with_capacity(5 * STRETCHES);
    for part in points.chunk_by(|a, b| stretch(a) == stretch(b)) {
        let known = || part.iter().enumerate().filter_map(|(at, p)| Some((at, p.y?)));
        let low = known().min_by(|a, b| a.1.total_cmp(&b.1));
        let high = known().max_by(|a, b| a.1.total_cmp(&b.1));
        let gap = part.iter().position(|p| p.y.is_none());
        let mut at = vec![0, part.len() - 1];
        at.extend(low.into_iter().chain(high).map(|(at, _)| at).chain(gap));
        at.sort_unstable();
        at.dedup();
        kept.extend(at.into_iter().map(|at| part[at].clone()));
    }
    kept
}

/// Values over time, thinned while they come: how long it lasts need not be known before.
#[derive(Clone, Debug)]
pub struct Trail {
    width: i64,
    stretches: BTreeMap<i64, Extent>,
}

/// What a stretch of time had.
#[derive(Clone, Copy, Debug)]
struct Extent {
    first: (i64, Option<f64>),
    low: Option<(i64, f64)>,
    high: Option<(i64, f64)>,
    last: (i64, Option<f64>),
}

impl Default for Trail {
    fn default() -> Self {
        Self { width: Nanos::millis(100).0, stretches: BTreeMap::new() }
    }
}

impl Trail {
    /// Takes a value in; [`None`] = there was none from then on.
    pub fn add(&mut self, time: Nanos, value: Option<f64>) {
        let known = value.map(|value| (time.0, value));
        let one = Extent { first: (time.0, value), low: known, high: known, last: (time.0, value) };
        self.put(time.0.div_euclid(self.width), one);
        while self.stretches.len() > 2 * STRETCHES {
            self.width *= 2;
            for (at, extent) in std::mem::take(&mut self.stretches) {
                self.put(at.div_euclid(2), extent);
            }
        }
    }

    fn put(&mut self, at: i64, more: Extent) {
        self.stretches.entry(at).and_modify(|extent| extent.add(more)).or_insert(more);
    }

    /// What it has, by seconds.
    pub fn points(&self) -> Vec<Point> {
        let seconds = |time: i64| Nanos(time).as_secs_f64();
        let mut points: Vec<Point> = Vec::new();
        for extent in self.stretches.values() {
            let known = [extent.low, extent.high].map(|v| v.map(|(time, v)| (time, Some(v))));
            let mut all: Vec<(i64, Option<f64>)> = known.into_iter().flatten().collect();
            all.extend([extent.first, extent.last]);
            all.sort_by_key(|(time, _)| *time);
            all.dedup();
            points.extend(all.into_iter().map(|(time, y)| Point {
                x: seconds(time),
                y,
                ..Point::default()
            }));
        }
        points
    }
}

impl Extent {
    fn add(&mut self, more: Self) {
        if more.first.0 < self.first.0 {
            self.first = more.first;
        }
        if more.last.0 >= self.last.0 {
            self.last = more.last;
        }
        if more.low.is_some_and(|(_, v)| self.low.is_none_or(|(_, low)| v < low)) {
            self.low = more.low;
        }
        if more.high.is_some_and(|(_, v)| self.high.is_none_or(|(_, high)| v > high)) {
            self.high = more.high;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lowest, highest and last value of some points.
    fn shape(points: &[Point]) -> (f64, f64, Option<f64>) {
        let known = points.iter().filter_map(|p| p.y);
        let low = known.clone().fold(f64::INFINITY, f64::min);
        (low, known.fold(f64::NEG_INFINITY, f64::max), points.last().and_then(|p| p.y))
    }

    #[test]
    fn a_million_points_become_few_and_no_spike_is_lost() {
        let value = |n: i64| match n {
            777_777 => 5_000.0,
            333_333 => -5_000.0,
            n => (n % 1_000) as f64,
        };
        let points: Vec<_> = (0..1_000_000).map(|n| Point::at(n as f64, value(n))).collect();
        let all = shape(&points);
        let thinned = thin(points);
        assert!(thinned.len() <= 5 * STRETCHES && thinned.len() > STRETCHES, "{}", thinned.len());
        assert_eq!(shape(&thinned), all);
        assert!(thinned.is_sorted_by(|a, b| a.x < b.x));
        let mut trail = Trail::default();
        (0..1_000_000).for_each(|n| trail.add(Nanos::millis(n), Some(value(n))));
        let points = trail.points();
        assert!(points.len() <= 8 * STRETCHES && points.len() > STRETCHES, "{}", points.len());
        assert_eq!(shape(&points), all);
        assert!(points.is_sorted_by(|a, b| a.x < b.x));
    }

    #[test]
    fn gaps_stay_and_few_points_stay_as_they_are() {
        let mut trail = Trail::default();
        for (s, value) in [(1, Some(5.0)), (2, None), (3, Some(6.0))] {
            trail.add(Nanos::secs(s), value);
        }
        let got: Vec<_> = trail.points().into_iter().map(|p| (p.x, p.y)).collect();
        assert_eq!(got, [(1.0, Some(5.0)), (2.0, None), (3.0, Some(6.0))]);
        let far =
            |n: usize| Point { x: n as f64, y: (n < 5_000).then_some(1.0), ..Point::default() };
        let thinned = thin((0..10_000).map(far).collect());
        assert!(thinned.iter().any(|p| p.y.is_none()) && thinned.last().unwrap().y.is_none());
        assert!(thinned.iter().all(|p| p.y.is_some() == (p.x < 5_000.0)));
    }
}
