//! A certificate and free ports for servers on loopback.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::command::{python, run};

/// Writes `cert.pem` and `key.pem` (RSA, for 127.0.0.1) into a folder; the certificate is its own authority.
pub(crate) fn certificate(folder: &Path) {
    run(Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=127.0.0.1",
        ])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder))
    .success();
}

/// A port that nothing listens on just now; somebody else may take it before it is used.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a server script of `tests/support/` in `folder`, with the certificate there as its first two arguments; it says
/// its port on its first line.
pub(crate) fn start_script(script: &str, folder: &Path, arguments: &[&str]) -> (u16, Running) {
    let mut child = python(script)
        .args(["cert.pem", "key.pem"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{script}: {error}; run 'scripts/setup --tests'"));
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    (first.trim().parse().expect("the script prints its port first"), Running(child))
}

/// A server process that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to end, and waiting reaps it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
