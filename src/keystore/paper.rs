//! A key file on paper: numbered lines with a checksum each, for people to type, and QR codes of the same lines, for a
//! scanner. What is printed is an age file, still encrypted.

use std::collections::BTreeMap;
use std::io::Read as _;

use data_encoding::BASE64;

use crate::tuf::key::PublicKey;
use crate::tuf::name::KeyName;
use crate::tuf::qr;

use super::TokenError;
use super::agefile::{OpensWith, opened_by};
use super::generated::check_group;

/// The first line.
const TITLE: &str = "ANCHORITE KEY ON PAPER, FORM 1";
/// Characters of base64 in a line.
const WIDTH: usize = 64;
/// Lines in a QR code: it is then at most 77 columns wide.
const LINES_IN_CODE: usize = 4;
/// The most lines.
const MAX_LINES: usize = 999;

/// Prints an age file, armoured or not.
pub fn print(name: &KeyName, public: &PublicKey, file: &[u8]) -> Result<String, TokenError> {
    let opens = match opened_by(file)? {
        OpensWith::Passphrase { work_factor } => {
            format!("its passphrase (scrypt, N = 2^{work_factor})")
        }
        OpensWith::Recipients(1) => "the identity of its one recipient".to_owned(),
        OpensWith::Recipients(count) => format!("the identity of any of {count} recipients"),
    };
    let lines = numbered(&binary(file)?)?;
    let mut out = format!("{TITLE}\n\n");
    let fingerprint = public.fingerprint().to_string();
    let groups: Vec<String> = fingerprint
        .as_bytes()
        .chunks(4)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    let (first, second) = groups.split_at(groups.len() / 2);
    out.push_str(&format!("key          {name}\n"));
    out.push_str(&format!("algorithm    {}\n", public.algorithm()));
    out.push_str(&format!("fingerprint  {}\n             {}\n", first.join(" "), second.join(" ")));
    out.push_str(&format!("opens with   {opens}\n\n"));
    out.push_str(&format!(
        "To bring it back: type the numbered lines into a text file, or scan the codes\n\
         into one, in any order, and then:\n\n\
         \x20   anchorite key restore FILE --name {name}\n\n\
         The four characters at the end of a line are its checksum; there is no\n\
         digit 0 or 1 and no letter i l o s u z in it. Without that program: the\n\
         middle column, between the lines -----BEGIN AGE ENCRYPTED FILE-----\n\
         and -----END AGE ENCRYPTED FILE-----, is a file that age -d opens.\n\n"
    ));
    for line in &lines {
        out.push_str(&format!("{line}\n"));
    }
    let codes = lines.chunks(LINES_IN_CODE).len();
    for (part, nth) in lines.chunks(LINES_IN_CODE).zip(1_usize..) {
        out.push_str(&format!("\ncode {nth} of {codes}\n{}", code(&part.join("\n"))?));
    }
    Ok(out)
}

/// Whether a file looks like what is printed here, or like lines of it.
pub fn is_paper(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    if start.starts_with(b"age-encryption.org/") || start.starts_with(b"-----BEGIN AGE") {
        return false;
    }
    let text = String::from_utf8_lossy(bytes);
    text.contains(TITLE) || text.lines().any(|line| number_of(line).is_some())
}

/// The name that stands on the paper, if it was typed too.
pub fn name_on(text: &str) -> Option<KeyName> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("key")).then(|| words.next()?.parse().ok()).flatten()
    })
}

