//! JSON as trust metadata uses it: integers only, no duplicate members.

use std::collections::BTreeMap;

/// A JSON value without floating-point numbers. Members are sorted by their UTF-8 bytes, which is the order of
/// canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}
