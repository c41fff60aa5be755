//! The first rung of the dead man's ladder, at the venue itself: a moment at which it cancels every order of
//! the account (`scheduleCancel`, PROTOCOL §8), moved on for as long as progress is proved.
//!
//! The moment is the newest proof of progress plus the horizon, so that what rests is gone at most a horizon
//! and a block after the bot or its link stood still, whatever this task did in between. Each move is a
//! request of the account's, and voids itself when it is long on its way: one that comes after the end of a
//! run would cancel what the next one placed.

pub mod memory;

use super::alert::{Alert, Topic};
use super::errands::Pending;
use super::progress::Progress;
use super::task::{Task, Turn};
use crate::exit::AppError;
use crate::rungs::Rung;
use crate::venue_api::account::Way;
use crate::venue_api::switch::Switch;
use crate::when::utc;
use botmm_pipeline::rt::BoardReader;
use botmm_pipeline::types::{Nanos, Usd};
use botmm_pipeline::venue::hl::clock::VenueClock;
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};
use memory::{Kept, Memory};
use std::sync::Arc;
use std::time::Duration;

/// The venue takes no moment that is nearer than this, and what it takes comes after a way there.
const MIN_AHEAD: Nanos = Nanos::secs(5);
const WAY: Nanos = Nanos::secs(1);
/// The venue fires by its own clock, which is known to so much: so near to the moment nobody can tell
/// whether it has fired, and a moved switch would hide that it did.
const UNSURE: Nanos = Nanos::millis(500);
/// It is moved on so many times a horizon.
const MOVES: i64 = 3;
/// How long the venue's answer may take, and after which time the venue takes the request no more.
const PATIENCE: Nanos = Nanos::secs(5);
const VOID_AFTER: Nanos = Nanos::secs(4);
/// When it is tried again: after a failure, after a refusal, and when the account had not traded enough.
const AGAIN: Nanos = Nanos::secs(1);
const AGAIN_AFTER_REFUSAL: Nanos = Nanos::secs(60);
const VOLUME_EVERY: Nanos = Nanos::secs(600);
/// The venue fires so often a day (UTC), and a person is told before that is over.
const TRIGGERS_A_DAY: u32 = 10;
const TRIGGERS_TOLD: u32 = 8;
const DAY: i64 = 86_400_000_000_000;

/// What the venue is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// To cancel everything at a moment of its clock, or never; void from another moment on.
    Set {
        /// When.
        at: Option<Nanos>,
        /// The venue is not to take this later.
        void_after: Nanos,
    },
    /// What the account has traded.
    Traded,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// To a switch.
    Switch(Switch),
    /// So much.
    Traded(Usd),
}

/// A way to ask, at this time. May block.
pub type AskVenue = Arc<dyn Fn(Nanos, Ask) -> Result<Told, AppError> + Send + Sync>;

/// Of this account. Each question opens a connection of its own.
pub fn ask_over(way: Way) -> AskVenue {
    Arc::new(move |now, ask| {
        let mut venue = way()?;
        Ok(match ask {
            Ask::Set { at, void_after } => {
                Told::Switch(venue.schedule_cancel(now, at, void_after)?)
            }
            Ask::Traded => Told::Traded(venue.traded()?),
        })
    })
}

/// Where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    /// Nobody wants it.
    Off,
    /// It was not asked for yet.
    Unknown,
    /// Taken.
    Armed,
    /// Not before the account has traded enough.
    TooLittle { required: Usd, traded: Usd },
    /// Fired as often as it may, on this UTC day.
    Spent { day: i64 },
    /// Not taken, in words.
    Refused(String),
}

/// See the module.
pub struct DeadMan {
    ask: AskVenue,
    progress: Progress,
    link: BoardReader<VIEW_WORDS>,
    venue: VenueClock,
    horizon: Nanos,
    standing: Standing,
    /// When it fires, by our clock: what the venue has taken, or may have.
    fires_at: Option<Nanos>,
    asking: Option<(Asked, Pending<Result<Told, AppError>>)>,
    next: Nanos,
    /// How often it fired, on which UTC day.
    fired: (i64, u32),
    /// When it fired while no run was there, until that is told.
    fired_alone: Option<Nanos>,
    memory: Memory,
    requests: u64,
    /// Orders of others that a person was told of.
    told_foreign: u64,
    told_budget: bool,
    /// What was last told of the standing.
    told: Option<String>,
}

