//! `image verify` and `image digest`: whether an image is what trust metadata signs for its tag.

mod report;
mod trust;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sha2::{Digest as _, Sha256};

use crate::driver::oci::survey::{NoImage, Survey, survey};
use crate::driver::oci::{BadTar, Layout, NoLayout};
use crate::front::words::escape;
use crate::tuf::digest::Digest;
use crate::tuf::image::{Chosen, Descriptor, choose};

use super::{Exit, Failure, say};
use report::{Report, judge};
use trust::Trust;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check that an image is what a valid chain of trust signs for its tag.
    Verify(Verify),
    /// Print digest, length and media type of an image, as a plan's [[targets]] takes them.
    Digest(DigestOf),
}

/// Verify an image.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The image: an OCI layout, a folder or a tar archive of one.
    layout: PathBuf,
    /// The tag.
    #[arg(long, value_name = "TAG")]
    tag: String,
    #[command(flatten)]
    trust: Trust,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Print the digest of an image.
#[derive(Debug, Args)]
pub(super) struct DigestOf {
    /// The image: an OCI layout, a folder or a tar archive of one.
    layout: PathBuf,
    /// The tag; every image of the layout by default.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// The delegation that signs the tag, for a plan's line.
    #[arg(long, value_name = "ROLE")]
    role: Option<crate::tuf::name::RoleName>,
    /// The digest for which the tag stands until now, for a plan's line.
    #[arg(long, value_name = "SHA256", requires = "tag")]
    was: Option<Digest>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Verify(verify) => verify.run(),
            Self::Digest(digest) => digest.run(),
        }
    }
}

impl Verify {
    fn run(self) -> Result<(), Failure> {
        let examined = self.examine();
        let report = match examined {
            Ok(report) => report,
            Err(failure) => {
                if self.json {
                    say(report::failed(&self.tag, &failure).to_string());
                }
                return Err(failure);
            }
        };
        if self.json {
            say(report.to_json().to_string());
        } else {
            report.tell();
        }
        report.verdict
    }

    fn examine(&self) -> Result<Report, Failure> {
        let believed = self.trust.walk()?;
        let mut report = Report::new(&self.layout, &self.tag, believed);
        match self.look() {
            Ok((image, survey, docker)) => judge(&mut report, &self.trust, image, survey, docker),
            Err(failure) if failure.exit == Exit::CannotTell => report.cannot_tell(failure),
            Err(failure) => return Err(failure),
        }
        Ok(report)
    }

    /// The image of the tag, and whether it comes from `docker save`.
    fn look(&self) -> Result<(Descriptor, Survey, bool), Failure> {
        let name = self.trust.gun();
        let mut layout = open(&self.layout, name, &self.tag)?;
        let image = chosen(&layout, &self.layout, &self.tag, name)?;
        let found = look_into(&mut layout, &self.layout, &image)?;
        Ok((image, found, layout.is_archive_of_docker()))
    }
}

impl DigestOf {
    fn run(self) -> Result<(), Failure> {
        let tag = self.tag.as_deref();
        let mut layout = open(&self.layout, None, tag.unwrap_or("TAG"))?;
        let images = match tag {
            Some(tag) => vec![chosen(&layout, &self.layout, tag, None)?],
            None => layout.index().to_vec(),
        };
        let mut all = Vec::new();
        for image in images {
            let found = look_into(&mut layout, &self.layout, &image)?;
            if let Some(wrong) = found.wrong.first() {
                let what = format!("{} is damaged: {}", wrong.digest, wrong.found);
                return Err(Failure::new(Exit::Wrong, what).hint(AGAIN));
            }
            if layout.is_archive_of_docker() && found.bare_layers {
                return Err(rebuilt(None, tag.unwrap_or("TAG")));
            }
            let name = tag.or_else(|| image.tags().next()).unwrap_or("TAG").to_owned();
            all.push(Printed {
                name,
                digest: image.digest.to_string(),
                sha256: Digest::from_bytes(Sha256::digest(&found.manifest).into()),
                length: found.manifest.len(),
                media_type: image.media_type.clone(),
                role: self.role.as_ref().map(ToString::to_string),
                was: self.was,
            });
        }
        if self.json {
            say(all.iter().map(Printed::to_json).collect::<serde_json::Value>().to_string());
        } else {
            all.iter().for_each(Printed::tell);
        }
        Ok(())
    }
}

/// What `image digest` prints of one image.
struct Printed {
    name: String,
    digest: String,
    sha256: Digest,
    length: usize,
    media_type: String,
    role: Option<String>,
    was: Option<Digest>,
}

