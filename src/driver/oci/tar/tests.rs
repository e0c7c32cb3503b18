use std::io::Cursor;

use super::*;

/// One entry: header, bytes, padding.
fn entry(name: &str, kind: u8, bytes: &[u8]) -> Vec<u8> {
    sized(name, kind, format!("{:011o}\0", bytes.len()).as_bytes(), bytes)
}

fn sized(name: &str, kind: u8, size: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[124..124 + size.len()].copy_from_slice(size);
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum = format!("{:06o}\0 ", check_sum(&block));
    block[148..156].copy_from_slice(sum.as_bytes());
    let mut all = block.to_vec();
    all.extend_from_slice(bytes);
    all.resize(all.len().next_multiple_of(512), 0);
    all
}

fn read(parts: &[Vec<u8>]) -> Result<BTreeMap<String, Entry>, BadTar> {
    let mut all = parts.concat();
    all.extend([0; 1024]);
    raw(&all)
}

fn raw(bytes: &[u8]) -> Result<BTreeMap<String, Entry>, BadTar> {
    table(&mut Cursor::new(bytes), u64::try_from(bytes.len()).unwrap())
}

#[track_caller]
fn refused(parts: &[Vec<u8>], words: &str) {
    let error = read(parts).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn plain_files_are_found_where_they_lie() {
    let table = read(&[
        entry("blobs/", b'5', b""),
        entry("./index.json", b'0', b"{}"),
        entry("blobs/a", b'0', &[7; 600]),
    ])
    .unwrap();
    assert_eq!(table["index.json"], Entry::File { offset: 1024, length: 2 });
    assert_eq!(table["blobs/a"], Entry::File { offset: 2048, length: 600 });
    assert_eq!(table.len(), 2);
}

#[test]
fn long_names_and_large_sizes_are_read() {
    let long = "x".repeat(300);
    let record = format!("{} path={long}\n", 300 + 10);
    for extension in
        [entry("long", b'L', format!("{long}\0").as_bytes()), entry("pax", b'x', record.as_bytes())]
    {
        let table = read(&[extension, entry("short", b'0', b"1")]).unwrap();
        assert!(table.contains_key(&long), "{table:?}");
    }
    let pax = entry("pax", b'x', b"9 size=2\n");
    assert_eq!(
        read(&[pax, sized("a", b'0', b"00000000000\0", b"12")]).unwrap()["a"],
        Entry::File { offset: 1536, length: 2 }
    );
    let mut binary = [0; 12];
    (binary[0], binary[11]) = (0x80, 2);
    assert!(matches!(
        read(&[sized("a", b'0', &binary, b"12")]).unwrap()["a"],
        Entry::File { length: 2, .. }
    ));
}

#[test]
fn names_that_lead_elsewhere_and_names_that_are_there_twice_are_refused() {
    for name in ["../x", "a/../../x", "/etc/passwd", "a\\b", ".."] {
        refused(&[entry(name, b'0', b"")], "outside");
    }
    assert_eq!(read(&[entry("a/./x", b'0', b""), entry("./b", b'0', b"")]).unwrap().len(), 2);
    refused(&[entry("a", b'0', b"1"), entry("./a", b'0', b"2")], "twice");
    refused(&[entry("a", b'0', b"1"), entry("a", b'2', b"")], "twice");
}

#[test]
fn links_and_devices_are_known_and_not_files() {
    for kind in [b'1', b'2', b'3', b'4', b'6', b'S'] {
        assert_eq!(read(&[entry("a", kind, b"")]).unwrap()["a"], Entry::Other);
    }
}

#[test]
fn what_is_no_whole_archive_is_told() {
    assert!(matches!(raw(b""), Err(BadTar::NotTar)));
    assert!(matches!(raw(&[b'x'; 2048]), Err(BadTar::NotTar)));
    for (magic, name) in
        [(&[0x1f, 0x8b][..], "gzip"), (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"), (b"BZh9", "bzip2")]
    {
        let mut bytes = magic.to_vec();
        bytes.resize(512, 1);
        assert!(matches!(raw(&bytes), Err(BadTar::Compressed(found)) if found == name));
    }
    let whole = [entry("a", b'0', &[7; 600]), vec![0; 1024]].concat();
    for cut in [513, 1024, 1536, 1600] {
        assert!(matches!(raw(&whole[..cut]), Err(BadTar::CutOff(_))), "{cut}");
    }
    let huge = sized("a", b'0', b"77777777777\0", b"");
    refused(&[huge], "cut off");
    let mut most = [0xff; 12];
    most[0] = 0x80;
    refused(&[sized("a", b'0', &most, b"")], "no number");
    refused(&[sized("a", b'0', b"9", b"")], "no number");
    let mut damaged = entry("a", b'0', b"");
    damaged[0] = b'b';
    refused(&[entry("z", b'0', b""), damaged], "check sum");
    refused(&[entry("long", b'L', b"name\0")], "cut off");
}

#[test]
fn pax_records_that_two_readers_take_for_two_things_are_refused() {
    let of = |records: &[u8]| [entry("pax", b'x', records), entry("a", b'0', b"")];
    for bad in
        [&b"x"[..], b"5 a=b", b"0 a=b\n", b"99 a=b\n", b"6 path\n", b"18446744073709551616 a=b\n"]
    {
        refused(&of(bad), "pax record");
    }
    refused(&of(b"9 path=a\n9 path=b\n"), "two long names");
    refused(&of(b"9 size=0\n9 size=1\n"), "two sizes");
    refused(&of(b"22 GNU.sparse.major=1\n"), "sparse");
    refused(&[entry("pax", b'g', b"9 path=b\n"), entry("a", b'0', b"")], "every entry");
    assert!(read(&of(b"10 note=o\n")).is_ok());
}
