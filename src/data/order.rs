//! Which rows of one series (the books, touches or trades of one coin in one file) are out of time.

use botmm_pipeline::types::Nanos;

/// Rows this far from those before and after them, which agree with each other, are the bad ones.
const ISLAND: Nanos = Nanos::secs(60);
/// The most rows in a row that are taken for bad so: what is longer was put together in another order.
const MAX_ISLAND_ROWS: usize = 8;

/// One row's times.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// When it was received.
    pub recv: Nanos,
    /// When it happened.
    pub venue: Nanos,
}

/// What the order of a file tells of its rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Rows that are wrong, by their place in the series, and why.
    pub wrong: Vec<(usize, String)>,
    /// The first row that was received before the one in front of it, of those that are right.
    pub first_back: Option<usize>,
}

/// Judges the books or touches of a coin, in the order of the file. Of a venue time that goes back
/// while receive times go on, the fewest rows that mend it are wrong.
pub fn judge_states(rows: &[Stamp]) -> Verdict {
    let mut verdict = Verdict::default();
    let kept =
        without_islands(rows, |s| s.recv, "local", true, (0..rows.len()).collect(), &mut verdict);
    verdict.first_back = first_back(rows, &kept);
    if kept.windows(2).any(|w| rows[w[1]].venue < rows[w[0]].venue) {
        let mut by_recv = kept;
        by_recv.sort_by_key(|&i| rows[i].recv); // stable: what ties keeps the order of the file
        drop_fewest(rows, &by_recv, &mut verdict.wrong);
    }
    verdict.wrong.sort_by_key(|(i, _)| *i);
    verdict
}

/// Judges the trades of a coin, in the order of the file. The venue repeats old ones, so only a venue
/// time ahead of those around it is wrong.
pub fn judge_trades(rows: &[Stamp]) -> Verdict {
    let mut verdict = Verdict::default();
    let all = (0..rows.len()).collect();
    let kept = without_islands(rows, |s| s.recv, "local", true, all, &mut verdict);
    let kept = without_islands(rows, |s| s.venue, "venue", false, kept, &mut verdict);
    verdict.first_back = first_back(rows, &kept);
    verdict.wrong.sort_by_key(|(i, _)| *i);
    verdict
}

/// Takes out the rows whose times are far from those of the rows before and after them, while these two
/// are near each other. `behind` = also those in the past.
fn without_islands(
    rows: &[Stamp],
    time: impl Fn(&Stamp) -> Nanos,
    clock: &str,
    behind: bool,
    from: Vec<usize>,
    verdict: &mut Verdict,
) -> Vec<usize> {
    let times: Vec<Nanos> = from.iter().map(|&i| time(&rows[i])).collect();
    let mut kept: Vec<usize> = Vec::with_capacity(from.len());
    let (mut at, mut before) = (0, None);
    while at < from.len() {
        let len = before.map_or(0, |before| island(before, &times[at..], behind));
        for bad in at..at + len {
            let after = times[at + len];
            let (side, off) = match times[bad] - after {
                off if off > Nanos::ZERO => ("ahead of", off),
                off => ("behind", Nanos::ZERO - off),
            };
            let seconds = off.as_millis() / 1_000;
            let why = format!("{clock} time is {seconds} s {side} the rows before and after it");
            verdict.wrong.push((from[bad], why));
        }
        at += len;
        kept.push(from[at]);
        before = Some(times[at]);
        at += 1;
    }
    kept
}

/// How many of the next times are an island behind `before`; a time that is none follows them.
fn island(before: Nanos, times: &[Nanos], behind: bool) -> usize {
    let is_far = |from: Nanos, t: Nanos| t - from > ISLAND || behind && from - t > ISLAND;
    let run = times.iter().take(MAX_ISLAND_ROWS).take_while(|t| is_far(before, **t)).count();
    let Some(after) = times.get(run).filter(|_| run > 0) else { return 0 };
    let is_island = !is_far(before, *after) && before - *after <= ISLAND;
    if is_island && times[..run].iter().all(|t| is_far(*after, *t)) { run } else { 0 }
}

fn first_back(rows: &[Stamp], kept: &[usize]) -> Option<usize> {
    kept.windows(2).find(|w| rows[w[1]].recv < rows[w[0]].recv).map(|w| w[1])
}

/// Adds the fewest rows without which venue time never goes back; of two that would do, the later.
fn drop_fewest(rows: &[Stamp], order: &[usize], wrong: &mut Vec<(usize, String)>) {
    let keep = longest_rising(order.iter().map(|&i| rows[i].venue).collect());
    let (mut last, mut next) = (None, keep.iter().peekable());
    for (at, &i) in order.iter().enumerate() {
        if next.next_if(|&&k| k == at).is_some() {
            last = Some(rows[i].venue);
            continue;
        }
        let venue = rows[i].venue;
        let why = match (last, next.peek().map(|&&k| rows[order[k]].venue)) {
            (Some(last), _) if venue < last => {
                format!("venue time goes back by {} ms", (last - venue).as_millis())
            }
            (_, Some(next)) => {
                format!(
                    "venue time is {} ms ahead of the rows after it",
                    (venue - next).as_millis()
                )
            }
            _ => "venue time is out of order".to_owned(),
        };
        wrong.push((i, why));
    }
}

