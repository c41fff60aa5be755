//! A risk state as text. Times in UTC to the nanosecond, amounts as exact decimals.

use super::in_words;
use crate::journal::{AT_ROLLOVER, BY_HAND, end_word};
use crate::when::{exact_utc, parse_utc, utc_date};
use botmm_pipeline::types::risk::utc_day;
use botmm_pipeline::types::{BreakEnd, BreakWhy, Marks, RiskSnapshot, Usd};
use serde::{Deserialize, Serialize};

/// The file, key by key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// For whoever opens it; says nothing that the other keys do not.
    #[serde(default)]
    note: String,
    time: String,
    breaks: Vec<Break>,
    utc_day: String,
    day_profit_usd: String,
    below_peak_usd: String,
    api_errors: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Break {
    why: String,
    /// `by_hand`, `at_rollover`, or a time.
    ends: String,
    /// By which marks a loss limit was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marks: Option<String>,
}

/// The text of a state.
pub fn write(kept: &RiskSnapshot) -> Result<String, serde_json::Error> {
    let note = match kept.breaks.any() {
        true => format!("nothing is quoted: {}; `botmm rearm` ends it", in_words(&kept.breaks)),
        false => "nothing is halted or cooling down".to_owned(),
    };
    let held = kept.breaks.iter().map(|(why, end)| Break {
        why: why.as_str().to_owned(),
        ends: end_word(end, exact_utc),
        marks: kept.breaks.marks(why).map(|marks| marks.as_str().to_owned()),
    });
    let file = File {
        note,
        time: exact_utc(kept.time),
        breaks: held.collect(),
        utc_day: utc_date(kept.day),
        day_profit_usd: kept.day_profit.to_string(),
        below_peak_usd: kept.below_peak.to_string(),
        api_errors: kept.errors().iter().copied().map(exact_utc).collect(),
    };
    Ok(serde_json::to_string_pretty(&file)? + "\n")
}

/// A state from its text, or what is wrong with that.
pub fn parse(text: &str) -> Result<RiskSnapshot, String> {
    let file: File = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let mut kept = RiskSnapshot::new(parse_utc(&file.time)?);
    for Break { why, ends, marks } in &file.breaks {
        let known = BreakWhy::ALL.into_iter().find(|w| w.as_str() == why);
        let known = known.ok_or_else(|| format!("{why:?} is no breaker"))?;
        let cools_down = matches!(known, BreakWhy::ApiErrors | BreakWhy::LargeMove);
        let end = match (ends.as_str(), cools_down) {
            (BY_HAND, false) => BreakEnd::Manual,
            (AT_ROLLOVER, false) if known == BreakWhy::DailyLoss => BreakEnd::Rollover,
            (at, true) => BreakEnd::At(parse_utc(at)?),
            (other, false) => return Err(format!("{why} does not end {other:?}")),
        };
        if kept.breaks.get(known).is_some() {
            return Err(format!("{why} is there twice"));
        }
        kept.breaks.set(known, Some(end));
        kept.breaks.set_marks(known, marks.as_deref().map(marks_of).transpose()?);
    }
    kept.day = utc_day(parse_utc(&format!("{}T00:00:00Z", file.utc_day))?);
    kept.day_profit = amount("day_profit_usd", &file.day_profit_usd)?;
    kept.below_peak = amount("below_peak_usd", &file.below_peak_usd)?;
    if kept.below_peak.is_negative() {
        return Err("below_peak_usd is below zero".to_owned());
    }
    for at in &file.api_errors {
        if !kept.push_error(parse_utc(at)?) {
            return Err("more api_errors than are counted".to_owned());
        }
    }
    Ok(kept)
}

fn marks_of(word: &str) -> Result<Marks, String> {
    let known = Marks::ALL.into_iter().find(|marks| marks.as_str() == word);
    known.ok_or_else(|| format!("{word:?} are no marks"))
}