/// What a pending answer is to.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// A moment of our clock.
    Set(Nanos),
    Traded,
}

impl DeadMan {
    /// Fires `horizon` after the last progress; [`None`] = it is switched off.
    pub fn new(
        ask: AskVenue,
        progress: Progress,
        link: BoardReader<VIEW_WORDS>,
        venue: VenueClock,
        horizon: Option<Nanos>,
    ) -> Self {
        let standing = if horizon.is_some() { Standing::Unknown } else { Standing::Off };
        Self {
            ask,
            progress,
            link,
            venue,
            horizon: horizon.unwrap_or(Nanos::ZERO),
            standing,
            fires_at: None,
            asking: None,
            next: Nanos::ZERO,
            fired: (0, 0),
            fired_alone: None,
            memory: Memory::default(),
            requests: 0,
            told_foreign: 0,
            told_budget: false,
            told: None,
        }
    }

    /// Goes on from what the run before this one left: how often it fired, and what it had set, which may have
    /// fired since.
    pub fn going_on(mut self, memory: Memory, now: Nanos) -> Self {
        let Kept { day, fired, fires_at } = memory.kept();
        (self.fired, self.memory) = ((day, fired), memory);
        match fires_at.map(Nanos) {
            Some(at) if at < now => {
                self.count(at);
                self.fired_alone = Some(at);
            }
            at => self.fires_at = at,
        }
        self
    }

    /// It fired at this moment; how often that was so on its day.
    fn count(&mut self, at: Nanos) -> u32 {
        let day = self.venue.at(at).0.div_euclid(DAY);
        let count = if self.fired.0 == day { self.fired.1 + 1 } else { 1 };
        self.fired = (day, count);
        count
    }

    /// What the next run must know. A request that is on its way may be taken.
    fn to_keep(&self) -> Kept {
        let asked = self.asking.as_ref().and_then(|(asked, _)| match asked {
            Asked::Set(at) => Some(*at),
            Asked::Traded => None,
        });
        let (day, fired) = self.fired;
        Kept { day, fired, fires_at: self.fires_at.max(asked).map(|at| at.0) }
    }

    /// Whether it would act, were we gone from now on.
    pub fn rung(&self, now: Nanos) -> Rung {
        let why = match &self.standing {
            Standing::Off => "switched off ([dead_man] schedule_cancel = false)".to_owned(),
            Standing::Armed if self.fires_at.is_some_and(|at| now < at) => return Rung::ARMED,
            Standing::Unknown | Standing::Armed => "waits for progress".to_owned(),
            Standing::TooLittle { required, traded } => {
                let [required, traded] =
                    [required, traded].map(|usd| usd.raw() / Usd::whole(1).raw());
                format!("{traded} of {required} USD traded")
            }
            Standing::Spent { .. } => "fired too often, back at 00:00 UTC".to_owned(),
            Standing::Refused(why) => why.clone(),
        };
        Rung::not_armed(why)
    }

    /// Requests of the account that it took.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// A clean end, or a stop for a while: no order of ours rests, and nothing is to be cancelled. Blocks for
    /// as long as the venue may take. What a person must know.
    pub fn clear(&mut self, now: Nanos) -> Option<String> {
        let said = self.clear_at_the_venue(now);
        let kept = self.memory.keep_now(self.to_keep());
        said.or(kept)
    }

    fn clear_at_the_venue(&mut self, now: Nanos) -> Option<String> {
        if let Some((asked, pending)) = self.asking.take() {
            // It may come to the venue after what clears it.
            let answer = pending.wait(Duration::from_nanos(PATIENCE.0.unsigned_abs()));
            if let (Asked::Set(at), None | Some(Ok(Told::Switch(Switch::Done)))) = (asked, answer) {
                self.fires_at = self.fires_at.max(Some(at));
            }
        }
        let at = self.fires_at?;
        self.requests += 1;
        let void_after = self.venue.at(now) + VOID_AFTER;
        let why = match (self.ask)(now, Ask::Set { at: None, void_after }) {
            Ok(Told::Switch(Switch::Done)) => {
                (self.fires_at, self.standing, self.next) = (None, Standing::Unknown, Nanos::ZERO);
                return None;
            }
            Ok(told) => format!("{told:?}"),
            Err(e) => e.to_string(),
        };
        Some(format!(
            "the venue's dead man's switch could not be cleared ({why}): {}",
            takes_all(at)
        ))
    }

