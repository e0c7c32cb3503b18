//! The kinds of ceremonies.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of ceremonies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A first root of trust.
    FirstRoot,
    /// The same documents once more, with later dates.
    Refresh,
    /// Other root keys, thresholds or certificates.
    RotateRoot,
    /// One custodian leaves, another one comes.
    ReplaceCustodian,
    /// Other keys for what is signed online.
    RotateOnline,
    /// The targets key (the tagging key) is replaced because it leaked.
    RotateTagging,
    /// A part of the targets is handed to a delegation.
    AddDelegation,
    /// A delegation gets other keys.
    RotateDelegation,
    /// A delegation is taken out.
    RemoveDelegation,
    /// Targets are added, moved or taken out.
    SignTargets,
    /// Root keys leaked, fewer than the threshold.
    RootCompromise,
    /// An existing repository is taken over as it is.
    Adopt,
    /// A token gets its holder's own secrets and makes its key.
    ProvisionToken,
    /// The PIN of a token or the passphrase of a key file is changed.
    ChangePin,
    /// Keys in files are written once more, for other recipients or on paper.
    BackUp,
    /// A key is brought back from nothing but its back-up, signs, and is let go again.
    RestoreDrill,
    /// Keys that no document lists any more are given up for good.
    RetireToken,
}

impl Kind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 17] = [
        Self::FirstRoot,
        Self::Refresh,
        Self::RotateRoot,
        Self::ReplaceCustodian,
        Self::RotateOnline,
        Self::RotateTagging,
        Self::AddDelegation,
        Self::RotateDelegation,
        Self::RemoveDelegation,
        Self::SignTargets,
        Self::RootCompromise,
        Self::Adopt,
        Self::ProvisionToken,
        Self::ChangePin,
        Self::BackUp,
        Self::RestoreDrill,
        Self::RetireToken,
    ];

    /// The name by which a plan states it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstRoot => "first-root",
            Self::Refresh => "refresh",
            Self::RotateRoot => "rotate-root",
            Self::ReplaceCustodian => "replace-custodian",
            Self::RotateOnline => "rotate-online",
            Self::RotateTagging => "rotate-tagging",
            Self::AddDelegation => "add-delegation",
            Self::RotateDelegation => "rotate-delegation",
            Self::RemoveDelegation => "remove-delegation",
            Self::SignTargets => "sign-targets",
            Self::RootCompromise => "root-compromise",
            Self::Adopt => "adopt",
            Self::ProvisionToken => "provision-token",
            Self::ChangePin => "change-pin",
            Self::BackUp => "back-up",
            Self::RestoreDrill => "restore-drill",
            Self::RetireToken => "retire-token",
        }
    }

    /// Whether it starts from documents that exist.
    pub const fn is_change(self) -> bool {
        match self {
            Self::FirstRoot
            | Self::ProvisionToken
            | Self::ChangePin
            | Self::BackUp
            | Self::RestoreDrill => false,
            Self::Refresh
            | Self::RotateRoot
            | Self::ReplaceCustodian
            | Self::RotateOnline
            | Self::RotateTagging
            | Self::AddDelegation
            | Self::RotateDelegation
            | Self::RemoveDelegation
            | Self::SignTargets
            | Self::RootCompromise
            | Self::Adopt
            | Self::RetireToken => true,
        }
    }

    /// Whether it is about keys alone, so that no document is drafted, signed or exported.
    pub const fn is_of_keys(self) -> bool {
        matches!(
            self,
            Self::ProvisionToken
                | Self::ChangePin
                | Self::BackUp
                | Self::RestoreDrill
                | Self::RetireToken
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
