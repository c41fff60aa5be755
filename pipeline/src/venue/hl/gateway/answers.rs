//! An action's answer, item by item and as a whole; and the end of the account's state, which also tells
//! the venue's time.

use super::HlGateway;
use super::posts::Question;
use crate::types::{
    ActionKind, Done, DoneWhy, Nanos, OrderRequest, Reject, RejectReason, VenueEventKind,
};
use crate::venue::Transport;
use crate::venue::hl::user::{ItemError, ItemStatus, MarginSummary, UserEvent};

impl<T: Transport> HlGateway<T> {
    /// An action was executed, and so many items were told of. What the venue finds wrong before it
    /// looks at single orders it says once for all of them (PROTOCOL §3).
    pub(super) fn on_executed(&mut self, now: Nanos, id: u64, items: u32) {
        let Some(post) = self.wire.posts.end(id) else { return };
        let Question::Action(action) = post.question else { return };
        self.refused = None;
        if !is_one_for_all(items, action.items()) {
            return;
        }
        let error = self.heard.iter().find_map(|event| match event {
            UserEvent::PostItem { id: of, status: ItemStatus::Error(e), .. } if *of == id => {
                Some(*e)
            }
            _ => None,
        });
        if let Some(ItemError { reason, best_bid, best_ask, .. }) = error {
            let reject = Reject { best_bid, best_ask, ..whole(action.kind, reason) };
            self.refuse_items(now, action.items(), reject);
        }
    }

    /// What became of one item of an action.
    pub(super) fn on_item(&mut self, now: Nanos, id: u64, index: u32, status: &ItemStatus) {
        let Some(post) = self.wire.posts.get(id) else { return };
        let Question::Action(action) = post.question else { return };
        let Some(item) = action.items().get(index as usize).copied() else { return };
        match status {
            ItemStatus::Resting { oid } => {
                self.tell(now, &item, VenueEventKind::Ack { oid: *oid, leaves: item.qty });
            }
            ItemStatus::Filled { oid, total, .. } => {
                self.tell(now, &item, VenueEventKind::Ack { oid: *oid, leaves: item.qty });
                let (leaves, why) = (item.qty - *total, DoneWhy::Filled);
                let done = Done { oid: *oid, leaves, why, _pad: [0; 7] };
                self.tell(now, &item, VenueEventKind::Done(done));
            }
            ItemStatus::Error(error) => {
                self.out.show(|view| view.text = error.text);
                let items = self.heard.iter().find_map(|event| match event {
                    UserEvent::PostDone { id: of, items } if *of == id => Some(*items),
                    _ => None,
                });
                if items.is_some_and(|items| is_one_for_all(items, action.items())) {
                    return; // Told of every item when the answer ends.
                }
                let ItemError { reason, best_bid, best_ask, .. } = *error;
                let mut reject = Reject { best_bid, best_ask, ..Reject::new(action.kind, reason) };
                reject.is_counted &= self.is_first_fault(id, index);
                self.tell(now, &item, VenueEventKind::Reject(reject));
            }
            // How much was left of a cancelled order is told by its update.
            ItemStatus::Success | ItemStatus::Waiting | ItemStatus::Unknown => {}
        }
    }

    /// Whether no item before this one was refused for a fault.
    fn is_first_fault(&self, id: u64, index: u32) -> bool {
        !self.heard.iter().any(|event| match event {
            UserEvent::PostItem { id: of, index: other, status: ItemStatus::Error(e) } => {
                *of == id && *other < index && e.reason.is_error()
            }
            _ => false,
        })
    }

    fn tell(&mut self, now: Nanos, item: &OrderRequest, kind: VenueEventKind) {
        self.known.holdings.on_order(now, item.cloid, item.asset, &kind);
        self.out.push(now, item.cloid, item.asset, kind);
    }

    /// The account's state was told: asked for by the reconcile, or for its time alone.
    pub(super) fn on_account(&mut self, now: Nanos, id: u64, account: &MarginSummary) {
        let Some(post) = self.wire.posts.end(id) else { return };
        let time = account.time.unwrap_or(self.out.venue.at(now));
        if account.time.is_some() {
            let offset = self.wire.config.offset.hear(post.sent, now, time);
            self.out.show(|view| view.clock_skew_ms = -offset.as_millis());
            self.known.cases.on_time(time);
        }
        if matches!(post.question, Question::State) {
            self.on_state(now, time, account);
        }
    }

    /// The venue refuses these, for the same reason: one fault.
    fn refuse_items(&mut self, now: Nanos, items: &[OrderRequest], mut reject: Reject) {
        for item in items {
            self.out.push(now, item.cloid, item.asset, VenueEventKind::Reject(reject));
            reject.is_counted = false;
        }
    }

    /// The venue refuses all that a post asked for.
    pub(super) fn refuse_post(&mut self, now: Nanos, question: &Question, reason: RejectReason) {
        if let Question::Action(action) = question {
            self.refuse_items(now, action.items(), whole(action.kind, reason));
        }
    }
}

/// Whether one status was told for a batch of several: the venue looked at none of them (PROTOCOL §3).
fn is_one_for_all(told: u32, items: &[OrderRequest]) -> bool {
    told == 1 && items.len() > 1
}

/// A whole request was refused.
fn whole(of: ActionKind, reason: RejectReason) -> Reject {
    Reject { is_whole: true, ..Reject::new(of, reason) }
}
