//! Pictures: the texts of the QR codes in a PNG or JPEG file.

use std::io::Cursor;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The most bytes of a picture file: 16 MiB.
pub const MAX_PICTURE: u64 = 16 << 20;

/// The most points of a picture: 24 million.
const MAX_POINTS: u64 = 24_000_000;

/// For how long codes are looked for. A picture full of corner marks would keep a reader busy for years.
const PATIENCE: Duration = Duration::from_mins(1);

/// How a PNG file begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// How a JPEG file begins: what cameras write.
const JPEG: &[u8] = b"\xff\xd8\xff";

/// How other pictures begin.
const OTHERS: [(&[u8], &str); 6] = [
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"RIFF", "a WebP picture"),
    (b"%PDF", "a PDF file"),
];

/// Why no text is read from a picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPicture {
    /// It is another kind of picture.
    #[error("it is {0}; only PNG and JPEG are read: save it as one of them")]
    Other(&'static str),
    /// It is not whole.
    #[error("it is not a whole PNG or JPEG picture: {0}")]
    Damaged(String),
    /// It has too many points.
    #[error("it has {width} times {height} points, more than {MAX_POINTS} in all: make it smaller")]
    Large {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// No code is in it.
    #[error("no QR code is found in it: each must be whole, sharp, and have its white border")]
    NoCode,
    /// A code is there, and too much of it cannot be read.
    #[error(
        "a QR code in it cannot be read ({0}): take the picture again, sharp and from straight above"
    )]
    Unreadable(String),
    /// It would take too long.
    #[error("its QR codes are not found in {} seconds: cut the picture to its codes", PATIENCE.as_secs())]
    Endless,
}

/// Whether these bytes are those of a picture, of whatever kind.
pub fn is_picture(bytes: &[u8]) -> bool {
    let known = [PNG, JPEG].iter().any(|magic| bytes.starts_with(magic));
    known || OTHERS.iter().any(|(magic, _)| bytes.starts_with(magic))
}

/// The texts of all codes in a picture, in the order in which they are found.
pub fn texts(bytes: &[u8]) -> Result<Vec<String>, BadPicture> {
    if let Some((_, kind)) = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(BadPicture::Other(kind));
    }
    let grey = if bytes.starts_with(JPEG) { photographed(bytes)? } else { decoded(bytes)? };
    match within(PATIENCE, move || found(&grey)) {
        Ok(found) => found,
        Err(RecvTimeoutError::Timeout) => Err(BadPicture::Endless),
        Err(RecvTimeoutError::Disconnected) => {
            Err(BadPicture::Unreadable("whatever reads it fell over it".to_owned()))
        }
    }
}

/// What a function gives within a time, unless it panics. Otherwise it is left to itself: the program ends soon after.
fn within<T: Send + 'static>(
    time: Duration,
    of: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RecvTimeoutError> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(of()));
    told.recv_timeout(time)
}

/// A picture in shades of grey, one byte a point.
struct Grey {
    width: usize,
    height: usize,
    points: Vec<u8>,
}

/// Decodes a picture, once its header says that it is small enough. What is transparent is white.
fn decoded(bytes: &[u8]) -> Result<Grey, BadPicture> {
    let damaged = |error: png::DecodingError| BadPicture::Damaged(error.to_string());
    let size = |side: u32| usize::try_from(side).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let info = decoder.read_header_info().map_err(damaged)?;
    let (width, height) = (info.width, info.height);
    if u64::from(width) * u64::from(height) > MAX_POINTS {
        return Err(BadPicture::Large { width, height });
    }
    let mut reader = decoder.read_info().map_err(damaged)?;
    let room = reader.output_buffer_size().ok_or(BadPicture::Large { width, height })?;
    let mut whole = vec![0; room];
    reader.next_frame(&mut whole).map_err(damaged)?;
    let (color, _) = reader.output_color_type();
    let points = whole.chunks_exact(color.samples()).map(shade).collect();
    Ok(Grey { width: size(width), height: size(height), points })
}

/// Decodes what a camera wrote, once its header says that it is small enough.
fn photographed(bytes: &[u8]) -> Result<Grey, BadPicture> {
    let damaged = |error: zune_jpeg::errors::DecodeErrors| BadPicture::Damaged(error.to_string());
    let options =
        DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let info = decoder.info().ok_or_else(|| BadPicture::Damaged("it has no header".to_owned()))?;
    let (width, height) = (info.width, info.height);
    if u64::from(width) * u64::from(height) > MAX_POINTS {
        return Err(BadPicture::Large { width: width.into(), height: height.into() });
    }
    let points = decoder.decode().map_err(damaged)?;
    Ok(Grey { width: width.into(), height: height.into(), points })
}

