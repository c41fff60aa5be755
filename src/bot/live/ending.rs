//! The end of a live run, and a stop for a while: orders first. Whatever else goes wrong (a full disk, a
//! venue that does not answer) is collected, and hides nothing of the rest.

use super::last_check::{self, LastCheck, OverHttps, cancel_all};
use super::notify::{end_of, tell_the_end};
use super::{Live, TURN, caught};
use crate::bot::lines;
use crate::bot::session::{self, Ended};
use crate::exit::AppError;
use crate::report::Summary;
use crate::side::alert::{Alert, Topic};
use crate::stop::Stop;
use crate::terminal;
use botmm_pipeline::rt::{HaltLevel, Hold};
use botmm_pipeline::venue::hl::gateway::GatewayView;
use std::time::{Duration, Instant};

/// How long the orders may take to be cancelled over the order link.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
/// The order link must have shown no open order for this long before it is believed.
const CANCEL_SETTLE: Duration = Duration::from_millis(500);
/// What was on its way when trading was closed is void by then, whatever its `expires_after`.
const MAX_VOID: Duration = Duration::from_secs(8);
const CLOCK_GRACE: Duration = Duration::from_secs(1);
/// After a stop, what has piled up is read, and the books and quotes are new, before anything is sent.
const GO_ON_AFTER: Duration = Duration::from_secs(2);

/// What a run came to. Each of the three is there whatever became of the others.
pub struct Finished {
    /// What it did.
    pub summary: Summary,
    /// An error: orders rest at the venue, or may.
    pub left: Result<(), AppError>,
    /// An error: a limit halted it.
    pub halt: Result<(), AppError>,
    /// What else went wrong: positions that could not be closed, files that could not be written.
    pub troubles: Vec<AppError>,
}

impl Live {
    /// Cancels what rests, makes sure of it, stops the threads, and compares the account with the
    /// venue's.
    pub fn finish(mut self) -> Finished {
        self.watchdog.is_ending();
        self.progress.side_takes_its_time();
        let ended_by = self.ended_by();
        let rungs = self.rungs();
        self.tasks.service.stops();
        self.pipeline.level.raise(HaltLevel::Halt);
        let left = self.leave_nothing();
        match &left {
            Ok(()) => {
                self.heart.end(); // Else the guard goes on where we give up.
                self.tasks.guard.wait_until_told(self.heart.newest());
                self.about.notes.extend(self.tasks.dead_man.clear(self.clock.now()));
            }
            Err(_) => self.about.notes.extend(self.tasks.dead_man.still_set()),
        }
        let mut troubles = Vec::new();
        match &left {
            Ok(()) => troubles.extend(self.flatten().err()),
            Err(_) if self.flatten_within_bps.is_some() => {
                self.about.notes.push("no position was closed: orders may rest".to_owned());
            }
            Err(_) => {}
        }
        let (wall, end) = (self.started.elapsed(), self.clock.now());
        if let Some(threads) = self.threads.take() {
            let unpinned = threads.unpinned();
            let notes = unpinned.map(|l| format!("lane {l} could not be pinned to its core"));
            let late = threads.not_real_time();
            let late = late.map(|l| format!("lane {l} was not given real-time priority"));
            self.about.notes.extend(notes.chain(late).collect::<Vec<_>>());
            if let Err(lane) = threads.stop() {
                self.about.notes.push(format!("lane {lane} died: the numbers end there"));
            }
        }
        if let Some(blackbox) = self.blackbox.take() {
            self.about.notes.push(blackbox.finish());
        }
        self.drain_in_any_case();
        self.note_params_changes();
        let numbers = self.pipeline.metrics.numbers(self.config.universe.len());
        let halt = session::verdict(&numbers).and(self.killed());
        let (venue_net, transfers) = match &left {
            Ok(()) => self.compare(&numbers),
            Err(e) => {
                self.about.notes.push(e.to_string());
                (None, None)
            }
        };
        self.tell_latency(end);
        if let Some(journal) = &mut self.journal {
            journal.write_line(&self.tasks.books.end(left.is_ok(), end));
            journal.write_line(&lines::end(&numbers, transfers, end));
        }
        match self.tasks.risk.finish() {
            Ok(warning) => warning.iter().for_each(terminal::complain),
            Err(e) => troubles.push(e),
        }
        troubles.extend(self.tasks.books.finish(end).err());
        troubles.extend(self.tasks.fit.finish().err());
        // With orders left the next run waits as after a kill.
        if left.is_ok() {
            troubles.extend(self.tasks.state.finish().err());
        }
        troubles.extend(self.journal.take().and_then(|journal| journal.finish().err()));
        if let Some(history) = self.tasks.history.take() {
            history.finish(end).iter().for_each(terminal::complain);
        }
        let ended = Ended {
            settings: &self.settings,
            config: &self.config,
            numbers,
            rings: &self.pipeline.rings,
            latencies: &self.pipeline.latencies,
            trips: Some(&self.pipeline.trips),
            days: self.days,
            venue_net,
            transfers,
            span: end - self.start_time,
            wall,
            market: self.about.market,
            queue: self.about.queue,
            rules: "the venue's own".to_owned(),
            feed: self.about.latency.clone(),
            latency: self.about.latency,
            plan: self.plan_name.clone(),
            data: Vec::new(),
            notes: self.about.notes,
            rungs: Some(rungs),
        };
        let summary = ended.summary();
        let (notify, errands) = (&mut self.tasks.notify, &self.tasks.workers.alerts);
        tell_the_end(notify, errands, &self.clock, &end_of(&summary, ended_by.as_deref(), &left));
        self.watchdog.has_ended();
        drop(self.control.take());
        self.tasks.killer.end();
        Finished { summary, left, halt, troubles }
    }

