//! The venue's own dead man's switch: one moment at which it cancels every order of the account
//! (PROTOCOL §8), whoever placed it.

use super::account::{AccountClient, unread};
use super::venue::RequestLimit;
use crate::exit::AppError;
use botmm_pipeline::types::{Nanos, Usd};
use botmm_pipeline::venue::hl::sign::WireAction;
use botmm_pipeline::venue::hl::user::RequestError;
use serde_json::{Value, json};

/// What the venue said to a switch that was set or cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Done.
    Done,
    /// The account has not traded enough for one.
    TooLittleVolume {
        /// What it must have traded.
        required: Usd,
        /// What it has.
        traded: Usd,
    },
    /// It fired as often today as it may.
    Spent,
    /// The account's requests are spent.
    NoRequests,
    /// Refused, in the venue's words.
    Refused(String),
}

impl AccountClient {
    /// Sets when everything is cancelled, or clears that. `at`, and `void_after` (from when on the venue
    /// takes it no more), are moments of the venue's clock.
    pub fn schedule_cancel(
        &mut self,
        now: Nanos,
        at: Option<Nanos>,
        void_after: Nanos,
    ) -> Result<Switch, AppError> {
        let ms = |time: Nanos| u64::try_from(time.as_millis()).unwrap_or(0);
        let action = WireAction::ScheduleCancel(at.map(ms));
        Ok(understood(&self.signing().send(now, &action, Some(ms(void_after)))?))
    }

    /// What the account has traded, all in all.
    pub fn traded(&self) -> Result<Usd, AppError> {
        let user = self.account.address.to_string();
        let limit = self.rest.info(&json!({ "type": "userRateLimit", "user": user }))?;
        Ok(RequestLimit::of(&limit).ok_or_else(|| unread("userRateLimit"))?.traded)
    }
}

fn understood(answer: &Value) -> Switch {
    if answer["status"].as_str() == Some("ok") {
        return Switch::Done;
    }
    let said = match &answer["response"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match RequestError::of(&said) {
        RequestError::AddressRateLimit => return Switch::NoRequests,
        // The words for a day's last trigger are not documented.
        _ if said.contains("triggers") => return Switch::Spent,
        _ => {}
    }
    match (dollars(&said, "Required: $"), dollars(&said, "Traded: $")) {
        (Some(required), Some(traded)) => Switch::TooLittleVolume { required, traded },
        _ => Switch::Refused(said),
    }
}

/// The amount behind these words.
fn dollars(text: &str, before: &str) -> Option<Usd> {
    let (_, rest) = text.split_once(before)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    Usd::parse(rest[..end].trim_end_matches('.')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: impl ToString) -> Switch {
        understood(&json!({ "status": "err", "response": text.to_string() }))
    }

    #[test]
    fn the_venues_words_for_a_switch_are_understood() {
        let ok = json!({ "status": "ok", "response": { "type": "default" } });
        assert_eq!(understood(&ok), Switch::Done);
        let (required, traded) = (Usd::whole(1_000_000), Usd::parse("1234.5").unwrap());
        let told = refused(
            "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: \
             $1234.5.",
        );
        assert_eq!(told, Switch::TooLittleVolume { required, traded });
        let spent = refused("Cannot set scheduled cancel time: too many triggers today.");
        assert_eq!(spent, Switch::Spent);
        let early = "Scheduled cancel time too early, must be at least 5 seconds from now.";
        assert_eq!(refused(early), Switch::Refused(early.to_owned()));
        let spent =
            "Too many cumulative requests sent (10001 > 10000) for cumulative volume traded $0.";
        assert_eq!(refused(spent), Switch::NoRequests);
        let odd = understood(&json!({ "status": "err", "response": { "x": 1 } }));
        assert_eq!(odd, Switch::Refused("{\"x\":1}".to_owned()));
    }
}