/// Reads the numbered lines, in any order, and gives the age file, armoured. Everything else is passed over.
pub fn read(text: &str) -> Result<Vec<u8>, BadPaper> {
    let mut found: BTreeMap<usize, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut total = None;
    for line in text.lines() {
        let Some((number, of)) = number_of(line) else { continue };
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let Some((check, base64)) = words.split_last() else {
            wrong.push(number);
            continue;
        };
        // A space that slipped in is no mistake.
        let base64 = base64.concat();
        if *check != check_of(number, of, &base64) {
            wrong.push(number);
            continue;
        }
        if *total.get_or_insert(of) != of || of > MAX_LINES || number == 0 || number > of {
            return Err(BadPaper::TwoPapers);
        }
        if found.insert(number, base64.clone()).is_some_and(|before| before != base64) {
            return Err(BadPaper::TwoPapers);
        }
    }
    // A line that is there once more and right is enough.
    wrong.retain(|number| !found.contains_key(number));
    wrong.sort_unstable();
    wrong.dedup();
    if !wrong.is_empty() {
        return Err(BadPaper::Lines(wrong));
    }
    let total = total.ok_or(BadPaper::NoLines)?;
    let missing: Vec<usize> = (1..=total).filter(|number| !found.contains_key(number)).collect();
    if !missing.is_empty() {
        return Err(BadPaper::Missing { lines: missing, of: total });
    }
    let mut file = b"-----BEGIN AGE ENCRYPTED FILE-----\n".to_vec();
    for line in found.into_values() {
        file.extend_from_slice(line.as_bytes());
        file.push(b'\n');
    }
    file.extend_from_slice(b"-----END AGE ENCRYPTED FILE-----\n");
    Ok(file)
}

/// The lines: number and count, base64, checksum.
fn numbered(binary: &[u8]) -> Result<Vec<String>, TokenError> {
    let base64 = BASE64.encode(binary);
    let parts: Vec<&[u8]> = base64.as_bytes().chunks(WIDTH).collect();
    let of = parts.len();
    if of > MAX_LINES {
        return Err(TokenError::Unsupported(format!("{of} lines are too many for paper")));
    }
    let line = |(part, number): (&[u8], usize)| {
        let part = String::from_utf8_lossy(part);
        format!("{number:02}/{of:02} {part} {}", check_of(number, of, &part))
    };
    Ok(parts.into_iter().zip(1..).map(line).collect())
}

fn check_of(number: usize, of: usize, base64: &str) -> String {
    check_group("anchorite-paper-1", format!("{number}/{of} {base64}").as_bytes())
}

/// `03/10` at the beginning of a line.
fn number_of(line: &str) -> Option<(usize, usize)> {
    let first = line.split_whitespace().next()?;
    let (number, of) = first.split_once('/')?;
    let digits = |text: &str| {
        let plain = text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    Some((digits(number)?, digits(of)?))
}

fn code(text: &str) -> Result<String, TokenError> {
    qr::drawn(text).map_err(|error| TokenError::Unsupported(error.to_string()))
}

fn binary(file: &[u8]) -> Result<Vec<u8>, TokenError> {
    let mut binary = Vec::new();
    age::armor::ArmoredReader::new(file)
        .read_to_end(&mut binary)
        .map_err(|error| TokenError::File { path: String::new(), what: error.to_string() })?;
    Ok(binary)
}

/// Why typed or scanned lines do not give a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPaper {
    /// None of the lines is there.
    #[error("it holds no line such as 01/10, its text and its checksum")]
    NoLines,
    /// Lines whose checksum does not fit.
    #[error("these lines are not as they were printed: {}", listed(.0))]
    Lines(Vec<usize>),
    /// Lines that are not there.
    #[error("these lines of {of} are missing: {}", listed(.lines))]
    Missing {
        /// Their numbers.
        lines: Vec<usize>,
        /// How many there should be.
        of: usize,
    },
    /// Every line is right, but they do not belong together.
    #[error("its lines are of two different papers")]
    TwoPapers,
}

