//! The side thread's part: keeps the file as the risk stage tells, and hands a person's request on.

use super::{RiskFile, end_in_words, in_words};
use crate::exit::AppError;
use crate::side::alert::{Alert, Topic};
use crate::side::errands::{Errands, Pending};
use crate::side::task::{FILE_PATIENCE, Task, Turn, Writing};
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::{BreakWhy, Breaks, Fact, Nanos, RiskCommand, RiskLimits, RiskSnapshot};
use botmm_pipeline::venue::hl::sign::Address;
use std::path::Path;

/// How often the file is written when nothing begins or ends.
const WRITE_EVERY: Nanos = Nanos::secs(5);
/// How often a request is looked for.
const LOOK_EVERY: Nanos = Nanos::millis(200);

/// See the module.
pub struct RiskKeeper {
    file: RiskFile,
    newest: Option<RiskSnapshot>,
    /// What holds by the file.
    written: Option<Breaks>,
    next_write: Nanos,
    next_look: Nanos,
    /// A request was handed to the risk stage before this time.
    handed_over: Option<Nanos>,
    writing: Writing,
    looking: Option<Pending<bool>>,
}

impl RiskKeeper {
    /// What earlier runs with a key kept, and what keeps this one's. The key's state must have been
    /// taken (locked) before.
    pub fn open(dir: &Path, signer: Address) -> Result<(Self, Option<RiskSnapshot>), AppError> {
        let file = RiskFile::new(dir, signer);
        let earlier = file.read()?;
        // Of a command that found another run, or was killed: nobody waits for its answer.
        file.answer()?;
        let keeper = Self {
            file,
            newest: None,
            written: None,
            next_write: Nanos::ZERO,
            next_look: Nanos::ZERO,
            handed_over: None,
            writing: Writing::default(),
            looking: None,
        };
        Ok((keeper, earlier))
    }

    /// Takes note of what the risk stage tells.
    fn saw(&mut self, kept: &RiskSnapshot) {
        self.newest = Some(*kept);
    }

    /// Whether a person asks for a re-arm that was not handed over yet: looked for now and then.
    fn is_asked(&mut self, now: Nanos, files: &Errands) -> bool {
        if let Some(looking) = &self.looking {
            let Some(answer) = looking.poll(now) else { return false };
            self.looking = None;
            return answer == Ok(true);
        }
        if self.handed_over.is_none() && now >= self.next_look {
            self.next_look = now + LOOK_EVERY;
            let file = self.file.clone();
            self.looking = Some(files.send(now, FILE_PATIENCE, move || file.is_asked()));
        }
        false
    }

    /// What is to be written now, and whether it answers a request that has taken effect.
    fn due(&mut self, now: Nanos) -> Option<(RiskSnapshot, bool)> {
        let newest = self.newest?;
        let is_answer = self.handed_over.is_some_and(|since| newest.time >= since);
        let is_change = !self.written.is_some_and(|written| written.same_as(&newest.breaks));
        if !is_answer && !is_change && now < self.next_write {
            return None;
        }
        self.next_write = now + WRITE_EVERY;
        // Whatever becomes of the file, it is not tried again at every turn.
        self.written = Some(newest.breaks);
        if is_answer {
            self.handed_over = None;
        }
        Some((newest, is_answer))
    }

    /// The run is over: writes the last state. What a person must know of it, if anything.
    pub fn finish(&mut self) -> Result<Option<String>, AppError> {
        self.writing.wait();
        let Some(newest) = self.newest else { return Ok(None) };
        self.file.write(&newest)?;
        let warning = format!(
            "the next run is halted too: {}; `{}` ends that",
            in_words(&newest.breaks),
            self.file.command()
        );
        Ok(newest.breaks.is_halt().then_some(warning))
    }

