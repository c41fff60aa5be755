//! `--params-from JOURNAL`: the changes of parameters that a journal tells of, at the same moments in
//! this replay. Each is laid on top of this replay's own settings, and of the changes before it.

use crate::bot::session;
use crate::exit::AppError;
use crate::journal::line::{self, Line as Written};
use crate::journal::reader::Lines;
use crate::journal::segments::Reading;
use crate::settings::{ConfigError, ParamSetting, Settings};
use crate::side::reload::{self, Change, Effect};
use crate::when::parse_utc;
use botmm_pipeline::types::{
    AssetId, FeedStatus, FitState, Instrument, Nanos, QuoteCommand, Universe,
};
use botmm_pipeline::wiring::{Config, Control};
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

/// What a journal says of parameters.
pub struct RecordedParams {
    name: String,
    /// The files that it lies in, oldest first.
    files: Vec<String>,
    /// Files before those that were removed: what they told is not known.
    removed: u64,
    lines: Vec<Line>,
    /// What fits had learned: when, of which coin.
    fits: Vec<(Nanos, String, FitState)>,
    /// Its last line has no end: the run was killed while it wrote.
    is_cut: bool,
}

struct Line {
    file: usize,
    number: usize,
    time: Nanos,
    settings: Vec<ParamSetting>,
}

/// What that comes to for one recording: changes that take effect at one moment each, in order.
#[derive(Default)]
pub struct Changes {
    all: Vec<(Nanos, Change)>,
    /// What fits go on from.
    fits: Vec<QuoteCommand>,
    /// What a reader of the summary must know.
    notes: Vec<String>,
}

impl RecordedParams {
    /// Reads a journal, all its files. A line that cannot be read is named.
    pub fn read(path: &Path) -> Result<Self, AppError> {
        let reading = Reading::open(path).map_err(AppError::io(path, "read"))?;
        let mut told = Self {
            name: path.display().to_string(),
            files: Vec::new(),
            removed: reading.first() - 1,
            lines: Vec::new(),
            fits: Vec::new(),
            is_cut: false,
        };
        for at in 0..reading.files() {
            match Lines::of(&reading, at)? {
                Some(lines) => told.read_file(lines)?,
                None => told.removed += 1,
            }
        }
        Ok(told)
    }

    fn read_file(&mut self, mut lines: Lines) -> Result<(), AppError> {
        let (file, name) = (self.files.len(), lines.name().to_owned());
        while let Some((number, text)) = lines.next_line()? {
            let bad = |problem: String| bad_line(format!("{name}:{number}"), problem);
            let text = text.map_err(bad)?;
            self.fits.extend(fit_of(text).map_err(bad)?);
            let Some((time, settings)) = reload::read(text).map_err(bad)? else { continue };
            if self.lines.last().is_some_and(|before| before.time > time) {
                return Err(bad("time: earlier than in the line before".to_owned()));
            }
            self.lines.push(Line { file, number, time, settings });
        }
        self.is_cut |= lines.is_cut();
        self.files.push(name);
        Ok(())
    }

    fn place(&self, line: &Line) -> String {
        format!("{}:{}", self.files[line.file], line.number)
    }

    /// What they come to for a recording of these coins, received between these moments.
    pub fn changes(
        &self,
        settings: &Settings,
        universe: &Universe,
        (first, last): (Nanos, Nanos),
    ) -> Result<Changes, AppError> {
        // What held when the recording began holds before its first event.
        let moment = |line: &Line| line.time.max(first - Nanos(1));
        let within = self.lines.partition_point(|line| line.time <= last);
        let (lines, late) = self.lines.split_at(within);
        let mut left_out = BTreeSet::new();
        let mut all = Vec::new();
        let mut before = settings.clone();
        for together in lines.chunk_by(|a, b| moment(a) == moment(b)) {
            let mut after = before.clone();
            for line in together {
                let bad = |e| bad_line(self.place(line), said_of_line(e));
                let is_ours = |s: &&ParamSetting| {
                    s.coin().is_none_or(|coin| universe.find(coin.as_bytes()).is_some())
                };
                let (ours, others): (Vec<_>, Vec<_>) = line.settings.iter().partition(is_ours);
                left_out.extend(others.into_iter().filter_map(ParamSetting::coin));
                let ours: Vec<_> = ours.into_iter().cloned().collect();
                after = after.with_params(&ours, LINE).map_err(bad)?;
                let coins = universe.iter().map(|(_, i)| i.coin.as_str());
                after.changes_since(&before, coins).map_err(bad)?;
            }
            let change = self.change(universe, [&before, &after], together);
            all.extend(change.map(|change| (moment(&together[0]), change)));
            before = after;
        }
        let early = lines.partition_point(|line| line.time < first);
        let mut notes = self.notes(all.len(), early, late.len(), &left_out);
        let fits = self.fits(universe, first);
        if !self.fits.is_empty() {
            let (name, taken) = (&self.name, fits.len());
            let later = self.fits.iter().filter(|(time, ..)| *time > first).count();
            notes.push(format!(
                "fits that go on from {name}: {taken}; what was learned after the recording began is left \
                 out: {later}"
            ));
        }
        Ok(Changes { all, fits, notes })
    }

