//! What is missing, told from when each connection is known to have carried all that there was.

use crate::data::capture::mark::{Gap, GapKind};
use botmm_pipeline::types::Nanos;

/// See the module. Two connections at most.
pub struct Cover {
    /// Each connection that has brought a frame since it opened, and from when on it brings all streams.
    since: [Option<Nanos>; 2],
    is_whole_at_once: bool,
    /// The newest frame of those that were lost.
    proven: Nanos,
    open: Option<Open>,
}

/// A gap that goes on.
struct Open {
    kind: GapKind,
    from: Nanos,
    noticed: Nanos,
    why: String,
}

/// From when on a connection is whole of which that is not known yet.
const NOT_YET: Nanos = Nanos(i64::MAX);

impl Cover {
    /// Of so many connections, none of which is there yet. `before` is when the last line was received of which we
    /// know, and why there were none since.
    pub fn new(links: usize, before: Option<(Nanos, String)>, now: Nanos) -> Self {
        let kind = GapKind::Recorder;
        let open = before.map(|(from, why)| Open { kind, from, noticed: now, why });
        // With one there is nothing to choose between: a gap ends with the first frame.
        Self { since: [None; 2], is_whole_at_once: links == 1, proven: Nanos::ZERO, open }
    }

    /// A connection brings its first frame.
    pub fn comes(&mut self, link: usize, now: Nanos) -> Option<Gap> {
        self.since[link] = Some(if self.is_whole_at_once { now } else { NOT_YET });
        let Open { kind, from, noticed, why } = self.open.take()?;
        let noticed_ns = Some(noticed.0);
        (now > from).then(|| Gap { noticed_ns, ..Gap::new(kind, from, now, &why) })
    }

    /// All of a connection's streams come from now on.
    pub fn is_whole(&mut self, link: usize, now: Nanos) {
        if self.since[link] == Some(NOT_YET) {
            self.since[link] = Some(now);
        }
    }

    /// A connection is gone that brought its last frame then.
    pub fn lost(&mut self, link: usize, last: Nanos, now: Nanos, why: &str) -> Option<Gap> {
        self.since[link].take()?;
        self.proven = self.proven.max(last);
        let from = self.proven;
        let why = why.to_owned();
        let Some(other) = self.since.iter().flatten().min().copied() else {
            self.open = Some(Open { kind: GapKind::Link, from, noticed: now, why });
            return None;
        };
        // Another one carries on; it may have come after the last frame of this one.
        let until = if other == NOT_YET { now } else { other };
        (until > from).then(|| Gap {
            noticed_ns: Some(now.0.min(until.0)),
            ..Gap::new(GapKind::Link, from, until, &why)
        })
    }

    /// The end of the recorder: what it does not know to be there is not.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Nanos {
        Nanos::secs(s)
    }
    fn span(gap: Option<Gap>) -> Option<(i64, i64, GapKind)> {
        gap.map(|g| (g.from_ns / 1_000_000_000, g.to_ns / 1_000_000_000, g.kind))
    }

    #[test]
    fn with_one_connection_a_gap_is_from_the_last_frame_to_the_first() {
        let mut cover = Cover::new(1, None, at(1));
        assert_eq!(cover.comes(0, at(2)), None, "nothing was there before");
        assert_eq!(cover.lost(0, at(5), at(8), "hung up"), None, "it goes on");
        assert!(cover.is_open());
        let gap = cover.comes(0, at(9)).unwrap();
        assert_eq!((gap.from_ns, gap.noticed_ns, gap.to_ns), (at(5).0, Some(at(8).0), at(9).0));
        assert_eq!(gap.why, "hung up");
        assert_eq!(cover.lost(0, at(10), at(10), ""), None);
        assert_eq!(cover.lost(0, at(10), at(11), ""), None, "once");
        assert_eq!(span(cover.comes(0, at(12))), Some((10, 12, GapKind::Link)));
    }

    #[test]
    fn what_was_before_this_run_is_missing_up_to_its_first_frame() {
        let mut cover = Cover::new(2, Some((at(3), "killed".to_owned())), at(7));
        assert_eq!(span(cover.comes(1, at(8))), Some((3, 8, GapKind::Recorder)));
        assert_eq!(cover.comes(0, at(9)), None);
    }

    #[test]
    fn of_two_connections_one_is_enough_when_it_is_known_to_have_carried_all() {
        let mut cover = Cover::new(2, None, at(0));
        for link in 0..2 {
            cover.comes(link, at(1));
            cover.is_whole(link, at(2));
        }
        assert_eq!(cover.lost(0, at(5), at(6), ""), None);
        // It comes back, and the other one turns out to have been dead for long.
        cover.comes(0, at(8));
        cover.is_whole(0, at(9));
        assert_eq!(span(cover.lost(1, at(7), at(12), "")), Some((7, 9, GapKind::Link)));
        // Not whole yet when the other is lost.
        cover.comes(1, at(13));
        assert_eq!(span(cover.lost(0, at(13), at(14), "")), Some((13, 14, GapKind::Link)));
        cover.is_whole(1, at(15));
        assert_eq!(cover.lost(1, at(16), at(16), ""), None);
        assert_eq!(span(cover.comes(0, at(17))), Some((16, 17, GapKind::Link)));
    }
}
