//! Why each side is quoted or not: the present reason in a sentence, what would end it, and the shares of
//! time of all reasons, by the journal's `state` lines.

use super::cures::cure;
use super::number::span;
use super::reasons::{ReasonTime, Shares, shares};
use crate::exit::AppError;
use crate::journal::SUMMARY;
use crate::journal::line::{Head, Line, Risk, State};
use crate::journal::reader::Lines;
use crate::journal::segments::Reading;
use crate::when::{parse_utc, utc, utc_s};
use botmm_pipeline::types::{Nanos, Reason, Side};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

/// A bot tells of its account every minute: one of which nothing came for longer does not run.
const SILENT: Nanos = Nanos::secs(90);

/// See the module.
#[derive(Clone, Debug)]
pub struct Why {
    journal: PathBuf,
    /// The run goes on.
    is_running: bool,
    /// The moment that all of this is of: now, or the run's last word.
    at: Nanos,
    /// Shares are of the time from here to there.
    from: Nanos,
    /// Lines that the journal lacks of that time.
    lost: u64,
    /// What holds all coins, and how it ends.
    breaks: BTreeMap<String, String>,
    coins: BTreeMap<String, [SideWhy; 2]>,
}

/// One side of a coin.
#[derive(Clone, Debug)]
struct SideWhy {
    reason: Reason,
    /// It holds since then.
    since: Nanos,
    shares: Shares,
}

/// What a journal tells of its reasons.
#[derive(Debug, Default)]
struct Told {
    states: BTreeMap<String, Vec<(Nanos, [Reason; 2])>>,
    risk: Option<Risk>,
    lost: Vec<(Nanos, u64)>,
    last: Nanos,
}

impl Why {
    /// By the journal of a run, over the time `last` before now, or before the end of a run that is over.
    ///
    /// # Errors
    /// The journal cannot be read, or says nothing of any coin, or not of this one.
    pub fn read(
        path: &Path,
        coin: Option<&str>,
        last: Nanos,
        now: Nanos,
    ) -> Result<Self, AppError> {
        let reading = Reading::open(path).map_err(AppError::io(path, "read"))?;
        let is_over = path.with_file_name(SUMMARY).exists();
        let mut told = Told::default();
        for at in (0..reading.files()).rev() {
            let Some(mut lines) = Lines::of(&reading, at)? else { break };
            let mut older = Told::default();
            while let Some((_, text)) = lines.next_line()? {
                // What is no line is `explain`'s and `history`'s to tell.
                let _ = text.and_then(|text| older.take(text));
            }
            told.put_before(older);
            let from = told.moment(is_over, now).1 - last;
            let begins = |states: &Vec<(Nanos, _)>| states.first().is_some_and(|s| s.0 <= from);
            if !told.states.is_empty() && told.states.values().all(begins) {
                break;
            }
        }
        let (is_running, at) = told.moment(is_over, now);
        let from = at - last;
        let place = || path.display().to_string();
        if told.states.is_empty() {
            let problem = "says nothing of any coin yet";
            return Err(AppError::data(place(), problem, "wait, or name another with --journal"));
        }
        let all: Vec<String> = told.states.keys().cloned().collect();
        let wanted = |name: &String| coin.is_none_or(|coin| coin.eq_ignore_ascii_case(name));
        let coins = told.states.iter().filter(|(name, _)| wanted(name));
        let coins: BTreeMap<_, _> = coins
            .map(|(name, states)| {
                (name.clone(), Side::BOTH.map(|side| SideWhy::of(states, side, [from, at])))
            })
            .collect();
        if coins.is_empty() {
            let problem = format!("no such coin; there are: {}", all.join(", "));
            return Err(AppError::data(place(), problem, "ask for another coin or journal"));
        }
        let since = told.states.values().filter_map(|states| states.first()).map(|s| s.0).min();
        Ok(Self {
            journal: path.to_owned(),
            is_running,
            at,
            from: since.map_or(from, |since| since.max(from)),
            lost: told.lost.iter().filter(|(time, _)| *time >= from).map(|(_, lost)| lost).sum(),
            breaks: told.risk.and_then(|risk| risk.breaks).unwrap_or_default(),
            coins,
        })
    }
}

