//! How a token guards a key: words that a plan states, a token obeys and an attestation repeats.

use serde::{Deserialize, Serialize};

/// When a token asks for its PIN (NIST SP 800-73-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PinPolicy {
    /// Never.
    Never,
    /// Once a session.
    Once,
    /// For each signature.
    Always,
}

/// When a token asks for a touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TouchPolicy {
    /// Never.
    Never,
    /// For each signature.
    Always,
    /// Once in fifteen seconds.
    Cached,
}
