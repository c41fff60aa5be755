//! Segments, whole and harmed in every place.

use super::*;
use crate::data::capture::mark::{Gap, GapKind, is_mark};
use crate::data::capture::segment::Head;
use crate::data::source::{Line, LineReader};
use botmm_pipeline::types::Nanos;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const START: Nanos = Nanos(1_795_369_510_000_000_000);
const RECORDER: &str = "botmm 0.1.0";

struct Written {
    dir: TempDir,
    path: PathBuf,
    blocks: Vec<Vec<u8>>,
    /// Where the file ended after each.
    ends: Vec<u64>,
}

/// `blocks` of two lines a second apart, closed or not.
fn written(blocks: usize, closes: bool) -> Written {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::take(dir.path()).unwrap();
    let mut writer = folder.begin(START, RECORDER).unwrap();
    let path = writer.path().to_owned();
    let (mut texts, mut ends) = (Vec::new(), Vec::new());
    for i in 0..blocks {
        let (first, last) = (second(i), second(i) + Nanos::millis(400));
        let line = |at: Nanos| format!("{} {{\"channel\":\"trades\",\"data\":[{i}]}}\n", at.0);
        let text = (line(first) + &line(last)).into_bytes();
        writer.append(&text, 2, (first, last)).unwrap();
        ends.push(writer.len());
        texts.push(text);
    }
    if closes {
        writer.close().unwrap();
    }
    drop(folder);
    Written { dir, path, blocks: texts, ends }
}

fn second(i: usize) -> Nanos {
    START + Nanos::secs(i as i64)
}

/// What can be read, and what is missing; the last says whether it is closed.
fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<Damage>, bool) {
    let mut reader = SegmentReader::new(bytes).unwrap();
    let (mut blocks, mut damage, mut text) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        match reader.next(&mut text).unwrap() {
            Piece::Block(record) => {
                assert_eq!(record.lines as usize, text.iter().filter(|b| **b == b'\n').count());
                blocks.push(text.clone());
            }
            Piece::Damage(found) => damage.push(found),
            Piece::End { is_closed } => return (blocks, damage, is_closed),
        }
        assert!(blocks.len() + damage.len() < 100, "it goes on for ever");
    }
}

#[test]
fn what_was_written_is_read_and_any_zstd_reads_it_too() {
    let w = written(5, true);
    let name = w.path.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(name, "17-45-10.000.frames.zst");
    assert!(w.path.parent().unwrap().ends_with("2026-11-22"));
    let bytes = fs::read(&w.path).unwrap();
    assert_eq!(read(&bytes), (w.blocks.clone(), vec![], true));
    assert_eq!(zstd::decode_all(&bytes[..]).unwrap(), w.blocks.concat());
    let listed = segments(w.dir.path()).unwrap();
    assert_eq!(listed.iter().map(|s| &s.path).collect::<Vec<_>>(), [&w.path]);
    // One that grows still, or was left by a killed process, is no worse up to there.
    let open = fs::read(written(5, false).path).unwrap();
    assert_eq!(read(&open), (w.blocks, vec![], false));
}

#[test]
fn every_flipped_byte_is_told_and_never_other_data() {
    let w = written(3, true);
    let bytes = fs::read(&w.path).unwrap();
    let head = Head { begun: START, recorder: RECORDER.to_owned() }.write().len();
    for (at, mask) in (0..bytes.len()).flat_map(|at| [1_u8, 0x80, 0xff].map(|mask| (at, mask))) {
        let mut harmed = bytes.clone();
        harmed[at] ^= mask;
        let (blocks, damage, _) = read(&harmed);
        assert!(!damage.is_empty(), "byte {at} ^ {mask:#x} is not noticed");
        let end = w.blocks.iter();
        let whole: Vec<_> = end.filter(|block| blocks.contains(block)).cloned().collect();
        assert_eq!(whole, blocks, "byte {at} ^ {mask:#x}: other data, or in another order");
        let inside = |d: &Damage| d.at <= at as u64 && at as u64 <= d.at + d.bytes.max(1);
        assert!(damage.iter().any(inside), "byte {at} ^ {mask:#x}: {damage:?}");
        // One block at most is lost, and none when it is not in a block.
        let in_blocks = at >= head && (at as u64) < w.ends[2];
        assert_eq!(blocks.len(), if in_blocks { 2 } else { 3 }, "byte {at} ^ {mask:#x}");
        let told: Vec<_> = damage.iter().map(|d| d.lines).collect();
        assert!(in_blocks || !told.contains(&Some(2)), "byte {at}: {told:?}");
    }
}

#[test]
fn what_is_cut_out_or_doubled_is_told() {
    let w = written(4, true);
    let bytes = fs::read(&w.path).unwrap();
    let [a, b, c] = [w.ends[0] as usize, w.ends[1] as usize, w.ends[2] as usize];
    let without_second = [&bytes[..a], &bytes[b..]].concat();
    let (blocks, damage, _) = read(&without_second);
    assert_eq!((blocks.len(), damage.len()), (3, 1));
    assert!(damage[0].what.contains("block 2 follows block 0"), "{}", damage[0]);
    let doubled = [&bytes[..b], &bytes[a..]].concat();
    let (blocks, damage, _) = read(&doubled);
    assert!(!damage.is_empty() && blocks.len() >= 4);
    let without_last = [&bytes[..c], &bytes[w.ends[3] as usize..]].concat();
    let (blocks, damage, is_closed) = read(&without_last);
    assert_eq!((blocks.len(), damage.len(), is_closed), (3, 1, true));
    assert_eq!((damage[0].lines, damage[0].from), (Some(2), second(3)));
    // Blocks of another segment are none of this one.
    let other = {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::take(dir.path()).unwrap();
        let mut writer = folder.begin(START + Nanos(1), RECORDER).unwrap();
        writer.append(b"1 {}\n", 1, (START, START)).unwrap();
        fs::read(writer.path()).unwrap()
    };
    let (blocks, damage, _) = read(&[&bytes[..a], &other[..]].concat());
    assert_eq!((blocks.len(), damage.len()), (1, 1));
}

