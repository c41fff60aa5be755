//! `botmm drill`: proves the dead man's ladder. A bot as it would run, on an exchange of this process; each
//! fault that it may meet, and each rung alone: how long do orders rest on, and how much was at stake?

mod kinds;
mod manager;
mod process;
mod relay;
mod trial;
mod venue;

pub use kinds::{By, Fault, Times};
pub use trial::{Outcome, Trial};

use crate::exit::AppError;
use crate::masked::masked;
use crate::net::Stopped;
use crate::settings::Draft;
use crate::side::drilled::Drilled;
use crate::terminal;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::Usd;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use venue::DrillVenue;

/// What is to be tried.
pub struct Drill {
    /// The `botmm` that is tried.
    pub program: PathBuf,
    /// Its threads.
    pub plan: String,
    /// Which faults.
    pub faults: Vec<Fault>,
    /// With the shortest times instead of those as shipped.
    pub is_short: bool,
    /// Print JSON, at the end.
    pub json: bool,
    /// Where it is written down that all was passed.
    pub state_dir: PathBuf,
}

/// A trial, judged.
struct Row {
    fault: Fault,
    rung: By,
    limit: Duration,
    /// An error: it never got as far as the fault.
    outcome: Result<Outcome, String>,
}

impl Drill {
    /// Tries all, one after the other.
    ///
    /// # Errors
    /// Something was not passed, or it was told to stop.
    pub fn run(&self, stopped: &Stopped) -> Result<(), AppError> {
        let times = self.times()?;
        if !self.json {
            terminal::print(&self.heading(&times))?;
        }
        let mut rows = Vec::new();
        for (fault, by) in
            self.faults.iter().flat_map(|f| f.by(&self.plan).iter().map(|by| (*f, *by)))
        {
            let (program, plan) = (self.program.as_path(), self.plan.as_str());
            let trial = Trial { program, plan, times, fault, by: Some(by), stopped };
            let outcome = trial.run();
            if stopped() {
                return Err(AppError::Failed(
                    "the drill was given up: nothing is proved".to_owned(),
                ));
            }
            let outcome = outcome.map_err(|e| e.to_string());
            let row = Row {
                fault,
                rung: by,
                limit: times.limit(fault, by, DrillVenue::block()),
                outcome,
            };
            if !self.json {
                terminal::print(&masked(&row.text()))?;
            }
            rows.push(row);
        }
        self.conclude(&rows, &times)
    }

    fn times(&self) -> Result<Times, AppError> {
        let settings = Draft::load(None, &|_| None)?.build()?;
        let span =
            |nanos: botmm_pipeline::types::Nanos| Duration::from_nanos(nanos.0.unsigned_abs());
        let horizon = settings.dead_man_horizon.map_or(Duration::ZERO, span);
        Ok(match self.is_short {
            true => Times::short(),
            false => Times::full(horizon, span(settings.guard_timeout)),
        })
    }

    /// Whether each fault is tried as it would come.
    fn is_whole(&self) -> bool {
        !self.is_short && Fault::ALL.iter().all(|fault| self.faults.contains(fault))
    }

    fn heading(&self, times: &Times) -> String {
        let [horizon, guard, watchdog] =
            [times.horizon, times.guard_timeout, times.watchdog].map(|span| span.as_secs_f64());
        let (short, plan) = (if self.is_short { "short form, " } else { "" }, &self.plan);
        format!(
            "drill: {short}plan {plan}, venue's switch {horizon:.0} s, guard {guard:.0} s, watchdog {watchdog:.0} s; \
             each rung alone\n{:<24} {:<12} {:>12} {:>9} {:>18}\n",
            "fault", "rung", "cancelled", "limit", "worst exposure"
        )
    }

