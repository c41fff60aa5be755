//! The words of faults: what can go wrong, when, and how a person writes it.

use botmm_pipeline::types::duration::{format_duration, parse_duration};
use botmm_pipeline::types::{Coin, Nanos, Side};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Faults that may be scheduled at a time.
pub const MAX_FAULTS: usize = 1024;

/// Something that goes wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// When it begins, counted from the start of the exchange.
    pub start: Nanos,
    /// How long it lasts. Zero: it happens once, which makes sense for [`FaultKind::Drop`] and
    /// [`FaultKind::Liquidation`] alone.
    pub duration: Nanos,
}

/// Which connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// All of them.
    All,
    /// Those that have subscribed to something of a user.
    User,
    /// Those that have not.
    Public,
}

/// The table of kinds: each kind with its fields, once. From it come [`FaultKind`], its name in a file,
/// and the way from a [`FaultSpec`] and back: a field of a kind is one of the spec, under its name.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $({ $($(#[$of:meta])* $field:ident: $type:ty),* $(,)? })?,)*) => {
        /// What can go wrong. An *action* is an HTTP request to `/exchange` or a WebSocket post of type
        /// `action`; *user messages* are frames of the channels `orderUpdates`, `userFills` and `user`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FaultKind {
            $($(#[$doc])* $kind $({ $($(#[$of])* $field: $type),* })?,)*
        }

        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub(super) enum KindName {
            #[default]
            $($kind,)*
        }

        impl KindName {
            /// All there are.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$kind),*];
        }

        impl FaultSpec {
            /// The kind, whose fields are taken out.
            fn take_kind(&mut self) -> Result<FaultKind, String> {
                Ok(match self.kind {
                    $(KindName::$kind => FaultKind::$kind $({ $($field: self.$field()?),* })?,)*
                })
            }

            /// A kind with its fields.
            fn of_kind(kind: FaultKind) -> Self {
                let mut spec = Self::default();
                match kind {
                    $(FaultKind::$kind $({ $($field),* })? => {
                        spec.kind = KindName::$kind;
                        $($(spec.$field = Some($field.into());)*)?
                    })*
                }
                spec
            }
        }
    };
}

kinds! {
    /// WebSockets are closed (code 1000); while it lasts, new ones too as soon as they are of that sort.
    Drop {
        /// Which.
        who: Who,
    },
    /// Nobody gets a new WebSocket (503).
    Refuse,
    /// Answers to actions come so much later; the action happens at once.
    DelayAnswers {
        /// How much later.
        delay: Nanos,
        /// How many of a hundred.
        percent: u8,
    },
    /// Answers to actions never come; the action happens.
    LoseAnswers {
        /// How many of a hundred.
        percent: u8,
    },
    /// Actions are lost before they happen, and never answered.
    LoseActions {
        /// How many of a hundred.
        percent: u8,
    },
    /// User messages come twice, one right after the other.
    Duplicate {
        /// How many of a hundred.
        percent: u8,
    },
    /// User messages are each held back for a random time up to this, so that they overtake each
    /// other and the answers to actions.
    Reorder {
        /// The longest.
        delay: Nanos,
        /// How many of a hundred.
        percent: u8,
    },
    /// Every request is answered 429, and nothing of it happens.
    TooManyRequests,
    /// Every request is answered 500 with the body `null`, and nothing of it happens.
    ServerError,
    /// Frames of garbage, one to every connection each time: no JSON, a real frame cut short, or
    /// words.
    Garbage {
        /// How often.
        every: Nanos,
    },
    /// Public market data stops; the connections stay.
    StaleBook,
    /// Public market data comes so much later, in its order.
    LateFeed {
        /// How much later.
        delay: Nanos,
    },
    /// Of each coin the book, and likewise its touch, is told no more often than this; what comes
    /// sooner is lost.
    RareNews {
        /// How often.
        every: Nanos,
    },
    /// Nothing public is told of one coin.
    SilentCoin {
        /// Which.
        coin: Coin,
    },
    /// One side of a coin's book is told as empty.
    EmptySide {
        /// Whose.
        coin: Coin,
        /// Which.
        side: Side,
    },
    /// One side of a coin's book is told as a single level at twice, or half, its price.
    FarLevel {
        /// Whose.
        coin: Coin,
        /// Which.
        side: Side,
    },
    /// Orders and modifies of one coin are refused, each item with `Trading is halted.`
    RefuseOrders {
        /// Which.
        coin: Coin,
    },
    /// Cancels are refused, each item with `Cannot cancel right now.`
    RefuseCancels,
    /// The venue closes by force whatever position anybody has in one coin, and cancels all orders of
    /// theirs: once, when it begins; while it lasts, whoever has one again.
    Liquidation {
        /// Which.
        coin: Coin,
    },
    /// Only post-only orders are taken ([`super::FaultTarget::set_post_only_until`]).
    PostOnly,
    /// The venue's clock is off by this, all that it does included; see [`super::Faulty`].
    ClockJump {
        /// How far ahead; negative = behind.
        offset: Nanos,
    },
    /// What the venue says of the present is misdated by the offset (`time`, `serverTime`), while it
    /// goes on as it is. Records of the past keep their stamps.
    ClockSkew {
        /// How far ahead; negative = behind.
        offset: Nanos,
    },
}

