//! The bodies of documents, read and written. What the dialects share is here; how they write keys, hashes and
//! signatures is in their own modules.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::tuf::document::Dialect;
use crate::tuf::key::KeyId;
use crate::tuf::name::RoleName;
use crate::tuf::root::{Expires, ListedKey, RoleKeys, Root, StatedThreshold};
use crate::tuf::signed::Body;
use crate::tuf::snapshot::{MetaFile, Snapshot, Timestamped};
use crate::tuf::table::TargetTable;
use crate::tuf::targets::{DelegatedRole, Delegations, Targets};

use super::canonical::{Out, Style};
use super::json::Json;
use super::member::{Members, date, number, text, wrong};
use super::reader::Reader;
use super::{WireError, notary1, tuf1};

type Unknown = BTreeMap<String, Json>;

impl Body for Root {
    const KIND: &'static str = "root";

    fn read(dialect: Dialect, _: &Arc<String>, reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut members = begin::<Self>(dialect, reader.value()?)?;
        let mut roles = BTreeMap::new();
        let stated = members.object("roles")?;
        let path = members.path("roles");
        for (name, role) in stated.into_rest() {
            let at = format!("{path}.{name}");
            let mut role = Members::of(&at, role)?;
            let keys = role_keys(&mut role)?;
            let name = role_name(&at, name)?;
            roles.insert(name, RoleKeys { unknown: role.into_rest(), ..keys });
        }
        Ok(Self {
            version: members.count("version")?,
            expires: members.expires("expires")?,
            consistent_snapshot: members.boolean("consistent_snapshot")?,
            keys: keys(dialect, &mut members)?,
            roles,
            spec_version: spec_version(dialect, &mut members)?,
            unknown: members.into_rest(),
        })
    }

    fn write(&self, dialect: Dialect, style: Style, out: &mut impl Out) {
        let mut members = finish::<Self>(
            dialect,
            self.version,
            &self.expires,
            self.spec_version.as_ref(),
            &self.unknown,
        );
        members.insert("consistent_snapshot".to_owned(), Json::Bool(self.consistent_snapshot));
        members.insert("keys".to_owned(), write_keys(&self.keys));
        let roles = self.roles.iter().map(|(name, role)| {
            (name.to_string(), Json::Object(write_role_keys(role, role.unknown.clone())))
        });
        members.insert("roles".to_owned(), Json::Object(roles.collect()));
        Json::Object(members).write(style, out);
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> &Expires {
        &self.expires
    }
}

impl Body for Targets {
    const KIND: &'static str = "targets";

    fn read(
        dialect: Dialect,
        document: &Arc<String>,
        reader: &mut Reader<'_>,
    ) -> Result<Self, WireError> {
        if reader.peek() != Some(b'{') {
            return Err(wrong("signed", "an object", &reader.value()?));
        }
        let mut stated = BTreeMap::new();
        let mut table = None;
        reader.object(|reader, name, start| {
            let value = if name == "targets" && table.is_none() && reader.peek() == Some(b'{') {
                match TargetTable::read(dialect, "signed.targets", document, reader) {
                    Err(WireError::Json(why)) => return Err(why),
                    read => table = Some(read),
                }
                Json::Null
            } else {
                reader.value()?
            };
            reader.once(!stated.contains_key(&**name), name, start)?;
            stated.insert(name.to_string(), value);
            Ok(())
        })?;
        let mut members = begin::<Self>(dialect, Json::Object(stated))?;
        let stated = members.take("targets")?;
        let targets =
            table.unwrap_or_else(|| Err(wrong(&members.path("targets"), "an object", &stated)))?;
        let delegations = match members.optional("delegations") {
            None => None,
            Some(stated) => Some(delegations(dialect, &members.path("delegations"), stated)?),
        };
        Ok(Self {
            version: members.count("version")?,
            expires: members.expires("expires")?,
            targets,
            delegations,
            spec_version: spec_version(dialect, &mut members)?,
            unknown: members.into_rest(),
        })
    }

