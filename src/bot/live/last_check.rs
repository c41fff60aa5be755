//! No order of ours may be left when a run ends or stops for a while, whatever the order link did: asked
//! and cancelled over HTTPS, round after round, and every trouble on the way is told.

use crate::exit::AppError;
use crate::stop::count;
use crate::venue_api::account::{AccountClient, OpenOrder};
use crate::venue_api::clear::Orders;
use botmm_pipeline::types::Nanos;
use std::time::{Duration, Instant};

/// How hard it is tried.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// At least so many rounds.
    pub rounds: u32,
    /// Between two of them.
    pub pause: Duration,
    /// No round but those begins after this: whoever stops us (systemd: `TimeoutStopSec`) waits only so
    /// long.
    pub budget: Duration,
}

/// At the end of a run. The longest that it takes: the budget, and one round of two requests.
pub const LAST: Effort =
    Effort { rounds: 3, pause: Duration::from_millis(500), budget: Duration::from_millis(8_000) };

/// What came of it.
#[derive(Debug)]
pub struct LastCheck {
    /// What was done, for the summary.
    pub notes: Vec<String>,
    /// An error: orders rest, or may.
    pub left: Result<(), AppError>,
}

/// Over HTTPS, with nonces of this clock.
pub struct OverHttps<'a> {
    /// Where.
    pub venue: &'a mut AccountClient,
    /// The time.
    pub now: &'a dyn Fn() -> Nanos,
}

impl Orders for OverHttps<'_> {
    fn open(&mut self) -> Result<Vec<OpenOrder>, AppError> {
        self.venue.open_orders()
    }

    fn cancel(&mut self, orders: &[OpenOrder]) -> Result<(), AppError> {
        self.venue.cancel((self.now)(), orders)
    }
}

/// Cancels until the venue says that nothing rests, at `void_at` or later: what was on its way before may
/// rest only then. `own` orders are open by our own count.
pub fn cancel_all(
    venue: &mut impl Orders,
    effort: Effort,
    void_at: Instant,
    own: u64,
) -> LastCheck {
    let begun = Instant::now();
    let (mut notes, mut troubles, mut last_seen) = (Vec::new(), Vec::new(), None);
    for round in 1.. {
        let is_last = round >= effort.rounds && begun.elapsed() >= effort.budget;
        let mut trouble = |e: AppError| {
            let said = e.to_string();
            if !troubles.contains(&said) {
                troubles.push(said);
            }
        };
        match venue.open() {
            Ok(orders) if orders.is_empty() => {
                last_seen = Some(Ok(0));
                if is_last || Instant::now() >= void_at {
                    return LastCheck { notes, left: Ok(()) };
                }
            }
            Ok(orders) => {
                last_seen = Some(Ok(orders.len()));
                if is_last {
                    break;
                }
                match venue.cancel(&orders) {
                    Ok(()) => notes.push(format!("{} cancelled over HTTPS", many(orders.len()))),
                    Err(e) => trouble(e),
                }
            }
            Err(e) => {
                trouble(e);
                last_seen =
                    last_seen.map(|seen: Result<usize, usize>| Err(seen.unwrap_or_else(|n| n)));
                if is_last {
                    break;
                }
            }
        }
        std::thread::sleep(effort.pause);
    }
    LastCheck { notes, left: Err(left(last_seen, own, &troubles)) }
}

/// Orders may rest; `seen` = how many at the last look, or (an error) at one before that.
fn left(seen: Option<Result<usize, usize>>, own: u64, troubles: &[String]) -> AppError {
    let (what, remedy) = match seen {
        Some(Ok(n)) => {
            (format!("{} still rest at the venue", many(n)), "cancel them on the venue's page now")
        }
        Some(Err(n)) if n > 0 => (
            format!("{} still rest at the venue, as far as it has answered", many(n)),
            "look at the venue's page and cancel what is left",
        ),
        _ => (
            format!("cannot see whether orders still rest; {} open by our count", count(own)),
            "look at the venue's page and cancel what is left",
        ),
    };
    let troubles = match troubles {
        [] => String::new(),
        all => format!(" ({})", all.join("; then: ")),
    };
    AppError::data("shutdown", format!("{what}{troubles}"), remedy)
}

