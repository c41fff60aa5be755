//! Holds a capture against what the exchange has noted to have sent.

use botmm::data::capture::mark::{Gap, GapKind, is_mark};
use botmm::data::capture::{Piece, SegmentReader, segments};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// What is recorded, of what the exchange sends.
const CHANNELS: [&str; 5] = ["l2Book", "bbo", "trades", "activeAssetCtx", "candle"];
/// Of the first so many no two frames are the same.
const UNIQUE: u8 = 3;
/// After a gap so many frames tell where it goes on.
const RUN: usize = 6;
const SECOND: i64 = 1_000_000_000;

#[derive(Clone, Debug)]
pub struct Sent {
    pub at: i64,
    pub link: u64,
    /// Its place in [`CHANNELS`].
    channel: u8,
    pub hash: u64,
}

#[derive(Clone, Debug)]
pub enum Entry {
    Frame { at: i64, hash: u64 },
    Gap(Box<Gap>),
    End(i64),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    pub sent: usize,
    pub recorded: usize,
    pub lost_in_gaps: usize,
    pub gaps: BTreeMap<GapKind, usize>,
    /// Runs that were killed, by the manifests.
    pub killed: usize,
    /// The longest stretch of frames that a killed recorder had been sent and had not on its disk, in seconds.
    pub longest_tail_s: f64,
}

/// What was sent, connection by connection, each in order.
pub fn sent(log: &Path) -> Vec<Sent> {
    let mut all = Vec::new();
    for line in BufReader::new(File::open(log).unwrap()).lines() {
        let line = line.unwrap();
        let [at, link, channel, hash] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line:?}")
        };
        let Some(channel) = CHANNELS.iter().position(|name| *name == channel) else { continue };
        let hash = u64::from_str_radix(hash, 16).unwrap();
        let (at, link) = (at.parse().unwrap(), link.parse().unwrap());
        all.push(Sent { at, link, channel: channel as u8, hash });
    }
    all.sort_by_key(|sent| sent.link); // Stable: within a connection the order stays.
    all
}

/// What is in the files, in their order. Nothing in them may be damaged.
pub fn recorded(root: &Path) -> Vec<Entry> {
    let mut all = Vec::new();
    for segment in segments(root).unwrap() {
        let mut reader =
            SegmentReader::new(BufReader::new(File::open(&segment.path).unwrap())).unwrap();
        let mut text = Vec::new();
        loop {
            match reader.next(&mut text).unwrap() {
                Piece::Block(_) => all.extend(text.split(|b| *b == b'\n').filter_map(entry)),
                Piece::Damage(damage) => panic!("{}: {damage}", segment.path.display()),
                Piece::End { is_closed } => {
                    assert!(is_closed, "{} was not closed", segment.path.display());
                    break;
                }
            }
        }
    }
    all
}

fn entry(line: &[u8]) -> Option<Entry> {
    let space = line.iter().position(|b| *b == b' ')?;
    let at = std::str::from_utf8(&line[..space]).unwrap().parse().unwrap();
    let json = &line[space + 1..];
    if !is_mark(json) {
        return Some(Entry::Frame { at, hash: hash(json) });
    }
    if json.starts_with(b"{\"channel\":\"botmm.end\"") {
        return Some(Entry::End(at));
    }
    Gap::read(json).map(Box::new).map(Entry::Gap)
}

