//! What becomes of the host's messages on their way out.

use super::market::{Disturbance, Fate, news_of};
use super::wire::{self, Said};
use super::{FaultKind, FaultTarget, Faulty, MAX_HELD, Planned};
use crate::exchange::{ConnId, Host, Outgoing};
use botmm_pipeline::types::Nanos;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

impl<H: Host + FaultTarget> Faulty<H> {
    /// Puts the times in it off by the skew.
    pub(super) fn misdate(&self, said: &mut Outgoing) {
        let text = match said {
            Outgoing::Reply(_, reply) => &mut reply.body,
            Outgoing::Frame(_, text) => text,
            Outgoing::Close(_) => return,
        };
        if self.effects.skew != Nanos::ZERO {
            wire::shift_times(text, self.effects.skew);
        }
    }

    /// What becomes of something that the inner host said.
    pub(super) fn pass(&mut self, now: Nanos, said: Outgoing, out: &mut Vec<Outgoing>) {
        let is_disturbed = self.active().any(|p| p.fault.kind.concerns_outputs());
        match said {
            Outgoing::Close(conn) => {
                let open = self.lines.get_mut(&conn);
                if open.is_some_and(|line| !std::mem::replace(&mut line.closing, true)) {
                    out.push(said);
                }
            }
            Outgoing::Reply(id, _) => match self.actions.remove(&id) && is_disturbed {
                true => self.pass_answer(now, said, out),
                false => out.push(said),
            },
            Outgoing::Frame(conn, ref text) => {
                let Some(line) = self.lines.get_mut(&conn).filter(|l| !l.closing) else { return };
                let is_behind = now < line.public_until;
                if !is_disturbed && !is_behind {
                    return out.push(said);
                }
                line.last.clone_from(text);
                match wire::said(text) {
                    Said::Answer(id) if line.actions.remove(&id) => {
                        self.pass_answer(now, said, out);
                    }
                    Said::User => self.pass_user_message(now, said, out),
                    Said::Public => self.pass_public(now, conn, said, out),
                    _ => out.push(said),
                }
            }
        }
    }

    /// Market data: lost, changed, or late. What comes late keeps its order, after the fault too.
    fn pass_public(&mut self, now: Nanos, conn: ConnId, said: Outgoing, out: &mut Vec<Outgoing>) {
        if self.has(FaultKind::StaleBook) {
            return;
        }
        if self.is_too_soon(now, &said) {
            return;
        }
        let Some(said) = self.in_its_market(said) else { return };
        let late = |p: &Planned| match p.fault.kind {
            FaultKind::LateFeed { delay } => Some(delay),
            _ => None,
        };
        let delay = self.active().filter_map(late).max().unwrap_or_default();
        let Some(line) = self.lines.get_mut(&conn) else { return };
        line.public_until = line.public_until.max(now + delay);
        let until = line.public_until;
        self.hold(until, now, said, out);
    }

    /// Whether news are rare, and these come sooner after the last of their kind.
    fn is_too_soon(&mut self, now: Nanos, said: &Outgoing) -> bool {
        let rare = |p: &Planned| match p.fault.kind {
            FaultKind::RareNews { every } => Some(every),
            _ => None,
        };
        let Some(every) = self.active().filter_map(rare).max() else { return false };
        let Outgoing::Frame(conn, text) = said else { return false };
        let frame = serde_json::from_slice(text).unwrap_or_default();
        let Some(line) = self.lines.get_mut(conn) else { return false };
        let Some(news) = news_of(&frame) else { return false };
        let is_too_soon = line.told.get(&news).is_some_and(|last| now - *last < every);
        if !is_too_soon {
            line.told.insert(news, now);
        }
        is_too_soon
    }

    /// What the faults of its coin make of a public frame; [`None`] = it is lost.
    fn in_its_market(&self, said: Outgoing) -> Option<Outgoing> {
        let Outgoing::Frame(conn, text) = said else { return Some(said) };
        let disturbances: Vec<_> =
            self.active().filter_map(|p| Disturbance::of(p.fault.kind)).collect();
        let Some(mut frame) =
            (!disturbances.is_empty()).then(|| serde_json::from_slice(&text).ok()).flatten()
        else {
            return Some(Outgoing::Frame(conn, text));
        };
        let mut is_changed = false;
        for disturbance in disturbances {
            match disturbance.of_frame(&frame) {
                Fate::AsItWas => {}
                Fate::Lost => return None,
                Fate::Changed(changed) => (frame, is_changed) = (changed, true),
            }
        }
        let text = if is_changed { frame.to_string().into_bytes() } else { text };
        Some(Outgoing::Frame(conn, text))
    }

    pub(super) fn pass_answer(&mut self, now: Nanos, answer: Outgoing, out: &mut Vec<Outgoing>) {
        let lost = self.hit(|kind| match kind {
            FaultKind::LoseAnswers { percent } => Some(((), percent)),
            _ => None,
        });
        let delay = self.hit(|kind| match kind {
            FaultKind::DelayAnswers { delay, percent } => Some((delay, percent)),
            _ => None,
        });
        if lost.is_none() {
            self.hold(now + delay.unwrap_or_default(), now, answer, out);
        }
    }

    pub(super) fn pass_user_message(
        &mut self,
        now: Nanos,
        said: Outgoing,
        out: &mut Vec<Outgoing>,
    ) {
        let twice = self.hit(|kind| match kind {
            FaultKind::Duplicate { percent } => Some(((), percent)),
            _ => None,
        });
        let window = self.hit(|kind| match kind {
            FaultKind::Reorder { delay, percent } => Some((delay, percent)),
            _ => None,
        });
        let until = |rng: &mut ChaCha8Rng| {
            now + window.map_or(Nanos::ZERO, |w| Nanos(rng.random_range(0..=w.0)))
        };
        if twice.is_some() {
            let until = until(&mut self.rng);
            self.hold(until, now, said.clone(), out);
        }
        let until = until(&mut self.rng);
        self.hold(until, now, said, out);
    }

    pub(super) fn hold(
        &mut self,
        until: Nanos,
        now: Nanos,
        said: Outgoing,
        out: &mut Vec<Outgoing>,
    ) {
        if until <= now || self.held.len() >= MAX_HELD {
            return out.push(said);
        }
        self.held.insert((until, self.held_count), said);
        self.held_count += 1;
    }

    pub(super) fn release(&mut self, now: Nanos, out: &mut Vec<Outgoing>) {
        while let Some(first) = self.held.first_entry().filter(|e| e.key().0 <= now) {
            let said = first.remove();
            let is_late = matches!(&said, Outgoing::Frame(conn, _)
                if self.lines.get(conn).is_none_or(|line| line.closing));
            if !is_late {
                out.push(said);
            }
        }
    }
}