    fn write(&self, dialect: Dialect, style: Style, out: &mut impl Out) {
        let mut members = finish::<Self>(
            dialect,
            self.version,
            &self.expires,
            self.spec_version.as_ref(),
            &self.unknown,
        );
        if let Some(delegations) = &self.delegations {
            members.insert("delegations".to_owned(), write_delegations(delegations));
        }
        // Only its place in the order counts.
        members.insert("targets".to_owned(), Json::Null);
        out.put(b"{");
        for (nth, (name, member)) in members.iter().enumerate() {
            if nth > 0 {
                out.put(b",");
            }
            style.string(name, out);
            out.put(b":");
            if name == "targets" {
                self.targets.write(dialect, style, out);
            } else {
                member.write(style, out);
            }
        }
        out.put(b"}");
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> &Expires {
        &self.expires
    }
}

/// Snapshot and timestamp are of one shape: what is said of other documents.
macro_rules! bodies_with_meta {
    ($($type:ident $kind:literal),*) => {$(
        impl Body for $type {
            const KIND: &'static str = $kind;

            fn read(dialect: Dialect, _: &Arc<String>, reader: &mut Reader<'_>) -> Result<Self, WireError> {
                let mut members = begin::<Self>(dialect, reader.value()?)?;
                Ok(Self {
                    version: members.count("version")?,
                    expires: members.expires("expires")?,
                    meta: meta(dialect, &mut members)?,
                    spec_version: spec_version(dialect, &mut members)?,
                    unknown: members.into_rest(),
                })
            }

            fn write(&self, dialect: Dialect, style: Style, out: &mut impl Out) {
                let mut members = finish::<Self>(
                    dialect,
                    self.version,
                    &self.expires,
                    self.spec_version.as_ref(),
                    &self.unknown,
                );
                members.insert("meta".to_owned(), write_meta(dialect, &self.meta));
                Json::Object(members).write(style, out);
            }

            fn version(&self) -> u64 {
                self.version
            }

            fn expires(&self) -> &Expires {
                &self.expires
            }
        }
    )*};
}

bodies_with_meta!(Snapshot "snapshot", Timestamped "timestamp");

/// `root` in TUF, `Root` in Notary.
pub(super) fn type_name(dialect: Dialect, kind: &str) -> String {
    match dialect {
        Dialect::Tuf1 => kind.to_owned(),
        Dialect::Notary1 => {
            let mut letters = kind.chars();
            letters.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(letters).collect()
        }
    }
}

fn begin<T: Body>(dialect: Dialect, value: Json) -> Result<Members, WireError> {
    let mut members = Members::of("signed", value)?;
    let found = members.text("_type")?;
    if found == type_name(dialect, T::KIND) {
        return Ok(members);
    }
    let other =
        if found.starts_with(char::is_uppercase) { Dialect::Notary1 } else { Dialect::Tuf1 };
    Err(WireError::OtherDocument {
        expected: format!("{dialect} {}", T::KIND),
        found: format!("{other} {}", found.to_lowercase()),
    })
}

fn finish<T: Body>(
    dialect: Dialect,
    version: u64,
    expires: &Expires,
    spec_version: Option<&String>,
    unknown: &Unknown,
) -> Unknown {
    let mut out = unknown.clone();
    out.insert("_type".to_owned(), Json::String(type_name(dialect, T::KIND)));
    out.insert("version".to_owned(), number(version));
    out.insert("expires".to_owned(), date(expires));
    if let Some(stated) = spec_version {
        out.insert("spec_version".to_owned(), Json::text(stated));
    }
    out
}

fn spec_version(dialect: Dialect, members: &mut Members) -> Result<Option<String>, WireError> {
    match dialect {
        Dialect::Tuf1 => members.text("spec_version").map(Some),
        Dialect::Notary1 => Ok(None),
    }
}

fn role_name(path: &str, name: String) -> Result<RoleName, WireError> {
    RoleName::try_from(name).map_err(|bad| WireError::Member {
        member: path.to_owned(),
        expected: "the name of a role",
        found: format!("{:?}", bad.name),
    })
}

fn role_keys(members: &mut Members) -> Result<RoleKeys, WireError> {
    Ok(RoleKeys {
        keyids: members.texts("keyids")?.into_iter().map(KeyId::new).collect(),
        threshold: StatedThreshold(members.integer("threshold")?),
        unknown: BTreeMap::new(),
    })
}

fn write_role_keys(role: &RoleKeys, mut out: Unknown) -> Unknown {
    let ids = role.keyids.iter().map(|id| Json::text(id.as_str())).collect();
    out.insert("keyids".to_owned(), Json::Array(ids));
    out.insert("threshold".to_owned(), Json::Integer(role.threshold.0));
    out
}

fn keys(dialect: Dialect, members: &mut Members) -> Result<BTreeMap<KeyId, ListedKey>, WireError> {
    let stated = members.object("keys")?;
    stated
        .into_rest()
        .into_iter()
        .map(|(id, wire)| {
            let listed = match dialect {
                Dialect::Tuf1 => tuf1::read_key(&id, wire)?,
                Dialect::Notary1 => notary1::read_key(&id, wire)?,
            };
            Ok((KeyId::new(id), listed))
        })
        .collect()
}

fn write_keys(keys: &BTreeMap<KeyId, ListedKey>) -> Json {
    Json::Object(keys.iter().map(|(id, key)| (id.to_string(), key.wire.clone())).collect())
}

pub(super) fn hashes(
    dialect: Dialect,
    members: &mut Members,
) -> Result<BTreeMap<String, Vec<u8>>, WireError> {
    let stated = members.object("hashes")?;
    let path = members.path("hashes");
    stated
        .into_rest()
        .into_iter()
        .map(|(name, value)| {
            let at = format!("{path}.{name}");
            let digits = text(&at, value)?;
            let decoded = match dialect {
                Dialect::Tuf1 => tuf1::bytes(&digits),
                Dialect::Notary1 => notary1::bytes(&digits),
            };
            let bytes = decoded.ok_or_else(|| WireError::Member {
                member: at,
                expected: "a hash in hex (tuf1) or base64 (notary1)",
                found: format!("{digits:?}"),
            })?;
            Ok((name, bytes))
        })
        .collect()
}

pub(super) fn write_hashes(dialect: Dialect, hashes: &BTreeMap<String, Vec<u8>>) -> Json {
    let written = hashes.iter().map(|(name, bytes)| {
        let digits = match dialect {
            Dialect::Tuf1 => data_encoding::HEXLOWER.encode(bytes),
            Dialect::Notary1 => data_encoding::BASE64.encode(bytes),
        };
        (name.clone(), Json::String(digits))
    });
    Json::Object(written.collect())
}

fn delegations(dialect: Dialect, path: &str, value: Json) -> Result<Delegations, WireError> {
    let mut members = Members::of(path, value)?;
    let keys = keys(dialect, &mut members)?;
    let mut roles = Vec::new();
    // Hash bins have no list of roles.
    let stated = match members.optional("roles") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(stated)) => stated,
        Some(other) => {
            return Err(wrong(&members.path("roles"), "an array", &other));
        }
    };
    for (nth, role) in stated.into_iter().enumerate() {
        let at = format!("{path}.roles[{nth}]");
        let mut role = Members::of(&at, role)?;
        let name = role.text("name")?;
        let read = DelegatedRole {
            name: role_name(&at, name)?,
            keys: role_keys(&mut role)?,
            paths: role.optional_texts("paths")?,
            path_hash_prefixes: role.optional_texts("path_hash_prefixes")?,
            terminating: match dialect {
                Dialect::Tuf1 => Some(role.boolean("terminating")?),
                Dialect::Notary1 => None,
            },
        };
        let keys = RoleKeys { unknown: role.into_rest(), ..read.keys.clone() };
        roles.push(DelegatedRole { keys, ..read });
    }
    Ok(Delegations { keys, roles, unknown: members.into_rest() })
}

