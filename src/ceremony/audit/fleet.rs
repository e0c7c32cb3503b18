//! What the evidence of a fleet claims.

use std::collections::BTreeMap;

use super::{Audit, Digest, Engine, Signature, Verdict};

/// The tables, signatures and results of a fleet are those of the record, and each key signed for all its repositories.
pub(super) fn claims(audit: &mut Audit, engine: &Engine, files: &BTreeMap<String, Vec<u8>>) {
    let state = &engine.record().fleet;
    let Some(survey) = &state.survey else { return };
    let differs = state
        .files
        .iter()
        .find(|(path, digest)| files.get(*path).map(|bytes| Digest::of(bytes)) != Some(**digest));
    if let Some((path, _)) = differs {
        audit.claim(Verdict::Fail, "fleet-files", format!("{path} is not that of the record."));
    } else {
        let text = format!("All {} files of the fleet are those of the record.", state.files.len());
        audit.claim(Verdict::Pass, "fleet-files", text);
    }
    for (key, turn) in &survey.turns {
        let signed = state.signed.get(key).copied().unwrap_or_default();
        let text = format!("{key}: signed for {signed} of {} repositories.", turn.repositories);
        let whole = signed == turn.repositories;
        audit.claim(if whole { Verdict::Pass } else { Verdict::Warn }, "fleet-signatures", text);
    }
    let mut seen: BTreeMap<(String, Vec<u8>), String> = BTreeMap::new();
    for (path, bytes) in files.iter().filter(|(path, _)| state.files.contains_key(*path)) {
        let Some(file) = path.strip_prefix("fleet/signatures/") else { continue };
        let key = file.rsplit_once('-').map_or(file, |(key, _)| key);
        for row in String::from_utf8_lossy(bytes).lines() {
            let signature = row.split('\t').nth(3).map(ToOwned::to_owned);
            let signature = signature.and_then(|text| Signature::try_from(text).ok());
            let r = signature.as_ref().and_then(Signature::ecdsa_r).map(<[u8]>::to_vec);
            let signed = row.split('\t').next().unwrap_or_default();
            let known =
                r.map(|r| seen.entry((key.to_owned(), r)).or_insert_with(|| signed.to_owned()));
            if known.is_some_and(|known| known != signed) {
                let text = format!(
                    "{key} used one nonce for two messages: its private key can be computed."
                );
                audit.claim(Verdict::Fail, "nonces", text);
            }
        }
    }
}
