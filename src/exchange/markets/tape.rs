//! A recording as the exchange's market, at its own speed or another.
//!
//! The first book or touch of the recording happens at the exchange's start; what was recorded
//! before it (the replayed trades that a recorder gets when it connects) is left out. Every later
//! event comes at `start + (venue time − first) / speed`. At the tape's end the market stands still:
//! its last books stay, and nothing trades but what users take from them.

use super::{Say, at_time};
use crate::data::{self, DataError, Found, LoadOptions, LoadReport, Loaded};
use crate::settings::Settings;
use botmm_pipeline::types::decimal::write_decimal;
use botmm_pipeline::types::{
    BookSnapshot, LentEvent, MarkPrice, MarketEvent, Nanos, SCALE, Universe, parse_decimal,
};
use botmm_pipeline::venue::sim::queue::QueueModel;
use botmm_pipeline::venue::sim::recorded::{RecordedMarket, Source};
use botmm_pipeline::venue::tape::{Cursor, Marks, Tape};
use std::path::PathBuf;
use std::str::FromStr;

/// How many times as fast as recorded: 0.1 to 1000, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// Units of 1e-8.
    raw: i64,
}

impl Speed {
    /// As recorded.
    pub const REAL: Self = Self { raw: SCALE };
    const MIN: i64 = SCALE / 10;
    const MAX: i64 = 1_000 * SCALE;

    /// How long a recorded span lasts.
    pub fn played(self, recorded: Nanos) -> Nanos {
        let scaled = i128::from(recorded.0) * i128::from(SCALE) / i128::from(self.raw);
        Nanos(i64::try_from(scaled).unwrap_or(i64::MAX))
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let raw = parse_decimal(text.trim().as_bytes()).ok();
        let raw = raw.filter(|raw| (Self::MIN..=Self::MAX).contains(raw));
        raw.map(|raw| Self { raw }).ok_or_else(|| format!("{text:?}: allowed: 0.1 to 1000"))
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_decimal(self.raw, f)
    }
}

/// Loads a recording: of the coins that were chosen, or of every configured one that is recorded (of
/// all when none is). Assets are numbered in the order of the configured universe.
///
/// # Errors
/// [`DataError`] when there is nothing to play, or a coin that was chosen is not recorded.
pub fn load(
    found: Found,
    settings: &Settings,
    allow_unsound: bool,
) -> Result<(Recording, LoadReport), DataError> {
    let mut wanted = if settings.symbols_are_chosen() {
        settings.symbols.clone()
    } else {
        let configured = settings.coins().filter(|coin| found.coins().contains(*coin));
        configured.map(str::to_owned).collect()
    };
    wanted.sort_by_key(|coin| settings.instrument(coin).map_or(u32::MAX, |i| i.venue_index));
    let Loaded { tape, universe, report, compiled, .. } = found.load(LoadOptions {
        symbols: &wanted,
        instrument: &|coin| settings.instrument(coin),
        allow_unsound,
        decode: &mut *data::venue_decoder(),
        progress: &|_, _| {},
    })?;
    let recording = Recording::new(tape, universe).map(|new| Recording { compiled, ..new });
    let recording = recording.ok_or_else(|| DataError::NoEvents {
        of: "books or touches".to_owned(),
        files: report.files.len(),
        skipped: report.skipped(),
        first: String::new(),
    })?;
    Ok((recording, report))
}

/// A tape that has a book to begin with.
#[derive(Clone, Debug)]
pub struct Recording {
    tape: Tape,
    universe: Universe,
    /// Position and venue time of its first book or touch.
    first: (usize, Nanos),
    last: Nanos,
    /// Where the tape lies, if it is kept.
    compiled: Option<PathBuf>,
}

impl Recording {
    /// A tape whose events carry ids of `universe`; [`None`] when nothing on it shows a price.
    pub fn new(tape: Tape, universe: Universe) -> Option<Self> {
        let shows = |event: &MarketEvent| {
            matches!(event, MarketEvent::Book(_) | MarketEvent::Bbo(_) | MarketEvent::Level(_))
        };
        let (first, event) = tape.iter_venue().enumerate().find(|(_, event)| shows(event))?;
        let (_, last) = tape.venue_span()?;
        Some(Self { first: (first, event.venue_time()), tape, universe, last, compiled: None })
    }

    /// Its coins.
    pub fn universe(&self) -> &Universe {
        &self.universe
    }

    /// From its first price to its end, in recorded time.
    pub fn span(&self) -> Nanos {
        self.last - self.first.1
    }

    /// The market that it makes: its first price is at `start`. `say` hears when it has ended.
    pub fn market(
        &self,
        start: Nanos,
        speed: Speed,
        queue: QueueModel,
        say: Say,
    ) -> RecordedMarket<Player> {
        let mut events = self.tape.by_venue();
        for _ in 0..self.first.0 {
            events.next_event();
        }
        let player = Player {
            events,
            marks: self.tape.marks(),
            tape: self.tape.clone(),
            compiled: self.compiled.clone(),
            origin: self.first.1,
            start,
            speed,
            told: MarketEvent::Book(BookSnapshot::EMPTY),
            at_end: Some(say),
        };
        RecordedMarket::told_by(player, &self.universe, queue).publishing()
    }
}

/// A tape played in the exchange's time.
pub struct Player {
    tape: Tape,
    compiled: Option<PathBuf>,
    events: Cursor,
    marks: Marks,
    /// Recorded venue time that `start` stands for.
    origin: Nanos,
    start: Nanos,
    speed: Speed,
    /// What was told last.
    told: MarketEvent,
    /// Who is told of the end, until they are.
    at_end: Option<Say>,
}

impl Source for Player {
    fn next_time(&self) -> Option<Nanos> {
        let recorded = self.events.next_time()?;
        Some(self.start + self.speed.played(recorded - self.origin))
    }

    fn next(&mut self, until: Nanos) -> Option<LentEvent<'_>> {
        let Some(due) = self.next_time() else {
            if let Some(mut say) = self.at_end.take() {
                match data::whole(&self.tape, self.compiled.as_deref()) {
                    Ok(()) => {
                        say("the tape is at its end: the market stands still at its last books")
                    }
                    Err(e) => say(&format!("{e}; until then the market stands still")),
                }
            }
            return None;
        };
        if due > until {
            return None;
        }
        let event = self.events.next_event()?.to_kept();
        self.told = at_time(event, due);
        Some(self.told.lend())
    }

    fn next_mark(&mut self, until: Nanos) -> Option<MarkPrice> {
        let due = self.start + self.speed.played(self.marks.next_time()? - self.origin);
        if due > until { None } else { self.marks.next() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_exact_and_within_their_range() {
        for (text, recorded_ms, played_ms) in
            [("1", 700, 700), ("60", 90_000, 1_500), ("0.1", 5, 50), ("2.5", 1_000, 400)]
        {
            let speed: Speed = text.parse().unwrap();
            assert_eq!(speed.to_string(), text);
            assert_eq!(speed.played(Nanos::millis(recorded_ms)), Nanos::millis(played_ms));
        }
        for bad in ["", "0", "0.09", "1000.1", "-1", "x", "1e2", "NaN"] {
            let error = bad.parse::<Speed>().unwrap_err();
            assert!(error.contains("0.1 to 1000"), "{bad}: {error}");
        }
    }
}
