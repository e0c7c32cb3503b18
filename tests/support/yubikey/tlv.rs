//! Tag, length, value: the form of everything that a card takes and gives (BER, definite lengths).

/// One element; `tag` has as many bytes as it needs.
pub(super) fn element(tag: &[u8], value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = tag.to_vec();
    match significant.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).expect("a length has at most eight bytes"));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(value);
    out
}

/// The elements of `bytes` side by side, with tags of one byte; none when they do not come out even.
pub(super) fn elements(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut out = Vec::new();
    while let Some((tag, rest)) = bytes.split_first() {
        let (length, rest) = length(rest)?;
        let (value, rest) = rest.split_at_checked(length)?;
        out.push((*tag, value));
        bytes = rest;
    }
    Some(out)
}

/// The value of the first element with this tag among the elements of `bytes`.
pub(super) fn value(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    elements(bytes)?.into_iter().find(|(found, _)| *found == tag).map(|(_, value)| value)
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=0x7f => Some((usize::from(*first), rest)),
        0x81 => rest.split_first().map(|(one, rest)| (usize::from(*one), rest)),
        0x82 => {
            let (two, rest) = rest.split_first_chunk::<2>()?;
            Some((usize::from(u16::from_be_bytes(*two)), rest))
        }
        _ => None,
    }
}
