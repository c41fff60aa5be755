//! A bot that is left alone, in virtual time and over midnight: what it tells of a day, what its ledger says
//! and what the history has of it are the same to the last unit, and it needs no more memory at the end than
//! after its first hours.
//!
//! `BOTMM_DAY_MINUTES` before midnight it begins (default 12; a whole day: 1440). From six hours on its memory is
//! looked at: run it alone then, since that is the process's.

use crate::number;
use crate::world::{Begin, Bot, Setup, bot, exchange_from, universe, user};
use botmm::bot::lines;
use botmm::history::{History, follow};
use botmm::journal::Journal;
use botmm::journal::day::{DayBook, DayReport};
use botmm_pipeline::rt::virtual_time::{Drive, run_inline};
use botmm_pipeline::rt::{HaltLevel, Lane, WallClock};
use botmm_pipeline::types::*;
use botmm_pipeline::venue::hl::sign::Nonce;
use botmm_pipeline::wiring::Pipeline;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const MINUTES: u64 = 12;
const LOOKS_AT_MEMORY_FROM: u64 = 360;
const MINUTE: Nanos = Nanos::secs(60);
const MIDNIGHT: Nanos = Nanos::secs(20_780 * 86_400);
/// So long after midnight it goes on.
const AFTER: Nanos = Nanos::secs(180);
/// Of its time it takes to know how much memory it needs.
const SETTLES: f64 = 0.25;
/// What it may need beyond that: the exchange remembers 10,000 fills, SQLite 2 MB of pages, and the system gives and
/// takes in pieces.
const GROWTH_KIB: u64 = 10 << 10;
/// The journal is taken in so often.
const FOLLOW_EVERY: Nanos = Nanos::secs(600);
/// Nothing here is of a real clock.
const LONG: Duration = Duration::from_secs(3_600);

/// What is kept of it beside the bot.
struct Office {
    dir: TempDir,
    journal: Journal,
    history: History,
    days: DayBook,
    told: Vec<DayReport>,
    ended: Vec<DayNet>,
    next_follow: Nanos,
    memory_kib: Vec<u64>,
}

#[test]
fn a_day_is_the_same_in_the_report_the_ledger_and_the_history() {
    let minutes = number("BOTMM_DAY_MINUTES").unwrap_or(MINUTES);
    let start = MIDNIGHT - Nanos(MINUTE.0 * i64::try_from(minutes).unwrap());
    let mut setup = Setup::new(5, Vec::new(), Nanos::ZERO);
    setup.capital = Usd::whole(1_000_000);
    let venue = exchange_from(start, &setup);
    let begin = Begin { session: 1, nonce: Nonce::after(0), settle: Nanos::ZERO, risk: None };
    let Bot { mut pipeline, .. } = bot(&setup, &venue, begin);
    let stages = core::mem::take(&mut pipeline.stages);
    let mut office = Office::open(start);
    let end = MIDNIGHT + AFTER;
    let mut after_moment = |now: Nanos| {
        office.hear(now, &mut pipeline);
        if now < end {
            return true;
        }
        pipeline.level.raise(HaltLevel::Halt);
        let rests = venue.with(|host| host.inner().venue().open_orders(&user()).len());
        rests > 0 || now < end + Nanos::secs(2)
    };
    let end = end + Nanos::secs(30);
    let drive =
        Drive { start, end, venue: Box::new(venue.stage()), after_moment: &mut after_moment };
    let mut lanes = Lane::inline(stages, &WallClock::default()).0;
    // What is met page by page, hour by hour, would look as if it grew.
    lanes.iter_mut().for_each(Lane::fault_in);
    run_inline(lanes, drive);
    office.hear(end, &mut pipeline);
    let memory_kib = office.closes(end, &pipeline);
    if minutes >= LOOKS_AT_MEMORY_FROM {
        memory_is_flat(&memory_kib);
    }
}

impl Office {
    fn open(start: Nanos) -> Self {
        let dir = TempDir::new().unwrap();
        let journal = Journal::create(&dir.path().join("run"), &universe(), None).unwrap();
        let history = History::open(&dir.path().join("history.db")).unwrap().history;
        Self {
            dir,
            journal,
            history,
            days: DayBook::default(),
            told: Vec::new(),
            ended: Vec::new(),
            next_follow: start,
            memory_kib: Vec::new(),
        }
    }

