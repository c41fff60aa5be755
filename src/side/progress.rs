//! Progress: the one measure of whether this bot still does its work, which every rung of the dead man's
//! ladder is fed by. It is a *proof*: a moment at which it certainly did, never a guess that it does now. A
//! rung whose time runs from the proof, and not from when somebody looked, is as early as it says.

use botmm_pipeline::rt::BoardReader;
use botmm_pipeline::rt::threads::Pulse;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};

/// Looks at the lanes and at the order link. Clones look at the same.
#[derive(Clone)]
pub struct Progress {
    pulse: Pulse,
    link: BoardReader<VIEW_WORDS>,
}

/// Moments, of our clock; zero = not yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// When every lane had a duty cycle, or a later one: that of the lane which lags most.
    pub lanes: Nanos,
    /// When the order link, being up, carried both ways.
    pub link: Nanos,
}

impl Proof {
    /// When lanes and order link both went on: what rests was looked after.
    ///
    /// The link alone may stand for minutes, as when the venue is upgraded: what cancels counts by this;
    /// what ends a process, or keeps it from trading again, by [`Proof::lanes`].
    pub fn whole(&self) -> Nanos {
        self.lanes.min(self.link)
    }
}

impl Progress {
    /// Of these lanes and this link.
    pub fn new(pulse: Pulse, link: BoardReader<VIEW_WORDS>) -> Self {
        Self { pulse, link }
    }

    /// What is proved up to now.
    pub fn proof(&self) -> Proof {
        let lanes = self.pulse.lanes().map(|(_, beat)| beat).min().unwrap_or(Nanos::ZERO);
        Proof { lanes, link: GatewayView::read(&self.link).answered }
    }

    /// The lane that lags most, for whoever has to say which one stands.
    pub fn laggard(&self) -> Option<&str> {
        self.pulse.lanes().min_by_key(|(_, beat)| *beat).map(|(name, _)| name)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use botmm_pipeline::rt::{Board, board};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Lanes and a link that do what a test says.
    pub struct Bench {
        pub lanes: [Arc<AtomicU64>; 2],
        pub view: GatewayView,
        pub link: BoardReader<VIEW_WORDS>,
        board: Board<VIEW_WORDS>,
        pub progress: Progress,
    }

    impl Bench {
        /// Nothing has gone yet.
        pub fn new() -> Self {
            let lanes = [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0))];
            let names = ["feed+book", "quote+risk+dispatch"].map(str::to_owned);
            let pulse = Pulse::of(names.into_iter().zip(lanes.clone()).collect());
            let (board, link) = board();
            let view = GatewayView::NOTHING;
            Self { lanes, view, board, progress: Progress::new(pulse, link.clone()), link }
        }

        /// All goes on.
        pub fn go(&mut self, now: Nanos) {
            self.lanes_go(now);
            self.link_goes(now);
        }

        pub fn lanes_go(&self, now: Nanos) {
            self.lanes.iter().for_each(|lane| lane.store(now.0 as u64, Ordering::Relaxed));
        }

        pub fn link_goes(&mut self, now: Nanos) {
            (self.view.is_up, self.view.answered) = (true, now);
            self.show();
        }

        pub fn show(&mut self) {
            self.board.write(&self.view.words());
        }
    }

    #[test]
    fn one_lane_or_a_link_that_stands_holds_the_proof_back() {
        let mut bench = Bench::new();
        assert_eq!(bench.progress.proof(), Proof::default());
        bench.lanes_go(Nanos::secs(1));
        assert_eq!(bench.progress.proof().whole(), Nanos::ZERO, "the link was never up");
        bench.go(Nanos::secs(2));
        assert_eq!(bench.progress.proof().whole(), Nanos::secs(2));
        bench.lanes[0].store(Nanos::secs(9).0 as u64, Ordering::Relaxed);
        bench.link_goes(Nanos::secs(9));
        let proof = bench.progress.proof();
        assert_eq!(
            (proof.lanes, proof.whole()),
            (Nanos::secs(2), Nanos::secs(2)),
            "one lane stands"
        );
        assert_eq!(bench.progress.laggard(), Some("quote+risk+dispatch"));
        bench.lanes_go(Nanos::secs(10));
        let proof = bench.progress.proof();
        assert_eq!(
            (proof.lanes, proof.whole()),
            (Nanos::secs(10), Nanos::secs(9)),
            "the link lags"
        );
    }
}
