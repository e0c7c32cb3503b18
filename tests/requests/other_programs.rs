//! Other programs sign an exported payload: openssl with a key file, pkcs11-tool with a token.

use std::fs;
use std::process::Command;

use anchorite::tuf::document::Dialect;

use crate::machines::{Machines, refresh_of_files, write_pem};
use crate::support::command::run;
use crate::support::softhsm::{MODULE, PIN, SoftHsm};

/// The command for this key that the program printed.
fn printed(told: &str, program: &str, key: &str) -> String {
    let mut lines = told.lines().filter(|line| line.contains(&format!("{key}.root.sig")));
    let line = match program {
        "pkcs11-tool" => lines.find(|line| line.contains("pkcs11-tool")),
        _ => lines.find(|line| line.contains(program) && !line.contains("pkcs11-tool")),
    };
    line.unwrap_or_else(|| panic!("{program} for {key}: {told}")).trim().to_owned()
}

#[test]
fn openssl_signs_with_the_printed_commands_and_the_set_is_complete() {
    for dialect in [Dialect::Notary1, Dialect::Tuf1] {
        let machines = Machines::of(dialect, refresh_of_files);
        machines.make("request.json", &[]).success();
        let told = machines
            .program(&["request", "export", "request.json", "--role", "root", "-o", "root.payload"])
            .success();
        // An ECDSA key and, in TUF, an Ed25519 key.
        for key in ["root-b", "root-c"] {
            write_pem(&machines.sample, key, &machines.at(&format!("{key}.pem")));
            let command = printed(&told, "openssl", key);
            run(Command::new("sh").args(["-c", &command]).current_dir(machines.at(""))).success();
        }
        let wrong = machines.program(&[
            "request",
            "merge",
            "request.json",
            "--detached",
            "root-a=root-b.root.sig",
        ]);
        assert!(wrong.failure(3).contains("is not its signature over any document"));
        let merge = [
            "request",
            "merge",
            "request.json",
            "--detached",
            "root-b=root-b.root.sig",
            "--detached",
            "root-c=root-c.root.sig",
            "-o",
            "merged",
        ];
        let merged = machines.program(&merge).success();
        assert!(merged.contains("without a record"), "{merged}");
        let evidence = machines.at("merged/evidence");
        let audited =
            machines.program(&["evidence", "verify", evidence.to_str().unwrap()]).failure(5);
        assert!(audited.contains("on no record"), "{audited}");
        let missing = machines.program(&[
            "request",
            "export",
            "request.json",
            "--role",
            "targets",
            "-o",
            "targets.payload",
        ]);
        missing.failure(3);
    }
}

#[test]
fn a_token_signs_by_pkcs11_tool_with_the_printed_command() {
    let machines = Machines::of(Dialect::Tuf1, refresh_of_files);
    machines.make("request.json", &[]).success();
    let hsm = SoftHsm::new();
    hsm.token("custodian");
    write_pem(&machines.sample, "root-a", &machines.at("root-a.pem"));
    run(Command::new("softhsm2-util")
        .args(["--import", "root-a.pem", "--token", "custodian", "--label", "root-a", "--id", "a1"])
        .args(["--pin", PIN])
        .env("SOFTHSM2_CONF", hsm.conf())
        .current_dir(machines.at("")))
    .success();
    let told = machines
        .program(&["request", "export", "request.json", "--role", "root", "-o", "root.payload"])
        .success();
    let command = printed(&told, "pkcs11-tool", "root-a")
        .replace(
            "--module MODULE",
            &format!("--module {MODULE} --token-label custodian --pin {PIN}"),
        )
        .replace("--id ID", "--id a1");
    run(Command::new("sh")
        .args(["-c", &command])
        .env("SOFTHSM2_CONF", hsm.conf())
        .current_dir(machines.at("")))
    .success();
    assert_eq!(fs::read(machines.at("root-a.root.sig")).unwrap().len(), 64);
    let counted = machines
        .program(&["request", "merge", "request.json", "--detached", "root-a=root-a.root.sig"])
        .failure(5);
    assert!(counted.contains("root-a: signed root"), "{counted}");
}
