//! What a coin of a recording can be used for, and why not for more.

use super::coin::{CoinReport, Use, Verdict};
use super::stream::StreamReport;
use crate::data::report::LoadReport;
use crate::masked::masked;

/// States that come no more often than this leave open what rested ahead between them.
const MAX_EVERY_MS: f64 = 2_000.0;
/// A larger share of locked and crossed states, or of trades outside of the book, is another market's.
const MAX_CROSSED: f64 = 0.1;
const MAX_OUTSIDE: f64 = 0.8;
/// So many trades of one side alone are no chance.
const ONE_SIDED: u64 = 20;

/// What of the whole recording a verdict rests on.
pub struct Whole<'a> {
    /// Its files.
    pub report: &'a LoadReport,
    /// Gaps that the recorder marked.
    pub marked_gaps: u64,
    /// The clock of receipt moved.
    pub has_clock_steps: bool,
}

/// All verdicts on a coin; `name` as the files have it.
pub fn judge(coin: &CoinReport, name: &str, about: &Whole<'_>) -> Vec<Verdict> {
    let replay = why_not_replay(coin, name, about);
    let because = |mut why: Vec<String>, more: Vec<String>| {
        why.extend(more);
        why
    };
    let queue = because(replay.clone(), why_not_queue(coin));
    let parity = because(replay.clone(), why_not_parity(coin, name, about));
    [(Use::Replay, replay), (Use::Queue, queue), (Use::Parity, parity)]
        .map(|(of, why_not)| Verdict { of, good: why_not.is_empty(), why_not })
        .into()
}

fn why_not_replay(coin: &CoinReport, name: &str, about: &Whole<'_>) -> Vec<String> {
    let mut why = Vec::new();
    if states(coin).next().is_none() {
        why.push("no books and no touches: nothing to quote by".to_owned());
    }
    let its = about.report.files.iter().filter(|f| f.coin.as_deref().is_none_or(|c| c == name));
    for file in its.filter(|f| f.unsound.is_some()) {
        why.push(format!("{} wants --allow-unsound", masked(&file.name)));
    }
    why
}

fn why_not_queue(coin: &CoinReport) -> Vec<String> {
    let mut why = Vec::new();
    if stream(coin, "books").is_none() {
        why.push("no books: what rests ahead is known at the touch alone".to_owned());
    }
    let trades = &coin.trades;
    match (trades.buys, trades.sells) {
        (0, 0) => why.push("no trades: nothing fills".to_owned()),
        (buys, 0) if buys >= ONE_SIDED => why.push(one_sided(buys, "buys")),
        (0, sells) if sells >= ONE_SIDED => why.push(one_sided(sells, "sells")),
        _ => {}
    }
    let every = states(coin).map(|s| s.every.p50_ms).fold(f64::INFINITY, f64::min);
    if every.is_finite() && every > MAX_EVERY_MS {
        why.push(format!("a book or touch only every {:.1} s", every / 1e3));
    }
    let crossed = coin.locked.share + coin.crossed.share;
    if crossed > MAX_CROSSED {
        why.push(format!(
            "{:.0} % of its books and touches are locked or crossed",
            crossed * 100.0
        ));
    }
    let outside = trades.outside as f64 / trades.placed().max(1) as f64;
    if outside > MAX_OUTSIDE {
        why.push(format!("{:.0} % of its trades are outside of its book", outside * 100.0));
    }
    why
}

fn one_sided(trades: u64, what: &str) -> String {
    format!("all {trades} trades are {what}: the taker's side was not recorded")
}

fn why_not_parity(coin: &CoinReport, name: &str, about: &Whole<'_>) -> Vec<String> {
    let mut why = Vec::new();
    let lacks = ["books", "touches", "trades"].into_iter().filter(|s| stream(coin, s).is_none());
    let lacks: Vec<&str> = lacks.collect();
    if !lacks.is_empty() {
        why.push(format!("no {}", lacks.join(", no ")));
    }
    if coin.streams.iter().any(|stream| !stream.has_own_clock) {
        why.push("no time of receipt of its own".to_owned());
    }
    for stream in states(coin).filter(|stream| stream.gaps > 0) {
        let longest = stream.longest_gaps.first().map_or(0.0, |gap| gap.seconds);
        let (gaps, what) = (stream.gaps, stream.stream);
        why.push(format!("{gaps} gap(s) in its {what}, up to {longest:.1} s"));
    }
    let its = about.report.files.iter().filter(|f| f.coin.as_deref().is_none_or(|c| c == name));
    let bad: u64 = its.map(|file| file.skipped).sum();
    if bad > 0 {
        why.push(format!("{bad} bad line(s) in its files"));
    }
    let early: f64 = coin.streams.iter().map(|s| s.delay.min_ms).fold(0.0, f64::min);
    if early < 0.0 {
        why.push(format!("received up to {:.0} ms before it happened", -early));
    }
    if about.marked_gaps > 0 {
        why.push(format!("{} gap(s) that the recorder marked", about.marked_gaps));
    }
    if about.has_clock_steps {
        why.push("the clock of receipt was set while it was recorded".to_owned());
    }
    why
}

fn stream<'a>(coin: &'a CoinReport, name: &str) -> Option<&'a StreamReport> {
    coin.streams.iter().find(|stream| stream.stream == name)
}

/// Its books and touches.
fn states(coin: &CoinReport) -> impl Iterator<Item = &StreamReport> {
    coin.streams.iter().filter(|stream| stream.stream != "trades")
}
