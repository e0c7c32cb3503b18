//! Requests, answers and digests as pictures of QR codes.

use std::fs;
use std::path::Path;

use anchorite::ceremony::request::codes::{join, split};
use anchorite::driver::picture::{BadPicture, texts};
use anchorite::tuf::document::Dialect;
use anchorite::tuf::qr;
use anchorite::tuf::root::Root;
use anchorite::tuf::signed::Signed;

use crate::desk::*;
use crate::machines::{Machines, head, refresh_of_files};
use crate::sample::*;

/// A picture in shades of grey.
struct Grey {
    width: usize,
    points: Vec<u8>,
}

impl Grey {
    fn of(png: &[u8]) -> Self {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut points = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut points).unwrap();
        Self { width: usize::try_from(reader.info().width).unwrap(), points }
    }

    /// What a camera would see of a terminal: cells of 4 by 8 points.
    fn of_terminal(text: &str) -> Self {
        let rows: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        let columns = rows.iter().map(Vec::len).max().unwrap() + 4;
        let (width, height) = (columns * 4, rows.len() * 8);
        let dark = |x: usize, y: usize| {
            let cell = rows[y / 8].get(x / 4).copied().unwrap_or(' ');
            cell == '█' || cell == if y % 8 < 4 { '▀' } else { '▄' }
        };
        let point = |nth: usize| if dark(nth % width, nth / width) { 0 } else { 255 };
        Self { width, points: (0..width * height).map(point).collect() }
    }

    /// Pictures one below the other, on white.
    fn stacked(pictures: &[Self]) -> Self {
        let width = pictures.iter().map(|picture| picture.width).max().unwrap();
        let mut points = Vec::new();
        for picture in pictures {
            for row in picture.points.chunks(picture.width) {
                points.extend_from_slice(row);
                points.resize(points.len() + width - picture.width, 255);
            }
        }
        Self { width, points }
    }

    fn png(&self) -> Vec<u8> {
        let (width, height) = (self.width, self.points.len() / self.width);
        let mut bytes = Vec::new();
        let side = |points: usize| u32::try_from(points).unwrap();
        let mut encoder = png::Encoder::new(&mut bytes, side(width), side(height));
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&self.points).unwrap();
        bytes
    }
}

