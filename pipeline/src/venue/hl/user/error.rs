//! Why a frame was refused.

use super::Kind;
use crate::types::DecimalError;
use crate::venue::hl::frame::MAX_FRAME_BYTES;

/// A frame that was refused: where, and why. Nothing of it was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserError {
    /// The channel; [`None`] = the frame did not get that far.
    pub kind: Option<Kind>,
    /// The post whose answer it was: what became of that request is not known.
    pub id: Option<u64>,
    /// The key on the wire (of the frame itself: `frame`).
    pub field: &'static str,
    /// What is wrong there.
    pub why: Fault,
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Longer than [`MAX_FRAME_BYTES`].
    TooLong {
        /// The frame's length in bytes.
        len: usize,
    },
    /// Not valid JSON (empty and truncated frames end up here).
    NotJson {
        /// About where, in bytes from the frame's start.
        at: u32,
    },
    /// It must be there and is not, or is `null`.
    Missing,
    /// It is there twice: which one counts is anybody's guess.
    Duplicate,
    /// Of another type or shape than the venue's.
    WrongType,
    /// A decimal that cannot be read, or one that must be exact and is not.
    Number(DecimalError),
    /// A number that is negative where it cannot be, or larger than in any market or account.
    OutOfRange,
    /// A word that has no meaning there.
    BadWord,
}

impl UserError {
    pub(super) const fn new(field: &'static str, why: Fault) -> Self {
        Self { kind: None, id: None, field, why }
    }

    pub(super) const fn on(self, kind: Kind) -> Self {
        Self { kind: Some(kind), ..self }
    }

    pub(super) const fn of_post(self, id: u64) -> Self {
        Self { id: Some(id), ..self }
    }
}

impl core::fmt::Display for UserError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if let Some(kind) = self.kind {
            write!(f, "channel {}: ", kind.as_str())?;
        }
        if let Some(id) = self.id {
            write!(f, "answer to post {id}: ")?;
        }
        match self.why {
            Fault::TooLong { len } => {
                write!(f, "frame of {len} bytes, at most {MAX_FRAME_BYTES} are accepted")
            }
            Fault::NotJson { at } => write!(f, "not valid JSON near byte {at}"),
            Fault::Missing => write!(f, "{:?} is missing", self.field),
            Fault::Duplicate => write!(f, "{:?} is there twice", self.field),
            Fault::WrongType => write!(f, "{:?} has the wrong type or shape", self.field),
            Fault::Number(why) => write!(f, "{:?}: {why}", self.field),
            Fault::OutOfRange => write!(f, "{:?} is out of range", self.field),
            Fault::BadWord => write!(f, "{:?} has no known meaning", self.field),
        }
    }
}

impl std::error::Error for UserError {}
