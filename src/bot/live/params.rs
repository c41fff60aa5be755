//! Parameters that change while the bot trades: looked for by the side thread, told of when they hold.

use super::Live;
use crate::bot::session;
use crate::side::reload::{Effect, News, line, refused_line};
use crate::when::utc;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::types::risk::utc_day;

/// When the account is asked again after it did not answer.
const CAPITAL_RETRY: Nanos = Nanos::secs(60);

impl Live {
    /// Looks at the files of parameters, and hands over what changed.
    pub(super) fn watch_params(&mut self) {
        let now = self.clock.now();
        let control = &mut self.pipeline.control;
        for news in self.reload.turn(now, &mut |params| control.change_params(params)) {
            let said = match news {
                News::Said(said) => said,
                News::Refused { source, error } => {
                    if let Some(journal) = &mut self.journal {
                        journal.write_line(&refused_line(now, &source, &error));
                    }
                    format!("parameters refused, nothing changed: {error}")
                }
            };
            self.say(format!("{} {said}", utc(now)));
        }
    }

    /// At the beginning of a UTC day the limits become shares of what the account is worth then.
    pub(super) fn watch_capital(&mut self) {
        let now = self.clock.now();
        let day = utc_day(now);
        if day == self.capital_day || now < self.next_capital {
            return;
        }
        self.next_capital = now + CAPITAL_RETRY;
        match self.venue.worth() {
            Ok(worth) => {
                self.capital_day = day;
                self.reload.account_is_worth(worth.value);
            }
            Err(e) => self.say(format!(
                "{} the account's value could not be read for the new day ({e}): limits stay as they \
                 are; asking again",
                utc(now)
            )),
        }
    }

    /// From here on every decision is made with them.
    pub(super) fn params_took_effect(&mut self, effect: Effect) {
        let Some(change) = self.reload.took_effect(effect.generation) else { return };
        session::raise_limits(&mut self.config, &change.params);
        if let Some(journal) = &mut self.journal {
            journal.write_line(&line(&change, &effect));
        }
        self.say(format!("{} {}", utc(effect.time), change.in_words()));
        self.params_changes += 1;
    }

    /// A summary shows the configuration of the start.
    pub(super) fn note_params_changes(&mut self) {
        if self.params_changes > 0 {
            let count = self.params_changes;
            self.notes
                .push(format!("changes of parameters while it ran, see the journal: {count}"));
        }
    }
}
