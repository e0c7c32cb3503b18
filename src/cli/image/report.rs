//! What `image verify` found, in lines and as JSON.

use std::path::Path;

use serde_json::{Value, json};

use crate::driver::oci::survey::Survey;
use crate::front::words::escape;
use crate::tuf::image::Descriptor;
use crate::tuf::image::signer::{Match, Signer, compare, signer};
use crate::tuf::targets::TargetFile;

use super::super::{Exit, Failure, say};
use super::trust::{Believed, Pin, Trust};
use super::{AGAIN, rebuilt};

/// Everything that was looked at, and the verdict.
pub(super) struct Report {
    layout: String,
    tag: String,
    image: Option<(Descriptor, Survey)>,
    believed: Believed,
    signed: Option<(String, TargetFile)>,
    pub(super) verdict: Result<(), Failure>,
}

/// Compares an image with what is signed for its tag.
pub(super) fn judge(
    report: &mut Report,
    trust: &Trust,
    image: Descriptor,
    survey: Survey,
    docker: bool,
) {
    let chain = report.chain();
    let content = content(&survey);
    let signed = report.signed(trust, &survey, docker);
    // What is wrong beats what cannot be told.
    let mut all = vec![chain, content, signed, report.pinned()];
    all.sort_by_key(|verdict| match verdict {
        Err(failure) if failure.exit == Exit::CannotTell => 1,
        Err(_) => 0,
        Ok(()) => 2,
    });
    report.image = Some((image, survey));
    report.verdict = all.into_iter().next().unwrap_or(Ok(()));
}

impl Report {
    pub(super) fn new(layout: &Path, tag: &str, believed: Believed) -> Self {
        Self {
            layout: layout.display().to_string(),
            tag: tag.to_owned(),
            image: None,
            believed,
            signed: None,
            verdict: Ok(()),
        }
    }

    /// The image cannot be judged; what is wrong with the chain is told before.
    pub(super) fn cannot_tell(&mut self, why: Failure) {
        self.verdict = self.chain().and(Err(why));
    }

    fn chain(&self) -> Result<(), Failure> {
        match &self.believed.refused {
            None => Ok(()),
            Some((document, why)) => {
                let what = format!("a client refuses the trust metadata: {document}: {why}");
                Err(Failure::new(Exit::Wrong, escape(&what)).hint(
                    "Fetch the metadata again, with every N.root.json from the pinned root on (2.root.json \
                     after version 1); if it stays so, its keepers must sign it again.",
                ))
            }
        }
    }

    fn pinned(&self) -> Result<(), Failure> {
        match self.believed.pin {
            Pin::Digest | Pin::File | Pin::FirstUse => Ok(()),
            Pin::Nothing => Err(Failure::new(
                Exit::CannotTell,
                "the image is what is signed, but nobody has compared the root that says so",
            )
            .hint(format!(
                "Compare {} with what was published elsewhere, then: --root-digest {}",
                self.believed.first, self.believed.first
            ))
            .hint(
                "Or believe it as a client does that has seen nothing before: --trust-on-first-use",
            )),
        }
    }

