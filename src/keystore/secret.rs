//! A secret on its way from people to a store.

use std::fmt;

use zeroize::Zeroizing;

/// A PIN or a passphrase. It is wiped when dropped, cannot be copied or serialised, and hides in `Debug`.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes text that is already held in memory that will be wiped.
    pub const fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text itself: only for the store that it opens.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_hides_in_debug() {
        let secret = Secret::new(Zeroizing::new("correct horse".to_owned()));
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
    }
}
