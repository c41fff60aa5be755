//! The moments of an action, for whoever measures: [`crate::rt::trips`]. Where nobody does, no clock is read.

use super::super::user::UserEvent;
use super::posts::{ActionPost, Question};
use super::{HlGateway, Wire};
use crate::rt::trips::{Sent, Stopwatch, Went};
use crate::types::{Action, Arrival, Nanos};

/// Now; zero where nobody measures.
pub(super) fn moment(watch: &Option<Stopwatch>) -> Nanos {
    watch.as_ref().map_or(Nanos::ZERO, Stopwatch::now)
}

impl<T> HlGateway<T> {
    /// Tells the moments of its actions.
    pub fn watched(mut self, watch: Stopwatch) -> Self {
        self.wire.watch = Some(watch);
        self
    }
}

impl Wire {
    /// An action went out: it waits for its answer.
    pub(super) fn went(&mut self, now: Nanos, action: &Action, [decided, signed]: [Nanos; 2]) {
        let id = self.posts.sent(now, Question::Action(ActionPost::of(action)));
        let Some(watch) = &mut self.watch else { return };
        let (market_seq, is_prompt) = (action.cause.market_seq, action.is_prompt);
        let written = watch.now();
        watch.tell(Went::Sent(Sent { id, market_seq, is_prompt, decided, signed, written }));
    }

    /// What a frame said arrived then.
    pub(super) fn answered(&mut self, heard: &[UserEvent], arrival: Arrival) {
        let Some(watch) = &mut self.watch else { return };
        heard.iter().filter_map(answer_to).for_each(|id| watch.tell(Went::Answered(id, arrival)));
    }
}

/// The number of the post that the venue has answered with this.
fn answer_to(event: &UserEvent) -> Option<u64> {
    match event {
        UserEvent::PostDone { id, .. }
        | UserEvent::PostRefused { id, .. }
        | UserEvent::PostFailed { id, .. } => Some(*id),
        _ => None,
    }
}