impl Told {
    fn take(&mut self, text: &str) -> Result<(), String> {
        let head = Head::of(text)?;
        let time = head.time.as_deref().and_then(|time| parse_utc(time).ok());
        self.last = self.last.max(time.unwrap_or(Nanos::ZERO));
        if !matches!(&*head.kind, "state" | "risk" | "gap") {
            return Ok(());
        }
        let time = time.ok_or("a line without a time")?;
        match Line::read(text)? {
            Some(Line::State(State { coin, bid, ask, .. })) => {
                let reasons = [read(&bid)?, read(&ask)?];
                self.states.entry(coin).or_default().push((time, reasons));
            }
            Some(Line::Risk(risk)) if risk.coin.is_none() => self.risk = Some(risk),
            Some(Line::Gap(gap)) => self.lost.push((time, gap.lost)),
            _ => {}
        }
        Ok(())
    }

    /// What an older file told comes before.
    fn put_before(&mut self, older: Self) {
        for (coin, mut states) in older.states {
            let newer = self.states.entry(coin).or_default();
            states.append(newer);
            *newer = states;
        }
        self.risk = self.risk.take().or(older.risk);
        self.lost.extend(older.lost);
        self.last = self.last.max(older.last);
    }

    /// Whether the run goes on, and which moment its newest word is of.
    fn moment(&self, is_over: bool, now: Nanos) -> (bool, Nanos) {
        match !is_over && now - self.last <= SILENT {
            true => (true, now.max(self.last)),
            false => (false, self.last),
        }
    }
}

fn read(code: &str) -> Result<Reason, String> {
    let known = Reason::ALL.into_iter().find(|reason| reason.as_str() == code);
    known.ok_or_else(|| format!("{code:?} is no reason"))
}

impl SideWhy {
    /// Of at least one state.
    fn of(states: &[(Nanos, [Reason; 2])], side: Side, [from, to]: [Nanos; 2]) -> Self {
        let mut times: ReasonTime = [Nanos::ZERO; Reason::COUNT];
        let (mut reason, mut since) = (Reason::default(), from);
        for (at, (begin, reasons)) in states.iter().enumerate() {
            let next = reasons[side.index()];
            if at == 0 || next != reason {
                (reason, since) = (next, *begin);
            }
            let end = states.get(at + 1).map_or(to, |next| next.0);
            let time = end.min(to) - (*begin).max(from);
            times[reason as usize] = times[reason as usize] + time.max(Nanos::ZERO);
        }
        Self { reason, since, shares: shares(&times) }
    }

    fn to_json(&self, at: Nanos) -> Value {
        let cure = cure(self.reason);
        json!({
            "reason": self.reason.as_str(), "sentence": cure.sentence, "ends": cure.ends,
            "since": utc(self.since), "for_s": (at - self.since).as_secs_f64(),
            "shares": self.shares,
        })
    }
}

impl Why {
    /// For programs.
    pub fn to_json(&self) -> Value {
        let coin = |(coin, [bid, ask]): (&String, &[SideWhy; 2])| {
            let sides = json!({ "bid": bid.to_json(self.at), "ask": ask.to_json(self.at) });
            (coin.clone(), sides)
        };
        json!({
            "journal": self.journal.display().to_string(), "is_running": self.is_running,
            "at": utc(self.at), "from": utc(self.from), "lost_lines": self.lost,
            "breaks": self.breaks,
            "coins": self.coins.iter().map(coin).collect::<serde_json::Map<_, _>>(),
        })
    }
}

impl Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = utc_s(self.at);
        match self.is_running {
            true => writeln!(f, "{at}, by {}", self.journal.display())?,
            false => {
                writeln!(f, "NOT RUNNING: as of {at}, the last word of {}", self.journal.display())?
            }
        }
        for (why, end) in &self.breaks {
            writeln!(f, "held by {why} until {end}")?;
        }
        for (coin, sides) in &self.coins {
            for (name, side) in ["bid", "ask"].iter().zip(sides) {
                let cure = cure(side.reason);
                let (code, words) = (side.reason.as_str(), side.reason.in_words());
                let code = if code == words { String::new() } else { format!(" ({code})") };
                let lasts = span((self.at - side.since).as_secs_f64());
                writeln!(f, "\n{coin} {name}: {words}{code}, for {lasts}")?;
                wrapped(f, cure.sentence)?;
                if side.reason != Reason::Quoted {
                    wrapped(f, &format!("What ends it: {}", cure.ends))?;
                }
                let mut shares: Vec<_> = side.shares.iter().collect();
                shares.sort_by(|a, b| b.1.total_cmp(a.1));
                let shares =
                    shares.iter().map(|(code, share)| format!("{:.1} % {code}", *share * 100.0));
                let over = span((self.at - self.from).as_secs_f64());
                let shares = shares.collect::<Vec<_>>().join(", ");
                wrapped(f, &format!("The last {over}: {shares}"))?;
            }
        }
        if self.lost > 0 {
            writeln!(f, "\n{} lines of that time are missing in the journal", self.lost)?;
        }
        Ok(())
    }
}