fn pictures(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn a_request_goes_out_and_its_answers_come_back_as_pictures() {
    let machines = Machines::of(Dialect::Tuf1, refresh_of_files);
    let told = machines.make("request.json", &["--qr"]).success();
    machines.program(&["request", "codes", "request.json", "-o", "shown"]).success();
    let shown = machines.program(&["request", "show", "shown"]).success();
    assert_eq!(shown, machines.program(&["request", "show", "request.json"]).success());

    // All codes in one picture, as from a sheet of paper, are as good.
    let sheet: Vec<_> = pictures(&machines.at("shown")).iter().map(|png| Grey::of(png)).collect();
    fs::write(machines.at("sheet.png"), Grey::stacked(&sheet).png()).unwrap();
    assert_eq!(shown, machines.program(&["request", "show", "sheet.png"]).success());

    // A camera reads the terminal: the digests, and the request in text.
    let change = machines.request("request.json").change().digest();
    let (_, code) = told.split_once("\ndigest of the change\n").unwrap();
    let (code, _) = code.split_once("\nrequest\n").unwrap();
    assert_eq!(texts(&Grey::of_terminal(code).png()).unwrap(), [change.to_string()]);
    let (_, code) = told.split_once("\nroot before\n").unwrap();
    let (code, more) = code.split_once("\nroot of updates.example.com, version 2\n").unwrap();
    let before = machines.sample.root().to_string();
    assert_eq!(texts(&Grey::of_terminal(code).png()).unwrap(), [before]);
    assert!(more.contains('█'), "{more}");
    let text = machines.program(&["request", "codes", "request.json"]).success();
    let parts = text.split("code ").skip(1).map(|part| part.split_once('\n').unwrap().1);
    let parts: Vec<_> =
        parts.flat_map(|code| texts(&Grey::of_terminal(code).png()).unwrap()).collect();
    assert_eq!(join(&parts).unwrap(), fs::read(machines.at("request.json")).unwrap());

    let root = machines.sample.root().to_string();
    fs::write(machines.at("root.png"), qr::picture(&root).unwrap()).unwrap();
    for (book, key, holder) in [("A", "root-a", "Custodian A"), ("B", "root-b", "Custodian B")] {
        machines.workspace(book, key);
        let answer = format!("{key}.json");
        let more = ["--pin-root", "root.png", "-o", &answer];
        machines.sign(book, holder, key, "shown", &more).success();
        machines.program(&["request", "codes", &answer, "-o", key]).success();
    }
    let merged = machines
        .program(&["request", "merge", "shown", "root-a", "root-b", "-o", "merged", "--qr"])
        .success();
    assert!(merged.contains("[ok] root-b: its signatures and its record hold"), "{merged}");
    let (_, code) = merged.split_once("\nhead\n").unwrap();
    fs::write(machines.at("head.png"), Grey::of_terminal(code).png()).unwrap();
    assert_eq!(texts(&fs::read(machines.at("head.png")).unwrap()).unwrap(), [head(&merged)]);
    let evidence = ["evidence", "verify", "merged/evidence", "--head"];
    let by_picture = machines.program(&[&evidence[..], &["head.png"]].concat()).success();
    assert!(by_picture.contains("UNATTENDED"), "{by_picture}");
    let other = machines.program(&[&evidence[..], &["root.png"]].concat());
    assert!(other.failure(3).contains("FAIL"));
    let metadata = machines.at("merged/export/updates.example.com/metadata");
    let verified = |pin: &str| {
        machines.program(&[
            "verify",
            metadata.to_str().unwrap(),
            "--root-digest",
            pin,
            "--before-upload",
        ])
    };
    let new = fs::read(metadata.join("2.root.json")).unwrap();
    let digest = Signed::<Root>::read(Dialect::Tuf1, &new).unwrap().digest().to_string();
    fs::write(machines.at("new.png"), qr::picture(&digest).unwrap()).unwrap();
    assert_eq!(verified("new.png").success(), verified(&digest).success());
}

#[test]
fn a_picture_that_gives_no_request_says_what_is_wrong_with_it() {
    let machines = Machines::of(Dialect::Tuf1, refresh_of_files);
    machines.make("request.json", &[]).success();
    machines.program(&["request", "codes", "request.json", "-o", "shown"]).success();
    let codes = pictures(&machines.at("shown"));
    let refused = |file: &str, bytes: &[u8]| {
        fs::write(machines.at(file), bytes).unwrap();
        machines.program(&["request", "show", file]).failure(2)
    };
    let white = Grey { width: 100, points: vec![255; 10_000] };
    let nothing = refused("white.png", &white.png());
    assert!(nothing.contains("white.png: no QR code is found in it"), "{nothing}");
    let mut half = Grey::of(&codes[0]);
    half.points.truncate(half.points.len() / 2 / half.width * half.width);
    let halved = refused("half.png", &half.png());
    assert!(halved.contains("half.png: no QR code is found in it"), "{halved}");
    let mut stained = Grey::of(&codes[0]);
    for (nth, point) in stained.points.iter_mut().enumerate() {
        let (x, y) = (nth % stained.width, nth / stained.width);
        if (60..340).contains(&x) && (60..340).contains(&y) {
            *point = 0;
        }
    }
    let stained = refused("stained.png", &stained.png());
    assert!(stained.contains("QR code"), "{stained}");
    let gif = refused("photo.gif", b"GIF89a and more");
    assert!(gif.contains("it is a GIF picture; only PNG and JPEG are read"), "{gif}");
    let torn = refused("torn.png", &codes[0][..codes[0].len() / 2]);
    assert!(torn.contains("it is not a whole PNG or JPEG picture"), "{torn}");
    let part = refused("part.png", &codes[1]);
    let missing = format!("of {} QR codes these are missing or cannot be read: 1", codes.len());
    assert!(part.contains(&missing), "{part}");
    let foreign = refused("web.png", &qr::picture("https://example.com").unwrap());
    assert!(foreign.contains("the first says \"https://example.com\""), "{foreign}");
    let answer = machines.program(&["request", "merge", "shown", "web.png"]).failure(2);
    assert!(answer.contains("web.png: none of its QR codes is a part"), "{answer}");

    // A folder in which one picture did not come out names it.
    fs::write(machines.at("shown/code-01-of-x.png"), white.png()).unwrap();
    machines.program(&["request", "show", "shown"]).success();
    let mut names: Vec<_> =
        fs::read_dir(machines.at("shown")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    fs::remove_file(&names[0]).unwrap();
    let without = machines.program(&["request", "show", "shown"]).failure(2);
    assert!(without.contains(&missing) && without.contains("code-01-of-x.png"), "{without}");
    fs::create_dir(machines.at("empty")).unwrap();
    let empty = machines.program(&["request", "show", "empty"]).failure(2);
    assert!(empty.contains("empty: it holds no picture"), "{empty}");

    let pin = |file: &str| {
        machines
            .program(&["request", "sign", "request.json", "--key", "root-a", "--pin-root", file])
            .failure(2)
    };
    assert!(pin("web.png").contains("hold no digest of 64 hex digits"));
    assert!(pin("white.png").contains("no QR code is found"));
    assert!(pin("nowhere.png").contains("no picture of that name is there"));
    let two = ["0", "1"].map(|digit| Grey::of(&qr::picture(&digit.repeat(64)).unwrap()));
    fs::write(machines.at("two.png"), Grey::stacked(&two).png()).unwrap();
    assert!(pin("two.png").contains("it shows 2 digests"), "{}", pin("two.png"));
    let other = machines.program(&["request", "codes", "plan.toml", "-o", "no"]).failure(2);
    assert!(other.contains("the request cannot be read"), "{other}");
    assert!(!machines.at("no").exists());
}

#[test]
fn a_picture_is_refused_by_its_size_before_it_is_decoded() {
    let (mut small, codes) = (Vec::new(), qr::picture("a").unwrap());
    // The header of another picture, with its checksum.
    let encoder = png::Encoder::new(&mut small, 60_000, 60_000);
    drop(encoder.write_header().unwrap());
    let large = texts(&small).unwrap_err();
    assert_eq!(large, BadPicture::Large { width: 60_000, height: 60_000 });
    assert_eq!(texts(&codes).unwrap(), ["a"]);
}

#[test]
fn requests_of_a_sample_and_their_answers_fit_into_few_codes() {
    for dialect in [Dialect::Notary1, Dialect::Tuf1] {
        let sample = Sample::new(dialect);
        let (request, bytes) = request(&sample, &refresh(&sample));
        let answer = sign(&request, "root-a", &secret(&sample, "root-a"));
        let needed = [split(&bytes).unwrap().len(), split(&answer).unwrap().len()];
        assert!(needed.iter().all(|count| *count <= 12), "{dialect}: {needed:?}");
    }
}
