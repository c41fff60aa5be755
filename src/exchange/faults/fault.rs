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
    /// How long it lasts. Zero: it happens once, which makes sense for [`FaultKind::Drop`] alone.
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

/// What can go wrong. An *action* is an HTTP request to `/exchange` or a WebSocket post of type
/// `action`; *user messages* are frames of the channels `orderUpdates`, `userFills` and `user`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// WebSockets are closed (code 1000); while it lasts, new ones too as soon as they are of that sort.
    Drop(Who),
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
enum KindName {
    Drop,
    Refuse,
    DelayAnswers,
    LoseAnswers,
    LoseActions,
    Duplicate,
    Reorder,
    TooManyRequests,
    ServerError,
    Garbage,
    StaleBook,
    LateFeed,
    SilentCoin,
    EmptySide,
    FarLevel,
    RefuseOrders,
    RefuseCancels,
    PostOnly,
    ClockJump,
    ClockSkew,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum SideName {
    Bid,
    Ask,
}

/// A fault as a person writes it, in TOML or JSON. [`FaultSpec::check`] makes it a [`Fault`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
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
    coin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    side: Option<SideName>,
}

impl FaultSpec {
    /// The fault, if its fields are those of its kind and make sense.
    pub fn check(&self) -> Result<Fault, String> {
        let mut fields = Fields { spec: self.clone() };
        let start = fields.spec.start.take().map_or(Nanos::ZERO, |s| s.0);
        let duration = fields.spec.duration.take().map_or(Nanos::ZERO, |s| s.0);
        if start < Nanos::ZERO || duration < Nanos::ZERO {
            return Err("`start` and `duration` must not be negative".to_owned());
        }
        let kind = fields.kind()?;
        fields.nothing_is_left()?;
        if duration == Nanos::ZERO && !matches!(kind, FaultKind::Drop(_)) {
            return Err("`duration` is missing or zero; only `drop` can do without".to_owned());
        }
        Ok(Fault { kind, start, duration })
    }

    /// How a person would write this fault.
    pub fn of(fault: &Fault) -> Self {
        let span = |s: Nanos| Some(Span(s));
        let mut spec = Self {
            kind: KindName::Refuse,
            start: span(fault.start),
            duration: span(fault.duration),
            who: None,
            delay: None,
            percent: None,
            every: None,
            offset: None,
            coin: None,
            side: None,
        };
        let name = |coin: Coin| Some(coin.as_str().to_owned());
        let side_name = |side| Some(if side == Side::Bid { SideName::Bid } else { SideName::Ask });
        spec.kind = match fault.kind {
            FaultKind::Drop(who) => {
                spec.who = Some(who);
                KindName::Drop
            }
            FaultKind::Refuse => KindName::Refuse,
            FaultKind::DelayAnswers { delay, percent } => {
                (spec.delay, spec.percent) = (span(delay), Some(percent));
                KindName::DelayAnswers
            }
            FaultKind::LoseAnswers { percent } => {
                spec.percent = Some(percent);
                KindName::LoseAnswers
            }
            FaultKind::LoseActions { percent } => {
                spec.percent = Some(percent);
                KindName::LoseActions
            }
            FaultKind::Duplicate { percent } => {
                spec.percent = Some(percent);
                KindName::Duplicate
            }
            FaultKind::Reorder { delay, percent } => {
                (spec.delay, spec.percent) = (span(delay), Some(percent));
                KindName::Reorder
            }
            FaultKind::TooManyRequests => KindName::TooManyRequests,
            FaultKind::ServerError => KindName::ServerError,
            FaultKind::Garbage { every } => {
                spec.every = span(every);
                KindName::Garbage
            }
            FaultKind::StaleBook => KindName::StaleBook,
            FaultKind::LateFeed { delay } => {
                spec.delay = span(delay);
                KindName::LateFeed
            }
            FaultKind::SilentCoin { coin } => {
                spec.coin = name(coin);
                KindName::SilentCoin
            }
            FaultKind::EmptySide { coin, side } => {
                (spec.coin, spec.side) = (name(coin), side_name(side));
                KindName::EmptySide
            }
            FaultKind::FarLevel { coin, side } => {
                (spec.coin, spec.side) = (name(coin), side_name(side));
                KindName::FarLevel
            }
            FaultKind::RefuseOrders { coin } => {
                spec.coin = name(coin);
                KindName::RefuseOrders
            }
            FaultKind::RefuseCancels => KindName::RefuseCancels,
            FaultKind::PostOnly => KindName::PostOnly,
            FaultKind::ClockJump { offset } => {
                spec.offset = span(offset);
                KindName::ClockJump
            }
            FaultKind::ClockSkew { offset } => {
                spec.offset = span(offset);
                KindName::ClockSkew
            }
        };
        spec
    }
}