/// A text in lines of at most 80 columns, set in.
fn wrapped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + word.chars().count() > 76 {
            writeln!(f, "   {line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    writeln!(f, "   {line}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::segments::LIVE;

    fn state(s: i64, coin: &str, bid: &str, ask: &str) -> String {
        let time = utc(Nanos::secs(1_000_000 + s));
        json!({ "type": "state", "time": time, "coin": coin, "bid": bid, "ask": ask }).to_string()
    }

    fn why(dir: &Path, coin: Option<&str>, now_s: i64) -> Result<Why, AppError> {
        let now = Nanos::secs(1_000_000 + now_s);
        Why::read(&dir.join(LIVE), coin, Nanos::secs(100), now)
    }

    fn write(dir: &Path, name: &str, lines: &[String]) {
        std::fs::write(dir.join(name), lines.join("\n") + "\n").unwrap();
    }

    #[test]
    fn shares_are_of_the_asked_time_and_the_present_reason_is_told_with_its_cure() {
        let dir = tempfile::tempdir().unwrap();
        // What held before the asked time is in an older segment.
        write(
            dir.path(),
            "journal.000001.jsonl",
            &[
                state(0, "BTC", "warmup", "warmup"),
                state(10, "BTC", "quoted", "quoted"),
                state(10, "ETH", "quoted", "quoted"),
            ],
        );
        write(
            dir.path(),
            LIVE,
            &[
                state(160, "BTC", "one_sided", "quoted"),
                state(170, "BTC", "one_sided", "in_flight"),
                json!({"type": "gap", "time": utc(Nanos::secs(1_000_171)), "lost": 4}).to_string(),
            ],
        );
        let json = why(dir.path(), None, 200).unwrap().to_json();
        assert_eq!((&json["is_running"], &json["lost_lines"]), (&json!(true), &json!(4)));
        let bid = &json["coins"]["BTC"]["bid"];
        assert_eq!(bid["shares"], json!({"quoted": 0.6, "one_sided": 0.4}));
        assert_eq!((&bid["reason"], &bid["for_s"]), (&json!("one_sided"), &json!(40.0)));
        let ask = &json["coins"]["BTC"]["ask"];
        assert_eq!(ask["shares"], json!({"quoted": 0.7, "in_flight": 0.3}));
        assert_eq!(json["coins"]["ETH"]["bid"]["shares"], json!({"quoted": 1.0}));
        let text = why(dir.path(), Some("btc"), 200).unwrap().to_string();
        for part in [
            "BTC bid: only reducing position (one_sided), for 40.0 s",
            "What ends it: Fills of the other side",
            "The last 1 m 40 s: 60.0 % quoted, 40.0 % one_sided",
            "4 lines of that time are missing",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(!text.contains("ETH") && text.lines().all(|line| line.chars().count() <= 80));
        let other = why(dir.path(), Some("SOL"), 200).unwrap_err().to_string();
        assert!(other.contains("there are: BTC, ETH"), "{other}");
    }

    #[test]
    fn of_a_run_that_is_over_or_silent_the_last_word_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let risk = json!({"type": "risk", "time": utc(Nanos::secs(1_000_150)), "coin": null,
            "state": "circuit_break", "breaks": {"daily_loss": "by_hand"}});
        write(
            dir.path(),
            LIVE,
            &[
                state(100, "BTC", "quoted", "quoted"),
                state(150, "BTC", "halted", "halted"),
                risk.to_string(),
            ],
        );
        let silent = why(dir.path(), None, 1_000).unwrap();
        assert!(!silent.is_running && silent.at == Nanos::secs(1_000_150), "{silent:?}");
        assert!(why(dir.path(), None, 180).unwrap().is_running);
        std::fs::write(dir.path().join(SUMMARY), "{}").unwrap();
        let text = why(dir.path(), None, 180).unwrap().to_string();
        assert!(text.starts_with("NOT RUNNING: as of 1970-01-12T13:49:10Z"), "{text}");
        assert!(text.contains("held by daily_loss until by_hand"), "{text}");
        assert!(text.contains("What ends it: A person: look at the alerts"), "{text}");
        write(dir.path(), LIVE, &[]);
        assert!(
            why(dir.path(), None, 180).unwrap_err().to_string().contains("nothing of any coin")
        );
    }
}
