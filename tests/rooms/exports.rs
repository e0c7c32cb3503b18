//! `key export`, and the completions of shells.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::small::{REPOSITORY, openssl_public, with_secrets};
use crate::support::ceremony::{Ceremony, PASSPHRASE};
use crate::support::command::run;

#[test]
fn an_exported_key_is_read_by_age_and_by_openssl() {
    let ceremony = Ceremony::with(String::new());
    let keys = ceremony.at("BOOK/keys");
    let make = ["key", "make", "tagging", "--for", REPOSITORY, "--algorithm", "p256", "--out"];
    let arguments: Vec<&str> = make.into_iter().chain([keys.to_str().unwrap()]).collect();
    with_secrets(&ceremony, &arguments, &[("tagging", PASSPHRASE)]).success();
    let public = fs::read_to_string(keys.join("tagging.pub")).unwrap();
    let listed = ceremony.program(&["key", "list", "--workspace", "BOOK"]).success();
    assert!(listed.contains("tagging") && listed.contains("1 keys"), "{listed}");

    let identity = ceremony.at("identity");
    run(Command::new("age-keygen").arg("-o").arg(&identity)).success();
    let text = fs::read_to_string(&identity).unwrap();
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let export = |more: &[&str], secret: &str| {
        let mut all = vec!["key", "export", "tagging", "--workspace", "BOOK", "--out", "KEYS"];
        all.extend(more);
        with_secrets(&ceremony, &all, &[("tagging", secret)])
    };
    export(&["--as", "age", "--to", recipient], PASSPHRASE).success();
    let pem = ceremony.at("by-age.pem");
    let copy = ceremony.at("KEYS/tagging.age");
    run(Command::new("age").arg("-d").arg("-i").arg(&identity).arg("-o").arg(&pem).arg(&copy))
        .success();
    assert_eq!(openssl_public(&pem, &[]), public);

    let said =
        export(&["--as", "notary", "--role", "targets", "--gun", REPOSITORY], PASSPHRASE).success();
    let name = said.trim_end().strip_suffix(" is written.").unwrap();
    let copy = fs::read_to_string(ceremony.at(name)).unwrap();
    assert!(copy.contains(&format!("gun: {REPOSITORY}\n")) && copy.contains("role: targets\n"));
    // openssl knows no header lines before the base64.
    let (begin, rest) = copy.split_once('\n').unwrap();
    let (_, body) = rest.split_once("\n\n").unwrap();
    let stripped = ceremony.at("by-openssl.pem");
    fs::write(&stripped, format!("{begin}\n{body}")).unwrap();
    let password = format!("pass:{PASSPHRASE}");
    assert_eq!(openssl_public(&stripped, &["-passin", &password]), public);
    let wrong = ["pkey", "-in", stripped.to_str().unwrap(), "-passin", "pass:wrong"];
    assert_ne!(run(Command::new("openssl").args(wrong)).code, Some(0));
    refusals(&ceremony, export);
}

fn refusals(ceremony: &Ceremony, export: impl Fn(&[&str], &str) -> crate::support::command::Ran) {
    let count = |at: &Path| fs::read_dir(at).unwrap().count();
    let keys = ceremony.at("KEYS");
    let before = count(&keys);
    let said = export(&["--as", "age"], PASSPHRASE).failure(2);
    assert!(said.contains("--to"), "{said}");
    let said = export(&["--as", "age", "--to", "age1nobody"], PASSPHRASE).failure(4);
    assert!(said.contains("age1nobody"), "{said}");
    let said = export(&["--as", "notary"], "another-Passphrase-for-7-tests").failure(4);
    assert!(said.contains("wrong secret"), "{said}");
    let again = ["--as", "notary", "--role", "targets", "--gun", REPOSITORY];
    let said = export(&again, PASSPHRASE).failure(4);
    assert!(said.contains("is there already"), "{said}");
    assert_eq!(count(&keys), before);
}

#[test]
fn completions_name_every_command_in_every_shell() {
    let completions = |shell: &str| {
        run(Command::new(env!("CARGO_BIN_EXE_anchorite")).args(["completions", shell])).success()
    };
    let (bash, zsh, fish) = (completions("bash"), completions("zsh"), completions("fish"));
    for command in ["plan", "rehearse", "run", "resume", "verify", "evidence", "key", "doctor"] {
        for (text, shell) in [(&bash, "bash"), (&zsh, "zsh"), (&fish, "fish")] {
            assert!(text.contains(command), "{command} in {shell}");
        }
    }
    assert!(zsh.starts_with("#compdef anchorite\n"));
    assert!(fish.contains("complete -c anchorite "));
    // A real bash takes them and completes with them.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("completions"), bash).unwrap();
    let completed = "source ./completions; COMP_WORDS=(anchorite reh); COMP_CWORD=1; \
                     _anchorite anchorite reh anchorite; echo \"${COMPREPLY[@]}\"";
    let said =
        run(Command::new("bash").args(["--norc", "-c", completed]).current_dir(folder.path()))
            .success();
    assert_eq!(said, "rehearse\n");
    let unknown = run(Command::new(env!("CARGO_BIN_EXE_anchorite")).args(["completions", "tcsh"]));
    assert!(unknown.failure(2).contains("tcsh"));
}