impl Fault {
    /// When it is over, counted like its start.
    pub fn end(&self) -> Nanos {
        self.start + self.duration
    }
}

impl FaultKind {
    /// Whether it makes sense without a duration: it then happens once.
    pub(super) fn can_be_a_moment(self) -> bool {
        matches!(self, Self::Drop { .. } | Self::Liquidation { .. })
    }
}

/// A span of time in a file: text with a unit. May be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span(Nanos);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let (negative, digits) = match text.trim().strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.as_str()),
        };
        let span = parse_duration(digits).map_err(serde::de::Error::custom)?;
        Ok(Self(if negative { Nanos::ZERO - span } else { span }))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let sign = if self.0 < Nanos::ZERO { "-" } else { "" };
        to.serialize_str(&format!("{sign}{}", format_duration(Nanos(self.0.0.abs()))))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum SideName {
    Bid,
    Ask,
}

/// A coin's name in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
struct CoinName(String);

/// A fault as a person writes it, in TOML or JSON. [`FaultSpec::check`] makes it a [`Fault`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    kind: KindName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    who: Option<Who>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offset: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    coin: Option<CoinName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    side: Option<SideName>,
}

impl FaultSpec {
    /// The fault, if its fields are those of its kind and make sense.
    pub fn check(&self) -> Result<Fault, String> {
        let mut left = self.clone();
        let start = left.start.take().map_or(Nanos::ZERO, |s| s.0);
        let duration = left.duration.take().map_or(Nanos::ZERO, |s| s.0);
        if start < Nanos::ZERO || duration < Nanos::ZERO {
            return Err("`start` and `duration` must not be negative".to_owned());
        }
        let kind = left.take_kind()?;
        left.nothing_is_left()?;
        if duration == Nanos::ZERO && !kind.can_be_a_moment() {
            return Err(
                "`duration` is missing or zero; only `drop` and `liquidation` can do without"
                    .to_owned(),
            );
        }
        Ok(Fault { kind, start, duration })
    }

    /// How a person would write this fault.
    pub fn of(fault: &Fault) -> Self {
        let (start, duration) = (Some(fault.start.into()), Some(fault.duration.into()));
        Self { start, duration, ..Self::of_kind(fault.kind) }
    }

    #[cfg(test)]
    pub(super) fn name(&self) -> KindName {
        self.kind
    }

    /// What a kind has no use for is refused, by its name.
    fn nothing_is_left(&self) -> Result<(), String> {
        let written = serde_json::to_value(self).map_err(|e| e.to_string())?;
        let mut names = written.as_object().into_iter().flat_map(|fields| fields.keys());
        match names.find(|name| *name != "kind") {
            Some(name) => Err(format!("`{name}` means nothing to this kind; leave it out")),
            None => Ok(()),
        }
    }
}

/// How each field is read: taken out, checked, with its default.
impl FaultSpec {
    fn who(&mut self) -> Result<Who, String> {
        Ok(self.who.take().unwrap_or(Who::All))
    }

    fn delay(&mut self) -> Result<Nanos, String> {
        at_least_a_ms("delay", self.delay.take())
    }

    fn percent(&mut self) -> Result<u8, String> {
        let percent = self.percent.take().unwrap_or(100);
        match percent {
            1..=100 => Ok(percent),
            _ => Err(format!("`percent` is {percent}; allowed: 1 to 100")),
        }
    }

    fn every(&mut self) -> Result<Nanos, String> {
        at_least_a_ms("every", self.every.take())
    }

    fn offset(&mut self) -> Result<Nanos, String> {
        match self.offset.take() {
            Some(Span(offset)) if offset != Nanos::ZERO => Ok(offset),
            _ => Err("`offset` is missing or zero; for example \"30s\" or \"-2s\"".to_owned()),
        }
    }

    fn coin(&mut self) -> Result<Coin, String> {
        let CoinName(name) = self.coin.take().unwrap_or_default();
        Coin::new(&name).ok_or_else(|| {
            format!("`coin` is {name:?}; a coin's name as the venue writes it, for example \"ETH\"")
        })
    }

    fn side(&mut self) -> Result<Side, String> {
        match self.side.take() {
            Some(SideName::Bid) => Ok(Side::Bid),
            Some(SideName::Ask) => Ok(Side::Ask),
            None => Err("`side` is missing; allowed: \"bid\", \"ask\"".to_owned()),
        }
    }
}

impl From<Nanos> for Span {
    fn from(span: Nanos) -> Self {
        Self(span)
    }
}

impl From<Coin> for CoinName {
    fn from(coin: Coin) -> Self {
        Self(coin.as_str().to_owned())
    }
}

impl From<Side> for SideName {
    fn from(side: Side) -> Self {
        if side == Side::Bid { Self::Bid } else { Self::Ask }
    }
}

/// Anything shorter would be work without end.
fn at_least_a_ms(name: &str, span: Option<Span>) -> Result<Nanos, String> {
    match span {
        Some(Span(span)) if span >= Nanos::millis(1) => Ok(span),
        _ => Err(format!("`{name}` is missing or under 1ms; for example \"500ms\"")),
    }
}
