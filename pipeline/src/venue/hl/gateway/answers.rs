//! The end of an action's answer, and of the account's state, which also tells the venue's time.

use super::HlGateway;
use super::posts::Question;
use crate::types::{ActionKind, Nanos, OrderRequest, Px, Reject, RejectReason, VenueEventKind};
use crate::venue::Transport;
use crate::venue::hl::user::{Account, ItemStatus, UserEvent};

impl<T: Transport> HlGateway<T> {
    /// An action was executed, and so many items were told of. What the venue finds wrong before it
    /// looks at single orders it says once for all of them (PROTOCOL §3).
    pub(super) fn on_executed(&mut self, now: Nanos, id: u64, items: u32) {
        let Some(post) = self.wire.posts.end(id) else { return };
        let Question::Action(action) = post.question else { return };
        if items != 1 || action.items().len() == 1 {
            return;
        }
        let error = self.heard.iter().find_map(|event| match event {
            UserEvent::PostItem { id: of, status: ItemStatus::Error(e), .. } if *of == id => {
                Some(e.reason)
            }
            _ => None,
        });
        if let Some(reason) = error {
            self.refuse_items(now, action.kind, &action.items()[1..], reason);
        }
    }

    /// The account's state was told: asked for by the reconcile, or for its time alone.
    pub(super) fn on_account(&mut self, now: Nanos, id: u64, account: &Account) {
        let Some(post) = self.wire.posts.end(id) else { return };
        let time = account.time.unwrap_or(self.out.venue.at(now));
        if account.time.is_some() {
            let offset = self.wire.config.offset.hear(post.sent, now, time);
            self.out.show(|view| view.clock_skew_ms = -offset.as_millis());
            self.link.cases.on_time(time);
        }
        if matches!(post.question, Question::State) {
            self.on_state(now, time, account);
        }
    }

    /// The venue refuses these, for the same reason.
    pub(super) fn refuse_items(
        &mut self,
        now: Nanos,
        of: ActionKind,
        items: &[OrderRequest],
        reason: RejectReason,
    ) {
        let (best_bid, best_ask) = (Px::ZERO, Px::ZERO);
        let reject = Reject { of, reason, _pad: [0; 6], best_bid, best_ask };
        for item in items {
            self.out.push(now, item.cloid, item.asset, VenueEventKind::Reject(reject));
        }
    }

    /// The venue refuses all that a post asked for.
    pub(super) fn refuse_post(&mut self, now: Nanos, question: &Question, reason: RejectReason) {
        if let Question::Action(action) = question {
            self.refuse_items(now, action.kind, action.items(), reason);
        }
    }
}
