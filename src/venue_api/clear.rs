//! Orders are cancelled until none has been open for as long as one that was on its way could still come to
//! rest: what a kill and the guard do, for a bot that may hang and be anywhere in its work.

use super::account::OpenOrder;
use crate::exit::AppError;
use crate::stop::count;
use std::time::{Duration, Instant};

/// Between two rounds: at first, and after so many, since each look costs weight that the venue grants by
/// the minute.
const PAUSE: Duration = Duration::from_millis(500);
const QUICK_ROUNDS: u32 = 20;
const LATER_PAUSE: Duration = Duration::from_secs(2);

/// What a venue is asked to do.
pub trait Orders {
    /// Orders that rest and are to go.
    fn open(&mut self) -> Result<Vec<OpenOrder>, AppError>;
    /// Cancels them.
    fn cancel(&mut self, orders: &[OpenOrder]) -> Result<(), AppError>;
}

/// How long, and with what pauses.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// None may have been open for so long.
    pub quiet: Duration,
    /// It is given up after so long.
    pub give_up: Duration,
    /// Before the first look.
    pub first_after: Duration,
    /// Between two rounds, the first ones and later ones.
    pub pauses: [Duration; 2],
}

impl Effort {
    /// As gentle to the venue as it must be.
    pub fn new(quiet: Duration, give_up: Duration) -> Self {
        Self { quiet, give_up, first_after: Duration::ZERO, pauses: [PAUSE, LATER_PAUSE] }
    }
}

/// Cancels until the venue says that none is open, so long after it first said so that nothing can have
/// come in between: what was on its way is void by then. How many were cancelled. `say` hears what goes
/// wrong on the way, each thing once.
///
/// # Errors
/// Orders rest, or may, when it is given up or `stopped`.
pub fn until_quiet(
    venue: &mut impl Orders,
    effort: Effort,
    stopped: &dyn Fn() -> bool,
    say: &mut dyn FnMut(String),
) -> Result<usize, AppError> {
    let begun = Instant::now();
    let (mut quiet_since, mut cancelled) = (None, 0);
    let (mut seen, mut told) = (None, Vec::new());
    pause(effort.first_after, stopped);
    for round in 0_u32.. {
        // Counted from before the question, so that no time is counted that nobody looked at.
        let looked = Instant::now();
        let outcome = venue.open().and_then(|orders| {
            seen = Some(orders.len());
            if orders.is_empty() {
                return Ok(looked - *quiet_since.get_or_insert(looked) >= effort.quiet);
            }
            quiet_since = None;
            venue.cancel(&orders)?;
            cancelled += orders.len();
            Ok(false)
        });
        match outcome {
            Ok(true) => return Ok(cancelled),
            Ok(false) => {}
            Err(e) => {
                let said = e.to_string();
                if !told.contains(&said) {
                    say(said.clone());
                    told.push(said);
                }
            }
        }
        if begun.elapsed() >= effort.give_up || stopped() {
            break;
        }
        pause(effort.pauses[usize::from(round >= QUICK_ROUNDS)], stopped);
    }
    Err(left(seen, quiet_since.is_some(), told.last()))
}

fn pause(span: Duration, stopped: &dyn Fn() -> bool) {
    let until = Instant::now() + span;
    while !stopped() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

/// It was given up; `seen` = how many at the last look that was answered.
fn left(seen: Option<usize>, is_quiet: bool, trouble: Option<&String>) -> AppError {
    let what = match seen {
        None => "cannot see whether orders rest".to_owned(),
        Some(_) if is_quiet => {
            "no order rested at the last look, but one on its way may come to rest yet".to_owned()
        }
        Some(n) => format!("{} may still rest at the venue", count(n as u64)),
    };
    let trouble = trouble.map_or(String::new(), |said| format!(" ({said})"));
    let remedy = "look at the venue's page and cancel what is left, or run this again";
    AppError::data("kill", format!("{what}{trouble}"), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    const EFFORT: Effort = Effort {
        quiet: Duration::ZERO,
        give_up: Duration::from_secs(60),
        first_after: Duration::ZERO,
        pauses: [Duration::from_millis(1); 2],
    };

    /// Answers in turn, the last one over and over; how many cancels were tried.
    struct Script(VecDeque<Result<usize, &'static str>>, Result<(), &'static str>, usize);

    impl Orders for Script {
        fn open(&mut self) -> Result<Vec<OpenOrder>, AppError> {
            let next = if self.0.len() == 1 { self.0[0] } else { self.0.pop_front().unwrap() };
            next.map(OpenOrder::some).map_err(|e| AppError::data("venue", e, "ask again"))
        }
        fn cancel(&mut self, _: &[OpenOrder]) -> Result<(), AppError> {
            self.2 += 1;
            self.1.map_err(|e| AppError::data("venue", e, "ask again"))
        }
    }

    fn run(open: &[Result<usize, &'static str>], effort: Effort) -> (Result<usize, String>, usize) {
        let (mut script, mut said) = (Script(open.to_vec().into(), Ok(()), 0), Vec::new());
        let ended = until_quiet(&mut script, effort, &|| false, &mut |s| said.push(s));
        println!("{ended:?}: {said:?}");
        (ended.map_err(|e| e.to_string()), said.len())
    }

    #[test]
    fn it_goes_on_until_none_is_left_whatever_happens_on_the_way() {
        assert_eq!(run(&[Ok(0)], EFFORT), (Ok(0), 0));
        assert_eq!(run(&[Ok(6), Ok(2), Ok(0)], EFFORT), (Ok(8), 0));
        let bad = [Err("hangs"), Err("hangs"), Ok(3), Err("429"), Ok(0)];
        assert_eq!(run(&bad, EFFORT), (Ok(3), 2), "each trouble once");
    }

    #[test]
    fn one_that_comes_to_rest_late_begins_the_quiet_anew() {
        let quiet = Duration::from_millis(40);
        let begun = Instant::now();
        let mut script = Script([Ok(0), Ok(0), Ok(1), Ok(0)].into(), Ok(()), 0);
        let ended =
            until_quiet(&mut script, Effort { quiet, ..EFFORT }, &|| false, &mut |e| panic!("{e}"));
        assert_eq!((ended.unwrap(), script.2), (1, 1));
        assert!(begun.elapsed() >= quiet, "the quiet was waited for");
    }

    #[test]
    fn what_is_left_is_said_when_it_is_given_up() {
        let effort = Effort { give_up: Duration::from_millis(5), ..EFFORT };
        let (ended, _) = run(&[Ok(6)], effort);
        assert!(ended.unwrap_err().contains("6 orders may still rest at the venue"));
        let (ended, told) = run(&[Err("hangs")], effort);
        let ended = ended.unwrap_err();
        assert!(ended.contains("cannot see whether orders rest") && told == 1, "{ended}");
        assert!(ended.contains("hangs"), "{ended}");
        let quiet = Duration::from_secs(3600);
        let (ended, _) = run(&[Ok(0)], Effort { quiet, ..effort });
        assert!(ended.unwrap_err().contains("one on its way may come to rest yet"));
    }

    #[test]
    fn a_person_ends_it() {
        let mut script = Script([Ok(6)].into(), Err("refused"), 0);
        let ended = until_quiet(&mut script, EFFORT, &|| true, &mut |_| {});
        assert!(ended.is_err() && script.2 == 1);
    }
}
