//! The table of rules, and the page that is made from it.

use super::{Client, Rule, Severity};

/// Writes the table: name, severity in TUF and in Notary (`-` where it does not apply), clients, reason, fix.
macro_rules! rules {
    ($($id:ident $name:literal $tuf:tt $notary:tt [$($client:ident),*] $reason:literal $fix:literal;)*) => {
        $(
            #[doc = $reason]
            pub(super) static $id: Rule = Rule {
                name: $name,
                tuf1: severity!($tuf),
                notary1: severity!($notary),
                clients: &[$(Client::$client),*],
                reason: $reason,
                fix: $fix,
            };
        )*
        /// Every rule, in the order of the table.
        pub static RULES: &[&Rule] = &[$(&$id),*];
    };
}

macro_rules! severity {
    (-) => {
        None
    };
    ($severity:ident) => {
        Some(Severity::$severity)
    };
}

rules! {
    THRESHOLD_ZERO "threshold-zero" Fail Fail []
        "With a threshold below 1 anybody could sign."
        "State a threshold of at least 1, for root 2 or more.";
    THRESHOLD_ABOVE_KEYS "threshold-above-keys" Fail Fail []
        "More signatures are wanted than there are distinct keys: nobody can sign."
        "List more keys or lower the threshold, in a rotation that the old root still signs.";
    THRESHOLD_ONE "threshold-one" Warn Warn []
        "One signature makes a new root: one stolen key owns every client."
        "Rotate to a threshold of 2 or more.";
    THRESHOLD_ALL_OF_N "threshold-all-of-n" Warn Warn []
        "All root keys are needed: one lost key loses the root."
        "Rotate in a spare key.";
    THRESHOLD_ONE_BELOW_ROOT "threshold-one-below-root" Note Note []
        "One signature is enough. That is usual below root."
        "Nothing, if the root can be rotated soon after a leak.";
    SAME_KEY_TWICE "same-key-twice" Fail Fail []
        "One public key under two ids: some clients count it twice, so one holder reaches a threshold of two."
        "List each public key once.";
    KEY_ID_REPEATED "key-id-repeated" Warn Warn []
        "A role lists a key id twice; clients disagree whether that is an error."
        "List each id once.";
    KEY_ID_NOT_LISTED "key-id-not-listed" Warn Warn []
        "A role names a key that the document does not hold; its signatures cannot count."
        "Add the key, or take its id out of the role.";
    KEY_UNUSED "key-unused" Note Note []
        "A key is listed that no role names. Notary keeps retired root keys so."
        "Drop it in the next version unless old clients need it.";
    KEY_IN_SEVERAL_ROLES "key-in-several-roles" Warn Warn []
        "A leak in one role is a leak in all of them."
        "Give each role keys of its own; snapshot and timestamp may share one.";
    KEY_IN_SEVERAL_REPOSITORIES "key-in-several-repositories" Warn Warn []
        "Root and targets name no repository: what one signs may be valid in the other."
        "Give each repository keys of its own, targets keys above all.";
    VALID_ELSEWHERE "valid-elsewhere" Warn Warn []
        "Enough keys of another repository signed these very bytes: they can be served there as its own."
        "Rotate one of the two repositories to keys of its own.";
    ROLE_MISSING "role-missing" Fail Fail []
        "A root must say who signs root, targets, snapshot and timestamp."
        "Add the role.";
    ROLE_EXTRA "role-extra" Note Warn []
        "A root states a role beyond the four; clients ignore it."
        "Drop it unless something of yours reads it.";

    KEY_ID_NOT_THE_HASH "key-id-not-the-hash" Warn Fail []
        "The key id is not the hash of the key object. Notary and some TUF clients refuse it, and ids can be mixed up."
        "List the key under its hash, in a version that both ids sign.";
    KEYTYPE_OBSOLETE "keytype-obsolete" Note - []
        "The keytype `ecdsa-sha2-nistp256` was replaced by `ecdsa` in TUF 1.0."
        "List the key as `ecdsa` in the next rotation; its id changes with that.";
    KEYID_HASH_ALGORITHMS "keyid-hash-algorithms" Note - []
        "`keyid_hash_algorithms` means nothing any more, but takes part in the key id."
        "Leave it while the key stays; drop it with the next key.";
    HEX_POINT "hex-point" Warn - []
        "An ECDSA key as a hex point instead of PEM: not every client reads it."
        "List the key as PEM; its id changes with that.";
    KEY_IN_OTHER_FORM "key-in-other-form" Note - []
        "The key text is not in the usual form: lower-case hex, or PEM in 64 columns with a final line feed."
        "Nothing while all clients read it; the form takes part in the key id.";
    SCHEME_DOES_NOT_FIT "scheme-does-not-fit" Fail - []
        "The scheme does not belong to the key: no signature by it can ever count."
        "State the scheme of the key's algorithm.";
    SCHEME_UNCOMMON "scheme-uncommon" Note - []
        "RSA with PKCS#1 v1.5: not every client verifies it."
        "Rotate to Ed25519 or ECDSA P-256.";
    WEAK_RSA "weak-rsa" Fail Fail []
        "An RSA key below 2048 bits can be broken; Notary refuses it."
        "Rotate the key out now.";
    RSA_BELOW_3072 "rsa-below-3072" Warn Warn []
        "RSA below 3072 bits is weaker than the other algorithms here and ends by policy in 2030 (NIST SP 800-57)."
        "Rotate to Ed25519, ECDSA P-256 or RSA-3072.";
    RSA_ROCA "rsa-roca" Fail Fail []
        "The RSA key was made by a library whose keys can be broken (ROCA, CVE-2017-15361)."
        "Rotate the key out now; make none on that kind of token.";
    PRIVATE_MATERIAL "private-material" Fail Fail []
        "The document holds a private key, or text that says so. Whoever can read the document has the key."
        "Treat the key as leaked: rotate it out, then find out how it came there.";

    EXPIRES_IN_THE_PAST "expires-in-the-past" Fail Fail []
        "Clients refuse it."
        "Sign a new version with a later date.";
    EXPIRES_SOON "expires-soon" Warn Warn []
        "Little time is left: 180 days for root, 30 for targets and delegations."
        "Hold a refresh ceremony.";
    EXPIRY_BEYOND_POLICY "expiry-beyond-policy" Warn Warn []
        "It is valid for very long: root 20 years, targets and snapshot 5, others 1. A lost key stays valid as long."
        "Shorten it in the next version.";
    DATE_WITH_FRACTION "date-with-fraction" Warn - []
        "TUF wants whole seconds; several clients refuse fractions."
        "Write dates as 2036-01-02T03:04:05Z.";
    DATE_WITH_OFFSET "date-with-offset" Warn Note []
        "TUF wants `Z`; several clients refuse an offset."
        "Write dates as 2036-01-02T03:04:05Z.";
    DATE_IN_OTHER_FORM "date-in-other-form" Warn Fail []
        "The date is not written as clients write it again (padded fractions such as `.100Z`, `+00:00`). A Notary server that signs snapshots then serves other bytes than were signed."
        "Write dates as 2036-01-02T03:04:05Z.";

    CERTIFICATE_MISSING "certificate-missing" - Fail []
        "A Notary root key must come in an X.509 certificate; clients find no valid leaf otherwise."
        "Make a certificate for the key and list it by that.";
    CERTIFICATE_ENDED "certificate-ended" - Fail []
        "A root certificate has ended. Clients refuse the repository, and even a rotation is refused."
        "Delete the repository on the server and make a new first root; or rotate before, next time.";
    CERTIFICATE_ENDS_SOON "certificate-ends-soon" - Warn []
        "A root certificate ends within a year. After that not even a rotation helps."
        "Rotate the root to new certificates in good time.";
    CERTIFICATE_BEFORE_ROOT "certificate-before-root" - Warn []
        "A root certificate ends before the root does. It has a clock of its own, and its end is for good."
        "Rotate to a certificate of 20 years or more before it ends.";
    CERTIFICATES_END_TOGETHER "certificates-end-together" - Warn []
        "All root certificates end on the same day. Staggered lifetimes leave time to act."
        "Stagger them in the next rotation.";
    CERTIFICATE_NOT_YET_VALID "certificate-not-yet-valid" - Fail []
        "A root certificate begins more than a day from now; clients refuse it until then."
        "Wait, or make it again with an earlier beginning.";
    CERTIFICATE_NAME "certificate-name" - Fail []
        "The common name of a root certificate must be the repository's name (GUN), or its beginning and `*`."
        "Make the certificate again with the repository's name.";
    CERTIFICATE_IS_CA "certificate-is-ca" - Fail []
        "A root certificate says that it is a certificate authority: clients find no valid leaf."
        "Make it again without CA:TRUE.";
    CERTIFICATE_FORM "certificate-form" - Fail []
        "The PEM text is not in Go's exact form; clients write it again and find another key id."
        "Write it with 64 columns, line feeds, and one at the end.";
    CERTIFICATE_SHA1 "certificate-sha1" - Fail []
        "A certificate is signed with SHA-1 or MD5; clients refuse it."
        "Make it again with SHA-256.";
    CERTIFICATE_BUNDLE "certificate-bundle" - Note []
        "More certificates follow the leaf. They are part of the key id and are looked at only with CA pinning."
        "Nothing, if you pin a CA.";
    CERTIFICATE_NOT_SELF_SIGNED "certificate-not-self-signed" - Note []
        "Another key signed the certificate, or the signature is of a kind that is not verified here. Clients without CA pinning do not look."
        "Nothing, if you know whose signature it is.";
    CERTIFICATE_EKU "certificate-eku" - Note []
        "It has an extended key usage; with code signing alone, clients that pin a CA refuse it."
        "Leave the extension out in the next certificate.";

    NOT_A_DOCUMENT "not-a-document" Fail Fail []
        "A file that is called like a document cannot be read as one."
        "See what was expected and found; clients read no further either.";
    SILENT_BRICK "silent-brick" - Fail []
        "Notary would write the document in other bytes. A server that signs snapshots hashes those, says 200, and every client then finds no trust data."
        "Write it again in the exact form, one version up.";
    WRITTEN_DIFFERENTLY "written-differently" Note - []
        "We would write what it says in another way, upper-case hex for example. Signatures are over its own bytes, so nothing is wrong."
        "Nothing.";
    UNSIGNED_MEMBER "unsigned-member" Warn Fail []
        "A member beside `signed` and `signatures` is covered by no signature: anybody can change it. A Notary server drops it."
        "Remove it; nothing may rely on it.";
    UNKNOWN_MEMBER "unknown-member" Note Fail []
        "Members that the specification does not know. TUF keeps and signs them; a Notary server drops them, and clients then find no trust data."
        "In TUF make sure that you know who put them there; in Notary remove them.";
    SPEC_VERSION "spec-version" Warn - []
        "`spec_version` is not 1.x: clients refuse another major version."
        "State 1.0.0.";
    VERSION_ZERO "version-zero" Fail Fail []
        "Versions begin at 1."
        "Sign it as version 1.";
    VERSION_NEAR_THE_END "version-near-the-end" Fail Fail []
        "Fewer than a million versions are left before 2^53 - 1, the last that every reader takes. With a stolen key versions are made to jump there, so that nothing newer can follow."
        "Find out who signed it. Replace the keys of its role, and those of snapshot and timestamp, in a new root: TUF clients then begin again at any version; Notary clients must delete their cache.";
    VERSION_BEYOND_32_BITS "version-beyond-32-bits" Warn Warn []
        "The version is near or beyond 2^31 - 1: readers that hold it in 32 bits refuse it, and nobody comes so far by counting."
        "Find out who signed it, as with a version near the end.";
    VERSION_JUMP "version-jump" Warn Warn []
        "More than 100,000 versions lie between it and the one before that is here. With a stolen key versions are made to jump, so that what its owners sign next is older."
        "Find out who signed it, and compare it with what its owners signed last.";
    CONSISTENT_SNAPSHOT_OFF "consistent-snapshot-off" Note - []
        "Files are replaced in place: a client that reads during a publication can see a mixture."
        "Switch it on with the next root, and publish the files under both names for a while.";
    CONSISTENT_SNAPSHOT_ON "consistent-snapshot-on" - Note []
        "Notary writes false and ignores it."
        "Nothing.";

    SIGNATURE_EMPTY "signature-empty" Note Note []
        "An empty place-holder: this key has not signed."
        "Nothing, if enough others have.";
    SIGNATURE_FOREIGN "signature-foreign" Note Note []
        "A signature by a key id that the role does not list. It does not count here; in a rotation the keys before sign too."
        "Nothing, if you know whose it is.";
    SIGNATURE_WRONG "signature-wrong" Warn Warn []
        "A key of the role is named, but the signature is not its own over these bytes. It does not count."
        "Find out whether the document or the signature was changed.";
    SIGNATURE_AGAIN "signature-again" Note Note []
        "The same public key signed under another id; it counts once."
        "Nothing.";
    SIGNATURE_KEY_ID_TWICE "signature-key-id-twice" Fail Warn []
        "Two signatures by one key id: TUF clients refuse the whole document."
        "Remove one of them.";
    SIGNATURE_MEMBER "signature-member" Note Fail []
        "A signature has members beside its own; they are signed by nobody. A Notary server drops them."
        "Remove them.";
    THRESHOLD_NOT_REACHED "threshold-not-reached" Fail Fail []
        "Not enough keys of the role signed it: clients refuse it."
        "Have the missing keys sign the same bytes.";
    NO_AUTHORITY "no-authority" Warn Warn []
        "No document here says who may sign it."
        "Lint it together with its root, or the document that delegates to it.";
    ROOT_NOT_FOLLOWED "root-not-followed" Fail Fail []
        "The keys of the root before did not sign it: clients that know that root stay behind."
        "Have the keys of the root before sign the same bytes.";
    ROOT_VERSION_GAP "root-version-gap" Warn Note []
        "A root between is missing: a TUF client that knows an earlier one cannot go on."
        "Put every root since the first one here.";
    HISTORICAL_ROOT_OUTSIDE_CONTROL "historical-root-outside-control" Warn Warn []
        "Keys that are not ours reach the threshold of an earlier root. They can lead a client that still stands there elsewhere."
        "Ship clients a newer root, and destroy or guard the old keys.";

    KEY_RETURNED "key-returned" Warn Warn []
        "A key that an earlier root had taken out is in again. Whoever took it out had a reason: it may be stolen."
        "Ask why it left. If nobody knows, replace it.";

    TARGET_WITHOUT_HASH "target-without-hash" Fail Fail []
        "A target without a hash is signed in name only: any content of that length passes."
        "Remove it, or state its sha256.";
    HASH_LENGTH "hash-length" Fail Fail []
        "A hash has another length than its algorithm makes; nothing can match it."
        "State the hash again.";
    HASH_UNKNOWN "hash-unknown" Warn Warn []
        "A hash by another algorithm than sha256 and sha512: most clients do not look at it."
        "State sha256.";
    META_WITHOUT_SHA256 "meta-without-sha256" - Fail []
        "Notary finds documents by their sha256; without it they are not served."
        "State the sha256 of each document.";
    META_MISSING "meta-missing" Fail Fail []
        "A snapshot must name the targets (in Notary the root too), a timestamp the snapshot."
        "Add the entry.";
    META_EXTRA "meta-extra" Note Note []
        "A timestamp names more than the snapshot; clients ignore it."
        "Remove it.";

    DELEGATION_NAME "delegation-name" Warn Fail []
        "The name of a delegation has characters that not every client or server takes: in Notary lower-case letters, digits, `-`, `_` and `/` after `targets/`; in TUF anything that means something in a path or address."
        "Delegate to a plainer name.";
    DELEGATION_NAME_RESERVED "delegation-name-reserved" Fail Fail []
        "A delegation is called like a role of the root: clients may mix up their files."
        "Delegate to another name.";
    DELEGATION_NAME_TWICE "delegation-name-twice" Fail Fail []
        "Two delegations have one name; clients disagree which one counts."
        "Name each role once.";
    DELEGATION_WITHOUT_PATHS "delegation-without-paths" Warn Warn []
        "A delegation to no path: nothing that it signs is found."
        "State its paths; in Notary an empty prefix stands for all.";
    DELEGATION_PATHS_AND_PREFIXES "delegation-paths-and-prefixes" Warn - []
        "A delegation states both paths and hash prefixes; the specification wants exactly one, and clients disagree."
        "State one of them.";
    DELEGATIONS_OVERLAP "delegations-overlap" Note Note []
        "Two delegations cover the same paths. TUF clients take a target from the one that stands first and lists it; of Notary's, docker asks `targets/releases` only."
        "Give each its own paths, or make sure that the order is meant.";
    DELEGATION_NEVER_ASKED "delegation-never-asked" Warn - []
        "Terminating delegations before it cover all its paths: no client asks it for anything."
        "Move it up, give it paths of its own, or take it out.";
    SUCCINCT_ROLES "succinct-roles" Fail - []
        "Hash bins must state a bit length of 1 to 32, a name prefix, keys and a threshold, and no other roles beside."
        "Write them again.";

    DECEPTIVE_NAME "deceptive-name" Fail Fail []
        "A name has control characters, invisible ones, or such that turn the direction of writing: it looks like another."
        "Name it with characters that can be seen.";

    CLIENT_DIALECT "client-dialect" Fail Fail [Notary, Docker, PythonTuf, GoTuf, TufJs, Tough, RustTuf, Cosign]
        "The client reads the other dialect."
        "Name clients of this dialect.";
    CLIENT_HASH_PREFIXES "client-hash-prefixes" Fail - [GoTuf, RustTuf]
        "go-tuf compares hash prefixes with the base64url of the hash, so that none matches; rust-tuf wants `paths`."
        "Delegate by paths.";
    CLIENT_SUCCINCT_ROLES "client-succinct-roles" Fail - [Tough, RustTuf]
        "The client does not know hash bins (TAP 15) and cannot read the document."
        "Delegate to named roles.";
    CLIENT_SUB_DIRECTORIES "client-sub-directories" Warn - [Tough]
        "With consistent snapshots tough asks for HASH.dir/name, everybody else for dir/HASH.name."
        "Publish such targets under both names, or use no folders.";
    CLIENT_KEY_IDS "client-key-ids" Fail - [Tough]
        "tough refuses a document with a key id that is not the hash of its key."
        "List the key under its hash.";
    CLIENT_SPEC_VERSION "client-spec-version" Fail - [RustTuf]
        "rust-tuf takes `spec_version` 1.0 and 1.0.0 only."
        "State 1.0.0, which every client takes.";
    CLIENT_KEY_TYPE "client-key-type" Fail - [RustTuf]
        "rust-tuf knows Ed25519 keys only."
        "Use Ed25519 keys.";
    CLIENT_P384 "client-p384" Fail - [Cosign]
        "cosign does not verify ECDSA over P-384."
        "Use P-256 or Ed25519.";
    CLIENT_HEX_KEYS "client-hex-keys" Fail - [PythonTuf, GoTuf]
        "The client cannot read an ECDSA key as a hex point."
        "List the key as PEM.";
    CLIENT_DATES "client-dates" Fail - [PythonTuf, Tough]
        "The client takes dates in whole seconds with `Z` only, or signs them over in another form."
        "Write dates as 2036-01-02T03:04:05Z.";
    CLIENT_SIZE "client-size" Fail - [PythonTuf, TufJs]
        "The document is larger than the client reads by default: root 512,000 bytes, targets 5,000,000, snapshot 2,000,000, timestamp 16,384."
        "Split it by delegations, or raise the clients' limits.";
    CLIENT_SHA256 "client-sha256" Fail - [Tough]
        "tough looks at sha256 only."
        "State sha256 for every target.";
    CLIENT_TAG "client-tag" - Fail [Docker]
        "A target that is no image tag (letters, digits, `_`, `.`, `-`, at most 128) cannot be pulled by name."
        "Sign tags only.";
    CLIENT_SHA256_DOCKER "client-sha256-docker" - Fail [Docker]
        "docker pulls by sha256 and finds none."
        "State sha256 for every target.";
}