    fn signed(&mut self, trust: &Trust, survey: &Survey, docker: bool) -> Result<(), Failure> {
        if self.believed.refused.is_some() {
            return Ok(());
        }
        let tag = escape(&self.tag);
        let (role, file) =
            match signer(self.believed.dialect, &self.believed.chain.targets, &self.tag) {
                Signer::Role(role, file) => (role.to_string(), file),
                Signer::Nobody(others) => {
                    let failure = Failure::new(Exit::Wrong, format!("nobody signs the tag {tag}"));
                    let others: Vec<String> =
                        others.iter().map(|role| escape(role.as_str())).collect();
                    return Err(if others.is_empty() {
                        failure.hint("Sign it, or pull the image by a tag that is signed.")
                    } else {
                        failure.hint(format!(
                            "{} lists it, and clients that pull do not ask there for it.",
                            others.join(", ")
                        ))
                    });
                }
            };
        let found = compare(self.believed.dialect, &file, &survey.manifest);
        let failure = match &found {
            Match::Same => None,
            Match::Length { signed, found } => Some(Failure::new(
                Exit::Wrong,
                format!("{role} signs {signed} bytes for {tag}; this manifest has {found}"),
            )),
            Match::Hash { name, signed, found } => {
                let what = format!(
                    "{role} signs another image for {tag}: expected {name} {signed}, found {found}"
                );
                Some(Failure::new(Exit::Wrong, escape(&what)))
            }
            Match::NoHash(names) => Some(
                Failure::new(
                    Exit::Wrong,
                    escape(&format!(
                        "{role} signs {tag} without a hash that clients use: expected sha256, \
                         found {}",
                        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
                    )),
                )
                .hint("Its keepers must sign the tag again."),
            ),
        };
        let signed = file.hashes.get("sha256").map(|hash| data_encoding::HEXLOWER.encode(hash));
        self.signed = Some((role, file));
        let Some(failure) = failure else { return Ok(()) };
        if matches!(found, Match::NoHash(_)) {
            return Err(failure);
        }
        let part = survey.platforms.iter().find(|(sha256, _)| Some(sha256) == signed.as_ref());
        if let Some((_, platform)) = part {
            return Err(failure.hint(format!(
                "What is signed is the manifest of {} inside this index. Sign the index, or check \
                 a layout of that platform alone.",
                escape(platform)
            )));
        }
        if docker && survey.bare_layers {
            return Err(rebuilt(trust.gun(), &self.tag));
        }
        Err(failure.hint("Do not use this image; find out which of the two is right.").hint(
            "If one platform was copied of an image for many, the digest differs: copy it with \
             skopeo copy --all --preserve-digests",
        ))
    }

    /// Prints it, but for the failure.
    pub(super) fn tell(&self) {
        say(format!("image        {}, tag {}", escape(&self.layout), escape(&self.tag)));
        if let Some((image, survey)) = &self.image {
            say(format!("manifest     {}", escape(&image.digest.to_string())));
            let media_type = escape(&image.media_type);
            say(format!("             {} bytes, {media_type}", survey.manifest.len()));
            say("[ok] its bytes are what the layout's index says");
            tell_survey(survey);
        }
        let believed = &self.believed;
        say(format!("root digest  {}", believed.first));
        say(match believed.pin {
            Pin::Digest => "             pinned by --root-digest",
            Pin::File => "             pinned by --root",
            Pin::FirstUse => "             believed on first use; nobody compared it",
            Pin::Nothing => "             compared with nothing",
        });
        for link in &believed.chain.links {
            let days =
                (link.expires.unix_seconds() - believed.at.unix_seconds()).div_euclid(86_400);
            say(format!(
                "[ok] {:<22} version {}, expires {} ({days} days left)",
                escape(&link.document),
                link.version,
                link.expires.to_minute()
            ));
            say(format!(
                "     signed by {} of {} needed",
                link.tally.good.len(),
                link.tally.threshold.count()
            ));
            for signer in &link.tally.good {
                say(format!("       {}", signer.fingerprint));
            }
        }
        if let Some((document, why)) = &believed.refused {
            say(format!("[NO] {:<22} {}", escape(document), escape(why)));
        }
        if let Some((role, file)) = &self.signed {
            let hash = file.hashes.get("sha256").map(|hash| data_encoding::HEXLOWER.encode(hash));
            say(format!("tag          {} is signed by {}", escape(&self.tag), escape(role)));
            let hash = hash.map_or_else(|| "no sha256".to_owned(), |hash| format!("sha256:{hash}"));
            say(format!("             {hash}, {} bytes", file.length));
        }
        match &self.verdict {
            Ok(()) => say("RESULT       PASS: the image is what is signed for its tag"),
            Err(failure) => say(format!("RESULT       {}: {}", word(failure.exit), failure.what)),
        }
    }