fn amount(key: &str, text: &str) -> Result<Usd, String> {
    let usd = Usd::parse(text).map_err(|e| format!("{key} {text:?}: {e}"))?;
    match (-Usd::LARGEST_VALUE..=Usd::LARGEST_VALUE).contains(&usd) {
        true => Ok(usd),
        false => Err(format!("{key} {text} is more than any account has")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::types::Nanos;
    use botmm_pipeline::types::limits::MAX_API_ERRORS;
    use proptest::prelude::*;

    fn any_time() -> impl Strategy<Value = Nanos> {
        prop_oneof![(0..=i64::MAX), 1_757_015_216_000_000_000_i64..1_857_015_216_000_000_000]
            .prop_map(Nanos)
    }

    fn any_kept() -> impl Strategy<Value = RiskSnapshot> {
        let money = -Usd::LARGEST_VALUE.raw()..=Usd::LARGEST_VALUE.raw();
        let cool = || proptest::option::of(any_time().prop_map(BreakEnd::At));
        let hand = prop_oneof![Just(BreakEnd::Manual), Just(BreakEnd::Rollover)];
        let by_hand = || proptest::option::of(Just(BreakEnd::Manual));
        let halts = (proptest::option::of(hand), by_hand(), by_hand());
        let errors = proptest::collection::vec(any_time(), 0..=MAX_API_ERRORS);
        let numbers = (any_time(), any_time(), money, 0..=Usd::LARGEST_VALUE.raw());
        (numbers, cool(), cool(), halts, errors).prop_map(|(numbers, api, large, halts, errors)| {
            let mut kept = RiskSnapshot::new(numbers.0);
            kept.day = utc_day(numbers.1);
            kept.day_profit = Usd::from_raw(numbers.2);
            kept.below_peak = Usd::from_raw(numbers.3);
            let ends = [api, large, halts.0, halts.1, halts.2];
            for (why, end) in BreakWhy::ALL.into_iter().zip(ends) {
                kept.breaks.set(why, end);
            }
            let by = Marks::ALL.get(numbers.1.0 as usize % 5).copied();
            kept.breaks.set_marks(BreakWhy::DailyLoss, by);
            errors.into_iter().for_each(|t| assert!(kept.push_error(t)));
            kept
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_exactly(kept in any_kept()) {
            let text = write(&kept).unwrap();
            prop_assert_eq!(parse(&text), Ok(kept), "{}", text);
        }

        /// Whatever an editor or a failing disk leaves: a state or an error, and never a panic.
        #[test]
        fn a_spoilt_file_is_no_panic(kept in any_kept(), at in any::<usize>(), byte in 32_u8..127) {
            let mut text = write(&kept).unwrap().into_bytes();
            let at = at % text.len();
            text[at] = byte;
            let _ = parse(std::str::from_utf8(&text).unwrap_or_default());
            let _ = parse(std::str::from_utf8(&text[..at]).unwrap_or_default());
        }
    }

    /// A state by hand, as a person reads it.
    const TEXT: &str = r#"{
  "note": "nothing is quoted: large move (until 2026-11-26T19:47:46.500000Z), daily loss limit reached by the book's mid alone (until a person re-arms); `botmm rearm` ends it",
  "time": "2026-11-26T19:42:46.500000000Z",
  "breaks": [
    {
      "why": "large_move",
      "ends": "2026-11-26T19:47:46.500000000Z"
    },
    {
      "why": "daily_loss",
      "ends": "by_hand",
      "marks": "book"
    }
  ],
  "utc_day": "2026-11-26",
  "day_profit_usd": "-512.3",
  "below_peak_usd": "600.00000001",
  "api_errors": [
    "2026-11-26T19:42:40.000000001Z"
  ]
}
"#;

    #[test]
    fn a_person_can_read_it() {
        let kept = parse(TEXT).unwrap();
        assert_eq!(write(&kept).unwrap(), TEXT);
        assert_eq!(kept.day_profit.to_string(), "-512.3");
        assert_eq!(kept.errors()[0].0 % 1_000_000_000, 1);
    }

    #[test]
    fn what_cannot_be_is_named() {
        let cases = [
            ("daily_loss", "no_loss", "\"no_loss\" is no breaker"),
            ("\"book\"", "\"oracle\"", "\"oracle\" are no marks"),
            ("by_hand", "tomorrow", "daily_loss does not end \"tomorrow\""),
            ("2026-11-26T19:47:46.500000000Z\"\n", "by_hand\"\n", "\"by_hand\" is not a UTC time"),
            ("large_move\",", "daily_loss\",", "daily_loss does not end"),
            ("\"2026-11-26\"", "\"2026-13-26\"", "is not a UTC time"),
            ("-512.3", "-512.3e9", "day_profit_usd"),
            ("-512.3", "-90000000000", "more than any account has"),
            ("600.00000001", "-1", "below zero"),
            ("utc_day", "utc_days", "unknown field"),
            ("\"time\"", "\"tine\"", "unknown field"),
        ];
        for (was, is, says) in cases {
            let text = TEXT.replacen(was, is, 1);
            assert_ne!(text, TEXT, "{was}");
            let error = parse(&text).unwrap_err();
            assert!(error.contains(says), "{was} -> {is}: {error}");
        }
        let twice = TEXT
            .replace("large_move", "drawdown")
            .replace("2026-11-26T19:47:46.500000000Z", "by_hand");
        let twice = twice.replace("daily_loss", "drawdown");
        assert_eq!(parse(&twice), Err("drawdown is there twice".to_owned()));
    }
}