impl Printed {
    fn tell(&self) {
        say(format!("# {}, {}", escape(&self.digest), escape(&self.media_type)));
        // Tags are letters, digits, dots, dashes and underscores; others are quoted as TOML does.
        let name = toml::Value::from(self.name.as_str());
        say(format!("[[targets]]\nname      = {name}\nlength    = {}", self.length));
        say(format!("sha256    = \"{}\"", self.sha256));
        if let Some(role) = &self.role {
            say(format!("role      = {}", toml::Value::from(role.as_str())));
        }
        if let Some(was) = self.was {
            say(format!("was       = \"{was}\""));
        }
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "tag": self.name,
            "digest": self.digest,
            "sha256": self.sha256,
            "length": self.length,
            "media_type": self.media_type,
        })
    }
}

const AGAIN: &str = "Copy or build the image again; do not use what is there.";

/// Opens a layout; what is none is told with the command that makes one.
fn open(path: &Path, repository: Option<&str>, tag: &str) -> Result<Layout, Failure> {
    let shown = escape(&path.display().to_string());
    Layout::open(path).map_err(|why| match why {
        NoLayout::Docker => rebuilt(repository, tag),
        NoLayout::Io(name, error) if name.is_empty() => Failure::file(path, &error),
        NoLayout::Tar(BadTar::Compressed(with)) => Failure::input(format!(
            "{shown} is compressed with {with}; it is not read"
        ))
        .hint(format!(
            "Unpack it first, for example: {} FILE",
            match with {
                "zstd" => "unzstd",
                "bzip2" => "bunzip2",
                "xz" => "unxz",
                _ => "gunzip",
            }
        )),
        why @ (NoLayout::Io(..)
        | NoLayout::Neither
        | NoLayout::Tar(_)
        | NoLayout::NoIndex
        | NoLayout::NoMark
        | NoLayout::NotAFile(_)
        | NoLayout::TooLong { .. }
        | NoLayout::Malformed(..)) => {
            let why = escape(&why.to_string());
            Failure::input(format!("{shown} is not an OCI image layout: {why}")).hint(format!(
                "Expected oci-layout, index.json and blobs. To make one: {}",
                copy_command(repository, tag)
            ))
        }
    })
}

/// The image that a tag names.
fn chosen(
    layout: &Layout,
    path: &Path,
    tag: &str,
    repository: Option<&str>,
) -> Result<Descriptor, Failure> {
    let shown = escape(&path.display().to_string());
    match choose(layout.index(), tag, repository) {
        Chosen::Named(image) | Chosen::Only(image) => Ok(image.clone()),
        Chosen::Absent(tags) => {
            let failure =
                Failure::input(format!("{shown} has no image with the tag {}", escape(tag)));
            let listed: Vec<String> = tags.iter().take(10).map(|tag| escape(tag)).collect();
            Err(failure.hint(match (tags.len(), layout.index().len()) {
                (0, 0) => "Its index is empty.".to_owned(),
                (0, images) => format!("It has {images} images, and none has a tag."),
                (count, _) if count > listed.len() => {
                    format!("It has {count} tags, among them {}.", listed.join(", "))
                }
                _ => format!("It has {}.", listed.join(", ")),
            }))
        }
        Chosen::Several(images) => {
            let what = format!("{shown} has different images with the tag {}", escape(tag));
            let failure = Failure::new(Exit::CannotTell, what);
            let failure = images.iter().take(5).fold(failure, |failure, image| {
                let name = image.image_name.as_deref().unwrap_or("without a whole name");
                failure.hint(escape(&format!("{} {name}", image.digest)))
            });
            Err(failure.hint("Put one image into a layout, or say which repository: --gun GUN"))
        }
    }
}

/// Reads and checks an image.
fn look_into(layout: &mut Layout, path: &Path, image: &Descriptor) -> Result<Survey, Failure> {
    let shown = escape(&path.display().to_string());
    survey(layout, image).map_err(|why| {
        let what = format!("{shown}: {}", escape(&why.to_string()));
        match why {
            NoImage::Hash(_) => Failure::new(Exit::CannotTell, what)
                .hint("Expected sha256 or sha512, as registries use."),
            NoImage::Wrong(..) => Failure::new(Exit::Wrong, what).hint(AGAIN),
            NoImage::Missing(_) | NoImage::Layout(_) => {
                Failure::input(what).hint("The layout is not whole. Copy or build the image again.")
            }
        }
    })
}

/// An archive of `docker save` whose manifest was made for the archive.
fn rebuilt(repository: Option<&str>, tag: &str) -> Failure {
    Failure::new(
        Exit::CannotTell,
        "this archive of docker save has a manifest of its own, not the one of the registry",
    )
    .hint(format!("Copy the image itself: {}", copy_command(repository, tag)))
    .hint("Or build it: docker buildx build --output type=oci,dest=image.tar …")
}

fn copy_command(repository: Option<&str>, tag: &str) -> String {
    let repository = repository.map_or_else(|| "REPOSITORY".to_owned(), escape);
    let tag = escape(tag);
    format!("skopeo copy --all --preserve-digests docker://{repository}:{tag} oci:DIR:{tag}")
}