    /// Of each coin, what had been learned when the recording began: never what came after that.
    fn fits(&self, universe: &Universe, first: Nanos) -> Vec<QuoteCommand> {
        let of_coin = |(asset, instrument): (AssetId, &Instrument)| {
            let coin = instrument.coin.as_str();
            let known = self.fits.iter().filter(|(time, of, _)| *time <= first && of == coin);
            let (_, _, state) = known.max_by_key(|(time, ..)| *time)?;
            Some(QuoteCommand::Fit { asset, state: *state })
        };
        universe.iter().filter_map(of_coin).collect()
    }

    /// What differs, when anything does.
    fn change(
        &self,
        universe: &Universe,
        [before, after]: [&Settings; 2],
        together: &[Line],
    ) -> Option<Change> {
        let params = reload::changed_params(universe, before, after);
        let coins = universe.iter().map(|(_, i)| i.coin.as_str());
        let changes = after.changes_since(before, coins).unwrap_or_default();
        let (from, to) = (together.first()?, together.last()?);
        let source = match (from.file == to.file, from.number == to.number) {
            (true, true) => self.place(from),
            (true, false) => format!("{}-{}", self.place(from), to.number),
            (false, _) => format!("{} to {}", self.place(from), self.place(to)),
        };
        (!params.is_empty()).then_some(Change { changes, params, source })
    }

    fn notes(
        &self,
        made: usize,
        early: usize,
        late: usize,
        left_out: &BTreeSet<&str>,
    ) -> Vec<String> {
        let name = &self.name;
        let mut notes = vec![format!("changes of parameters, as {name} tells: {made}")];
        if early > 0 {
            notes.push(format!(
                "changes in {name} from before the recording, made at its start: {early}"
            ));
        }
        if late > 0 {
            notes.push(format!("changes in {name} from after the recording, left out: {late}"));
        }
        if self.removed > 0 {
            let removed = self.removed;
            notes.push(format!(
                "the oldest files of {name} were removed ({removed}): what changed then is not known"
            ));
        }
        for coin in left_out {
            notes.push(format!("changes of {coin} in {name} left out: not in the recording"));
        }
        if self.is_cut {
            notes.push(format!("the last line of {name} is cut: left out"));
        }
        notes
    }
}

/// What messages of settings call the line, until its number is put there.
const LINE: &str = "line";

/// What is wrong, with the place where that is another than the line.
fn said_of_line(e: ConfigError) -> String {
    match e.place == LINE {
        true => format!("{}: {}", e.key, e.problem),
        false => e.to_string(),
    }
}

/// What a fit had learned, where a line tells that.
fn fit_of(text: &str) -> Result<Option<(Nanos, String, FitState)>, String> {
    let Some(fit) = line::read::<line::Fit>(text)? else { return Ok(None) };
    let time = parse_utc(&fit.time).map_err(|e| format!("time: {e}"))?;
    Ok(Some((time, fit.coin, *fit.state)))
}

fn bad_line(place: String, problem: String) -> AppError {
    AppError::data(place, problem, "fix the line or leave it out")
}

impl Changes {
    /// Where they take effect, for the tape.
    pub fn statuses(&self) -> impl Iterator<Item = FeedStatus> {
        (1..).zip(&self.all).map(|(generation, (at, _))| FeedStatus::new_params(generation, *at))
    }

    /// As [`session::raise_limits`].
    pub fn raise_limits(&self, config: &mut Config) {
        self.all.iter().for_each(|(_, change)| session::raise_limits(config, &change.params));
    }
}

/// Hands changes over before the tape lets them in, and tells of them when it did.
pub struct Changing {
    control: Control,
    waiting: VecDeque<Change>,
    on_its_way: VecDeque<(u32, Change)>,
    /// What a reader of the summary must know.
    pub notes: Vec<String>,
}

impl Changing {
    /// None of them has taken effect yet.
    pub fn new(Changes { all, fits, notes }: Changes, mut control: Control) -> Self {
        for fit in fits {
            assert!(control.quote.push(fit).is_ok(), "there is room for one a coin");
        }
        let waiting = all.into_iter().map(|(_, change)| change).collect();
        let mut changing = Self { control, waiting, on_its_way: VecDeque::new(), notes };
        changing.hand_over();
        changing
    }

    /// Hands over as many as the stages have room for. A moment has one change at most, and each
    /// stage takes it over within the moment: there is always room for the next.
    pub fn hand_over(&mut self) {
        while let Some(next) = self.waiting.front()
            && let Some(generation) = self.control.params.hand_over(&next.params)
            && let Some(next) = self.waiting.pop_front()
        {
            self.on_its_way.push_back((generation, next));
        }
    }

    /// The journal's line of a change that took effect.
    pub fn took_effect(&mut self, effect: &Effect) -> Option<Written> {
        let (generation, change) = self.on_its_way.pop_front()?;
        assert_eq!(generation, effect.generation, "changes take effect in their order");
        Some(reload::line(&change, effect))
    }
}