fn listed(numbers: &[usize]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::super::agefile::encrypt_for;
    use super::super::software_key::SoftwareKey;
    use super::*;
    use crate::tuf::key::Algorithm;

    fn printed() -> (Vec<u8>, String) {
        let key = SoftwareKey::generate(Algorithm::P256).unwrap();
        let to = age::x25519::Identity::generate().to_public().to_string();
        let file = encrypt_for(&[to], &key.to_pkcs8_pem().unwrap()).unwrap();
        let text = print(&"root-a".parse().unwrap(), key.public_key(), &file).unwrap();
        (file, text)
    }

    #[test]
    fn what_is_printed_is_read_again_and_fits_eighty_columns() {
        let (file, text) = printed();
        assert!(is_paper(text.as_bytes()) && !is_paper(&file));
        assert_eq!(read(&text).unwrap(), file);
        assert_eq!(name_on(&text).unwrap().to_string(), "root-a");
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 80, "{widest}");
        let codes = text.lines().filter(|line| line.contains(['█', '▀', '▄']));
        assert!(codes.map(|line| line.chars().count()).max().unwrap() <= 80);
    }

    #[test]
    fn lines_in_any_order_twice_and_with_spaces_are_enough() {
        let (file, text) = printed();
        let mut lines: Vec<&str> = text.lines().filter(|line| number_of(line).is_some()).collect();
        lines.reverse();
        lines.push(lines.first().unwrap());
        let typed = lines.join("\r\n").replacen("01/", "  01/", 1);
        assert_eq!(read(&typed).unwrap(), file);
        let at = typed.find("06/").unwrap() + 20;
        let spaced = format!("{} {}", typed.get(..at).unwrap(), typed.get(at..).unwrap());
        assert_eq!(read(&spaced).unwrap(), file);
    }

    #[test]
    fn the_line_with_the_slip_is_named_and_so_is_the_one_that_is_missing() {
        let (_, text) = printed();
        let lines: Vec<&str> = text.lines().filter(|line| number_of(line).is_some()).collect();
        for (nth, line) in lines.iter().enumerate() {
            let at = 6;
            let c = line.chars().nth(at).unwrap();
            let slip = format!(
                "{}{}{}",
                line.get(..at).unwrap(),
                if c == 'x' { 'y' } else { 'x' },
                line.get(at + 1..).unwrap()
            );
            assert_eq!(read(&text.replace(line, &slip)), Err(BadPaper::Lines(vec![nth + 1])));
            let missing = BadPaper::Missing { lines: vec![nth + 1], of: lines.len() };
            assert_eq!(read(&text.replace(line, "")), Err(missing));
            let cut = line.split(' ').next().unwrap();
            assert_eq!(read(&text.replace(line, cut)), Err(BadPaper::Lines(vec![nth + 1])));
        }
        assert_eq!(read("hello"), Err(BadPaper::NoLines));
    }

    #[test]
    fn lines_of_two_papers_are_never_mixed() {
        let (_, one) = printed();
        let (_, two) = printed();
        assert_eq!(read(&(one + &two)), Err(BadPaper::TwoPapers));
    }

    #[test]
    fn a_scanner_reads_the_same_lines_from_the_codes() {
        let (file, text) = printed();
        let mut scanned = String::new();
        for block in text.split("\ncode ").skip(1) {
            let rows: Vec<Vec<char>> =
                block.lines().skip(1).map(|line| line.chars().collect()).collect();
            let width = rows.iter().map(Vec::len).max().unwrap() + 4;
            // Three points a module; the rows hold two modules each.
            let scale = 3;
            let image = |x: usize, y: usize| {
                let (x, y) = (x / scale, y / scale);
                let c = rows.get(y / 2).and_then(|row| row.get(x)).copied().unwrap_or(' ');
                let dark = c == '█' || c == if y % 2 == 0 { '▀' } else { '▄' };
                if dark { 0 } else { 255 }
            };
            let (w, h) = (width * scale, rows.len() * 2 * scale);
            let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(w, h, image);
            let grids = prepared.detect_grids();
            let (_, content) = grids.first().unwrap().decode().unwrap();
            scanned.push_str(&content);
            scanned.push('\n');
        }
        assert_eq!(read(&scanned).unwrap(), file);
    }
}
