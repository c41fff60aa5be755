//! One webhook that notes go to: a bounded queue, at most so many messages a minute, ever longer pauses
//! while nobody answers, and as long a pause as a server asks for.

use super::note::Note;
use super::payload::{MAX_EMBEDDED, MAX_EMBEDS, Speaker, discord, embedded, plain};
use crate::net::{Hook, HookError};
use crate::side::alert::{Alert, Level, Topic};
use crate::side::errands::{Errands, Pending};
use botmm_pipeline::types::Nanos;
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;

/// Notes that wait; beyond, the oldest of the lowest level goes.
pub(super) const MAX_WAITING: usize = 256;
/// What is merely good to know waits a moment, so that what belongs together comes together.
const LINGER: Nanos = Nanos::secs(1);
const MINUTE: Nanos = Nanos::secs(60);
/// Pauses after failures: the first, and the longest.
const FIRST_PAUSE: Nanos = Nanos::secs(1);
const LONGEST_PAUSE: Nanos = Nanos::secs(300);
/// No server is obeyed that asks for a longer one.
const LONGEST_WAIT: Nanos = Nanos::secs(3_600);
/// How long a post may take, the wait for another one included. Its own deadlines are shorter.
const PATIENCE: Nanos = Nanos::secs(60);
/// Failures in a row that are told of: a lost packet is none of a person's business.
const TOLD_AFTER: u32 = 3;

/// Of what kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Discord,
    Plain,
}

impl Shape {
    /// As its table of the configuration is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Discord => "discord",
            Self::Plain => "webhook",
        }
    }
}

/// See the module.
pub(super) struct Outlet {
    pub shape: Shape,
    hook: Hook,
    level: Level,
    max_per_min: usize,
    waiting: VecDeque<Note>,
    /// Notes that found no room, or that nobody took, and that was not told yet.
    dropped: u64,
    /// Likewise since the start, told or not.
    dropped_ever: u64,
    /// What is being posted, again and again until it is taken.
    batch: Option<Batch>,
    posting: Option<Pending<Result<(), HookError>>>,
    /// When messages of the last minute were posted.
    posted: VecDeque<Nanos>,
    /// Nothing is posted before.
    next: Nanos,
    failures: u32,
    is_told: bool,
}

struct Batch {
    body: Vec<u8>,
    notes: u64,
    dropped: u64,
}

impl Outlet {
    pub fn new(shape: Shape, hook: Hook, level: Level, max_per_min: usize) -> Self {
        Self {
            shape,
            hook,
            level,
            max_per_min,
            waiting: VecDeque::new(),
            dropped: 0,
            dropped_ever: 0,
            batch: None,
            posting: None,
            posted: VecDeque::new(),
            next: Nanos::ZERO,
            failures: 0,
            is_told: false,
        }
    }

    /// Takes a note in, when it is of a level that is sent here.
    pub fn push(&mut self, note: &Note) {
        if note.level < self.level {
            return;
        }
        if let Some(last) = self.waiting.back_mut().filter(|last| last.says_the_same_as(note)) {
            last.count += note.count;
            return;
        }
        if self.waiting.len() == MAX_WAITING {
            let lowest = self.waiting.iter().map(|n| n.level).min().unwrap_or(Level::Info);
            if note.level < lowest {
                self.drop_notes(note.count);
                return;
            }
            let oldest = self.waiting.iter().position(|n| n.level == lowest);
            let gone = oldest.and_then(|oldest| self.waiting.remove(oldest));
            self.drop_notes(gone.map_or(0, |n| n.count));
        }
        self.waiting.push_back(note.clone());
    }

    fn drop_notes(&mut self, count: u64) {
        self.dropped += count;
        self.dropped_ever += count;
    }

    /// How many notes it dropped since the start, and how many wait.
    pub fn counts(&self) -> [u64; 2] {
        let posting = self.batch.as_ref().map_or(0, |batch| batch.notes);
        let waiting: u64 = self.waiting.iter().map(|note| note.count).sum();
        [self.dropped_ever, posting + waiting]
    }