    /// A kill outlives its run.
    fn killed(&self) -> Result<(), AppError> {
        let killer = &self.tasks.killer;
        let Some(why) = killer.why() else { return Ok(()) };
        let reason =
            format!("{why}; the next run quotes nothing either: `{}` ends that", killer.command());
        Err(AppError::RiskHalt { reason })
    }

    /// Ctrl-Z: cancels, then stops the process until it is let go on, then goes on. With orders that
    /// cannot be cancelled it does not stop: nobody would look after them.
    pub(super) fn suspend(&mut self, stop: &Stop) {
        self.pipeline.level.hold(Hold::Suspended, true);
        self.progress.side_takes_its_time();
        let left = self.leave_nothing();
        if stop.is_asked() {
            return;
        }
        match left {
            Ok(()) => {
                let told = self.tasks.dead_man.clear(self.clock.now());
                self.heart.rest();
                self.tasks.guard.wait_until_told(self.heart.newest());
                terminal::give_back();
                told.iter().for_each(terminal::complain);
                terminal::complain("stopped: no order of ours rests; `fg` lets it go on");
                let since = self.clock.now();
                if let Err(e) = stop.suspend() {
                    self.say(Alert::warn(Topic::Run, format!("cannot stop: {e}")));
                }
                self.heart.go_on();
                let gone_s = (self.clock.now() - since).as_secs_f64();
                self.say(Alert::info(Topic::Run, format!("goes on after {gone_s:.1} s")));
                let back = Instant::now();
                while back.elapsed() < GO_ON_AFTER && !stop.is_asked() {
                    self.drain();
                    std::thread::sleep(TURN);
                }
            }
            Err(e) => {
                stop.refuse_suspension();
                self.say(Alert::warn(Topic::Run, format!("not stopped: {e}")));
            }
        }
        self.venue.rest = self.rest.clone();
        if !stop.is_asked() {
            self.pipeline.level.hold(Hold::Suspended, false); // Else the end is next.
        }
    }

    /// No order of ours rests once this is through, or it says so. Trading has just been closed. From here
    /// on the venue is asked in a hurry.
    fn leave_nothing(&mut self) -> Result<(), AppError> {
        let closed = Instant::now();
        let void_at = match self.are_cancelled() {
            true => closed,
            false => closed + self.void_after(),
        };
        self.venue.rest = self.hurried.clone();
        let (clock, own) = (self.clock.clone(), self.pipeline.metrics.dispatch.open_orders.get());
        let mut venue = OverHttps { venue: &mut self.venue, now: &|| clock.now() };
        let check = cancel_all(&mut venue, last_check::LAST, void_at, own);
        let LastCheck { notes, left } = check;
        self.about.notes.extend(notes);
        left
    }

    /// Waits until the order link shows no open order; false = it is down, or does not get there.
    fn are_cancelled(&mut self) -> bool {
        let (asked, mut empty_since) = (Instant::now(), None);
        while asked.elapsed() < CANCEL_TIMEOUT {
            self.drain_in_any_case();
            if !GatewayView::read(&self.link).is_up {
                return false;
            }
            if self.pipeline.metrics.dispatch.open_orders.get() > 0 {
                empty_since = None;
            } else if empty_since.get_or_insert_with(Instant::now).elapsed() >= CANCEL_SETTLE {
                return true;
            }
            std::thread::sleep(TURN);
        }
        false
    }

    /// After this the venue takes nothing more of what was sent.
    fn void_after(&self) -> Duration {
        let longest = self.config.params.iter().map(|p| p.risk.expires_after.0.max(0)).max();
        let longest = Duration::from_nanos(longest.unwrap_or(0) as u64);
        (longest + CLOCK_GRACE).min(MAX_VOID)
    }

    /// What cannot be taken in must not keep orders at the venue.
    pub(super) fn drain_in_any_case(&mut self) {
        if let Err(said) = caught(|| self.drain()) {
            self.about.notes.push(format!("records were lost: the side thread panicked: {said}"));
        }
    }
}
