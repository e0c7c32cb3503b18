//! QR codes, drawn in text or as a picture.

use qrcode::{Color, EcLevel, QrCode};

/// The quiet zone round a code, in modules.
const QUIET: usize = 4;

/// The points of a module's edge in a picture.
const POINTS: usize = 4;

/// A QR code (ISO/IEC 18004) of level M with its quiet zone of four modules.
struct Modules {
    width: usize,
    colors: Vec<Color>,
}

impl Modules {
    fn of(text: &str) -> Result<Self, TooLong> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M)
            .map_err(|error| TooLong { why: error.to_string() })?;
        Ok(Self { width: code.width(), colors: code.to_colors() })
    }

    /// The width with the quiet zone.
    const fn whole(&self) -> usize {
        self.width + 2 * QUIET
    }

    fn dark(&self, x: usize, y: usize) -> bool {
        x.checked_sub(QUIET)
            .zip(y.checked_sub(QUIET))
            .filter(|(x, y)| *x < self.width && *y < self.width)
            .and_then(|(x, y)| self.colors.get(y * self.width + x))
            .is_some_and(|color| *color == Color::Dark)
    }
}

/// A code as half blocks, dark on light paper. Each line ends with a line feed and without spaces.
pub fn drawn(text: &str) -> Result<String, TooLong> {
    let code = Modules::of(text)?;
    let mut out = String::new();
    for y in (0..code.whole()).step_by(2) {
        let row: String = (0..code.whole())
            .map(|x| match (code.dark(x, y), code.dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            })
            .collect();
        out.push_str(row.trim_end());
        out.push('\n');
    }
    Ok(out)
}

/// A code as a picture: PNG, black on white, four points a module.
pub fn picture(text: &str) -> Result<Vec<u8>, TooLong> {
    let code = Modules::of(text)?;
    let edge = code.whole() * POINTS;
    let shade = |nth: usize| {
        if code.dark(nth % edge / POINTS, nth / edge / POINTS) { 0 } else { 255 }
    };
    let points: Vec<u8> = (0..edge * edge).map(shade).collect();
    Ok(png(edge, edge, &points))
}

/// A picture in shades of grey, one byte a point, row by row.
fn png(width: usize, height: usize, points: &[u8]) -> Vec<u8> {
    let side = |points: usize| u32::try_from(points).expect("a code is at most 185 modules wide");
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(width), side(height));
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(points))
        .expect("memory takes every byte, and there are as many points as the header says");
    bytes
}

/// The text does not fit into a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no QR code: {why}")]
pub struct TooLong {
    /// The encoder's words.
    pub why: String,
}