/// The shade of a point of one to four bytes: grey or red, green and blue, then how far it covers white paper.
fn shade(point: &[u8]) -> u8 {
    let (color, cover) = match point {
        [grey] => (u32::from(*grey), 255),
        [grey, cover] => (u32::from(*grey), u32::from(*cover)),
        [red, green, blue, rest @ ..] => {
            let color = (u32::from(*red) + 2 * u32::from(*green) + u32::from(*blue)) / 4;
            (color, rest.first().map_or(255, |cover| u32::from(*cover)))
        }
        [] => (255, 255),
    };
    u8::try_from((color * cover + 255 * (255 - cover)) / 255).unwrap_or(u8::MAX)
}

fn found(grey: &Grey) -> Result<Vec<String>, BadPicture> {
    let at = |x: usize, y: usize| grey.points.get(y * grey.width + x).copied().unwrap_or(u8::MAX);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(grey.width, grey.height, at);
    let grids = image.detect_grids();
    let mut texts = Vec::new();
    let mut why = None;
    for grid in &grids {
        match grid.decode() {
            Ok((_, text)) => texts.push(text),
            Err(error) => why = Some(error.to_string()),
        }
    }
    match why {
        // What looked like a code beside others may have been none.
        Some(why) if texts.is_empty() => Err(BadPicture::Unreadable(why)),
        None if texts.is_empty() => Err(BadPicture::NoCode),
        Some(_) | None => Ok(texts),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    /// A picture of this kind, whose points are given by whether they are dark.
    fn png(color: png::ColorType, depth: png::BitDepth, points: &[u8], edge: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, edge, edge);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == png::ColorType::Indexed {
            encoder.set_palette(vec![255, 255, 255, 0, 0, 128]);
        }
        encoder.write_header().unwrap().write_image_data(points).unwrap();
        bytes
    }

    #[test]
    fn every_kind_of_png_is_read() {
        use png::{BitDepth, ColorType};
        let code = decoded(&crate::tuf::qr::picture("a digest").unwrap()).unwrap();
        let edge = u32::try_from(code.width).unwrap();
        let of = |dark: &[u8], light: &[u8]| -> Vec<u8> {
            let each = code.points.iter().flat_map(|p| if *p == 0 { dark } else { light });
            each.copied().collect()
        };
        let bits: Vec<u8> = code
            .points
            .chunks(code.width)
            .flat_map(|row| row.chunks(8))
            .map(|eight| eight.iter().zip(0..).map(|(p, at)| (p & 1) << (7 - at)).sum())
            .collect();
        for (color, depth, points) in [
            (ColorType::Rgb, BitDepth::Eight, of(&[0, 60, 0], &[250, 255, 240])),
            // Black on what is transparent.
            (ColorType::Rgba, BitDepth::Eight, of(&[0, 0, 0, 255], &[0, 0, 0, 0])),
            (ColorType::GrayscaleAlpha, BitDepth::Eight, of(&[0, 255], &[255, 255])),
            (ColorType::Grayscale, BitDepth::Sixteen, of(&[0, 0], &[255, 255])),
            (ColorType::Indexed, BitDepth::Eight, of(&[1], &[0])),
            (ColorType::Grayscale, BitDepth::One, bits),
        ] {
            let found = texts(&png(color, depth, &points, edge));
            assert_eq!(found.unwrap(), ["a digest"], "{color:?} {depth:?}");
        }
    }

    #[test]
    fn what_takes_too_long_is_given_up() {
        let (hold, never) = mpsc::channel::<()>();
        assert_eq!(
            within(Duration::from_millis(1), move || never.recv()),
            Err(RecvTimeoutError::Timeout)
        );
        drop(hold);
        assert_eq!(within(PATIENCE, || 7), Ok(7));
    }

    #[test]
    fn a_code_that_was_photographed_aslant_in_poor_light_is_read() {
        let digest = crate::tuf::digest::Digest::of(b"a photo").to_string();
        for name in ["photo.jpg", "progressive.jpg"] {
            let file = format!("{}/tests/data/pictures/{name}", env!("CARGO_MANIFEST_DIR"));
            let bytes = std::fs::read(file).unwrap();
            assert_eq!(texts(&bytes).unwrap(), [digest.as_str()], "{name}");
            let half = bytes.get(..bytes.len() / 2).unwrap();
            assert!(matches!(texts(half), Err(BadPicture::Damaged(_))), "{name}");
        }
    }

    #[test]
    fn what_is_neither_png_nor_jpeg_is_named() {
        for (magic, kind) in OTHERS {
            assert!(is_picture(magic));
            assert_eq!(texts(magic), Err(BadPicture::Other(kind)));
        }
        assert!(!is_picture(b"{}") && is_picture(PNG));
        for bytes in [PNG, JPEG, b"{}", b""] {
            assert!(matches!(texts(bytes), Err(BadPicture::Damaged(_))));
        }
    }
}
