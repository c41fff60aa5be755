//! What becomes of facts and commentary while the disk is slow, hangs, or is full.

use super::line::Line;
use super::writer::{Journal, MAX_FACTS};
use botmm_pipeline::types::{
    AssetId, Commentary, DayNet, Fact, Instrument, Nanos, Reason, Record, Universe, Usd,
};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, PipeReader};
use std::os::fd::OwnedFd;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A hang guard, no measure.
const PATIENCE: Duration = Duration::from_secs(60);
/// For commentary, of a run that trades.
const ROOM: usize = 1_000;

fn fact(n: usize) -> Record {
    Record::Fact(Fact::Day(DayNet { day: n as i64, net: Usd::whole(n as i64), whole: true }))
}

fn comment(n: usize) -> Record {
    let (bid, ask) = (Reason::Quoted, Reason::Quoted);
    let asset = AssetId::new(0);
    Record::Commentary(Commentary::SideState { asset, time: Nanos::secs(n as i64), bid, ask })
}

/// A journal on this disk.
fn journal_on(disk: File, waits: bool) -> (Journal, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let universe = Universe::new(vec![Instrument::new("BTC", 0, 5, 40).unwrap()]);
    (Journal::on(disk, dir.path(), &universe, (!waits).then_some(ROOM)), dir)
}

/// A disk that takes a little and then hangs until it is read.
fn hanging() -> (File, PipeReader) {
    let (reader, writer) = std::io::pipe().unwrap();
    (File::from(OwnedFd::from(writer)), reader)
}

/// Every line that comes to lie there, until the journal has ended.
fn read(disk: PipeReader, pause: Duration) -> JoinHandle<Vec<Line>> {
    std::thread::spawn(move || {
        let mut lines = Vec::new();
        for text in BufReader::with_capacity(4_096, disk).lines() {
            lines.push(Line::read(&text.unwrap()).unwrap().unwrap());
            if lines.len() % 100 == 0 {
                std::thread::sleep(pause);
            }
        }
        lines
    })
}

/// Numbers of the facts in their order, how much commentary there is, and how much is said to be missing.
fn told(lines: &[Line]) -> (Vec<usize>, u64, u64) {
    let (mut facts, mut commentary, mut lost) = (Vec::new(), 0, 0);
    for line in lines {
        match line {
            Line::Day(day) => facts.push(day.net_usd.parse().unwrap()),
            Line::State(_) => commentary += 1,
            Line::Gap(gap) => lost += gap.lost,
            other => panic!("{other}"),
        }
    }
    (facts, commentary, lost)
}

fn until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Tells as many facts as that, with so much commentary between two of them.
fn tell(journal: &mut Journal, facts: std::ops::Range<usize>, between: usize) {
    for n in facts {
        journal.write(&fact(n));
        (0..between).for_each(|_| journal.write(&comment(n)));
    }
    assert_eq!(journal.flush(), Vec::<String>::new());
}

#[test]
fn a_disk_that_hangs_loses_commentary_counts_it_and_not_one_fact() {
    const FACTS: usize = 500;
    let (disk, reader) = hanging();
    let (mut journal, _dir) = journal_on(disk, false);
    let begun = Instant::now();
    // More than the pipe takes, so that the writer hangs; then more than may wait.
    tell(&mut journal, 0..100, 20);
    until(|| journal.is_taken());
    tell(&mut journal, 100..FACTS, 20);
    let in_all = (20 * FACTS) as u64;
    let [facts, commentary] = journal.stats() else { panic!() };
    assert_eq!(facts.dropped(), 0);
    assert_eq!(commentary.dropped(), in_all - 2 * ROOM as u64);
    assert_eq!(journal.overrun(), None);
    assert!(begun.elapsed() < PATIENCE, "nobody waits for the disk");
    let commentary = commentary.clone();
    let lines = read(reader, Duration::ZERO);
    journal.finish().unwrap();
    let (facts, kept, lost) = told(&lines.join().unwrap());
    assert!(facts.into_iter().eq(0..FACTS), "every fact, in order");
    assert_eq!((kept + lost, lost), (in_all, commentary.dropped()), "each is there or counted");
}

#[test]
fn facts_that_find_no_room_halt_and_say_so() {
    let (disk, reader) = hanging();
    let (mut journal, _dir) = journal_on(disk, false);
    tell(&mut journal, 0..2_000, 0);
    until(|| journal.is_taken());
    tell(&mut journal, 2_000..2_000 + MAX_FACTS, 0);
    assert_eq!(journal.overrun(), None, "that is what there is room for");
    tell(&mut journal, 0..3, 0);
    let why = journal.overrun().unwrap();
    assert!(
        why.starts_with("halted: ") && why.contains("journal.jsonl could not be written"),
        "{why}"
    );
    assert_eq!(journal.stats()[0].dropped(), 3);
    let lines = read(reader, Duration::ZERO);
    let error = journal.finish().unwrap_err().to_string();
    assert!(error.contains("lines are lost"), "{error}");
    drop(lines);
}

#[test]
fn the_end_does_not_wait_for_ever_and_says_what_is_lost() {
    let (disk, reader) = hanging();
    let (mut journal, _dir) = journal_on(disk, false);
    tell(&mut journal, 0..2_000, 0);
    until(|| journal.is_taken());
    tell(&mut journal, 2_000..2_700, 5);
    let error = journal.finish().unwrap_err().to_string();
    assert!(error.contains("journal.jsonl: cannot write: "), "{error}");
    assert!(error.contains("at least 700 lines are lost"), "{error}");
    drop(reader);
}

#[test]
fn a_replay_waits_for_its_disk_and_loses_nothing() {
    const FACTS: usize = 1_000;
    let (disk, reader) = hanging();
    let (mut journal, _dir) = journal_on(disk, true);
    let lines = read(reader, Duration::from_millis(1));
    for n in 0..FACTS / 10 {
        tell(&mut journal, 10 * n..10 * (n + 1), 20);
    }
    assert!(journal.stats().iter().all(|stats| stats.dropped() == 0));
    journal.finish().unwrap();
    let (facts, commentary, lost) = told(&lines.join().unwrap());
    assert!(facts.into_iter().eq(0..FACTS));
    assert_eq!((commentary, lost), (20 * FACTS as u64, 0));
}

#[test]
fn a_full_disk_is_told_once_and_at_the_end_with_what_is_lost() {
    for waits in [false, true] {
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let (mut journal, _dir) = journal_on(full, waits);
        let mut said = Vec::new();
        journal.write(&fact(0));
        until(|| {
            said.extend(journal.flush());
            !said.is_empty()
        });
        tell(&mut journal, 1..3, 1);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].contains("journal.jsonl: cannot write: No space left on device"),
            "{said:?}"
        );
        assert!(said[0].contains("trading goes on"), "{said:?}");
        assert_eq!(journal.overrun(), None);
        let error = journal.finish().unwrap_err().to_string();
        assert!(
            error.contains("No space left on device (os error 28) (5 lines are lost)"),
            "{error}"
        );
    }
}