/// Fields not yet used by the kind.
struct Fields {
    spec: FaultSpec,
}

impl Fields {
    fn kind(&mut self) -> Result<FaultKind, String> {
        Ok(match self.spec.kind {
            KindName::Drop => FaultKind::Drop(self.spec.who.take().unwrap_or(Who::All)),
            KindName::Refuse => FaultKind::Refuse,
            KindName::DelayAnswers => {
                FaultKind::DelayAnswers { delay: self.delay()?, percent: self.percent()? }
            }
            KindName::LoseAnswers => FaultKind::LoseAnswers { percent: self.percent()? },
            KindName::LoseActions => FaultKind::LoseActions { percent: self.percent()? },
            KindName::Duplicate => FaultKind::Duplicate { percent: self.percent()? },
            KindName::Reorder => {
                FaultKind::Reorder { delay: self.delay()?, percent: self.percent()? }
            }
            KindName::TooManyRequests => FaultKind::TooManyRequests,
            KindName::ServerError => FaultKind::ServerError,
            KindName::Garbage => {
                let every = self.spec.every.take();
                FaultKind::Garbage { every: at_least_a_ms("every", every)? }
            }
            KindName::StaleBook => FaultKind::StaleBook,
            KindName::LateFeed => FaultKind::LateFeed { delay: self.delay()? },
            KindName::SilentCoin => FaultKind::SilentCoin { coin: self.coin()? },
            KindName::EmptySide => FaultKind::EmptySide { coin: self.coin()?, side: self.side()? },
            KindName::FarLevel => FaultKind::FarLevel { coin: self.coin()?, side: self.side()? },
            KindName::RefuseOrders => FaultKind::RefuseOrders { coin: self.coin()? },
            KindName::RefuseCancels => FaultKind::RefuseCancels,
            KindName::PostOnly => FaultKind::PostOnly,
            KindName::ClockJump => FaultKind::ClockJump { offset: self.offset()? },
            KindName::ClockSkew => FaultKind::ClockSkew { offset: self.offset()? },
        })
    }

    fn delay(&mut self) -> Result<Nanos, String> {
        at_least_a_ms("delay", self.spec.delay.take())
    }

    fn percent(&mut self) -> Result<u8, String> {
        let percent = self.spec.percent.take().unwrap_or(100);
        match percent {
            1..=100 => Ok(percent),
            _ => Err(format!("`percent` is {percent}; allowed: 1 to 100")),
        }
    }

    fn offset(&mut self) -> Result<Nanos, String> {
        match self.spec.offset.take() {
            Some(Span(offset)) if offset != Nanos::ZERO => Ok(offset),
            _ => Err("`offset` is missing or zero; for example \"30s\" or \"-2s\"".to_owned()),
        }
    }

    fn coin(&mut self) -> Result<Coin, String> {
        let name = self.spec.coin.take().unwrap_or_default();
        Coin::new(&name).ok_or_else(|| {
            format!("`coin` is {name:?}; a coin's name as the venue writes it, for example \"ETH\"")
        })
    }

    fn side(&mut self) -> Result<Side, String> {
        match self.spec.side.take() {
            Some(SideName::Bid) => Ok(Side::Bid),
            Some(SideName::Ask) => Ok(Side::Ask),
            None => Err("`side` is missing; allowed: \"bid\", \"ask\"".to_owned()),
        }
    }

    fn nothing_is_left(&self) -> Result<(), String> {
        let FaultSpec { who, delay, percent, every, offset, coin, side, .. } = &self.spec;
        let left = [
            ("who", who.is_some()),
            ("delay", delay.is_some()),
            ("percent", percent.is_some()),
            ("every", every.is_some()),
            ("offset", offset.is_some()),
            ("coin", coin.is_some()),
            ("side", side.is_some()),
        ];
        match left.iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(format!("`{name}` means nothing to this kind; leave it out")),
            None => Ok(()),
        }
    }
}

/// Anything shorter would be work without end.
fn at_least_a_ms(name: &str, span: Option<Span>) -> Result<Nanos, String> {
    match span {
        Some(Span(span)) if span >= Nanos::millis(1) => Ok(span),
        _ => Err(format!("`{name}` is missing or under 1ms; for example \"500ms\"")),
    }
}