    fn hear(&mut self, now: Nanos, pipeline: &mut Pipeline) {
        for i in 0..pipeline.records.len() {
            while let Some(record) = pipeline.records[i].pop() {
                let Record::Fact(fact) = record else { continue };
                self.journal.write(&record);
                self.days.hear(&fact);
                if let Fact::Day(day) = fact {
                    self.ended.push(day);
                }
            }
        }
        if now >= self.next_follow {
            self.next_follow = now + FOLLOW_EVERY;
            assert_eq!(self.journal.flush(), Vec::<String>::new());
            follow(&mut self.history, &self.dir.path().join("run"), LONG).unwrap();
            self.memory_kib.push(resident_kib());
        }
        // The report waits until what other stages told of the day has come.
        let is_due = now >= MIDNIGHT + Nanos::secs(60);
        if is_due && let Some(day) = self.ended.pop() {
            self.told.push(self.days.report(day));
        }
    }

    /// Compares the three. How much memory was needed over time.
    fn closes(self, now: Nanos, pipeline: &Pipeline) -> Vec<u64> {
        let Self { dir, mut journal, mut history, mut days, told, memory_kib, .. } = self;
        let numbers = pipeline.metrics.numbers(universe().len());
        let today = days.report(DayNet {
            day: risk::utc_day(MIDNIGHT),
            net: numbers.today.unwrap().net,
            whole: false,
        });
        journal.write_line(&lines::end(&numbers, None, now));
        journal.finish().unwrap();
        let dir = dir.path().join("run");
        let followed = follow(&mut history, &dir, LONG).unwrap();
        assert!(followed.is_at_end && followed.passed_over == 0, "{followed:?}");
        let [yesterday] = &told[..] else { panic!("one day has ended: {:?}", told) };
        for (day, date) in [(yesterday, "2026-11-22"), (&today, "2026-11-23")] {
            println!(
                "{date}: {} fills, volume {} USD, fees {}, funding {}, net {} USD",
                day.fills(),
                day.volume(),
                day.fees(),
                day.funding(),
                day.net
            );
            is_kept(&history, day, date);
        }
        // Both days are all that the ledger has.
        let both = |of: fn(&DayReport) -> Usd| of(yesterday) + of(&today);
        assert_eq!(both(|d| d.net), numbers.net());
        assert_eq!(both(DayReport::fees), numbers.fees);
        assert_eq!(both(DayReport::funding), numbers.funding);
        assert_eq!(both(DayReport::volume), numbers.volume);
        assert_eq!(yesterday.fills() + today.fills(), numbers.fills);
        assert!(yesterday.fills() > 20, "little was traded");
        memory_kib
    }
}

/// What the history has of a day is what was told of it.
fn is_kept(history: &History, day: &DayReport, date: &str) {
    let db = history.db();
    let ask = |sql: &str| db.query_row(sql, [date], |row| row.get::<_, i64>(0)).unwrap();
    let sum = |what: &str, table: &str| {
        let of_day = "date(time / 1000000000, 'unixepoch') = ?1";
        ask(&format!("SELECT coalesce(sum({what}), 0) FROM {table} WHERE {of_day}"))
    };
    assert_eq!(sum("1", "fills"), i64::try_from(day.fills()).unwrap(), "{date}");
    assert_eq!(Usd::from_raw(sum("fee", "fills")), day.fees(), "{date}: fees");
    assert_eq!(Usd::from_raw(sum("paid", "funding")), day.funding(), "{date}: funding");
    let net = ask("SELECT sum(net) FROM pnl_by_day WHERE date = ?1");
    assert_eq!(Usd::from_raw(net), day.net, "{date}: net");
}

fn memory_is_flat(kib: &[u64]) {
    let settled = (kib.len() as f64 * SETTLES) as usize;
    let (before, after) = kib.split_at(settled.max(1));
    let most = |kib: &[u64]| kib.iter().copied().max().unwrap_or(0);
    println!("memory, KiB: {before:?}, then {after:?}");
    assert!(most(after) <= most(before) + GROWTH_KIB, "it grows");
}

/// What this process has in memory.
fn resident_kib() -> u64 {
    let Ok(text) = std::fs::read_to_string(Path::new("/proc/self/status")) else { return 0 };
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
