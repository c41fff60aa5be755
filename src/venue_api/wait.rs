//! A venue that does not answer at the start is asked again, with growing pauses: a bot that comes up
//! with its machine, or while the venue is being updated, needs nobody. Only an answer ends a start, also
//! one that refuses; so does the end of the patience that `--wait` gives, and a person.

use crate::exit::AppError;
use crate::net::{Rest, RestError, RestFailure, Stopped};
use crate::terminal;
use serde_json::Value;
use std::time::{Duration, Instant};

/// First and longest pause; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A venue whose weight limit is spent is left alone for longer.
const LIMITED_PAUSE: Duration = Duration::from_secs(10);
/// How often a pause looks whether it is still wanted.
const SLICE: Duration = Duration::from_millis(50);

/// See the module. The patience is one for all questions of a start.
pub struct Wait {
    patience: Duration,
    begun: Instant,
    stopped: Stopped,
}

impl Wait {
    /// Begins now.
    pub fn new(patience: Duration, stopped: Stopped) -> Self {
        Self { patience, begun: Instant::now(), stopped }
    }

    /// Asks until there is an answer.
    ///
    /// # Errors
    /// The venue's refusal, the last failure when the patience is over, or that it was stopped.
    pub fn ask(&self, rest: &Rest, question: &Value) -> Result<Value, AppError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match rest.info(question) {
                Ok(answer) => return Ok(answer),
                Err(e) => e,
            };
            self.check(&error)?;
            let wanted = match error.failure {
                RestFailure::RateLimited => pause.max(LIMITED_PAUSE),
                _ => pause,
            };
            let left = self.patience.saturating_sub(self.begun.elapsed());
            if error.is_answer() || left.is_zero() {
                return Err(error.into());
            }
            let now_for = wanted.min(left);
            terminal::complain(format_args!(
                "waiting for the venue: {}; asking again in {:.0} s (--wait: {:.0} s left)",
                what_happened(&error),
                now_for.as_secs_f32().ceil(),
                left.as_secs_f32().ceil()
            ));
            self.pause(now_for);
            self.check(&error)?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn pause(&self, span: Duration) {
        let until = Instant::now() + span;
        while !(self.stopped)() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(SLICE));
        }
    }

    fn check(&self, last: &RestError) -> Result<(), AppError> {
        if !(self.stopped)() {
            return Ok(());
        }
        Err(AppError::data(
            "start",
            format!("stopped while the venue did not answer ({})", what_happened(last)),
            "nothing was sent; start again when it does",
        ))
    }
}

/// Without what to do about it: that is done here.
fn what_happened(error: &RestError) -> String {
    match &error.failure {
        RestFailure::NeverSent(why) => why.clone(),
        failure => format!("{} {}: {failure}", error.endpoint, error.request),
    }
}
