//! What a run's side thread looks after, and how: each its task, all that may block an errand.

use crate::side::books::KeepBooks;
use crate::side::candles::BackFill;
use crate::side::dead_man::DeadMan;
use crate::side::fit::KeepFit;
use crate::side::guard::GuardRung;
use crate::side::history::KeepHistory;
use crate::side::killer::Killer;
use crate::side::links::Links;
use crate::side::listing::Listing;
use crate::side::manifest::Manifest;
use crate::side::notify::Notify;
use crate::side::params::Params;
use crate::side::presign::Presign;
use crate::side::reconcile::Reconcile;
use crate::side::refused::RefusedCancels;
use crate::side::risk_state::RiskKeeper;
use crate::side::service::Service;
use crate::side::slow::SlowWay;
use crate::side::state::RunState;
use crate::side::task::{Outbox, Task, Turn, Workers, each};
use crate::side::tuner::Tuner;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::{AssetId, AssetParams, Fact};
use botmm_pipeline::wiring::Control;

/// See the module.
pub(super) struct Tasks {
    pub(super) killer: Killer,
    pub(super) guard: GuardRung,
    pub(super) params: Params,
    pub(super) risk: RiskKeeper,
    pub(super) state: RunState,
    pub(super) books: KeepBooks,
    pub(super) fit: KeepFit,
    pub(super) links: Links,
    pub(super) dead_man: DeadMan,
    pub(super) service: Service,
    pub(super) reconcile: Reconcile,
    pub(super) refused: RefusedCancels,
    pub(super) listing: Listing,
    pub(super) manifest: Manifest,
    pub(super) slow: SlowWay,
    pub(super) candles: BackFill,
    pub(super) notify: Notify,
    pub(super) history: Option<KeepHistory>,
    pub(super) tuner: Option<Tuner>,
    pub(super) presign: Option<Presign>,
    pub(super) workers: Workers,
}

impl Tasks {
    /// Orders first: then what the next run must know, then what makes this one quote better. Who is told
    /// of it comes last.
    fn all(&mut self) -> (Vec<&mut dyn Task>, &mut Workers) {
        let Self {
            killer,
            guard,
            params,
            risk,
            state,
            books,
            fit,
            links,
            dead_man,
            service,
            reconcile,
            refused,
            listing,
            manifest,
            slow,
            candles,
            notify,
            ..
        } = self;
        let mut all: Vec<&mut dyn Task> =
            vec![killer, guard, dead_man, service, links, refused, reconcile, risk, state, books];
        let more: [&mut dyn Task; 7] = [fit, slow, params, listing, manifest, candles, notify];
        all.extend(more);
        all.extend(self.presign.iter_mut().map(|task| task as &mut dyn Task));
        all.extend(self.history.iter_mut().map(|task| task as &mut dyn Task));
        all.extend(self.tuner.iter_mut().map(|task| task as &mut dyn Task));
        (all, &mut self.workers)
    }

    /// Lets each hear a fact that a stage told.
    pub(super) fn hear(&mut self, fact: &Fact) {
        self.all().0.into_iter().for_each(|task| task.hear(fact));
    }

    /// Gives each its turn.
    pub(super) fn turn(&mut self, control: &mut Control, clock: &WallClock) -> Outbox {
        let now = clock.now();
        let mut out = Outbox::default();
        for changed in self.listing.take_regridded() {
            self.params.reload.regrid(changed);
        }
        if let Some(tuner) = self.tuner.as_mut().filter(|tuner| tuner.asks(now)) {
            tuner.hears(now, self.params.reload.untuned());
        }
        let (tasks, workers) = self.all();
        out.said.extend(workers.turn(now));
        let Control { quote, risk, params } = control;
        let mut hand_over = |changes: &[(AssetId, AssetParams)]| params.change(changes);
        let mut turn = Turn {
            now,
            to_quote: quote,
            to_risk: risk,
            hand_over: &mut hand_over,
            workers,
            out: &mut out,
        };
        each(tasks, &mut turn, &|| clock.now());
        out
    }
}
