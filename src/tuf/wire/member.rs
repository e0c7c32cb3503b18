//! Taking members out of an object, with errors that name them.

use std::collections::BTreeMap;

use crate::tuf::root::Expires;
use crate::tuf::time::Timestamp;

use super::WireError;
use super::json::Json;

/// The members of an object that are still to be read; what is left over is unknown and survives.
pub(in crate::tuf) struct Members {
    path: String,
    members: BTreeMap<String, Json>,
}

impl Members {
    pub(in crate::tuf) fn of(path: &str, value: Json) -> Result<Self, WireError> {
        match value {
            Json::Object(members) => Ok(Self { path: path.to_owned(), members }),
            other @ (Json::Null
            | Json::Bool(_)
            | Json::Integer(_)
            | Json::String(_)
            | Json::Array(_)) => Err(wrong(path, "an object", &other)),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    pub(in crate::tuf) fn path(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    pub(super) fn optional(&mut self, name: &str) -> Option<Json> {
        self.members.remove(name)
    }

    pub(super) fn take(&mut self, name: &str) -> Result<Json, WireError> {
        self.optional(name).ok_or_else(|| WireError::Member {
            member: self.path(name),
            expected: "a value",
            found: "nothing".to_owned(),
        })
    }

    pub(super) fn object(&mut self, name: &str) -> Result<Self, WireError> {
        let value = self.take(name)?;
        Self::of(&self.path(name), value)
    }

    pub(in crate::tuf) fn text(&mut self, name: &str) -> Result<String, WireError> {
        let value = self.take(name)?;
        text(&self.path(name), value)
    }

    pub(super) fn integer(&mut self, name: &str) -> Result<i64, WireError> {
        let value = self.take(name)?;
        match value {
            Json::Integer(number) => Ok(number),
            other @ (Json::Null
            | Json::Bool(_)
            | Json::String(_)
            | Json::Array(_)
            | Json::Object(_)) => Err(wrong(&self.path(name), "an integer", &other)),
        }
    }

    /// A number of bytes or a version: not negative.
    pub(super) fn count(&mut self, name: &str) -> Result<u64, WireError> {
        let number = self.integer(name)?;
        number.try_into().map_err(|_| WireError::Member {
            member: self.path(name),
            expected: "an integer that is not negative",
            found: number.to_string(),
        })
    }

    pub(super) fn optional_count(&mut self, name: &str) -> Result<Option<u64>, WireError> {
        if self.members.contains_key(name) { self.count(name).map(Some) } else { Ok(None) }
    }

    pub(super) fn boolean(&mut self, name: &str) -> Result<bool, WireError> {
        let value = self.take(name)?;
        match value {
            Json::Bool(stated) => Ok(stated),
            other @ (Json::Null
            | Json::Integer(_)
            | Json::String(_)
            | Json::Array(_)
            | Json::Object(_)) => Err(wrong(&self.path(name), "true or false", &other)),
        }
    }

    pub(super) fn array(&mut self, name: &str) -> Result<Vec<Json>, WireError> {
        let value = self.take(name)?;
        match value {
            Json::Array(items) => Ok(items),
            other @ (Json::Null
            | Json::Bool(_)
            | Json::Integer(_)
            | Json::String(_)
            | Json::Object(_)) => Err(wrong(&self.path(name), "an array", &other)),
        }
    }

    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, WireError> {
        let path = self.path(name);
        self.array(name)?.into_iter().map(|item| text(&path, item)).collect()
    }

    pub(super) fn optional_texts(&mut self, name: &str) -> Result<Option<Vec<String>>, WireError> {
        if self.members.contains_key(name) { self.texts(name).map(Some) } else { Ok(None) }
    }

    /// An expiry date; the text is kept where we would write it in another way.
    pub(super) fn expires(&mut self, name: &str) -> Result<Expires, WireError> {
        let stated = self.text(name)?;
        let at: Timestamp = stated.parse().map_err(|_| WireError::Member {
            member: self.path(name),
            expected: "a date such as 2036-01-02T03:04:05Z",
            found: format!("{stated:?}"),
        })?;
        let stated = (at.to_string() != stated).then_some(stated);
        Ok(Expires { at, stated })
    }

    pub(super) fn into_rest(self) -> BTreeMap<String, Json> {
        self.members
    }
}

pub(super) fn text(path: &str, value: Json) -> Result<String, WireError> {
    match value {
        Json::String(text) => Ok(text),
        other @ (Json::Null
        | Json::Bool(_)
        | Json::Integer(_)
        | Json::Array(_)
        | Json::Object(_)) => Err(wrong(path, "a string", &other)),
    }
}

pub(in crate::tuf) fn wrong(member: &str, expected: &'static str, found: &Json) -> WireError {
    WireError::Member { member: member.to_owned(), expected, found: found.kind().to_owned() }
}

/// The text of an expiry date: as it was read, or as we write it.
pub(super) fn date(expires: &Expires) -> Json {
    Json::String(expires.stated.clone().unwrap_or_else(|| expires.at.to_string()))
}

/// A count as JSON. Lengths and versions were read as, or come from, integers in range.
pub(super) fn number(count: u64) -> Json {
    Json::Integer(i64::try_from(count).unwrap_or(super::json::MAX_INTEGER))
}
