//! How the process ends: one line on stderr, and a code that scripts can rely on.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use thiserror::Error;

/// What an exit code means.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Did what was asked.
    Ok = 0,
    /// What was to be checked does not hold.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The configuration is refused.
    Config = 3,
    /// The venue, or a recording, or a file did not do its part.
    Data = 5,
    /// A risk limit halted trading.
    RiskHalt = 6,
    /// A run that was repeated decided otherwise.
    Differs = 7,
    /// Nothing is wrong with what was asked: the same may do later or elsewhere (a full disk, too little memory,
    /// an end that was asked for).
    Again = 8,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a verb ended early. `Display` is one line: what happened, where, and what to do.
#[derive(Debug, Error)]
pub enum AppError {
    /// A flag is at odds with the rest; clap has already refused what is wrong by itself.
    #[error("{0}; see `botmm --help`")]
    Usage(String),
    /// What another room could not do, in its own words: one line.
    #[error("{error}")]
    Of {
        /// The code that the process ends with.
        exit: Exit,
        /// What happened, where, and what to do.
        error: Box<dyn Error + Send + Sync>,
    },
    /// A recording or the venue is not usable.
    #[error("{place}: {problem}; {remedy}")]
    Data {
        /// File and line, or the venue's channel.
        place: String,
        /// What happened.
        problem: String,
        /// What to do about it.
        remedy: String,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: cannot {doing}: {source}; check the path, permissions and free space", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// `read`, `write`, `create`…
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A check was made, and does not hold; what it found is on stdout.
    #[error("{0}")]
    Failed(String),
    /// A risk limit halted trading; everything up to then is in the summary. Whether orders may be
    /// left is said apart.
    #[error("risk halt: {reason}; look at the journal before running again")]
    RiskHalt {
        /// Which limit, and its numbers.
        reason: String,
    },
}

impl AppError {
    /// A failed file operation, ready for `map_err`.
    pub fn io(
        path: impl Into<PathBuf>,
        doing: &'static str,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, doing, source }
    }

    /// An unusable recording or answer.
    pub fn data(
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Data { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// Another room's error, with the code that the process ends with.
    pub fn of(exit: Exit, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Of { exit, error: error.into() }
    }

    /// The same; where a full disk or another want of this machine is the reason, with the code that says to try
    /// again.
    #[must_use]
    pub fn or_again(self) -> Self {
        use std::io::ErrorKind as K;
        let is_want = |kind| {
            let wants = [K::StorageFull, K::QuotaExceeded, K::FileTooLarge, K::OutOfMemory];
            let others = [K::Interrupted, K::TimedOut, K::ResourceBusy, K::StaleNetworkFileHandle];
            wants.contains(&kind) || others.contains(&kind)
        };
        match self {
            Self::Io { ref source, .. } if is_want(source.kind()) => Self::of(Exit::Again, self),
            other => other,
        }
    }

    /// The code that the process ends with.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Failed(_) => Exit::Failed,
            Self::Usage(_) => Exit::Usage,
            Self::Of { exit, .. } => *exit,
            Self::Data { .. } | Self::Io { .. } => Exit::Data,
            Self::RiskHalt { .. } => Exit::RiskHalt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_line_and_codes_are_fixed() {
        let io = AppError::io("runs/x", "create")(std::io::Error::other("disk full"));
        let data =
            AppError::data("a.csv:7", "price \"x\" is not a number", "fix or leave out the file");
        let halt = AppError::RiskHalt { reason: "daily loss 512 USD of 500 allowed".to_owned() };
        for (error, code) in [(&io, 5), (&data, 5), (&halt, 6), (&AppError::Usage("x".into()), 2)] {
            assert_eq!(error.exit() as u8, code);
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        let full = || AppError::io("x", "write")(std::io::ErrorKind::StorageFull.into());
        assert_eq!((full().exit(), full().or_again().exit()), (Exit::Data, Exit::Again));
        assert_eq!(full().or_again().to_string(), full().to_string());
        assert_eq!(AppError::Usage("x".into()).or_again().exit(), Exit::Usage);
        assert_eq!(
            io.to_string(),
            "runs/x: cannot create: disk full; check the path, permissions and free space"
        );
    }
}