    /// What a person must know when orders may be left: it is their last hope, and stays.
    pub fn still_set(&self) -> Option<String> {
        self.fires_at
            .map(|at| format!("the venue's dead man's switch is still set: {}", takes_all(at)))
    }

    fn hear_answer(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let told = self.asking.as_ref().and_then(|(asked, p)| Some((*asked, p.told(now)?)));
        let Some((asked, answer)) = told else { return };
        self.asking = None;
        // Whatever was answered: nobody knows which was there first, the request or the moment.
        self.notice_that_it_fired(turn);
        let at = match asked {
            Asked::Set(at) => Some(at),
            Asked::Traded => None,
        };
        let switch = match answer {
            Ok(Told::Switch(switch)) => switch,
            Ok(Told::Traded(so_far)) => {
                if let Standing::TooLittle { required, traded } = &mut self.standing {
                    *traded = so_far;
                    if so_far >= *required {
                        (self.standing, self.next) = (Standing::Unknown, now);
                    }
                }
                return;
            }
            Err(_) if at.is_none() => return, // Asked again when it is due.
            Err(why) => {
                // It may have been taken all the same.
                self.fires_at = self.fires_at.max(at);
                self.next = now + AGAIN;
                if self.fires_at.is_none_or(|at| now >= at) {
                    self.standing = Standing::Refused(why);
                }
                return;
            }
        };
        (self.standing, self.next) = match switch {
            Switch::Done => {
                self.fires_at = at;
                (Standing::Armed, self.next)
            }
            Switch::TooLittleVolume { required, traded } => {
                (Standing::TooLittle { required, traded }, now + VOLUME_EVERY)
            }
            Switch::Spent => {
                let day = now.0.div_euclid(DAY);
                (Standing::Spent { day }, Nanos((day + 1) * DAY))
            }
            Switch::NoRequests => {
                let why = "the account's requests are spent".to_owned();
                (Standing::Refused(why), now + AGAIN_AFTER_REFUSAL)
            }
            Switch::Refused(why) => (Standing::Refused(why), now + AGAIN_AFTER_REFUSAL),
        };
    }

    /// The moment came before it was known to be moved on: the venue has cancelled everything.
    fn notice_that_it_fired(&mut self, turn: &mut Turn<'_>) {
        let fired = self.fires_at.filter(|at| turn.now > *at && self.asking.is_none());
        let Some(at) = fired else { return };
        self.fires_at = None;
        let count = self.count(at);
        let lane = self.progress.laggard().unwrap_or("none").to_owned();
        let proof = self.progress.proof();
        let what = if proof.lanes < proof.link {
            format!("lane {lane} stood still")
        } else {
            "the order link stood still, or this process did".to_owned()
        };
        turn.say(Alert::critical(
            Topic::Rung,
            format!(
                "the venue's dead man's switch fired at {} and cancelled every order of the account: {what}",
                utc(at)
            ),
        ));
        warn_of_many(count, turn);
    }

    /// It fired while no run was there.
    fn tell_of_before(&mut self, turn: &mut Turn<'_>) {
        let Some(at) = self.fired_alone.take() else { return };
        let at_time = utc(at);
        let words = format!(
            "the venue's dead man's switch fired at {at_time}, while no run was there to move it on, and \
             cancelled every order of the account"
        );
        turn.say(Alert::warn(Topic::Rung, words));
        if self.venue.at(turn.now).0.div_euclid(DAY) == self.fired.0 {
            warn_of_many(self.fired.1, turn);
        }
    }