    /// What holds now, and how near the loss limits are, for the status screen.
    pub fn status(&self, limits: &RiskLimits) -> String {
        let Some(newest) = &self.newest else { return "risk: nothing known yet".to_owned() };
        let at = |frac: f64| limits.capital_usd.to_f64() * frac;
        let holds = match newest.breaks.any() {
            false => "safe".to_owned(),
            true => {
                let holds = in_words(&newest.breaks).to_uppercase();
                format!("CIRCUIT BREAK: {holds}; `{}` ends it", self.file.command())
            }
        };
        format!(
            "risk: {holds}  ·  today {:+.2} USD (halts beyond -{:.2})  ·  {:.2} below peak (halts \
             beyond {:.2})",
            newest.day_profit.to_f64(),
            at(limits.max_daily_loss_frac),
            newest.below_peak.to_f64(),
            at(limits.max_drawdown_frac)
        )
    }

    /// How what an alert tells of ends, and the command for it; nothing for alerts of other things.
    pub fn end_of(&self, kind: AlertKind) -> Option<String> {
        let breaks = self.newest?.breaks;
        let how = match kind {
            AlertKind::Restored => in_words(&breaks),
            AlertKind::ApiErrors => end_in_words(breaks.get(BreakWhy::ApiErrors)?),
            AlertKind::LargeMove => end_in_words(breaks.get(BreakWhy::LargeMove)?),
            AlertKind::DailyLoss(_) => end_in_words(breaks.get(BreakWhy::DailyLoss)?),
            AlertKind::Drawdown(_) => end_in_words(breaks.get(BreakWhy::Drawdown)?),
            AlertKind::Liquidated => end_in_words(breaks.get(BreakWhy::Liquidation)?),
            _ => return None,
        };
        Some(format!("{how}; {}", self.file.command()))
    }
}

