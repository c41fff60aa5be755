//! The rungs of the dead man's ladder: who cancels what rests when the bot cannot, and whether they would.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// It would act, were the bot gone from now on.
    pub armed: bool,
    /// Why not, in a few words; armed, there is nothing to say.
    pub why: Option<String>,
}

impl Rung {
    /// It would act.
    pub const ARMED: Self = Self { armed: true, why: None };

    /// It would not, and why.
    pub fn not_armed(why: impl Into<String>) -> Self {
        Self { armed: false, why: Some(why.into()) }
    }
}

/// All of them, the nearest to the venue first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rungs {
    /// The venue's own switch (`scheduleCancel`): for all that may happen on our side, the network included.
    pub exchange: Rung,
    /// The guard process: for a bot that hangs or died, on a machine that lives.
    pub guard: Rung,
    /// systemd's watchdog, which ends a bot that hangs, cancels and starts it again.
    pub systemd: Rung,
    /// Requests of the account that the venue's switch took.
    pub exchange_requests: u64,
}

impl Rungs {
    /// Each with its name.
    pub fn each(&self) -> [(&'static str, &Rung); 3] {
        [("exchange", &self.exchange), ("guard", &self.guard), ("systemd", &self.systemd)]
    }

    /// For one line: which are armed, then why each other one is not.
    pub fn words(&self) -> Vec<String> {
        let armed: Vec<_> = self.each().iter().filter(|(_, r)| r.armed).map(|(n, _)| *n).collect();
        let armed = if armed.is_empty() { "none".to_owned() } else { armed.join(", ") };
        let why =
            |(name, rung): (&str, &Rung)| rung.why.as_ref().map(|why| format!("no {name}: {why}"));
        let mut words = vec![format!("rungs armed: {armed}")];
        words.extend(self.each().into_iter().filter_map(why));
        words
    }
}

impl fmt::Display for Rungs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_armed_is_named_and_what_is_not_says_why() {
        let exchange = Rung::not_armed("12 of 1000000 USD traded");
        let mut rungs =
            Rungs { exchange, guard: Rung::ARMED, systemd: Rung::ARMED, exchange_requests: 0 };
        let said = "rungs armed: guard, systemd; no exchange: 12 of 1000000 USD traded";
        assert_eq!(rungs.to_string(), said);
        (rungs.guard, rungs.systemd) =
            (Rung::not_armed("no key"), Rung::not_armed("not asked for"));
        assert!(rungs.to_string().starts_with("rungs armed: none; no exchange: 12"), "{rungs}");
        let json = serde_json::to_value(&rungs).unwrap();
        assert_eq!(json["guard"], serde_json::json!({ "armed": false, "why": "no key" }));
    }
}