    fn conclude(&self, rows: &[Row], times: &Times) -> Result<(), AppError> {
        let failed = rows.iter().filter(|row| !row.is_passed()).count();
        let report = json!({
            "passed": failed == 0,
            "short": self.is_short,
            "plan": self.plan,
            "horizon_s": times.horizon.as_secs_f64(),
            "guard_timeout_s": times.guard_timeout.as_secs_f64(),
            "watchdog_s": times.watchdog.as_secs_f64(),
            "trials": rows.iter().map(Row::json).collect::<Vec<_>>(),
        });
        if self.json {
            terminal::print(&masked(&format!("{report:#}\n")))?;
        }
        if failed > 0 {
            let all = rows.len();
            return Err(AppError::Failed(format!(
                "{failed} of {all} trials not passed: see above"
            )));
        }
        let kept = match self.is_whole() {
            true => {
                Drilled::new(WallClock::default().now(), report).write(&self.state_dir)?;
                format!("kept in {}", Drilled::path(&self.state_dir).display())
            }
            false => "not kept: only a full drill of every fault counts".to_owned(),
        };
        match self.json {
            true => Ok(()),
            false => terminal::print(&masked(&format!("{} trials passed; {kept}\n", rows.len()))),
        }
    }
}

impl Row {
    /// The rung that was meant to has cancelled, in time.
    fn is_passed(&self) -> bool {
        self.problem().is_none()
    }

    fn problem(&self) -> Option<String> {
        let outcome = match &self.outcome {
            Ok(outcome) => outcome,
            Err(e) => return Some(e.clone()),
        };
        let said = &outcome.last_words;
        match (outcome.took, outcome.by) {
            (Some(took), _) if took > self.limit => Some(format!("too late; {said}")),
            (Some(_), Some(by)) if by == self.rung => None,
            (Some(_), by) => {
                let who = by.map_or("nobody", By::words);
                Some(format!("{who} cancelled, which proves nothing of this rung; {said}"))
            }
            (None, _) => Some(format!("orders rest; {said}")),
        }
    }

    fn took_s(&self) -> Option<f64> {
        self.outcome.as_ref().ok()?.took.map(|took| took.as_secs_f64())
    }

    fn worst(&self) -> Option<Usd> {
        self.outcome.as_ref().ok().map(|outcome| outcome.worst)
    }

    fn text(&self) -> String {
        let took = self.took_s().map_or("-".to_owned(), |took| format!("{took:.2} s"));
        let cents = |usd: Usd| format!("{:.2} USD", usd.to_f64());
        format!(
            "{:<24} {:<12} {took:>12} {:>9} {:>18}  {}\n",
            self.fault.words(),
            self.rung.words(),
            format!("{:.2} s", self.limit.as_secs_f64()),
            self.worst().map_or("-".to_owned(), cents),
            self.problem().map_or("passed".to_owned(), |why| format!("NOT PASSED: {why}")),
        )
    }

    fn json(&self) -> Value {
        json!({
            "fault": self.fault,
            "rung": self.rung,
            "cancelled_by": self.outcome.as_ref().ok().and_then(|outcome| outcome.by),
            "time_to_cancel_s": self.took_s(),
            "limit_s": self.limit.as_secs_f64(),
            "worst_exposure_usd": self.worst().map(|usd| usd.to_string()),
            "passed": self.is_passed(),
            "problem": self.problem(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(took: Option<f64>, by: Option<By>) -> Row {
        let took = took.map(Duration::from_secs_f64);
        let (worst, last_words) = (Usd::whole(500), "the bot said last: x".to_owned());
        let outcome = Ok(Outcome { by, took, worst, last_words });
        Row { fault: Fault::Stop, rung: By::Guard, limit: Duration::from_secs(5), outcome }
    }

    #[test]
    fn passed_is_the_rung_that_was_meant_in_time_and_nothing_else() {
        let row_in_time = row(Some(5.0), Some(By::Guard));
        assert!(row_in_time.is_passed(), "{}", row_in_time.text());
        assert!(
            row_in_time.text().contains("(b) guard") && row_in_time.text().contains("500.00 USD")
        );
        for (failed, why) in [
            (row(Some(5.001), Some(By::Guard)), "too late"),
            (row(Some(1.0), Some(By::Bot)), "bot itself cancelled, which proves nothing"),
            (row(None, None), "orders rest"),
            (Row { outcome: Err("no bot".to_owned()), ..row(None, None) }, "no bot"),
        ] {
            assert!(!failed.is_passed());
            assert!(failed.text().contains(&format!("NOT PASSED: {why}")), "{}", failed.text());
            assert_eq!(failed.json()["passed"], false);
        }
    }
}