fn many(orders: usize) -> String {
    count(orders as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    const EFFORT: Effort = Effort { rounds: 3, pause: Duration::ZERO, budget: Duration::ZERO };

    /// Answers in turn; the last one over and over.
    struct Script {
        open: VecDeque<Result<usize, &'static str>>,
        cancel: VecDeque<Result<(), &'static str>>,
        asked: usize,
    }

    fn next<T: Clone>(answers: &mut VecDeque<T>) -> T {
        match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap(),
        }
    }

    fn error(said: &str) -> AppError {
        AppError::data("venue", said, "ask again")
    }

    impl Orders for Script {
        fn open(&mut self) -> Result<Vec<OpenOrder>, AppError> {
            self.asked += 1;
            next(&mut self.open).map(OpenOrder::some).map_err(error)
        }
        fn cancel(&mut self, _: &[OpenOrder]) -> Result<(), AppError> {
            next(&mut self.cancel).map_err(error)
        }
    }

    fn check(
        open: &[Result<usize, &'static str>],
        cancel: &[Result<(), &'static str>],
    ) -> (usize, String) {
        let mut script =
            Script { open: open.to_vec().into(), cancel: cancel.to_vec().into(), asked: 0 };
        let check = cancel_all(&mut script, EFFORT, Instant::now(), 4);
        let said = check.left.err().map_or_else(String::new, |e| e.to_string());
        println!("{}: {said}", script.asked);
        (script.asked, said)
    }

    #[test]
    fn it_ends_when_the_venue_says_that_nothing_rests() {
        assert_eq!(check(&[Ok(0)], &[Ok(())]), (1, String::new()));
        assert_eq!(check(&[Ok(6), Ok(0)], &[Ok(())]), (2, String::new()));
        // A lost answer is no reason to stop asking, nor is an error before.
        assert_eq!(check(&[Ok(6), Ok(0)], &[Err("lost")]), (2, String::new()));
        assert_eq!(check(&[Err("hangs"), Err("hangs"), Ok(0)], &[Ok(())]), (3, String::new()));
    }

    #[test]
    fn there_are_three_rounds_at_least_and_all_errors_are_told() {
        let (asked, said) = check(&[Ok(6)], &[Err("refused"), Err("lost")]);
        assert_eq!(asked, 3);
        assert!(said.contains("6 orders still rest at the venue"), "{said}");
        assert!(said.contains("refused") && said.contains("lost"), "{said}");
        let (asked, said) = check(&[Err("hangs")], &[Ok(())]);
        assert_eq!(asked, 3);
        assert!(said.contains("cannot see whether orders still rest; 4 orders open"), "{said}");
        assert_eq!(said.matches("hangs").count(), 1, "each once: {said}");
    }

    #[test]
    fn a_lost_answer_does_not_hide_what_was_seen_to_rest() {
        let (_, said) = check(&[Ok(6), Err("hangs")], &[Err("lost")]);
        assert!(said.contains("6 orders still rest at the venue, as far as"), "{said}");
        assert!(said.contains("hangs") && said.contains("lost"), "{said}");
    }

    #[test]
    fn what_was_on_its_way_is_waited_for() {
        let mut script =
            Script { open: [Ok(0), Ok(1), Ok(0)].into(), cancel: [Ok(())].into(), asked: 0 };
        let effort = Effort { pause: Duration::from_millis(30), rounds: 100, ..EFFORT };
        let void_at = Instant::now() + Duration::from_millis(60);
        let check = cancel_all(&mut script, effort, void_at, 0);
        assert!(check.left.is_ok() && script.asked >= 3, "{check:?}");
        assert_eq!(check.notes, ["1 order cancelled over HTTPS"]);
    }
}
