//! A moment as recorders write it: unix seconds, milliseconds, microseconds or nanoseconds, or
//! ISO 8601. Of the times at which a recording can have been made no two units share a number.

use super::hygiene::plausible;
use botmm_pipeline::types::Nanos;
use std::time::UNIX_EPOCH;

/// Our column of the time of receipt, and that of the venue's.
pub const LOCAL: &str = "timestamp";
pub const VENUE: &str = "exchange_timestamp";

/// How the times of one column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// `1757015216.673878`
    Seconds,
    /// `1757015216253`
    Millis,
    /// `1757015216253123`
    Micros,
    /// `1757015216253123456`
    Nanos,
    /// `2025-09-04T19:46:56.253+00:00`; without a zone it is UTC.
    Iso,
}

impl TimeForm {
    const UNIX: [(Self, u32); 4] =
        [(Self::Nanos, 0), (Self::Micros, 3), (Self::Millis, 6), (Self::Seconds, 9)];

    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "unix seconds",
            Self::Millis => "unix milliseconds",
            Self::Micros => "unix microseconds",
            Self::Nanos => "unix nanoseconds",
            Self::Iso => "ISO 8601",
        }
    }

    fn read(self, text: &[u8]) -> Option<Nanos> {
        let time = match Self::UNIX.iter().find(|(form, _)| *form == self) {
            Some((_, decimals)) => parse_scaled(text, *decimals).map(Nanos),
            None => parse_iso(text),
        };
        time.filter(|time| plausible(*time))
    }
}

/// Reads one column of times. Its first sound one tells their form; what is written otherwise after
/// that is unsound.
pub struct TimeColumn {
    form: TimeForm,
    is_known: bool,
}

impl TimeColumn {
    /// `usual` is tried first, and is what an error asks for.
    pub fn new(usual: TimeForm) -> Self {
        Self { form: usual, is_known: false }
    }

    /// The form that is expected of the next one.
    pub fn form(&self) -> TimeForm {
        self.form
    }

    /// The next one, exactly; [`None`] when it is none of this form, or of no century of ours.
    pub fn read(&mut self, text: &[u8]) -> Option<Nanos> {
        let read = self.form.read(text);
        if self.is_known {
            return read;
        }
        let found = read.map(|time| (self.form, time)).or_else(|| any_form(text));
        let (form, time) = found?;
        (self.form, self.is_known) = (form, true);
        Some(time)
    }
}

/// A time in whichever form.
pub fn any_form(text: &[u8]) -> Option<(TimeForm, Nanos)> {
    let forms = TimeForm::UNIX.iter().map(|(form, _)| *form).chain([TimeForm::Iso]);
    forms.into_iter().find_map(|form| form.read(text).map(|time| (form, time)))
}

