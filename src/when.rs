//! Moments in UTC, as words: one way to write each, one way to read them.

use botmm_pipeline::types::Nanos;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `2026-11-22T17:45:10.123456Z`.
pub fn utc(time: Nanos) -> String {
    humantime::format_rfc3339_micros(system_time(time)).to_string()
}

/// The present moment by the system's clock, as [`utc`] writes it.
pub fn utc_now() -> String {
    humantime::format_rfc3339_micros(SystemTime::now()).to_string()
}

/// `2026-11-22T17:45:10.123456789Z`.
pub fn exact_utc(time: Nanos) -> String {
    humantime::format_rfc3339_nanos(system_time(time)).to_string()
}

/// `2026-11-22`, of days since 1970.
pub fn utc_date(day: i64) -> String {
    let mut text = utc_s(Nanos::secs(day.saturating_mul(86_400)));
    text.truncate("2026-11-22".len());
    text
}

/// `2026-11-22T17:45:10Z`.
pub fn utc_s(time: Nanos) -> String {
    humantime::format_rfc3339_seconds(system_time(time)).to_string()
}

/// A moment that one of the above wrote.
///
/// # Errors
/// It is none, or before 1970, or after 2262.
pub fn parse_utc(text: &str) -> Result<Nanos, String> {
    let refuse = || format!("{text:?} is not a UTC time such as 2026-11-26T19:42:46Z");
    let time: SystemTime = humantime::parse_rfc3339(text).map_err(|_| refuse())?;
    let since = time.duration_since(UNIX_EPOCH).map_err(|_| refuse())?;
    i64::try_from(since.as_nanos()).map(Nanos).map_err(|_| refuse())
}

/// Before 1970 there is nothing.
pub fn system_time(time: Nanos) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(time.0.max(0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_was_written() {
        let time = Nanos(1_795_369_510_123_456_789);
        assert_eq!(exact_utc(time), "2026-11-22T17:45:10.123456789Z");
        assert_eq!(utc(time), "2026-11-22T17:45:10.123456Z");
        assert_eq!(utc_s(time), "2026-11-22T17:45:10Z");
        assert_eq!(utc_date(20_779), "2026-11-22");
        assert_eq!([utc_date(0), utc_date(i64::MIN)], ["1970-01-01"; 2]);
        assert_eq!(parse_utc(&exact_utc(time)), Ok(time));
        assert_eq!(parse_utc(&utc(time)), Ok(Nanos(time.0 - 789)));
        for bad in ["", "now", "2026-11-22", "2600-01-01T00:00:00Z"] {
            assert!(parse_utc(bad).unwrap_err().contains(bad), "{bad}");
        }
    }
}
