//! Parameters that change while the bot runs (STRATEGY §8): the file of `general.live_params`, below it that of a tuner
//! that acts, the parameter tables of the file that `--config` named, and the fill models that these name.
//!
//! A file that changed is read whole and laid into the other layers as at the start. What comes out
//! is sound as a whole, or changes nothing. What differs from what holds goes to the stages as one
//! generation, which the feed lets in between two market events (`botmm_pipeline::stage::params`).

mod line;
mod models;
mod watch;

pub use line::{Change, Effect, line, read};
use line::{GRID_KEY, refused_line};

use super::alert::{Alert, Topic};
use super::errands::{Errands, Missed, Pending};
use super::listing::Regridded;
use super::task::{HandOver, Task, Turn};
use super::tuner::rules::Baseline;
use crate::predictor;
use crate::settings::{
    ConfigError, ContentHash, Draft, LiveParams, ParamChange, Settings, content_hash,
};
use botmm_pipeline::types::{AssetId, AssetParams, Nanos, Universe, Usd};
use models::{Models, Seen};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use watch::{Look, Watch};

/// How often the files are looked at.
const LOOK_EVERY: Nanos = Nanos::millis(200);
/// They are read at least every so many ticks of the quotes (STRATEGY §8).
const READ_EVERY_TICKS: i64 = 3_600;
/// How long the disk may take before that is told.
const PATIENCE: Nanos = Nanos::secs(10);
/// Changes that a message names; the journal names all.
const NAMED: usize = 8;

/// From layers to settings, in the same way as at the start.
pub type Complete = Box<dyn Fn(Draft) -> Result<Settings, ConfigError>>;

/// What a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
enum News {
    /// A file was refused; nothing changed.
    Refused {
        /// Which.
        source: String,
        /// Why: one line.
        error: String,
    },
    /// Something else.
    Said(String),
}

/// A file that parameters come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Config,
    Tuned,
    Live,
}

/// What a worker brings back: the watches, what each file of parameters is like, and what is new of models.
type Looked = ((Vec<Watch>, Models), Vec<Look>, Vec<(PathBuf, Seen)>);

struct WatchedFile {
    kind: Kind,
    path: PathBuf,
    /// Of the content that is known.
    hash: Option<ContentHash>,
    /// Its newest content, when that was refused.
    refused: Option<Vec<u8>>,
}

/// See the module.
pub struct Reload {
    universe: Universe,
    complete: Complete,
    /// The layers of what the files want, without flags and universe.
    draft: Draft,
    /// What they come to.
    wanted: Settings,
    /// What the stages were told last.
    told: Settings,
    /// Where the difference comes from.
    changed_by: Vec<String>,
    /// Assets that the venue put on another grid (decimals of their sizes), and what of that is not told yet.
    grids: BTreeMap<usize, u8>,
    regridded: Vec<Regridded>,
    /// Told, and not in effect yet.
    on_its_way: VecDeque<(u32, Change)>,
    sources: Vec<WatchedFile>,
    /// Of each of them and of the models; [`None`] while a worker looks.
    watches: Option<(Vec<Watch>, Models)>,
    looking: Option<Pending<Looked>>,
    /// They are read at least so often.
    period: Nanos,
    next_look: Nanos,
    /// It was said that they cannot be looked at.
    is_blind: bool,
}

impl Reload {
    /// Watches the files of a draft that came to these settings by way of `complete`.
    pub fn new(
        draft: Draft,
        complete: Complete,
        settings: Settings,
        universe: Universe,
        now: Nanos,
    ) -> Self {
        let ticks = universe.iter().map(|(_, i)| settings.params(i.coin.as_str()).tick.0);
        let period = Nanos(READ_EVERY_TICKS * ticks.min().unwrap_or(1_000_000_000));
        let source = |kind, path: &Path, hash: Option<ContentHash>| WatchedFile {
            kind,
            path: path.to_owned(),
            hash,
            refused: None,
        };
        let config = draft.file().map(|(path, hash)| source(Kind::Config, path, Some(hash)));
        let tuned_hash = draft.tuned().map(LiveParams::hash);
        let tuned = draft.tuned_path().map(|path| source(Kind::Tuned, &path, tuned_hash));
        let live_hash = draft.live_params().map(LiveParams::hash);
        let live = draft.live_path().map(|path| source(Kind::Live, &path, live_hash));
        Self {
            universe,
            complete,
            sources: config.into_iter().chain(tuned).chain(live).collect(),
            draft,
            wanted: settings.clone(),
            told: settings,
            changed_by: Vec::new(),
            grids: BTreeMap::new(),
            regridded: Vec::new(),
            on_its_way: VecDeque::new(),
            watches: None,
            looking: None,
            period,
            next_look: now,
            is_blind: false,
        }
    }

