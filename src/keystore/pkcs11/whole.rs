//! A PKCS#11 token as a whole: a new PIN, and what is on it.

use std::path::PathBuf;

use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::UserType;

use crate::tuf::signature::Hash;

use super::super::child::Held;
use super::super::yubikey::{FACTORY_PIN, FACTORY_PUK};
use super::super::{Label, Rules, SecretKind, TokenError, Unlock};
use super::{Pkcs11Key, Pkcs11Token, auth_pin, public_key, trouble};

/// The least characters of a new PIN, where the token does not want more.
const LEAST: usize = 6;
/// The most, where the token does not want fewer.
const MOST: usize = 64;

/// Changes the user's PIN. The old one is asked for once, and a wrong one ends it; the new one is chosen, checked and typed
/// back before anything changes, and opens the token before it is let go.
pub(in super::super) fn change_pin(
    module: PathBuf,
    serial: String,
    label: Label,
    unlock: &mut dyn Unlock,
) -> Result<(), TokenError> {
    if label.kind != SecretKind::Pin {
        return Err(TokenError::Unsupported(format!("{}: PKCS#11 tokens have a PIN", label.kind)));
    }
    let token = whole(module, serial, label)?;
    let (session, info) = token.session(true)?;
    if !info.user_pin_initialized() {
        return Err(TokenError::Unsupported(
            "it has no PIN yet: initialise it with the vendor's tool".to_owned(),
        ));
    }
    let old = token.log_in(&session, &info, unlock)?;
    let rules = Rules {
        min_chars: info.min_pin_length().max(LEAST),
        max_chars: info.max_pin_length().min(MOST),
        min_bits: 0,
        digits_only: false,
    };
    let changed =
        unlock.new_secret(&token.label, &rules).ok_or(TokenError::NoSecret).and_then(|fresh| {
            let length = fresh.expose().len();
            if !(rules.min_chars..=rules.max_chars).contains(&length) {
                return Err(TokenError::Unsupported(format!(
                    "a PIN of another length than {} to {}",
                    rules.min_chars, rules.max_chars
                )));
            }
            if [FACTORY_PIN, FACTORY_PUK].contains(&fresh.expose()) {
                return Err(TokenError::Unsupported("a PIN that everybody tries first".to_owned()));
            }
            if fresh.expose() == old.expose() {
                return Err(TokenError::Unsupported("the new PIN is the old one".to_owned()));
            }
            session.set_pin(&auth_pin(&old), &auth_pin(&fresh)).map_err(|error| trouble(&error))?;
            session.logout().map_err(|error| trouble(&error))?;
            session.login(UserType::User, Some(&auth_pin(&fresh))).map_err(|error| trouble(&error))
        });
    let _ = session.logout();
    changed
}

/// Every public key of the token. Private keys without a public one are only seen when logged in, so they are not.
pub(in super::super) fn inventory(
    module: PathBuf,
    serial: String,
) -> Result<Vec<Held>, TokenError> {
    let label = Label {
        key: "token".parse().expect("it is a name"),
        holder: String::new(),
        place: String::new(),
        kind: SecretKind::Pin,
    };
    let token = whole(module, serial, label)?;
    let (session, _) = token.session(false)?;
    let found = session
        .find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY)])
        .map_err(|error| trouble(&error))?;
    let mut all = Vec::new();
    for object in found {
        let id = session
            .get_attributes(object, &[AttributeType::Id])
            .map_err(|error| trouble(&error))?
            .into_iter()
            .find_map(|attribute| if let Attribute::Id(id) = attribute { Some(id) } else { None });
        let id = data_encoding::HEXLOWER.encode(&id.unwrap_or_default());
        all.push(Held { place: format!("id {id}"), key: public_key(&session, object).ok() });
    }
    Ok(all)
}

fn whole(module: PathBuf, serial: String, label: Label) -> Result<Pkcs11Token, TokenError> {
    let key = Pkcs11Key { module, serial, id: Vec::new(), p384: Hash::Sha256, unguarded: false };
    Pkcs11Token::load(key, label)
}
