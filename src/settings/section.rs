//! The tables that hold keys.

/// The kinds of table that hold keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    General,
    Discord,
    Webhook,
    Http,
    Wire,
    History,
    Tuner,
    DeadMan,
    Instrument,
    Sim,
    VolumeTier,
    MakerRebate,
    Quote,
    Signal,
    Adaptive,
    Toxicity,
    Fit,
    Sizer,
    Risk,
}

impl Section {
    /// The table where the shipped file has these keys; each coin of the universe has a row of them,
    /// and so has each tier of fees.
    pub fn table(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Discord => "discord",
            Self::Webhook => "webhook",
            Self::Http => "http",
            Self::Wire => "wire",
            Self::History => "history",
            Self::Tuner => "tuner",
            Self::DeadMan => "dead_man",
            Self::Instrument => "universe",
            Self::Sim => "sim",
            Self::VolumeTier => "fees.volume_tier",
            Self::MakerRebate => "fees.maker_rebate",
            Self::Quote => "defaults.quote",
            Self::Signal => "defaults.signal",
            Self::Adaptive => "defaults.adaptive",
            Self::Toxicity => "defaults.toxicity",
            Self::Fit => "defaults.fit",
            Self::Sizer => "defaults.sizer",
            Self::Risk => "defaults.risk",
        }
    }
}

/// The tables that `[defaults]` has, and each `[asset.COIN]` may have.
pub(super) const PARTS: [(&str, Section); 7] = [
    ("quote", Section::Quote),
    ("signal", Section::Signal),
    ("adaptive", Section::Adaptive),
    ("toxicity", Section::Toxicity),
    ("fit", Section::Fit),
    ("sizer", Section::Sizer),
    ("risk", Section::Risk),
];