    /// The same as JSON.
    pub(super) fn to_json(&self) -> Value {
        let believed = &self.believed;
        let links: Vec<Value> = believed
            .chain
            .links
            .iter()
            .map(|link| {
                let signers = link.tally.good.iter().map(|signer| signer.fingerprint.to_string());
                json!({
                    "document": link.document,
                    "role": link.role.as_str(),
                    "version": link.version,
                    "expires": link.expires,
                    "threshold": link.tally.threshold.count(),
                    "signed_by": signers.collect::<Vec<_>>(),
                })
            })
            .collect();
        let refused = believed.refused.as_ref();
        let trust = json!({
            "dialect": believed.dialect,
            "root_digest": believed.first,
            "pinned_by": match believed.pin {
                Pin::Digest => "digest",
                Pin::File => "file",
                Pin::FirstUse => "first-use",
                Pin::Nothing => "nothing",
            },
            "at": believed.at,
            "chain": links,
            "refused": refused.map(|(document, why)| json!({"document": document, "why": why})),
        });
        let mut all = verdict(&self.tag, self.verdict.as_ref().err());
        if let Value::Object(members) = &mut all {
            members.insert("layout".to_owned(), json!(self.layout));
            members.insert("trust".to_owned(), trust);
            members.insert("image".to_owned(), self.image_json());
            members.insert("signed".to_owned(), self.signed_json());
        }
        all
    }

    fn image_json(&self) -> Value {
        let Some((image, survey)) = &self.image else { return Value::Null };
        let wrong = survey.wrong.iter().map(|wrong| {
            let digest = wrong.digest.to_string();
            json!({"digest": digest, "platform": wrong.platform, "found": wrong.found})
        });
        json!({
            "digest": image.digest.to_string(),
            "length": survey.manifest.len(),
            "media_type": image.media_type,
            "blobs": {
                "checked": survey.checked,
                "bytes": survey.bytes,
                "missing": survey.missing,
                "unchecked": survey.unchecked,
                "wrong": wrong.collect::<Vec<_>>(),
            },
        })
    }

    fn signed_json(&self) -> Value {
        let Some((role, file)) = &self.signed else { return Value::Null };
        let hashes: serde_json::Map<String, Value> = file
            .hashes
            .iter()
            .map(|(name, hash)| (name.clone(), data_encoding::HEXLOWER.encode(hash).into()))
            .collect();
        json!({"role": role, "length": file.length, "hashes": hashes})
    }
}

/// What is told as JSON when nothing could be looked at.
pub(super) fn failed(tag: &str, failure: &Failure) -> Value {
    verdict(tag, Some(failure))
}

fn verdict(tag: &str, failure: Option<&Failure>) -> Value {
    json!({
        "format": 1,
        "tag": tag,
        "result": failure.map_or("PASS", |failure| word(failure.exit)),
        "exit": failure.map_or(0, |failure| failure.exit.code()),
        "why": failure.map(|failure| &failure.what),
        "hints": failure.map(|failure| &failure.hints),
    })
}

const fn word(exit: Exit) -> &'static str {
    match exit {
        Exit::Wrong => "FAIL",
        Exit::CannotTell => "CANNOT TELL",
        Exit::Stopped | Exit::Input | Exit::Machine | Exit::Bug => "ERROR",
    }
}

/// Whether every blob that is there is what its manifest says.
fn content(survey: &Survey) -> Result<(), Failure> {
    let Some(first) = survey.wrong.first() else { return Ok(()) };
    let what = format!(
        "{} of the image's blobs are damaged or exchanged, {} first: {}",
        survey.wrong.len(),
        first.digest,
        first.found
    );
    Err(Failure::new(Exit::Wrong, escape(&what)).hint(AGAIN))
}

fn tell_survey(survey: &Survey) {
    const SHOWN: usize = 5;
    if survey.checked > 0 {
        say(format!(
            "[ok] what it lists and is here is what its digests say: {}, {} bytes",
            survey.checked, survey.bytes
        ));
    }
    for wrong in survey.wrong.iter().take(SHOWN) {
        say(format!("[NO] {} {}: {}", of(&wrong.platform), wrong.digest, escape(&wrong.found)));
    }
    if survey.wrong.len() > SHOWN {
        say(format!("[NO] {} blobs are wrong, showing {SHOWN}", survey.wrong.len()));
    }
    for (platform, count) in survey.missing.iter().take(SHOWN) {
        say(format!("[??] not here, and not checked: {count} of {}", of(platform)));
    }
    if survey.missing.len() > SHOWN {
        say(format!("[??] not here: {} platforms, showing {SHOWN}", survey.missing.len()));
    }
    if survey.unchecked > 0 {
        say(format!("[??] not checked: {}: another hash, or too large or deep", survey.unchecked));
    }
}

fn of(platform: &str) -> String {
    if platform.is_empty() { "the image".to_owned() } else { escape(platform) }
}