#[test]
fn a_tail_torn_at_any_byte_is_repaired_and_nothing_before_it_is_lost() {
    let w = written(3, false);
    let bytes = fs::read(&w.path).unwrap();
    for cut in 0..=bytes.len() {
        for rubbish in [&b""[..], &[0; 40]] {
            fs::write(&w.path, [&bytes[..cut], rubbish].concat()).unwrap();
            let whole = w.ends.iter().filter(|end| **end <= cut as u64).count();
            let folder = Folder::take(w.dir.path()).unwrap();
            let done = folder.repair().unwrap();
            let [(_, repaired)] = done.as_slice() else { panic!("cut at {cut}: {done:?}") };
            assert_eq!(repaired.is_removed, whole == 0, "cut at {cut}");
            assert_eq!(repaired.lines, 2 * whole as u64, "cut at {cut}");
            if whole > 0 {
                let now = fs::read(&w.path).unwrap();
                assert_eq!(read(&now), (w.blocks[..whole].to_vec(), vec![], true), "cut at {cut}");
                let last = second(whole - 1) + Nanos::millis(400);
                assert_eq!((repaired.last, folder.last().unwrap()), (last, Some(last)));
                assert_eq!(repaired.cut, cut as u64 + rubbish.len() as u64 - w.ends[whole - 1]);
            }
            assert!(folder.repair().unwrap().is_empty(), "once is enough");
        }
    }
}

#[test]
fn damage_within_is_left_as_it_is_by_a_repair() {
    let w = written(3, false);
    let mut bytes = fs::read(&w.path).unwrap();
    bytes[w.ends[0] as usize + 9] ^= 1;
    fs::write(&w.path, &bytes).unwrap();
    let done = Folder::take(w.dir.path()).unwrap().repair().unwrap();
    assert_eq!((done[0].1.damage.len(), done[0].1.cut, done[0].1.lines), (1, 0, 4));
    let (blocks, damage, is_closed) = read(&fs::read(&w.path).unwrap());
    assert_eq!((blocks.len(), damage.len(), is_closed), (2, 1, true));
}

#[test]
fn another_version_is_refused_in_words() {
    let w = written(1, true);
    let mut bytes = fs::read(&w.path).unwrap();
    let head = Head { begun: START, recorder: RECORDER.to_owned() }.write().len();
    bytes[16] = 2;
    let crc = crc32fast::hash(&bytes[..head - 4]);
    bytes[head - 4..head].copy_from_slice(&crc.to_le_bytes());
    let refused = SegmentReader::new(&bytes[..]).err().unwrap().to_string();
    assert!(refused.contains("of version 2, and this botmm reads version 1"), "{refused}");
    fs::write(&w.path, &bytes).unwrap();
    let found = crate::data::find(&[w.dir.path().to_owned()], &|_, _| {}).err().unwrap();
    assert!(found.to_string().contains("of version 2"), "{found}");
}

fn lines_of(path: &Path) -> (Vec<String>, Vec<Damage>) {
    let mut reader = LineReader::open(path).unwrap();
    let (mut lines, mut line) = (Vec::new(), Vec::new());
    while reader.next_line(&mut line).unwrap() != Line::End {
        lines.push(String::from_utf8(line.clone()).unwrap());
    }
    let damage = reader.take_damage();
    assert_eq!(reader.finish().unwrap().len(), 64);
    (lines, damage)
}

#[test]
fn as_lines_what_is_missing_is_a_mark_in_its_place() {
    let w = written(3, true);
    let whole = lines_of(&w.path);
    assert_eq!((whole.0.len(), whole.1.len()), (6, 0));
    let mut bytes = fs::read(&w.path).unwrap();
    bytes[w.ends[0] as usize + 9] ^= 1;
    fs::write(&w.path, &bytes).unwrap();
    let (lines, damage) = lines_of(&w.path);
    assert_eq!((lines.len(), damage.len()), (5, 1));
    let (at, json) = lines[2].split_once(' ').unwrap();
    assert!(is_mark(json.as_bytes()));
    let gap = Gap::read(json.as_bytes()).unwrap();
    assert_eq!((gap.kind, gap.lines), (GapKind::Damage, Some(2)));
    assert_eq!((Nanos(gap.from_ns), Nanos(gap.to_ns)), (second(1), second(1) + Nanos::millis(400)));
    assert_eq!(at, gap.to_ns.to_string());
}

#[test]
fn a_second_recorder_is_refused_and_a_clock_that_was_set_back_takes_no_name_twice() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::take(dir.path()).unwrap();
    let error = Folder::take(dir.path()).err().unwrap().to_string();
    assert!(error.contains("another recorder writes here; stop it, or name another"), "{error}");
    let first = folder.begin(START, RECORDER).unwrap();
    let second = folder.begin(START, RECORDER).unwrap();
    assert!(second.path().to_string_lossy().ends_with("17-45-10.001.frames.zst"));
    drop((first, second, folder));
    Folder::take(dir.path()).unwrap();
}
