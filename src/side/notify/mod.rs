//! Tells whoever is away (docs/alerts.md): alerts as they come, fills of a minute together, each UTC day's
//! numbers. What may block is an errand; a webhook that is late, silent or refuses keeps nobody waiting.

mod note;
mod outlet;
mod payload;
#[cfg(test)]
mod tests;

use super::alert::{Alert, Level};
use super::task::{Task, Turn};
use crate::exit::{AppError, Exit};
use crate::journal::day::DayBook;
use crate::keys::{self, WebhookAt};
use crate::net::{Hook, Timeouts, Tls};
use crate::settings::{HookSettings, Settings};
use crate::side::errands::Errands;
use crate::when::utc_s;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{DayNet, Fact, Nanos, Qty, Universe};
use note::{Fills, Note, daily};
use outlet::{Outlet, Shape};
use payload::Speaker;
use std::time::{Duration, Instant};

/// Fills are told together, at most so long after the first.
const FILLS_EVERY: Nanos = Nanos::secs(60);
/// A day is told of so long after its end: what the stages told of it on other rings has come by then.
const DAY_SETTLES: Nanos = Nanos::secs(2);
/// A post's own deadlines.
const TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(5), total: Duration::from_secs(10) };

/// How long the end of a run waits for them; orders are gone by then.
const LAST_WORDS_WAIT: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// See the module.
pub struct Notify {
    speaker: Speaker,
    universe: Universe,
    since: String,
    outlets: Vec<Outlet>,
    fills: Fills,
    held: [Qty; MAX_ASSETS],
    days: DayBook,
    /// Days that ended, and when they are told.
    ended: Vec<(Nanos, DayNet)>,
    /// Of the newest turn.
    now: Nanos,
}

impl Notify {
    /// To the webhooks that settings, environment and credentials name; to nobody without any.
    ///
    /// # Errors
    /// One of them cannot be used. Its address is not repeated.
    pub fn open(
        settings: &Settings,
        tls: &Tls,
        (network, title): (&str, &str),
        now: Nanos,
    ) -> Result<Self, AppError> {
        let of = |shape, at, settings| outlet(shape, at, settings, tls);
        let discord = of(Shape::Discord, keys::DISCORD, &settings.discord)?;
        let plain = of(Shape::Plain, keys::WEBHOOK, &settings.webhook)?;
        let speaker = Speaker { network: network.to_owned(), title: title.to_owned() };
        let outlets = discord.into_iter().chain(plain).collect();
        Ok(Self::to(outlets, speaker, settings.universe(), now))
    }

    fn to(outlets: Vec<Outlet>, speaker: Speaker, universe: Universe, now: Nanos) -> Self {
        Self {
            speaker,
            universe,
            since: utc_s(now),
            outlets,
            fills: Fills::default(),
            held: [Qty::ZERO; MAX_ASSETS],
            days: DayBook::default(),
            ended: Vec::new(),
            now,
        }
    }

    /// Whether no webhook is set up.
    pub fn reaches_nobody(&self) -> bool {
        self.outlets.is_empty()
    }

    /// By webhook: its name, how many notes it dropped since the start, and how many wait.
    pub fn counts(&self) -> Vec<(&'static str, [u64; 2])> {
        self.outlets.iter().map(|outlet| (outlet.shape.name(), outlet.counts())).collect()
    }

    /// Tells of what happened at this time.
    pub fn tell(&mut self, time: Nanos, alert: &Alert) {
        self.push(&Note::of(alert, time, self.now));
    }

    fn push(&mut self, note: &Note) {
        self.outlets.iter_mut().for_each(|outlet| outlet.push(note));
    }

    /// At the end of a run, again and again until it is true: everything was told.
    pub fn is_done(&mut self, now: Nanos, errands: &Errands) -> bool {
        self.tell_fills(now);
        let speaker = &self.speaker;
        for outlet in &mut self.outlets {
            let _ = outlet.turn(now, speaker, errands, true); // Nobody is there any more to be told.
        }
        self.outlets.iter().all(Outlet::is_idle)
    }

    /// Waits a moment until all that was to be told has arrived: the last words of a run.
    pub fn settle(&mut self, errands: &Errands, clock: &dyn Fn() -> Nanos) {
        let begun = Instant::now();
        while !self.is_done(clock(), errands) && begun.elapsed() < LAST_WORDS_WAIT {
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Posts what is due; what a person should know of it.
    pub fn post(&mut self, now: Nanos, errands: &Errands) -> Vec<Alert> {
        self.now = now;
        let speaker = &self.speaker;
        let news = self.outlets.iter_mut().map(|o| o.turn(now, speaker, errands, false));
        news.flatten().collect()
    }

    fn tell_fills(&mut self, now: Nanos) {
        let held = self.held;
        let note = self.fills.take(&self.universe, &|asset| held[asset.index()], now);
        note.iter().for_each(|note| self.push(note));
    }

    fn tell_days(&mut self, now: Nanos) {
        while let Some((due, day)) = self.ended.first().copied().filter(|(due, _)| now >= *due) {
            self.ended.remove(0);
            let report = self.days.report(day);
            self.push(&daily(&report, &self.universe, &self.since, due - DAY_SETTLES));
        }
    }
}

impl Task for Notify {
    fn name(&self) -> &'static str {
        "alerts"
    }

    fn hear(&mut self, fact: &Fact) {
        if self.outlets.is_empty() {
            return;
        }
        self.days.hear(fact);
        match *fact {
            Fact::Fill { asset, time, fill, .. } => self.fills.add(asset, &fill, time),
            Fact::Account(account) => self.held = account.position,
            Fact::Day(day) => self.ended.push((self.now + DAY_SETTLES, day)),
            _ => {}
        }
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        self.now = now;
        if self.fills.since.is_some_and(|since| now - since >= FILLS_EVERY) {
            self.tell_fills(now);
        }
        self.tell_days(now);
        let news = self.post(now, &turn.workers.alerts);
        news.into_iter().for_each(|alert| turn.say(alert));
    }
}

fn outlet(
    shape: Shape,
    at: WebhookAt,
    settings: &HookSettings,
    tls: &Tls,
) -> Result<Option<Outlet>, AppError> {
    let Some((url, place)) = keys::webhook(at, settings.url_file.as_deref())? else {
        return Ok(None);
    };
    let hook = Hook::new(&url, tls, TIMEOUTS)
        .map_err(|e| AppError::of(Exit::Config, format!("{place}: {e}")))?;
    let level = Level::from_word(&settings.level).unwrap_or(Level::Info);
    Ok(Some(Outlet::new(shape, hook, level, settings.max_per_min)))
}
