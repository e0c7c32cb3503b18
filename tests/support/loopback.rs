//! A certificate and free ports for servers on loopback.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};

use super::command::run;

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