impl Task for RiskKeeper {
    fn name(&self) -> &'static str {
        "risk state"
    }

    fn hear(&mut self, fact: &Fact) {
        if let Fact::Risk(kept) = fact {
            self.saw(kept);
        }
    }

    /// Keeps the risk state for the next run, and hands on a person's request to re-arm.
    fn turn(&mut self, turn: &mut Turn<'_>) {
        let (now, files) = (turn.now, &turn.workers.files);
        // A full ring refuses, and the request is found again at the next look.
        if self.is_asked(now, files) && turn.to_risk.push(RiskCommand::Rearm).is_ok() {
            self.handed_over = Some(now);
        }
        let said = self.writing.turn(now);
        if self.writing.is_free()
            && let Some((newest, is_answer)) = self.due(now)
        {
            let file = self.file.clone();
            self.writing.begin(now, files, move || {
                file.write(&newest)?;
                if is_answer { file.answer() } else { Ok(()) }
            });
        }
        said.into_iter().for_each(|said| turn.say(Alert::warn(Topic::Machine, said)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side::task::tests::Stand;
    use botmm_pipeline::types::BreakEnd;
    use std::time::Duration;

    const KEY: Address = Address::new([7; 20]);

    /// A turn, and what it has begun is done.
    fn turn_at(stand: &mut Stand, keeper: &mut RiskKeeper, now: Nanos) {
        stand.now = now;
        assert!(stand.turn(keeper).said.is_empty());
        stand.until(|stand| {
            let is_done =
                stand.workers.files.send(now, FILE_PATIENCE, || ()).wait(Duration::from_secs(60));
            is_done.is_some()
        });
        assert_eq!(keeper.writing.turn(now), None);
    }

    fn kept(at_s: i64, end: Option<BreakEnd>) -> RiskSnapshot {
        let mut kept = RiskSnapshot::new(Nanos::secs(at_s));
        kept.breaks.set(BreakWhy::Drawdown, end);
        kept
    }

    #[test]
    fn a_change_is_kept_at_once_and_the_rest_now_and_then() {
        let dir = tempfile::tempdir().unwrap();
        let (mut keeper, earlier) = RiskKeeper::open(dir.path(), KEY).unwrap();
        let file = RiskFile::new(dir.path(), KEY);
        assert_eq!(earlier, None);
        let mut stand = Stand::with_room(4);
        turn_at(&mut stand, &mut keeper, Nanos::secs(9));
        assert_eq!(file.read().unwrap(), None, "nothing is known yet");
        let mut told = |at_s, end| {
            keeper.hear(&Fact::Risk(kept(at_s, end)));
            turn_at(&mut stand, &mut keeper, Nanos::secs(at_s));
            file.read().unwrap().unwrap().time
        };
        assert_eq!(told(10, None), Nanos::secs(10));
        assert_eq!(told(14, None), Nanos::secs(10));
        assert_eq!(told(15, None), Nanos::secs(15));
        assert_eq!(told(16, Some(BreakEnd::Manual)), Nanos::secs(16));
        assert_eq!(told(17, Some(BreakEnd::Manual)), Nanos::secs(16));
        assert_eq!(told(18, None), Nanos::secs(18));
        assert_eq!(told(19, Some(BreakEnd::Manual)), Nanos::secs(19));
        let warning = keeper.finish().unwrap().unwrap();
        assert!(warning.contains("drawdown limit reached (until a person re-arms)"), "{warning}");
        assert!(warning.contains("botmm rearm --state"), "{warning}");
        let earlier = RiskKeeper::open(dir.path(), KEY).unwrap().1;
        assert_eq!(earlier, Some(kept(19, Some(BreakEnd::Manual))));
    }

    #[test]
    fn the_status_says_what_holds_and_how_near_the_limits_are() {
        let dir = tempfile::tempdir().unwrap();
        let (mut keeper, _) = RiskKeeper::open(dir.path(), KEY).unwrap();
        let limits = RiskLimits::default();
        assert_eq!(keeper.status(&limits), "risk: nothing known yet");
        let mut lost = kept(10, None);
        lost.day_profit = botmm_pipeline::types::Usd::parse("-12.345").unwrap();
        keeper.saw(&lost);
        let said = keeper.status(&limits);
        assert!(said.starts_with("risk: safe  ·  today -12.3"), "{said}");
        assert!(said.contains("(halts beyond -500.00)"), "{said}");
        keeper.saw(&kept(11, Some(BreakEnd::Manual)));
        let said = keeper.status(&limits);
        assert!(said.contains("CIRCUIT BREAK: DRAWDOWN LIMIT REACHED"), "{said}");
        assert!(said.contains("botmm rearm"), "{said}");
    }

    #[test]
    fn a_request_is_answered_when_it_has_taken_effect() {
        let dir = tempfile::tempdir().unwrap();
        let file = RiskFile::new(dir.path(), KEY);
        file.ask().unwrap();
        let (mut keeper, _) = RiskKeeper::open(dir.path(), KEY).unwrap();
        assert!(!file.is_asked(), "of before the start");
        let mut stand = Stand::with_room(4);
        let mut told = |kept: RiskSnapshot, at: Nanos| {
            keeper.hear(&Fact::Risk(kept));
            turn_at(&mut stand, &mut keeper, at);
            turn_at(&mut stand, &mut keeper, at);
            stand.told_risk().len()
        };
        let held = kept(10, Some(BreakEnd::Manual));
        assert_eq!(told(held, Nanos::secs(10)), 0);
        file.ask().unwrap();
        assert_eq!(told(held, Nanos::millis(10_100)), 0, "not looked for at every turn");
        assert_eq!(told(held, Nanos::millis(10_200)), 1);
        // What is told of before the request reached the stage is no answer, and it is not asked twice.
        assert_eq!(told(held, Nanos::secs(11)), 0);
        assert!(file.is_asked());
        assert_eq!(told(kept(11, None), Nanos::secs(11)), 0);
        assert!(!file.is_asked());
        assert_eq!(file.read().unwrap(), Some(kept(11, None)), "written before it was answered");
    }

    #[test]
    fn a_broken_file_is_named_and_not_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("{KEY}.risk.json"));
        std::fs::write(&path, "{\"time\": ").unwrap();
        let error = RiskKeeper::open(dir.path(), KEY).err().unwrap().to_string();
        assert!(error.contains(".risk.json: not a risk state: EOF"), "{error}");
        assert!(error.contains("move it away"), "{error}");
    }
}
