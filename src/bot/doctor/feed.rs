//! The venue's market data as it comes here: how often, how late, how deep. Listened to by the feed that a run has.

use super::{Findings, Request};
use crate::exit::AppError;
use crate::net::WsTransport;
use crate::side::manifest::{BOOK_EVERY, BOOK_LEVELS, Books};
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::{MarketEvent, Nanos, Universe};
use botmm_pipeline::venue::Feed as _;
use botmm_pipeline::venue::hl::clock::VenueClock;
use botmm_pipeline::venue::hl::feed::{FeedConfig, HlFeed};
use std::thread;
use std::time::{Duration, Instant};

/// How long it listens at most, once connected: the slowest books come every five seconds.
const LISTEN: Duration = Duration::from_secs(13);
/// So many books of each coin are enough.
const ENOUGH: usize = 6;
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
const TURN: Duration = Duration::from_millis(1);
/// News that is usually older than this is old.
const LATE: Nanos = Nanos::millis(500);

/// What came of one coin.
#[derive(Clone, Debug, Default)]
struct Heard {
    /// When each book came, and when each touch.
    books: Vec<Nanos>,
    touches: Vec<Nanos>,
    /// How old each was then.
    ages: Vec<Nanos>,
    levels: u64,
}

pub(super) fn look(request: &Request, universe: &Universe, found: &mut Findings) {
    let Some(heard) = found.of("feed", listen(request, universe)) else { return };
    for ((_, instrument), heard) in universe.iter().zip(&heard) {
        judge(instrument.coin.as_str(), heard, found);
    }
}

fn listen(request: &Request, universe: &Universe) -> Result<Vec<Heard>, AppError> {
    let (transport, _status) = WsTransport::new(&request.endpoint, &request.tls)?;
    let venue = VenueClock::default();
    let mut feed = HlFeed::new(transport, universe.clone(), FeedConfig::default(), venue);
    let mut heard = vec![Heard::default(); universe.len()];
    let (clock, begun, mut first) = (WallClock::default(), Instant::now(), None);
    while first.map_or(begun.elapsed() < CONNECT, |first: Instant| first.elapsed() < LISTEN) {
        let now = clock.now();
        while let Some(event) = feed.next(now) {
            if matches!(
                event,
                MarketEvent::Status(_) | MarketEvent::Mark(_) | MarketEvent::Trade(_)
            ) {
                continue;
            }
            first.get_or_insert_with(Instant::now);
            let of = &mut heard[event.asset().index()];
            of.ages.push(now - event.venue_time());
            match event {
                MarketEvent::Book(book) => {
                    of.books.push(now);
                    of.levels = of.levels.max(u64::from(book.bid_count.min(book.ask_count)));
                }
                _ => of.touches.push(now),
            }
        }
        if heard.iter().all(|of| of.books.len() >= ENOUGH) {
            break;
        }
        thread::sleep(TURN);
    }
    Ok(heard)
}

fn judge(coin: &str, heard: &Heard, found: &mut Findings) {
    let Some((every, slowest)) = middle_and_p99(&gaps(&heard.books)) else {
        let says = format!("{coin}: {} books came in {} s", heard.books.len(), LISTEN.as_secs());
        let remedy = "look at the venue's status page; a run does not quote what it does not see";
        return found.fail("feed", says, remedy);
    };
    let (age, oldest) = middle_and_p99(&heard.ages).unwrap_or_default();
    let touches = match middle_and_p99(&gaps(&heard.touches)) {
        Some((every, p99)) => format!("a touch every {} (p99 {})", seconds(every), seconds(p99)),
        None => "no touch moved".to_owned(),
    };
    let says = format!(
        "{coin}: a book every {} (p99 {}), {} levels a side; {touches}; {:.0} ms old when here (p99 {:.0}), by \
         this machine's clock",
        seconds(every),
        seconds(slowest),
        heard.levels,
        age.as_secs_f64() * 1e3,
        oldest.as_secs_f64() * 1e3,
    );
    match (Books { every, levels: heard.levels }.shortfall(), age > LATE) {
        (Some(how), _) => {
            let remedy = format!(
                "expected: {BOOK_LEVELS} levels at least every {} s; look at the venue's notices: quotes \
                 rest on less",
                BOOK_EVERY.as_secs_f64()
            );
            found.warn("feed", format!("{says}: {how}"), &remedy);
        }
        (None, true) => {
            let remedy =
                "see `clock`; else the way to the venue is slow: a machine near it (Tokyo)";
            found.warn("feed", says, remedy);
        }
        (None, false) => found.ok("feed", says),
    }
}

fn gaps(times: &[Nanos]) -> Vec<Nanos> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// [`None`] = of nothing.
fn middle_and_p99(all: &[Nanos]) -> Option<(Nanos, Nanos)> {
    let mut all = all.to_vec();
    all.sort_unstable();
    let at = |share: usize| all.get((all.len() * share / 100).min(all.len().saturating_sub(1)));
    Some((*at(50)?, *at(99)?))
}

fn seconds(span: Nanos) -> String {
    format!("{:.2} s", span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    /// Books so far apart, of so many levels, and so old.
    fn verdict(every_ms: i64, levels: u64, age_ms: i64) -> (Verdict, String) {
        let books: Vec<_> = (0..8).map(|n| Nanos::millis(n * every_ms)).collect();
        let ages = vec![Nanos::millis(age_ms); 8];
        let heard = Heard { books, touches: Vec::new(), ages, levels };
        let mut found = Findings::default();
        judge("A", &heard, &mut found);
        (found.0[0].verdict, found.to_text())
    }

    #[test]
    fn a_stream_is_measured_and_judged_by_what_is_expected_of_it() {
        let (is, text) = verdict(5_000, 20, 80);
        assert_eq!(is, Verdict::Ok);
        assert!(text.contains("A: a book every 5.00 s (p99 5.00 s), 20 levels"), "{text}");
        assert!(text.contains("no touch moved; 80 ms old when here (p99 80)"), "{text}");
        for (what, words) in [
            (verdict(9_000, 20, 80), "a book every 9.0 s, expected every 5 s"),
            (verdict(500, 5, 80), "5 levels a side, expected 20"),
            (verdict(500, 20, 900), "900 ms old when here"),
        ] {
            assert!(what.0 == Verdict::Warn && what.1.contains(words), "{words}: {}", what.1);
        }
        let mut found = Findings::default();
        judge("A", &Heard::default(), &mut found);
        assert!(found.0[0].verdict == Verdict::Fail && found.0[0].found.contains("0 books came"));
    }

    #[test]
    fn the_middle_and_the_slowest_of_a_hundred() {
        let all: Vec<_> = (0..100).map(Nanos::millis).collect();
        assert_eq!(middle_and_p99(&all), Some((Nanos::millis(50), Nanos::millis(99))));
        assert_eq!(middle_and_p99(&[Nanos(7)]), Some((Nanos(7), Nanos(7))));
        assert_eq!(middle_and_p99(&[]), None);
    }
}