/// FNV-1a of 64 bits, as the exchange has it.
fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// One connection at a time: every frame that was sent is there once, in order, or was sent within a gap.
pub fn check_one(sent: &[Sent], entries: &[Entry]) -> Outcome {
    let mut out = Outcome { sent: sent.len(), ..Outcome::default() };
    let (mut at, mut gap, mut last): (usize, Option<&Gap>, i64) = (0, None, 0);
    for (i, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Gap(g) => {
                assert!(g.from_ns >= last, "a gap begins before the last line: {g:?}, {last}");
                *out.gaps.entry(g.kind).or_default() += 1;
                gap = Some(gap.filter(|before| before.to_ns > g.to_ns).unwrap_or(g));
            }
            // What comes after a good end is the next start's gap.
            Entry::End(_) => {}
            Entry::Frame { at: stamp, hash } => {
                let Some(g) = gap.take() else {
                    let wanted = sent.get(at).map(|s| s.hash);
                    assert_eq!(
                        wanted,
                        Some(*hash),
                        "frame {} of {stamp}, no gap before it",
                        out.recorded
                    );
                    (at, last) = (at + 1, *stamp);
                    out.recorded += 1;
                    continue;
                };
                assert!(
                    g.to_ns <= *stamp && *stamp - g.to_ns < SECOND,
                    "{g:?} ends not at {stamp}"
                );
                let run: Vec<u64> = entries[i..]
                    .iter()
                    .map_while(
                        |e| if let Entry::Frame { hash, .. } = e { Some(*hash) } else { None },
                    )
                    .take(RUN)
                    .collect();
                let is_here = |from: &usize| {
                    run.iter()
                        .enumerate()
                        .all(|(k, h)| sent.get(from + k).is_some_and(|s| s.hash == *h))
                };
                let found = (at..sent.len()).find(is_here);
                let found =
                    found.unwrap_or_else(|| panic!("after {g:?}: never sent, or sent before"));
                let lost = &sent[at..found];
                for s in lost {
                    assert!(s.at <= g.to_ns, "{s:?} was sent after {g:?}");
                }
                if g.kind == GapKind::Recorder
                    && let (Some(first), Some(last)) =
                        (lost.first(), lost.iter().rfind(|s| s.link == sent[at].link))
                {
                    let tail_s = (last.at - first.at) as f64 / SECOND as f64;
                    out.longest_tail_s = out.longest_tail_s.max(tail_s);
                }
                out.lost_in_gaps += lost.len();
                (at, last) = (found + 1, *stamp);
                out.recorded += 1;
            }
        }
    }
    let Some(Entry::End(end)) = entries.last() else { panic!("no end: {:?}", entries.last()) };
    for s in &sent[at..] {
        assert!(s.at > end - SECOND, "{s:?} was sent before the end, {end}, and is not there");
    }
    out.sent = at;
    out
}

/// Two connections: each frame is there as often as one of them was sent it, or was sent within a gap.
pub fn check_two(sent: &[Sent], entries: &[Entry]) -> Outcome {
    let Some(Entry::End(end)) = entries.last() else { panic!("no end: {:?}", entries.last()) };
    let mut out = Outcome::default();
    let mut there: HashMap<u64, usize> = HashMap::new();
    let mut gaps = Vec::new();
    for entry in entries {
        match entry {
            Entry::Frame { hash, .. } => *there.entry(*hash).or_default() += 1,
            Entry::Gap(gap) => {
                *out.gaps.entry(gap.kind).or_default() += 1;
                gaps.push(gap);
            }
            Entry::End(_) => {}
        }
    }
    let mut wanted: HashMap<u64, (HashMap<u64, usize>, &Sent)> = HashMap::new();
    for s in sent.iter().filter(|s| s.channel < UNIQUE) {
        let (links, newest) = wanted.entry(s.hash).or_insert_with(|| (HashMap::new(), s));
        *links.entry(s.link).or_default() += 1;
        if s.at > newest.at {
            *newest = s;
        }
    }
    for (hash, (links, s)) in &wanted {
        let most = links.values().max().copied().unwrap_or_default();
        let is = there.get(hash).copied().unwrap_or_default();
        assert!(is <= most, "{s:?} is there {is} times, and was sent {most} times");
        out.recorded += is;
        out.sent += most;
        if is < most {
            let in_gap = gaps.iter().any(|g| g.from_ns - SECOND <= s.at && s.at <= g.to_ns);
            let is_end = s.at > end - SECOND;
            assert!(in_gap || is_end, "{s:?} is not there, and in no gap of {gaps:?}");
            out.lost_in_gaps += usize::from(in_gap);
        }
    }
    out
}
