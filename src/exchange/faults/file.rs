//! Schedules of faults in a file, or made up from a seed.

use super::fault::{Fault, FaultKind, FaultSpec, MAX_FAULTS, Who};
use crate::exit::{AppError, Exit};
use botmm_pipeline::types::{Coin, Nanos, Side};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use std::path::Path;
use thiserror::Error;
use toml::Spanned;

/// No file of faults is longer.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Why a schedule was refused. `Display` is one line: file, line, what is wrong, what is allowed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{place}: {problem}")]
pub struct ScheduleError {
    place: String,
    problem: String,
}

impl From<ScheduleError> for AppError {
    fn from(error: ScheduleError) -> Self {
        Self::of(Exit::Config, error)
    }
}

/// What a file of faults says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Of everything that is left to chance.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    fault: Vec<Spanned<FaultSpec>>,
}

/// Reads a file of faults. Its format: see [`super`].
///
/// # Errors
/// The file cannot be read, or says something that makes no sense.
pub fn read_schedule(path: &Path) -> Result<Schedule, ScheduleError> {
    let place = path.display().to_string();
    match crate::files::read_text(path, MAX_FILE_BYTES) {
        Ok(text) => parse_schedule(&text, &place),
        Err(e) => Err(ScheduleError {
            place,
            problem: format!("cannot read: {e}; name a file like config/faults.example.toml"),
        }),
    }
}

/// Reads the text of a file called `name`.
///
/// # Errors
/// It says something that makes no sense.
pub fn parse_schedule(text: &str, name: &str) -> Result<Schedule, ScheduleError> {
    let at = |offset: usize, problem: &str| {
        let line = 1 + text.bytes().take(offset).filter(|&b| b == b'\n').count();
        let problem = problem.split_whitespace().collect::<Vec<_>>().join(" ");
        ScheduleError { place: format!("{name}:{line}"), problem }
    };
    let document: Document =
        toml::from_str(text).map_err(|e| at(e.span().map_or(0, |span| span.start), e.message()))?;
    if document.fault.len() > MAX_FAULTS {
        return Err(at(0, &format!("more than {MAX_FAULTS} faults")));
    }
    let faults = document
        .fault
        .iter()
        .map(|spec| spec.get_ref().check().map_err(|problem| at(spec.span().start, &problem)));
    Ok(Schedule { seed: document.seed, faults: faults.collect::<Result<_, _>>()? })
}

/// Faults of all kinds within a span of time, the same for the same seed. About one begins in each
/// twentieth of the span, and none lasts longer than that; the last quarter is quiet, so that a
/// test can see whether everything comes to rest.
pub fn random_schedule(seed: u64, span: Nanos) -> Vec<Fault> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let slot = Nanos((span.0 / 20).max(2));
    let fault = |n: i64| {
        let start = Nanos(n * slot.0 + rng.random_range(0..slot.0));
        let duration = Nanos(rng.random_range(1..=slot.0));
        Fault { kind: random_kind(&mut rng, slot), start, duration }
    };
    (0..14).map(fault).collect()
}

/// Bad days of these coins' markets, and of what is told and taken of them: as [`random_schedule`] in
/// everything else.
pub fn random_market_days(seed: u64, span: Nanos, coins: &[Coin]) -> Vec<Fault> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let slot = Nanos((span.0 / 10).max(2));
    let fault = |n: i64| {
        let start = Nanos(n * slot.0 + rng.random_range(0..slot.0 / 2 + 1));
        let duration = Nanos(rng.random_range(slot.0 / 4..=slot.0) + 1);
        Fault { kind: random_market(&mut rng, coins, slot), start, duration }
    };
    (0..6).map(fault).collect()
}

fn random_market(rng: &mut ChaCha8Rng, coins: &[Coin], slot: Nanos) -> FaultKind {
    let coin = coins[rng.random_range(0..coins.len())];
    let side = if rng.random() { Side::Bid } else { Side::Ask };
    match rng.random_range(0..7) {
        0 => FaultKind::SilentCoin { coin },
        1 => FaultKind::EmptySide { coin, side },
        2 => FaultKind::FarLevel { coin, side },
        3 => FaultKind::LateFeed {
            delay: Nanos(rng.random_range(1_000_000..=slot.0.max(1_000_001))),
        },
        4 => FaultKind::RefuseOrders { coin },
        5 => FaultKind::RefuseCancels,
        _ => FaultKind::Liquidation { coin },
    }
}

