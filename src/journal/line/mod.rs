//! A line of the journal: one JSON object, its keys sorted, with its `type` and the version `v` of what
//! is written here. Prices, sizes and money are exact text; times are UTC. This is the only place that
//! knows the format: what is written is made here, and who reads a journal reads it by these types.
//!
//! A key may be added without a new version: an older reader passes it over. When one changes its meaning
//! or goes, [`VERSION`] rises. Lines without a version are of before there was one; they read the same.

mod shapes;
mod terms;

pub use shapes::{
    Account, Action, Alert, CancelRefused, Change, Day, Decision, End, Fill, Funding, Gap, Item,
    Latency, Markout, MidAtFill, Orders, Params, ParamsRefused, Reject, Risk, Run, StageLatency,
    State, Today, WireLatency,
};
pub use terms::{Arrivals, Fit, FitTerms, Level, Moment, Terms};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::{self, Display};

/// Of the lines that are written; older ones are read too, newer ones are refused.
pub const VERSION: u32 = 1;
/// No line is longer.
pub const MAX_LINE_BYTES: u64 = 1 << 20;

/// What can stand in a line of a `type`.
pub trait Body: Serialize + DeserializeOwned {
    /// Whether lines of this `type` have it.
    fn is_of(kind: &str) -> bool;
}

macro_rules! lines {
    ($($(#[$doc:meta])* $name:ident($body:ident) = $word:literal,)*) => {
        /// Any line.
        #[derive(Clone, Debug)]
        pub enum Line {
            $($(#[$doc])* $name($body),)*
        }

        impl Line {
            /// Its `type`.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $word,)* }
            }

            fn body(&self) -> Result<Value, serde_json::Error> {
                match self { $(Self::$name(body) => serde_json::to_value(body),)* }
            }

            /// Of a line's text; [`None`] = of a `type` that this version does not know.
            ///
            /// # Errors
            /// It is no line of a journal, or of a newer version.
            pub fn read(text: &str) -> Result<Option<Self>, String> {
                Ok(match &*Head::of(text)?.kind {
                    $($word => Some(Self::$name(parse(text)?)),)*
                    _ => None,
                })
            }
        }
    };
}

lines! {
    /// What run this is; the first line.
    Run(Run) = "run",
    /// What it came to; the last line of one that was not killed.
    End(End) = "end",
    /// How long polls took.
    Latency(Latency) = "latency",
    /// What we want to have in the book.
    Decision(Decision) = "decision",
    /// Orders sent.
    Place(Action) = "place",
    /// Orders changed.
    Modify(Action) = "modify",
    /// Orders cancelled.
    Cancel(Action) = "cancel",
    /// A fill of ours.
    Fill(Fill) = "fill",
    /// Funding that was paid.
    Funding(Funding) = "funding",
    /// The mid just before a fill.
    MidAtFill(MidAtFill) = "mid_at_fill",
    /// The mid some time after a fill.
    Markout(Markout) = "markout",
    /// The venue refused an order.
    Reject(Reject) = "reject",
    /// The venue refused to cancel one.
    CancelRefused(CancelRefused) = "cancel_refused",
    /// Why each side is quoted or not.
    State(State) = "state",
    /// The account.
    Account(Account) = "account",
    /// How many orders rest.
    Orders(Orders) = "orders",
    /// A UTC day that ended.
    Day(Day) = "day",
    /// The risk state, of all or of a coin.
    Risk(Risk) = "risk",
    /// What the fit of a coin has learned.
    Fit(Fit) = "fit",
    /// What a person should know.
    Alert(Alert) = "alert",
    /// Parameters that changed.
    Params(Params) = "params",
    /// A file of parameters that was refused.
    ParamsRefused(ParamsRefused) = "params_refused",
    /// Lines that could not be written.
    Gap(Gap) = "gap",
}

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut body = self.body().map_err(|_| fmt::Error)?;
        body["type"] = self.kind().into();
        body["v"] = VERSION.into();
        write!(f, "{body}")
    }
}

impl Body for Decision {
    fn is_of(kind: &str) -> bool {
        kind == "decision"
    }
}

impl Body for Action {
    fn is_of(kind: &str) -> bool {
        matches!(kind, "place" | "modify" | "cancel")
    }
}

impl Body for Fit {
    fn is_of(kind: &str) -> bool {
        kind == "fit"
    }
}

impl Body for Fill {
    fn is_of(kind: &str) -> bool {
        kind == "fill"
    }
}

impl Body for Params {
    fn is_of(kind: &str) -> bool {
        kind == "params"
    }
}

/// What every line begins to be told by.
#[derive(Clone, Debug, Deserialize)]
pub struct Head<'a> {
    /// Its `type`.
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// 0 = of before there were versions.
    #[serde(rename = "v", default)]
    pub version: u32,
    /// Which coin it is about, when it is about one.
    #[serde(borrow, default)]
    pub coin: Option<Cow<'a, str>>,
    /// When it happened.
    #[serde(borrow, default)]
    pub time: Option<Cow<'a, str>>,
}

impl<'a> Head<'a> {
    /// Of a line's text. Of the rest only that it is JSON is looked at.
    ///
    /// # Errors
    /// It is no line of a journal, or of a newer version.
    pub fn of(text: &'a str) -> Result<Self, String> {
        let head: Self = serde_json::from_str(text).map_err(no_line)?;
        match head.version {
            0..=VERSION => Ok(head),
            newer => Err(format!(
                "a journal's line of version {newer}, and this botmm reads up to {VERSION}: use a \
                 newer one"
            )),
        }
    }
}

/// What a line says, if it is of a `type` that has this; [`None`] = it is about something else.
///
/// # Errors
/// It is no line of a journal, of a newer version, or not of the form of its `type`.
pub fn read<B: Body>(text: &str) -> Result<Option<B>, String> {
    match B::is_of(&Head::of(text)?.kind) {
        true => parse(text).map(Some),
        false => Ok(None),
    }
}

fn parse<B: DeserializeOwned>(text: &str) -> Result<B, String> {
    serde_json::from_str(text).map_err(no_line)
}

fn no_line(e: serde_json::Error) -> String {
    format!("not a line of a journal: {e}")
}