/// An exact decimal number times 10^`decimals`; [`None`] when it is none, finer, or too large.
fn parse_scaled(text: &[u8], decimals: u32) -> Option<i64> {
    let point = text.iter().position(|&b| b == b'.').unwrap_or(text.len());
    let (whole, fraction) = (&text[..point], text.get(point + 1..).unwrap_or_default());
    if whole.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    let padding = (decimals as usize).saturating_sub(fraction.len());
    let digits = whole.iter().chain(fraction).chain(std::iter::repeat_n(&b'0', padding));
    for (i, &b) in digits.enumerate() {
        let digit = b.is_ascii_digit().then(|| i64::from(b - b'0'))?;
        if i >= whole.len() + decimals as usize {
            if digit != 0 {
                return None;
            }
            continue;
        }
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    Some(value)
}

/// `2025-11-24T16:00:00.3+00:00`, also with a blank for the `T`, with `Z`, or with no zone (UTC).
fn parse_iso(text: &[u8]) -> Option<Nanos> {
    const DATE_LEN: usize = 11; // with the `T` behind it
    let text = std::str::from_utf8(text).ok()?;
    let clock = text.get(DATE_LEN..)?;
    let zone = clock.find(['Z', 'z', '+', '-']).map_or(clock.len(), |at| at);
    let (local, zone) = text.split_at_checked(DATE_LEN + zone)?;
    let local = humantime::parse_rfc3339_weak(local).ok()?;
    let since = local.duration_since(UNIX_EPOCH).ok()?;
    let nanos = i64::try_from(since.as_nanos()).ok()?;
    nanos.checked_sub(zone_seconds(zone)?.checked_mul(1_000_000_000)?).map(Nanos)
}

/// How far a zone (`+02:00`, `-0530`, `+02`, `Z`, nothing) is ahead of UTC.
fn zone_seconds(zone: &str) -> Option<i64> {
    let (sign, digits) = match zone.split_at_checked(1) {
        None | Some(("Z" | "z", "")) => return Some(0),
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        Some(_) => return None,
    };
    let digits = digits.replace(':', "");
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok());
    let (hours, minutes) = match digits.len() {
        2 => (digits.as_str(), "0"),
        4 => digits.split_at_checked(2)?,
        _ => return None,
    };
    let (hours, minutes): (i64, i64) = (number(hours)??, number(minutes)??);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// The most bytes that stand in front of a frame.
const MAX_TIME_BYTES: usize = 40;

/// Whether a line could be a frame, with a local time or without.
pub fn looks_like_frame(line: &[u8]) -> bool {
    let (time, json) = split_time(line.trim_ascii());
    json.starts_with(b"{") && (time.is_empty() || any_form(time).is_some())
}

/// The local time in front of a frame, and the frame. A blank, tab, comma or semicolon parts them.
pub fn split_time(line: &[u8]) -> (&[u8], &[u8]) {
    let brace = line.iter().take(MAX_TIME_BYTES).position(|&b| b == b'{').unwrap_or(line.len());
    let (mut time, json) = line.split_at(brace);
    while let [rest @ .., b' ' | b'\t' | b',' | b';'] = time {
        time = rest;
    }
    (time.trim_ascii_start(), json)
}

/// Unix seconds, to the nanosecond.
pub struct Seconds(pub Nanos);
/// Unix milliseconds, to the nanosecond.
pub struct Millis(pub Nanos);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Nanos(ns) = self.0;
        write!(f, "{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
    }
}

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Nanos(ns) = self.0;
        write!(f, "{}", ns / 1_000_000)?;
        match ns % 1_000_000 {
            0 => Ok(()),
            finer => write!(f, ".{finer:06}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact() {
        let ns = |text: &str| parse_scaled(text.as_bytes(), 9);
        assert_eq!(ns("1757015216.673878"), Some(1_757_015_216_673_878_000));
        assert_eq!(ns("1757015217.1651921"), Some(1_757_015_217_165_192_100));
        assert_eq!(ns("1757015217"), Some(1_757_015_217_000_000_000));
        assert_eq!(ns("1.1234567891"), None, "finer than a nanosecond");
        assert_eq!(ns("1.1234567890000"), Some(1_123_456_789));
        assert_eq!(parse_scaled(b"1757015216253.0", 6), Some(1_757_015_216_253_000_000));
        for bad in ["", ".", ".5", "-1", "1e9", "nan", "99999999999999999999", "1.2.3"] {
            assert_eq!(ns(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_form_is_told_by_itself() {
        let moment = Nanos(1_757_015_216_250_000_000);
        for (text, form) in [
            ("1757015216.25", TimeForm::Seconds),
            ("1757015216250", TimeForm::Millis),
            ("1757015216250000", TimeForm::Micros),
            ("1757015216250000000", TimeForm::Nanos),
            ("2025-09-04T19:46:56.25Z", TimeForm::Iso),
            ("2025-09-04 19:46:56.25", TimeForm::Iso),
            ("2025-09-04T21:46:56.250000+02:00", TimeForm::Iso),
            ("2025-09-04T14:16:56.25-0530", TimeForm::Iso),
        ] {
            assert_eq!(any_form(text.as_bytes()), Some((form, moment)), "{text}");
        }
        let not = ["", "17", "2025-09-04", "2025-13-04T19:46:56Z", "2025-09-04T19:46:56+9", "é"];
        for text in not.into_iter().chain(["2025-09-04T19:46:56+aa:bb", "1969-01-01T00:00:00Z"]) {
            assert_eq!(any_form(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_column_keeps_to_one_form() {
        let mut column = TimeColumn::new(TimeForm::Seconds);
        assert_eq!(column.read(b"timestamp"), None);
        assert_eq!(column.form(), TimeForm::Seconds, "nothing is known yet");
        assert_eq!(column.read(b"1757015216250"), Some(Nanos(1_757_015_216_250_000_000)));
        assert_eq!(column.form(), TimeForm::Millis);
        assert_eq!(column.read(b"1757015217.25"), None, "another unit than before");
    }
}
