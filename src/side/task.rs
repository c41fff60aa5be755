//! What the side thread does in each of its turns: one task after another, none of which may block.

use super::alert::{Alert, Topic};
use super::errands::{Errands, Missed, Pending};
use crate::exit::AppError;
use crate::journal::line::Line;
use botmm_pipeline::rt::OutTold;
use botmm_pipeline::types::{AssetId, AssetParams, Fact, Nanos, QuoteCommand, RiskCommand};
use std::time::Duration;

/// A turn of a task that takes longer is told of: whatever may block is an errand.
pub const LONG_TURN: Nanos = Nanos::secs(1);

/// How long the disk may take before that is told, and how long the end of a run waits for it.
pub const FILE_PATIENCE: Nanos = Nanos::secs(5);
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// One of the side thread's concerns.
pub trait Task {
    /// What messages call it.
    fn name(&self) -> &'static str;
    /// Takes note of a fact that a stage told. All of them come before the turn.
    fn hear(&mut self, _: &Fact) {}
    /// Does what is due, and returns at once.
    fn turn(&mut self, turn: &mut Turn<'_>);
}

/// Hands parameters to the stages; their generation, or [`None`] = not now.
pub type HandOver<'a> = dyn FnMut(&[(AssetId, AssetParams)]) -> Option<u32> + 'a;

/// The workers of a run. A slow question to the venue holds no file up, nor a dead disk a question, and
/// neither of them, nor a webhook that hangs, the cancelling of orders.
pub struct Workers {
    /// Questions to the venue.
    pub questions: Errands,
    /// Files.
    pub files: Errands,
    /// Orders that must go.
    pub cancels: Errands,
    /// Alerts to whoever is away.
    pub alerts: Errands,
    /// The dead man's switch: were one late because of something else, it would fire.
    pub dead_man: Errands,
}

impl Workers {
    /// Starts one of each.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start() -> Result<Self, AppError> {
        let kinds = ["questions", "files", "cancels", "alerts", "dead-man"];
        let [questions, files, cancels, alerts, dead_man] = kinds.map(Errands::start);
        Ok(Self {
            questions: questions?,
            files: files?,
            cancels: cancels?,
            alerts: alerts?,
            dead_man: dead_man?,
        })
    }

    /// Looks after them; what a person should know.
    pub fn turn(&mut self, now: Nanos) -> impl Iterator<Item = Alert> {
        let Self { questions, files, cancels, alerts, dead_man } = self;
        let all = [questions, files, cancels, alerts, dead_man];
        let said = all.map(|errands| errands.turn(now));
        said.into_iter().flatten().map(|said| Alert::warn(Topic::Machine, said))
    }
}

/// A file that is written over and over, by one errand at a time: however late one is, no other begins
/// before it has ended, or an old content could come to lie over a new one.
#[derive(Debug, Default)]
pub struct Writing {
    under_way: Option<Pending<Result<(), AppError>>>,
    /// What was last said to be wrong.
    trouble: Option<String>,
}

impl Writing {
    /// Whether the next may begin.
    pub fn is_free(&self) -> bool {
        self.under_way.is_none()
    }

    /// Begins the next one.
    pub fn begin(
        &mut self,
        now: Nanos,
        files: &Errands,
        write: impl FnOnce() -> Result<(), AppError> + Send + 'static,
    ) {
        assert!(self.is_free(), "one write of a file at a time");
        self.under_way = Some(files.send(now, FILE_PATIENCE, write));
    }

    /// Looks how it goes; each new trouble, once.
    pub fn turn(&mut self, now: Nanos) -> Option<String> {
        let answer = self.under_way.as_ref()?.poll(now)?;
        if !matches!(answer, Err(Missed::Late)) {
            self.under_way = None;
        }
        let trouble = match answer {
            Ok(Ok(())) => None,
            Ok(Err(e)) => Some(e.to_string()),
            Err(missed) => Some(format!("a file of the run's state was not written: {missed}")),
        };
        let is_news = trouble.is_some() && trouble != self.trouble;
        self.trouble.clone_from(&trouble);
        trouble.filter(|_| is_news)
    }

    /// Waits for it at the end of a run, for a while.
    pub fn wait(&mut self) {
        if let Some(write) = self.under_way.take() {
            write.wait(LAST_PATIENCE);
        }
    }
}

/// What a task has to do with in its turn.
pub struct Turn<'a> {
    /// The time, the same for all tasks of the turn.
    pub now: Nanos,
    /// To the quote stage.
    pub to_quote: &'a mut OutTold<QuoteCommand>,
    /// To the risk stage.
    pub to_risk: &'a mut OutTold<RiskCommand>,
    /// New parameters, to all stages.
    pub hand_over: &'a mut HandOver<'a>,
    /// Who does what may block.
    pub workers: &'a Workers,
    /// What the tasks want to be said, and written down.
    pub out: &'a mut Outbox,
}

/// What comes of a turn.
#[derive(Debug, Default)]
pub struct Outbox {
    /// For a person, at once.
    pub said: Vec<Alert>,
    /// For the journal.
    pub lines: Vec<Line>,
}

impl Turn<'_> {
    /// Tells a person.
    pub fn say(&mut self, alert: Alert) {
        self.out.said.push(alert);
    }
}

/// Gives every task its turn. `clock` is read around each, and what takes long is named.
pub fn each<'t>(
    tasks: impl IntoIterator<Item = &'t mut dyn Task>,
    turn: &mut Turn<'_>,
    clock: &dyn Fn() -> Nanos,
) {
    let mut begun = clock();
    for task in tasks {
        task.turn(turn);
        let ended = clock();
        let took = ended - begun;
        if took >= LONG_TURN {
            let (name, took_s) = (task.name(), took.as_secs_f64());
            let said = format!(
                "the side thread stood still for {took_s:.1} s in its task `{name}`: quoting went on, \
                 files and alerts waited; a machine out of memory or CPU does that"
            );
            turn.say(Alert::warn(Topic::Machine, said));
        }
        begun = ended;
    }
}

