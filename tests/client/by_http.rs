//! The client under test of the conformance suite, against a small server on loopback.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tempfile::TempDir;

use super::conformance_client::run;
use super::repository::Repository;

/// What a server gives, and what it was asked for; it answers until the test's process ends.
#[derive(Clone, Default)]
struct Server {
    port: u16,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, ..Self::default() };
        let answering = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answering.answer(&stream.unwrap());
            }
        });
        server
    }

    fn answer(&self, mut stream: &TcpStream) {
        let lines = BufReader::new(stream).lines().map(Result::unwrap);
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let path = head[0].split(' ').nth(1).unwrap();
        self.asked.lock().unwrap().push(path.to_owned());
        let files = self.files.lock().unwrap();
        let (status, body) = match files.get(path) {
            Some(body) => ("200 OK", body.as_slice()),
            None => ("404 Not Found", &b"not here"[..]),
        };
        write!(stream, "HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n", body.len()).unwrap();
        stream.write_all(body).unwrap();
    }

    fn serve(&self, repository: &Repository) {
        let files = repository.served.iter().flat_map(|(name, bytes)| {
            ["m", "t"].map(|folder| (format!("/{folder}/{name}"), bytes.clone()))
        });
        *self.files.lock().unwrap() = files.collect();
    }

    /// What was asked for since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn client(&self, folder: &Path, more: &[&str]) -> bool {
        let (metadata, targets) = (folder.join("m"), folder.join("t"));
        let base = format!("http://127.0.0.1:{}", self.port);
        let mut words = vec!["--metadata-dir".to_owned(), metadata.display().to_string()];
        words.extend(["--metadata-url".to_owned(), format!("{base}/m/")]);
        words.extend(["--target-dir".to_owned(), targets.display().to_string()]);
        words.extend(["--target-base-url".to_owned(), format!("{base}/t/")]);
        words.extend(more.iter().map(|word| (*word).to_owned()));
        run(words.into_iter()).is_ok()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_client_under_test_speaks_the_suites_command_line() {
    let mut repository = Repository::new();
    for body in repository.bodies.values_mut() {
        body["expires"] = json!("2099-01-01T00:00:00Z");
    }
    repository.delegate("targets", "../team", &json!({"paths": ["dir/*"]}));
    repository.body("../team")["expires"] = json!("2099-01-01T00:00:00Z");
    repository.add_target("../team", "dir/file", "content");
    repository.publish(&["root"]);
    repository.publish_all();
    let server = Server::start();
    server.serve(&repository);
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    fs::write(at.join("root"), &repository.served["1.root.json"]).unwrap();
    fs::create_dir(at.join("t")).unwrap();

    assert!(!server.client(at, &["refresh"]));
    assert!(server.client(at, &["init", at.join("root").to_str().unwrap()]));
    assert_eq!(server.asked(), Vec::<String>::new());
    assert!(server.client(at, &["refresh"]));
    let top = ["2.root", "3.root", "timestamp", "2.snapshot", "2.targets"];
    assert_eq!(server.asked(), top.map(|name| format!("/m/{name}.json")));
    let kept = ["root.json", "snapshot.json", "targets.json", "timestamp.json"];
    assert_eq!(names(&at.join("m")), kept);

    assert!(server.client(at, &["--target-name", "dir/file", "download"]));
    let asked = server.asked();
    assert_eq!(asked[2], "/m/1...%2Fteam.json");
    assert!(asked[3].starts_with("/t/dir/") && asked[3].contains(".file"), "{asked:?}");
    assert_eq!(names(&at.join("t")), ["dir%2Ffile"]);
    assert_eq!(names(&at.join("m"))[0], "..%2Fteam.json");

    // It is there already, and is not fetched again; a touched one is.
    assert!(server.client(at, &["--target-name", "dir/file", "download"]));
    assert_eq!(server.asked().len(), 2);
    fs::write(at.join("t/dir%2Ffile"), "touched").unwrap();
    assert!(server.client(at, &["--target-name", "dir/file", "download"]));
    assert_eq!(fs::read(at.join("t/dir%2Ffile")).unwrap(), b"content");

    // Another file than the signed one is not taken, and stops what would come after it.
    for (name, bytes) in &mut *server.files.lock().unwrap() {
        if name.contains(".file") {
            *bytes = b"another".to_vec();
        }
    }
    fs::remove_file(at.join("t/dir%2Ffile")).unwrap();
    assert!(!server.client(at, &["--target-name", "dir/file", "--target-name", "x", "download"]));
    assert_eq!(names(&at.join("t")), Vec::<String>::new());
    assert!(!server.client(at, &["--target-name", "absent", "download"]));
    assert!(!server.client(at, &["unknown"]));
}