/// Places of the longest run of times that never fall; of several, the one that holds the earlier
/// places. O(n log n).
fn longest_rising(times: Vec<Nanos>) -> Vec<usize> {
    // From the end: `heads[k]` begins the best run of k + 1 times found so far, that is with the
    // latest possible head, which leaves most room for what comes before.
    let (mut heads, mut next): (Vec<usize>, Vec<Option<usize>>) =
        (Vec::new(), vec![None; times.len()]);
    for (i, &time) in times.iter().enumerate().rev() {
        let k = heads.partition_point(|&h| times[h] >= time);
        next[i] = k.checked_sub(1).map(|k| heads[k]);
        if k == heads.len() {
            heads.push(i);
        } else {
            heads[k] = i;
        }
    }
    std::iter::successors(heads.last().copied(), |&i| next[i]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows of these seconds, received a tenth later.
    fn rows(seconds: impl IntoIterator<Item = i64>) -> Vec<Stamp> {
        let row = |s| Stamp { venue: Nanos::secs(s), recv: Nanos::secs(s) + Nanos::millis(100) };
        seconds.into_iter().map(row).collect()
    }
    fn wrong(verdict: &Verdict) -> Vec<usize> {
        verdict.wrong.iter().map(|(i, _)| *i).collect()
    }

    #[test]
    fn a_row_far_from_both_neighbours_is_the_bad_one() {
        for off in [3_000, -3_000] {
            let mut both = rows(100..200);
            both[40].recv = both[40].recv + Nanos::secs(off);
            both[40].venue = both[40].venue + Nanos::secs(off);
            assert_eq!(wrong(&judge_states(&both)), [40], "{off}");
            assert_eq!(wrong(&judge_trades(&both)), [40], "{off}");
            for clock in [0, 1] {
                let mut one = rows(100..200);
                let time = if clock == 0 { &mut one[40].recv } else { &mut one[40].venue };
                *time = *time + Nanos::secs(off);
                let verdict = judge_states(&one);
                assert_eq!(
                    (wrong(&verdict), verdict.first_back),
                    (vec![40], None),
                    "{off} {clock}"
                );
            }
        }
    }

    #[test]
    fn a_few_bad_rows_in_a_row_are_the_bad_ones() {
        for off in [3_000, -3_000] {
            let mut series = rows(100..200);
            for (i, row) in series[40..45].iter_mut().enumerate() {
                // Each wrong by another amount, and the same one twice.
                let off = Nanos::secs(off + 700 * (i as i64 / 2));
                (row.recv, row.venue) = (row.recv + off, row.venue + off);
            }
            let all: Vec<_> = (40..45).collect();
            let verdict = judge_states(&series);
            assert_eq!((wrong(&verdict), verdict.first_back), (all.clone(), None), "{off}");
            assert_eq!(wrong(&judge_trades(&series)), all, "{off}");
        }
        // At the end nothing says who is right.
        let mut series = rows(100..200);
        series[99].venue = Nanos::secs(9_000);
        series[99].recv = Nanos::secs(9_000);
        assert_eq!(judge_states(&series), Verdict::default());
    }

    #[test]
    fn swapped_halves_lose_nothing() {
        let verdict = judge_states(&rows((150..200).chain(100..150)));
        assert_eq!(verdict, Verdict { wrong: vec![], first_back: Some(50) });
        let verdict = judge_trades(&rows((150..200).chain(100..150)));
        assert_eq!(verdict, Verdict { wrong: vec![], first_back: Some(50) });
    }

    #[test]
    fn a_thin_series_and_old_trades_are_nothing_wrong() {
        assert_eq!(judge_states(&rows((0..9).map(|n| 300 * n))), Verdict::default());
        let mut trades = rows(1_000..1_010);
        for (i, old) in [3, 4, 5].into_iter().enumerate() {
            trades[old].venue = Nanos::secs(400 + 100 * i as i64);
        }
        assert_eq!(judge_trades(&trades), Verdict::default());
        trades[7].venue = Nanos::secs(4_000);
        assert_eq!(wrong(&judge_trades(&trades)), [7]);
    }

    #[test]
    fn of_two_that_would_do_the_later_goes() {
        let mut series = rows([10, 20, 15, 30]);
        for (i, row) in series.iter_mut().enumerate() {
            row.recv = Nanos::secs(50 + i as i64);
        }
        let verdict = judge_states(&series);
        assert_eq!(verdict.wrong, [(2, "venue time goes back by 5000 ms".to_owned())]);
        series[0].venue = Nanos::secs(25);
        let verdict = judge_states(&series);
        let ahead = "venue time is 5000 ms ahead of the rows after it".to_owned();
        assert_eq!(verdict.wrong.len(), 2, "{verdict:?}");
        assert!(verdict.wrong.contains(&(0, ahead)) || wrong(&verdict) == [1, 2], "{verdict:?}");
    }

    proptest! {
        /// What is left never goes back, and no smaller set of rows would have to go.
        #[test]
        fn the_fewest_rows_go(seconds in prop::collection::vec(0_i64..12, 0..9)) {
            let mut series = rows(seconds);
            for (i, row) in series.iter_mut().enumerate() {
                row.recv = Nanos::millis(100_000 + i as i64);
            }
            let verdict = judge_states(&series);
            let gone = wrong(&verdict);
            let rises = |without: &dyn Fn(usize) -> bool| {
                let left: Vec<_> = (0..series.len()).filter(|i| !without(*i)).collect();
                left.windows(2).all(|w| series[w[0]].venue <= series[w[1]].venue)
            };
            prop_assert!(rises(&|i| gone.contains(&i)));
            let least = (0_u32..1 << series.len()).filter(|set| rises(&|i| set >> i & 1 == 1));
            prop_assert_eq!(gone.len() as u32, least.map(u32::count_ones).min().unwrap_or(0));
        }
    }
}