    /// The account is worth this now: limits that are shares of it follow, like a change of a file.
    pub fn account_is_worth(&mut self, value: Usd) {
        let draft = self.draft.clone().with_account(value);
        // It was sound before; an account without money makes it unsound, and then nothing changes.
        let Ok(settings) = self.sound(draft.clone()) else { return };
        if settings.capital() != self.wanted.capital() {
            self.changed_by.push("the account's value".to_owned());
        }
        (self.draft, self.wanted) = (draft, settings);
    }

    /// The venue put an asset on another grid.
    pub fn regrid(&mut self, changed: Regridded) {
        self.grids.insert(changed.asset.index(), changed.to);
        self.regridded.push(changed);
        self.changed_by.push("the venue's list".to_owned());
    }

    /// The change of a generation that took effect.
    pub fn took_effect(&mut self, generation: u32) -> Option<Change> {
        while let Some((told, change)) = self.on_its_way.pop_front() {
            if told == generation {
                return Some(change);
            }
        }
        None
    }

    /// What the stages were told last.
    pub fn settings(&self) -> &Settings {
        &self.told
    }

    /// What each coin begins with for the tuner: without its layer, and with what a person set; [`None`] = that is not
    /// sound by itself now.
    pub fn untuned(&self) -> Option<BTreeMap<String, Baseline>> {
        let settings = (self.complete)(self.draft.clone().with_tuned(None)).ok()?;
        let coins: Vec<String> = settings.coins().map(str::to_owned).collect();
        let of = |coin: &str| {
            let live = self.draft.live_params();
            let held = live.map(|live| live.keys(coin, &coins)).unwrap_or_default();
            let held = held.into_iter().map(str::to_owned).collect();
            (coin.to_owned(), Baseline::of(&settings, coin, held))
        };
        Some(self.coins().map(of).collect())
    }

    /// Looks at the files when it is time, by a worker: they may lie where nothing answers any more. What
    /// was found.
    fn look(&mut self, now: Nanos, files: &Errands) -> Vec<News> {
        let mut news = Vec::new();
        if let Some(looking) = &self.looking {
            match looking.poll(now) {
                None => return news,
                Some(Err(Missed::Late)) if self.is_blind => return news,
                Some(Err(Missed::Late)) => {
                    self.is_blind = true;
                    news.push(News::Said(
                        "the files of parameters cannot be looked at, their disk does not answer: what \
                         they set still holds"
                            .to_owned(),
                    ));
                    return news;
                }
                Some(Err(Missed::Refused | Missed::Panicked)) => self.looking = None,
                Some(Ok((watches, looks, models))) => {
                    (self.looking, self.watches, self.is_blind) = (None, Some(watches), false);
                    for (at, look) in looks.into_iter().enumerate() {
                        self.saw(at, look, &mut news);
                    }
                    self.saw_models(models, &mut news);
                }
            }
        }
        if now >= self.next_look && !self.sources.is_empty() {
            self.next_look = now + LOOK_EVERY;
            let (watches, mut models) = self.watches.take().unwrap_or_else(|| self.watch(now));
            models.keep_to(&self.model_files(), now, self.period);
            self.looking = Some(files.send(now, PATIENCE, move || look_at(watches, models, now)));
        }
        news
    }

    fn watch(&self, now: Nanos) -> (Vec<Watch>, Models) {
        let watch = |s: &WatchedFile| Watch::new(s.path.clone(), s.hash, now, self.period);
        (self.sources.iter().map(watch).collect(), Models::default())
    }

