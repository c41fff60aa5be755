//! Progress: the one measure of whether this bot still does its work, which every rung of the dead man's
//! ladder is fed by. It is a *proof*: a moment at which it certainly did, never a guess that it does now. A
//! rung whose time runs from the proof, and not from when somebody looked, is as early as it says.

use botmm_pipeline::rt::BoardReader;
use botmm_pipeline::rt::threads::Pulse;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Looks at the lanes and at the order link. Clones look at the same.
#[derive(Clone)]
pub struct Progress {
    pulse: Pulse,
    link: BoardReader<VIEW_WORDS>,
    side: Arc<AtomicI64>,
}

/// Moments, of our clock; zero = not yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// When every lane had a duty cycle, or a later one: that of the lane which lags most.
    pub lanes: Nanos,
    /// When the side thread had its newest turn; [`Nanos::MAX`] = it does what may take its time, and who
    /// waits for that is somebody else.
    pub side: Nanos,
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

    /// When the process as a whole went on: every lane, and the side thread, without which lanes quote on
    /// with nobody who writes down, reloads, reconciles or ends the run.
    pub fn process(&self) -> Nanos {
        self.lanes.min(self.side)
    }
}

impl Progress {
    /// Of these lanes and this link. Until the side thread's first turn the run begins, and takes its time.
    pub fn new(pulse: Pulse, link: BoardReader<VIEW_WORDS>) -> Self {
        Self { pulse, link, side: Arc::new(AtomicI64::new(Nanos::MAX.0)) }
    }

    /// The side thread has a turn.
    pub fn side_turns(&self, now: Nanos) {
        self.side.store(now.0, Ordering::Relaxed);
    }

    /// Until its next turn the side thread is at what may take its time (an end, a stop for a while): others
    /// see to it that this does not take for ever.
    pub fn side_takes_its_time(&self) {
        self.side_turns(Nanos::MAX);
    }

    /// What is proved up to now.
    pub fn proof(&self) -> Proof {
        let lanes = self.pulse.lanes().map(|(_, beat)| beat).min().unwrap_or(Nanos::ZERO);
        let side = Nanos(self.side.load(Ordering::Relaxed));
        Proof { lanes, side, link: GatewayView::read(&self.link).answered }
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

        /// Every lane, and the side thread.
        pub fn lanes_go(&self, now: Nanos) {
            self.progress.side_turns(now);
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
        let nothing = Proof { side: Nanos::MAX, ..Proof::default() };
        assert_eq!(bench.progress.proof(), nothing);
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

    #[test]
    fn a_side_thread_that_stands_holds_the_process_back_and_not_what_rests() {
        let mut bench = Bench::new();
        bench.go(Nanos::secs(5));
        bench.progress.side_turns(Nanos::secs(3));
        let proof = bench.progress.proof();
        assert_eq!((proof.process(), proof.whole()), (Nanos::secs(3), Nanos::secs(5)));
        bench.progress.side_takes_its_time();
        assert_eq!(bench.progress.proof().process(), Nanos::secs(5));
        bench.lanes_go(Nanos::secs(6));
        assert_eq!(bench.progress.proof().process(), Nanos::secs(6));
    }
}
