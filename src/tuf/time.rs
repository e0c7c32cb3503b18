//! Points in time and lifetimes, always UTC.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use serde::{Deserialize, Serialize};

/// A point in time, UTC, with up to nanoseconds; written as RFC 3339 with `Z` and no trailing zeros in
/// the fraction, as Go and the TUF specification write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The point `seconds` after 1970-01-01T00:00:00Z, or nothing outside the years that can be written.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        jiff::Timestamp::from_second(seconds).ok().map(Self)
    }

    /// Seconds since 1970-01-01T00:00:00Z, rounded down.
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// Whether a fraction of a second is stated.
    pub fn has_fraction(self) -> bool {
        self.0.subsec_nanosecond() != 0
    }

    /// 00:00:00Z of the same day.
    #[must_use]
    pub fn start_of_day(self) -> Self {
        let seconds = self.unix_seconds();
        Self::from_unix_seconds(seconds - seconds.rem_euclid(86_400)).unwrap_or(self)
    }

    /// This point plus a lifetime in calendar units; nothing if that is beyond the year 9999.
    pub fn plus(self, lifetime: Lifetime) -> Option<Self> {
        let span = Span::new()
            .try_years(lifetime.years)
            .and_then(|s| s.try_months(lifetime.months))
            .and_then(|s| s.try_days(lifetime.days))
            .ok()?;
        let then = self.0.to_zoned_datetime(TimeZone::UTC).checked_add(span).ok()?;
        Some(Self(then.timestamp()))
    }

    /// This point moved by whole seconds; nothing outside the years that can be written.
    pub fn plus_seconds(self, seconds: i64) -> Option<Self> {
        self.0.checked_add(seconds.seconds()).ok().map(Self)
    }

    /// `2026-11-27 20:31 UTC`: to the minute, for people.
    pub fn to_minute(self) -> String {
        let text = self.to_string();
        let date = text.get(..10).unwrap_or_default();
        let time = text.get(11..16).unwrap_or_default();
        format!("{date} {time} UTC")
    }

    /// `20261127T203100Z`: for names of folders.
    pub fn to_compact(self) -> String {
        let whole = Self::from_unix_seconds(self.unix_seconds()).unwrap_or(self);
        whole.to_string().chars().filter(|c| *c != '-' && *c != ':').collect()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Timestamp {
    type Err = BadTime;
    /// Reads RFC 3339 with an offset; the offset is turned into UTC.
    fn from_str(text: &str) -> Result<Self, BadTime> {
        text.parse().map(Self).map_err(|_| BadTime { found: text.to_owned() })
    }
}

impl TryFrom<String> for Timestamp {
    type Error = BadTime;
    fn try_from(text: String) -> Result<Self, BadTime> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> Self {
        at.to_string()
    }
}

/// How long something lasts, in calendar units: `10 years`, `18 months`, `14 days`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lifetime {
    years: i64,
    months: i64,
    days: i64,
}

impl FromStr for Lifetime {
    type Err = BadTime;
    fn from_str(text: &str) -> Result<Self, BadTime> {
        let bad = || BadTime { found: text.to_owned() };
        let (count, unit) = text.split_once(' ').ok_or_else(bad)?;
        let count: u16 = count.parse().map_err(|_| bad())?;
        let count = i64::from(count);
        let none = Self { years: 0, months: 0, days: 0 };
        match unit {
            _ if count == 0 => Err(bad()),
            "year" | "years" => Ok(Self { years: count, ..none }),
            "month" | "months" => Ok(Self { months: count, ..none }),
            "day" | "days" => Ok(Self { days: count, ..none }),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match (self.years, self.months) {
            (0, 0) => (self.days, "day"),
            (0, months) => (months, "month"),
            (years, _) => (years, "year"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

impl TryFrom<String> for Lifetime {
    type Error = BadTime;
    fn try_from(text: String) -> Result<Self, BadTime> {
        text.parse()
    }
}

impl From<Lifetime> for String {
    fn from(lifetime: Lifetime) -> Self {
        lifetime.to_string()
    }
}

/// The text is neither a time nor a lifetime that we read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is neither a time such as 2026-12-01T08:00:00Z nor a lifetime such as 10 years")]
pub struct BadTime {
    /// The text found.
    pub found: String,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn nanoseconds_survive_and_trailing_zeros_do_not() {
        let exact = "2036-11-20T03:36:18.348408414Z";
        assert_eq!(at(exact).to_string(), exact);
        assert_eq!(at("2036-11-20T03:36:18.100Z").to_string(), "2036-11-20T03:36:18.1Z");
        assert_eq!(at("2036-11-20T03:36:18+00:00").to_string(), "2036-11-20T03:36:18Z");
    }

    #[test]
    fn ten_years_after_a_leap_day_is_the_last_of_february() {
        let later = at("2028-02-29T00:00:00Z").plus("10 years".parse().unwrap());
        assert_eq!(later.unwrap().to_string(), "2038-02-28T00:00:00Z");
    }

    #[test]
    fn lifetimes_read_back_as_written() {
        for text in ["10 years", "1 year", "18 months", "14 days"] {
            assert_eq!(text.parse::<Lifetime>().unwrap().to_string(), text);
        }
        for bad in ["0 days", "ten years", "10", "10 weeks", "-1 days", "99999 days"] {
            assert!(bad.parse::<Lifetime>().is_err(), "{bad}");
        }
    }
}