    fn model_files(&self) -> BTreeSet<PathBuf> {
        self.wanted.model_files(self.coins())
    }

    /// A model that is another now changes what its coins are quoted by, like a parameter.
    fn saw_models(&mut self, seen: Vec<(PathBuf, Seen)>, news: &mut Vec<News>) {
        let asked = self.model_files();
        let mut changed = Vec::new();
        for (path, seen) in seen.into_iter().filter(|(path, _)| asked.contains(path)) {
            let source = path.display().to_string();
            match seen {
                Seen::New => changed.push(source),
                Seen::Refused(error) => news.push(News::Refused { source, error }),
                Seen::Gone => {
                    news.push(News::Said(format!("{source}: gone; the model in it still holds")));
                }
            }
        }
        if changed.is_empty() {
            return;
        }
        match self.sound(self.draft.clone()) {
            Ok(settings) => {
                self.wanted = settings;
                changed.retain(|source| !self.changed_by.contains(source));
                self.changed_by.extend(changed);
            }
            Err(e) => {
                let (source, error) = (changed.join(", "), e.to_string());
                news.push(News::Refused { source, error });
            }
        }
    }

    fn saw(&mut self, at: usize, look: Look, news: &mut Vec<News>) {
        let name = self.sources[at].path.display().to_string();
        let refused = |error: String| News::Refused { source: name.clone(), error };
        match look {
            Look::Same => {}
            Look::Content(content) => {
                self.sources[at].hash = Some(content_hash(&content));
                match self.take(at, &content) {
                    Ok(said) => news.extend(said.into_iter().map(News::Said)),
                    Err(e) => {
                        self.sources[at].refused = Some(content);
                        news.push(refused(e.to_string()));
                    }
                }
            }
            Look::Gone => news.push(News::Said(format!("{name}: gone; what it set still holds"))),
            Look::Unreadable(why) => news.push(refused(format!("{name}: cannot read: {why}"))),
        }
    }

    /// Takes a new content of a file over; what should be said of it.
    fn take(&mut self, at: usize, content: &[u8]) -> Result<Vec<String>, ConfigError> {
        let draft = self.laid(self.sources[at].kind, &self.draft, content)?;
        // What was refused of the other file may be sound together with this.
        let other = self
            .sources
            .iter()
            .position(|s| s.refused.is_some() && s.kind != self.sources[at].kind);
        let with_other = other.and_then(|other| {
            let source = &self.sources[other];
            let both = self.laid(source.kind, &draft, source.refused.as_deref()?).ok()?;
            let settings = self.sound(both.clone()).ok()?;
            Some((both, settings, other))
        });
        let (draft, settings, taken) = match with_other {
            Some((both, settings, other)) => (both, settings, vec![at, other]),
            None => {
                let settings = self.sound(draft.clone())?;
                (draft, settings, vec![at])
            }
        };
        let changes = settings.changes_since(&self.wanted, self.coins())?;
        let mut said = Vec::new();
        for taken in taken {
            let name = self.sources[taken].path.display().to_string();
            if self.sources[taken].refused.take().is_some() && changes.is_empty() {
                said.push(format!("{name}: sound again, and changes nothing"));
            }
            if !changes.is_empty() && !self.changed_by.contains(&name) {
                self.changed_by.push(name);
            }
        }
        let known = &self.wanted.warnings;
        let warnings = settings.warnings.iter().filter(|w| !known.contains(w));
        said.extend(warnings.map(|w| format!("warning: {w}")));
        (self.draft, self.wanted) = (draft, settings);
        Ok(said)
    }

    /// The layers, with another content of one file.
    fn laid(&self, kind: Kind, draft: &Draft, content: &[u8]) -> Result<Draft, ConfigError> {
        match kind {
            Kind::Config => draft.with_content(content),
            Kind::Tuned => {
                let path = draft.tuned_path().unwrap_or_default().display().to_string();
                Ok(draft.clone().with_tuned(Some(LiveParams::parse(&path, content)?)))
            }
            Kind::Live => {
                let path = draft.live_path().unwrap_or_default().display().to_string();
                let live = LiveParams::parse(&path, content)?;
                Ok(draft.clone().with_live_params(Some(live)))
            }
        }
    }