#[cfg(test)]
#[allow(missing_docs)]
pub mod tests {
    use super::*;
    use botmm_pipeline::rt::{In, OutTold, ring};
    use std::time::Instant;

    /// Stages that take so much, workers, and a clock in steps.
    pub struct Stand {
        pub now: Nanos,
        pub workers: Workers,
        pub handed: Vec<Vec<(AssetId, AssetParams)>>,
        pub is_full: bool,
        rings: (OutTold<QuoteCommand>, In<QuoteCommand>, OutTold<RiskCommand>, In<RiskCommand>),
    }

    impl Stand {
        pub fn with_room(room: usize) -> Self {
            let (to_quote, quote) = ring("side->quote", room);
            let (to_risk, risk) = ring("side->risk", room);
            Self {
                now: Nanos::ZERO,
                workers: Workers::start().unwrap(),
                handed: Vec::new(),
                is_full: false,
                rings: (OutTold::new(to_quote), quote, OutTold::new(to_risk), risk),
            }
        }

        /// Gives a task a turn.
        pub fn turn(&mut self, task: &mut dyn Task) -> Outbox {
            let mut out = Outbox::default();
            let (handed, is_full) = (&mut self.handed, self.is_full);
            let mut hand_over = |params: &[(AssetId, AssetParams)]| {
                (!is_full).then(|| handed.push(params.to_vec()))?;
                Some(handed.len() as u32)
            };
            let mut turn = Turn {
                now: self.now,
                to_quote: &mut self.rings.0,
                to_risk: &mut self.rings.2,
                hand_over: &mut hand_over,
                workers: &self.workers,
                out: &mut out,
            };
            task.turn(&mut turn);
            out
        }

        /// Hands out the way to the quote stage.
        pub fn with_quote(&mut self, tell: impl FnOnce(&mut OutTold<QuoteCommand>)) {
            tell(&mut self.rings.0);
        }

        /// What the quote stage was told.
        pub fn told_quote(&mut self) -> Vec<QuoteCommand> {
            std::iter::from_fn(|| self.rings.1.pop()).collect()
        }

        /// What the risk stage was told.
        pub fn told_risk(&mut self) -> Vec<RiskCommand> {
            std::iter::from_fn(|| self.rings.3.pop()).collect()
        }

        /// Again and again until it is so; workers take their time. A hang guard, no measure.
        pub fn until(&mut self, mut is_so: impl FnMut(&mut Self) -> bool) {
            let begun = Instant::now();
            while !is_so(self) {
                assert!(begun.elapsed() < Duration::from_secs(60), "it never came");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    struct Named(&'static str, u32);

    impl Task for Named {
        fn name(&self) -> &'static str {
            self.0
        }
        fn turn(&mut self, _: &mut Turn<'_>) {
            self.1 += 1;
        }
    }

    /// Waits for an answer that never comes.
    struct Hangs(Option<super::super::errands::Pending<()>>, std::sync::mpsc::Sender<()>);

    impl Task for Hangs {
        fn name(&self) -> &'static str {
            "hangs"
        }
        fn turn(&mut self, turn: &mut Turn<'_>) {
            if self.0.is_none() {
                let (release, held) = std::sync::mpsc::channel();
                self.1 = release;
                let hang = move || held.recv().unwrap_or(());
                self.0 = Some(turn.workers.questions.send(turn.now, Nanos::secs(5), hang));
            }
        }
    }

    #[test]
    fn an_errand_that_never_returns_keeps_nobody_waiting() {
        let mut stand = Stand::with_room(4);
        let (mut hangs, mut other) = (Hangs(None, std::sync::mpsc::channel().0), Named("other", 0));
        for _ in 0..1_000 {
            stand.now = stand.now + Nanos::millis(20);
            for task in [&mut hangs as &mut dyn Task, &mut other] {
                assert!(stand.turn(task).said.is_empty());
            }
        }
        assert_eq!(other.1, 1_000, "every turn of it, while the errand hangs");
        assert!(matches!(hangs.0.unwrap().poll(stand.now), Some(Err(_))), "it is late");
    }

    #[test]
    fn a_long_turn_is_told_with_the_name_of_its_task() {
        let mut stand = Stand::with_room(4);
        let [mut quick, mut slow, mut last] = ["quick", "slow", "last"].map(|name| Named(name, 0));
        let times = std::cell::Cell::new(0);
        // The clock stands, but for the second task's turn.
        let clock = || {
            times.set(times.get() + 1);
            if times.get() >= 3 { Nanos::millis(1_500) } else { Nanos::ZERO }
        };
        let mut out = Outbox::default();
        let mut turn = Turn {
            now: Nanos::ZERO,
            to_quote: &mut stand.rings.0,
            to_risk: &mut stand.rings.2,
            hand_over: &mut |_| None,
            workers: &stand.workers,
            out: &mut out,
        };
        let tasks: [&mut dyn Task; 3] = [&mut quick, &mut slow, &mut last];
        each(tasks, &mut turn, &clock);
        assert_eq!(out.said.len(), 1, "{:?}", out.said);
        assert!(out.said[0].text.contains("1.5 s in its task `slow`"), "{:?}", out.said);
        assert_eq!((quick.1, slow.1, last.1), (1, 1, 1));
    }
}