fn random_kind(rng: &mut ChaCha8Rng, slot: Nanos) -> FaultKind {
    let percent = rng.random_range(20..=100);
    let delay = Nanos(rng.random_range(1_000_000..=slot.0.max(1_000_001)));
    let back = if rng.random() { -1 } else { 1 };
    let offset = Nanos(back * delay.0);
    match rng.random_range(0..16) {
        0 => FaultKind::Drop { who: Who::All },
        1 => FaultKind::Drop { who: Who::User },
        2 => FaultKind::Drop { who: Who::Public },
        3 => FaultKind::Refuse,
        4 => FaultKind::DelayAnswers { delay, percent },
        5 => FaultKind::LoseAnswers { percent },
        6 => FaultKind::LoseActions { percent },
        7 => FaultKind::Duplicate { percent },
        8 => FaultKind::Reorder { delay, percent },
        9 => FaultKind::TooManyRequests,
        10 => FaultKind::ServerError,
        11 => FaultKind::Garbage { every: delay },
        12 => FaultKind::StaleBook,
        13 => FaultKind::PostOnly,
        14 => FaultKind::ClockJump { offset },
        _ => FaultKind::ClockSkew { offset },
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::KindName;
    use super::*;

    const EXAMPLE: &str = include_str!("../../../config/faults.example.toml");

    #[test]
    fn the_example_is_what_it_says() {
        let schedule = parse_schedule(EXAMPLE, "example").unwrap();
        assert_eq!(schedule.seed, 7);
        let first = Fault {
            kind: FaultKind::Drop { who: Who::User },
            start: Nanos::secs(30),
            duration: Nanos::ZERO,
        };
        assert_eq!(schedule.faults[0], first);
        let kinds: Vec<_> = schedule.faults.iter().map(|f| FaultSpec::of(f).name()).collect();
        let missing: Vec<_> = KindName::ALL.iter().filter(|name| !kinds.contains(name)).collect();
        assert!(missing.is_empty(), "the example has none of {missing:?}");
        assert_eq!(kinds.len(), KindName::ALL.len(), "one of each kind");
        for (n, fault) in schedule.faults.iter().enumerate() {
            let text = toml::to_string(&FaultSpec::of(fault)).unwrap();
            let again = parse_schedule(&format!("[[fault]]\n{text}"), "again").unwrap();
            assert_eq!(again.faults, [*fault], "fault {n}: {text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_said_with_its_line() {
        let says = |text: &str, place: &str, what: &str| {
            let error = parse_schedule(text, "f.toml").unwrap_err().to_string();
            assert!(error.starts_with(&format!("f.toml:{place}: ")), "{error}");
            assert!(error.contains(what) && !error.contains('\n'), "{error}");
        };
        let good = "[[fault]]\nkind = \"refuse\"\nduration = \"1s\"\n";
        says("seed = \"x\"", "1", "u64");
        says("[[fault]]\nkind = \"dorp\"\n", "2", "`drop`");
        says("[[fault]]\nstart = \"1s\"\n", "1", "kind");
        says(&format!("{good}[[fault]]\nkind = \"refuse\"\nduration = \"5\"\n"), "6", "50ms");
        says(&format!("{good}delay = \"1s\"\n"), "1", "`delay` means nothing");
        says(&format!("{good}dealy = \"1s\"\n"), "4", "dealy");
        says(&format!("{good}[[fault]]\nkind = \"stale_book\"\n"), "4", "`duration` is missing");
        says("[[fault]]\nkind=\"garbage\"\nduration=\"1s\"\nevery=\"1us\"", "1", "`every`");
        says("[[fault]]\nkind=\"duplicate\"\nduration=\"1s\"\npercent=101", "1", "1 to 100");
        says("[[fault]]\nkind=\"clock_jump\"\nduration=\"1s\"", "1", "`offset`");
        says("[[fault]]\nkind=\"silent_coin\"\nduration=\"1s\"", "1", "`coin`");
        says("[[fault]]\nkind=\"empty_side\"\nduration=\"1s\"\ncoin=\"ETH\"", "1", "`side`");
        says("[[fault]]\nkind=\"refuse\"\nstart=\"-1s\"\nduration=\"1s\"", "1", "negative");
        says(&"[[fault]]\nkind=\"drop\"\n".repeat(MAX_FAULTS + 1), "1", "more than");
        let missing = read_schedule(Path::new("/nowhere/f.toml")).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/f.toml: cannot read"), "{missing}");
    }

    #[test]
    fn a_seed_makes_one_schedule_that_ends_in_time() {
        let span = Nanos::secs(60);
        for seed in 0..200 {
            let faults = random_schedule(seed, span);
            assert_eq!(faults, random_schedule(seed, span));
            assert!(faults.iter().all(|f| f.end() <= Nanos(span.0 / 4 * 3)), "seed {seed}");
            for fault in &faults {
                assert_eq!(FaultSpec::of(fault).check().as_ref(), Ok(fault), "seed {seed}");
            }
        }
        assert_ne!(random_schedule(1, span), random_schedule(2, span));
        random_schedule(1, Nanos::ZERO);
        let coins = ["BTC", "ETH"].map(|name| Coin::new(name).unwrap());
        for seed in 0..200 {
            let faults = random_market_days(seed, span, &coins);
            assert_eq!(faults, random_market_days(seed, span, &coins));
            assert!(faults.iter().all(|f| f.end() <= Nanos(span.0 / 4 * 3)), "seed {seed}");
            for fault in &faults {
                assert_eq!(FaultSpec::of(fault).check().as_ref(), Ok(fault), "seed {seed}");
            }
        }
    }
}
