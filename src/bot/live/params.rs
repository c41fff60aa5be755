//! Parameters that change while the bot trades: looked for by the side thread, told of when they hold.

use super::Live;
use crate::bot::session;
use crate::settings::MODEL_KEY;
use crate::side::alert::{Alert, Topic};
use crate::side::reload::{Effect, line};
use crate::when::utc;

impl Live {
    /// From here on every decision is made with them.
    pub(super) fn params_took_effect(&mut self, effect: Effect) {
        let Some(change) = self.tasks.params.reload.took_effect(effect.generation) else { return };
        session::raise_limits(&mut self.config, &change.params);
        if let Some(journal) = &mut self.journal {
            journal.write_line(&line(&change, &effect));
        }
        // A summary's assumptions name the models of the start; those of later are told beside them.
        let models = change.changes.iter().filter(|change| change.key == MODEL_KEY);
        let from = utc(effect.time);
        self.about.notes.extend(models.map(|change| format!("{change}, from {from} on")));
        self.say_at(effect.time, Alert::info(Topic::Params, change.in_words()));
        self.params_changes += 1;
    }

    /// A summary shows the configuration of the start.
    pub(super) fn note_params_changes(&mut self) {
        if self.params_changes > 0 {
            let count = self.params_changes;
            self.about
                .notes
                .push(format!("changes of parameters while it ran, see the journal: {count}"));
        }
    }
}