    /// Whether there is nothing left to post.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.batch.is_none()
    }

    /// Whether what was posted last was answered.
    #[cfg(test)]
    pub fn has_answer(&self) -> bool {
        self.posting.is_none()
    }

    /// Does what is due; what a person should know of it. `is_last`: nothing waits for company any more.
    pub fn turn(
        &mut self,
        now: Nanos,
        speaker: &Speaker,
        errands: &Errands,
        is_last: bool,
    ) -> Option<Alert> {
        let news = self.hear_answer(now);
        if self.posting.is_some() || now < self.next {
            return news;
        }
        while self.posted.front().is_some_and(|at| now - *at >= MINUTE) {
            self.posted.pop_front();
        }
        if self.posted.len() >= self.max_per_min {
            return news;
        }
        if self.batch.is_none() && (is_last || self.is_due(now)) {
            self.batch = self.take_batch(speaker);
        }
        if let Some(batch) = &self.batch {
            let (hook, body) = (self.hook.clone(), batch.body.clone());
            self.posted.push_back(now);
            self.posting = Some(errands.send(now, PATIENCE, move || hook.post(&body)));
        }
        news
    }

    fn is_due(&self, now: Nanos) -> bool {
        let waits = |n: &Note| n.level == Level::Info && now - n.added < LINGER;
        self.waiting.front().is_some_and(|first| !waits(first) || self.waiting.len() >= MAX_EMBEDS)
            || self.waiting.iter().any(|n| n.level > Level::Info)
    }

    /// As many notes as a message holds.
    fn take_batch(&mut self, speaker: &Speaker) -> Option<Batch> {
        let (mut notes, mut size) = (Vec::new(), 0);
        while let Some(note) = self.waiting.front() {
            size += embedded(speaker, note);
            let is_full = notes.len() == MAX_EMBEDS || size > MAX_EMBEDDED;
            if is_full && !notes.is_empty() {
                break;
            }
            notes.extend(self.waiting.pop_front());
        }
        if notes.is_empty() {
            return None;
        }
        let dropped = std::mem::take(&mut self.dropped);
        let message: Value = match self.shape {
            Shape::Discord => discord(speaker, &notes, dropped),
            Shape::Plain => plain(speaker, &notes, dropped),
        };
        let count = notes.iter().map(|n| n.count).sum();
        Some(Batch { body: message.to_string().into_bytes(), notes: count, dropped })
    }

    /// Looks what became of a post.
    fn hear_answer(&mut self, now: Nanos) -> Option<Alert> {
        let answer = self.posting.as_ref()?.poll(now)?;
        self.posting = None;
        let failure = match answer {
            Ok(Ok(())) => {
                (self.batch, self.failures) = (None, 0);
                let was_told = std::mem::take(&mut self.is_told);
                return was_told.then(|| self.alert(Level::Info, "takes alerts again"));
            }
            Ok(Err(HookError::BadMessage { status, said })) => {
                // It would be refused again, and keep the others waiting.
                let (notes, before) = self.batch.take().map_or((0, 0), |b| (b.notes, b.dropped));
                self.drop_notes(notes);
                self.dropped += before; // Which nobody was told of.
                let lost = notes + before;
                let words = format!("refused a message of {lost} alerts: HTTP {status}: {said}");
                return Some(self.alert(Level::Warn, &words));
            }
            Ok(Err(HookError::Limited(Some(wait)))) => {
                self.next = now + nanos(wait);
                return None;
            }
            Ok(Err(failure)) => failure,
            Err(missed) => HookError::Trouble(missed.to_string()),
        };
        let pause = FIRST_PAUSE.0.saturating_mul(1 << self.failures.min(20)).min(LONGEST_PAUSE.0);
        self.next = now + Nanos(pause);
        self.failures = self.failures.saturating_add(1);
        let is_clear = matches!(failure, HookError::Refused { .. });
        if self.is_told || !(is_clear || self.failures >= TOLD_AFTER) {
            return None;
        }
        self.is_told = true;
        Some(self.alert(Level::Warn, &format!("takes no alerts, they wait: {failure}")))
    }

    fn alert(&self, level: Level, words: &str) -> Alert {
        let name = match self.shape {
            Shape::Discord => "Discord",
            Shape::Plain => "webhook",
        };
        let text = format!("{name} ({}) {words}", self.hook.host());
        Alert { level, topic: Topic::Machine, text }
    }
}

fn nanos(wait: Duration) -> Nanos {
    let ns = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
    Nanos(ns.clamp(FIRST_PAUSE.0 / 10, LONGEST_WAIT.0))
}