    /// The settings of a draft, when the stages may be told of them.
    fn sound(&self, draft: Draft) -> Result<Settings, ConfigError> {
        let settings = (self.complete)(draft)?;
        settings.changes_since(&self.told, self.coins())?;
        Ok(settings)
    }

    fn coins(&self) -> impl Iterator<Item = &str> {
        self.universe.iter().map(|(_, i)| i.coin.as_str())
    }

    /// Hands over what differs from what the stages know; when they cannot take it, the next turn
    /// tries again.
    fn tell(&mut self, hand_over: &mut HandOver<'_>) {
        let Ok(mut changes) = self.wanted.changes_since(&self.told, self.coins()) else { return };
        let mut params = changed_params(&self.universe, &self.told, &self.wanted);
        for Regridded { asset, from, to } in &self.regridded {
            let coin = self.universe.get(*asset).coin;
            let (key, [from, to]) = (GRID_KEY.to_owned(), [*from, *to].map(Into::into));
            changes.push(ParamChange { coin: Some(coin.to_string()), key, from, to });
            if params.iter().all(|(known, _)| known != asset) {
                params.push((*asset, self.wanted.params(coin.as_str())));
            }
        }
        for (asset, params) in &mut params {
            params.sz_decimals = self.grids.get(&asset.index()).copied();
        }
        if !params.is_empty() {
            let Some(generation) = hand_over(&params) else { return };
            let source = self.changed_by.join(", ");
            self.on_its_way.push_back((generation, Change { changes, params, source }));
        }
        self.told.clone_from(&self.wanted);
        self.changed_by.clear();
        self.regridded.clear();
    }
}

impl Task for Reload {
    fn name(&self) -> &'static str {
        "parameters"
    }

    /// Looks at the files of parameters, and hands over what changed.
    fn turn(&mut self, turn: &mut Turn<'_>) {
        for news in self.look(turn.now, &turn.workers.files) {
            let said = match news {
                News::Said(said) => said,
                News::Refused { source, error } => {
                    turn.out.lines.push(refused_line(turn.now, &source, &error));
                    format!("parameters refused, nothing changed: {error}")
                }
            };
            turn.say(Alert::warn(Topic::Params, said));
        }
        if !self.changed_by.is_empty() {
            self.tell(turn.hand_over);
        }
    }
}

fn look_at(mut watches: Vec<Watch>, mut models: Models, now: Nanos) -> Looked {
    let looks: Vec<Look> = watches.iter_mut().map(|watch| watch.look(now)).collect();
    looks.iter().for_each(read_models);
    let seen = models.look(now);
    ((watches, models), looks, seen)
}

/// Reads the fill models that a new content names, here where reading may take long. What is wrong with one is
/// told when the content is taken over.
fn read_models(look: &Look) {
    let Look::Content(content) = look else { return };
    let text = String::from_utf8_lossy(content);
    let values =
        text.lines().filter_map(|line| line.trim().strip_prefix("fill_model")?.split('"').nth(1));
    values.filter(|path| !path.is_empty()).for_each(|path| drop(predictor::model(Path::new(path))));
}

/// All parameters of the assets of which some differ.
pub fn changed_params(
    universe: &Universe,
    before: &Settings,
    after: &Settings,
) -> Vec<(AssetId, AssetParams)> {
    let params = universe.iter().map(|(id, i)| {
        let [before, after] = [before, after].map(|s| s.params(i.coin.as_str()));
        (id, before, after)
    });
    params.filter(|(_, before, after)| before != after).map(|(id, _, new)| (id, new)).collect()
}

impl Change {
    /// In words, in one line.
    pub fn in_words(&self) -> String {
        let named: Vec<String> = self.changes.iter().take(NAMED).map(ToString::to_string).collect();
        let more = match self.changes.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        format!("{}: {}{more}", self.source, named.join(", "))
    }
}

#[cfg(test)]
mod tests;
