//! The states of a key and the ways between them: NIST SP 800-57 part 1 revision 5, section 7.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The state of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// It was made, or came in, and nobody authorised it yet (7.1).
    PreActivation,
    /// It may sign (7.2).
    Active,
    /// It must not sign for now (7.3).
    Suspended,
    /// It must not sign any more; what it signed is still verified (7.4).
    Deactivated,
    /// Somebody else may have it (7.5).
    Compromised,
    /// It is gone (7.6).
    Destroyed,
    /// Nobody can say where it is: a token that was not given back, a copy that was not found. It counts as compromised.
    NotRecovered,
}

impl KeyState {
    /// All of them, in the order of a key's life.
    pub const ALL: [Self; 7] = [
        Self::PreActivation,
        Self::Active,
        Self::Suspended,
        Self::Deactivated,
        Self::Compromised,
        Self::NotRecovered,
        Self::Destroyed,
    ];

    /// Whether a key may go from this state to another one (section 7, figure 3). Nothing leads back to a state in which a
    /// key signs, except from suspended; what was destroyed may turn out to have been compromised before.
    pub const fn may_become(self, to: Self) -> bool {
        match (self, to) {
            (Self::PreActivation, to) => matches!(
                to,
                Self::Active | Self::Compromised | Self::NotRecovered | Self::Destroyed
            ),
            (Self::Active, to) => !matches!(to, Self::PreActivation | Self::Active),
            (Self::Suspended, to) => !matches!(to, Self::PreActivation | Self::Suspended),
            (Self::Deactivated, to) => {
                matches!(to, Self::Compromised | Self::NotRecovered | Self::Destroyed)
            }
            (Self::NotRecovered, to) => matches!(to, Self::Compromised | Self::Destroyed),
            (Self::Compromised, to) => matches!(to, Self::Destroyed),
            (Self::Destroyed, to) => matches!(to, Self::Compromised),
        }
    }

    /// Whether somebody else may have a key in this state.
    pub const fn is_compromised(self) -> bool {
        match self {
            Self::Compromised | Self::NotRecovered => true,
            Self::PreActivation
            | Self::Active
            | Self::Suspended
            | Self::Deactivated
            | Self::Destroyed => false,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::PreActivation => "pre-activation",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deactivated => "deactivated",
            Self::Compromised => "compromised",
            Self::NotRecovered => "not-recovered",
            Self::Destroyed => "destroyed",
        }
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A word that is no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected pre-activation, active, suspended, deactivated, compromised, not-recovered or destroyed"
)]
pub struct NoState;

impl FromStr for KeyState {
    type Err = NoState;

    fn from_str(text: &str) -> Result<Self, NoState> {
        Self::ALL.into_iter().find(|state| state.word() == text).ok_or(NoState)
    }
}

#[cfg(test)]
mod tests {
    use super::KeyState::{
        self, Active, Compromised, Deactivated, Destroyed, NotRecovered, PreActivation, Suspended,
    };

    /// Every way that is open; all others are closed.
    const WAYS: [(KeyState, &[KeyState]); 7] = [
        (PreActivation, &[Active, Compromised, NotRecovered, Destroyed]),
        (Active, &[Suspended, Deactivated, Compromised, NotRecovered, Destroyed]),
        (Suspended, &[Active, Deactivated, Compromised, NotRecovered, Destroyed]),
        (Deactivated, &[Compromised, NotRecovered, Destroyed]),
        (Compromised, &[Destroyed]),
        (NotRecovered, &[Compromised, Destroyed]),
        (Destroyed, &[Compromised]),
    ];

    #[test]
    fn a_key_goes_the_ways_of_the_standard_and_no_others() {
        for (from, open) in WAYS {
            for to in KeyState::ALL {
                assert_eq!(from.may_become(to), open.contains(&to), "{from} to {to}");
            }
        }
    }

    #[test]
    fn no_way_leads_from_a_dead_key_to_one_that_signs() {
        for dead in [Deactivated, Compromised, NotRecovered, Destroyed] {
            let mut reached = vec![dead];
            while let Some(next) = KeyState::ALL
                .into_iter()
                .find(|to| !reached.contains(to) && reached.iter().any(|from| from.may_become(*to)))
            {
                reached.push(next);
            }
            assert!(!reached.contains(&Active) && !reached.contains(&Suspended), "{dead}");
        }
    }

    #[test]
    fn every_state_is_read_as_it_is_written() {
        for state in KeyState::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        assert!("Active".parse::<KeyState>().is_err());
    }
}