    /// Asks for what is due.
    fn ask_what_is_due(&mut self, turn: &Turn<'_>) {
        let now = turn.now;
        let is_unsure = self.fires_at.is_some_and(|at| now + UNSURE >= at);
        if self.standing == Standing::Off || self.asking.is_some() || now < self.next || is_unsure {
            return;
        }
        let (asked, ask) = if matches!(self.standing, Standing::TooLittle { .. }) {
            self.next = now + VOLUME_EVERY;
            (Asked::Traded, Ask::Traded)
        } else {
            let proof = self.progress.proof().whole();
            let at = proof + self.horizon;
            let moves_on = self.fires_at.is_none_or(|known| at > known);
            if proof == Nanos::ZERO || !moves_on || at - now < MIN_AHEAD + WAY {
                return;
            }
            self.next = now + Nanos(self.horizon.0 / MOVES);
            self.requests += 1;
            let void_after = self.venue.at(now) + VOID_AFTER;
            (Asked::Set(at), Ask::Set { at: Some(self.venue.at(at)), void_after })
        };
        let venue = self.ask.clone();
        let pending = turn.workers.dead_man.send(now, PATIENCE, move || venue(now, ask));
        self.asking = Some((asked, pending));
    }

    /// What a person must know of it: once each.
    fn tell(&mut self, turn: &mut Turn<'_>) {
        let view = GatewayView::read(&self.link);
        let is_armed = self.standing == Standing::Armed;
        if is_armed && view.foreign_orders > self.told_foreign {
            turn.say(Alert::warn(
                Topic::Rung,
                format!(
                    "{} orders on the account are not ours: should this bot be gone, the venue's dead man's \
                     switch cancels them too, stop-losses included; give the bot a sub-account, or switch \
                     it off ([dead_man] schedule_cancel = false)",
                    view.foreign_orders
                ),
            ));
        }
        if is_armed || view.foreign_orders < self.told_foreign {
            self.told_foreign = view.foreign_orders;
        }
        let (used, cap) = view.requests;
        let an_hour = Nanos::secs(3_600).0 / (self.horizon.0 / MOVES).max(1);
        let is_short = cap > 0 && cap.saturating_sub(used) < 2 * an_hour.unsigned_abs();
        if is_armed && is_short && !self.told_budget {
            turn.say(Alert::warn(
                Topic::Rung,
                format!(
                    "{} requests are left to the account, and the venue's dead man's switch takes {an_hour} \
                     an hour: trade more, buy requests, or raise [dead_man] horizon_s",
                    cap.saturating_sub(used)
                ),
            ));
        }
        self.told_budget = is_short && (is_armed || self.told_budget);
        // That an account is young is no trouble: screen and summary say so for as long as it is.
        let why = match &self.standing {
            Standing::Spent { .. } => {
                Some("the venue's dead man's switch fired too often today".to_owned())
            }
            Standing::Refused(why) => {
                Some(format!("the venue's dead man's switch is not set: {why}"))
            }
            Standing::TooLittle { .. } | Standing::Armed | Standing::Unknown | Standing::Off => {
                None
            }
        };
        if let Some(why) = why.clone().filter(|_| why != self.told) {
            turn.say(Alert::warn(Topic::Rung, why));
        }
        if why.is_some() || is_armed {
            self.told = why;
        }
    }
}

/// Before there are too many for one day.
fn warn_of_many(count: u32, turn: &mut Turn<'_>) {
    if count >= TRIGGERS_TOLD {
        turn.say(Alert::critical(
            Topic::Rung,
            format!(
                "the switch fired {count} times today, and does so {TRIGGERS_A_DAY} times at most: from then \
                 until 00:00 UTC nothing at the venue cancels for a bot that is gone; stop it and find out why"
            ),
        ));
    }
}

fn takes_all(at: Nanos) -> String {
    let at = utc(at);
    format!(
        "it cancels every order of the account at {at}, those of other programs and persons too"
    )
}

impl Task for DeadMan {
    fn name(&self) -> &'static str {
        "dead man's switch"
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        self.tell_of_before(turn);
        self.hear_answer(turn);
        self.notice_that_it_fired(turn);
        if matches!(self.standing, Standing::Spent { day } if turn.now.0.div_euclid(DAY) > day) {
            self.standing = Standing::Unknown;
        }
        self.ask_what_is_due(turn);
        self.tell(turn);
        let said = self.memory.keep(self.to_keep(), turn);
        said.into_iter().for_each(|said| turn.say(Alert::warn(Topic::Machine, said)));
    }
}

#[cfg(test)]
mod tests;