fn write_delegations(delegations: &Delegations) -> Json {
    let mut out = delegations.unknown.clone();
    out.insert("keys".to_owned(), write_keys(&delegations.keys));
    let list = |texts: &Vec<String>| Json::Array(texts.iter().map(Json::text).collect());
    let roles: Vec<Json> = delegations
        .roles
        .iter()
        .map(|role| {
            let mut out = write_role_keys(&role.keys, role.keys.unknown.clone());
            out.insert("name".to_owned(), Json::text(role.name.as_str()));
            if let Some(paths) = &role.paths {
                out.insert("paths".to_owned(), list(paths));
            }
            if let Some(prefixes) = &role.path_hash_prefixes {
                out.insert("path_hash_prefixes".to_owned(), list(prefixes));
            }
            if let Some(terminating) = role.terminating {
                out.insert("terminating".to_owned(), Json::Bool(terminating));
            }
            Json::Object(out)
        })
        .collect();
    if !(roles.is_empty() && out.contains_key("succinct_roles")) {
        out.insert("roles".to_owned(), Json::Array(roles));
    }
    Json::Object(out)
}

fn meta(dialect: Dialect, members: &mut Members) -> Result<BTreeMap<String, MetaFile>, WireError> {
    let stated = members.object("meta")?;
    let path = members.path("meta");
    stated
        .into_rest()
        .into_iter()
        .map(|(name, value)| {
            let mut file = Members::of(&format!("{path}.{name}"), value)?;
            let read = MetaFile {
                version: match dialect {
                    Dialect::Tuf1 => Some(file.count("version")?),
                    Dialect::Notary1 => None,
                },
                length: file.optional_count("length")?,
                hashes: if file.has("hashes") {
                    hashes(dialect, &mut file)?
                } else {
                    BTreeMap::new()
                },
                unknown: BTreeMap::new(),
            };
            Ok((name, MetaFile { unknown: file.into_rest(), ..read }))
        })
        .collect()
}

fn write_meta(dialect: Dialect, meta: &BTreeMap<String, MetaFile>) -> Json {
    let written = meta.iter().map(|(name, file)| {
        let mut out = file.unknown.clone();
        if let Some(version) = file.version {
            out.insert("version".to_owned(), number(version));
        }
        if let Some(length) = file.length {
            out.insert("length".to_owned(), number(length));
        }
        if !file.hashes.is_empty() {
            out.insert("hashes".to_owned(), write_hashes(dialect, &file.hashes));
        }
        (name.clone(), Json::Object(out))
    });
    Json::Object(written.collect())
}
