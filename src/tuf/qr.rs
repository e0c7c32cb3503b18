//! QR codes drawn in text.

use qrcode::{Color, EcLevel, QrCode};

/// A QR code (ISO/IEC 18004) of level M as half blocks, dark on light paper, with its quiet zone of four modules. Each line
/// ends with a line feed and without spaces.
pub fn drawn(text: &str) -> Result<String, TooLong> {
    const QUIET: usize = 4;
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .map_err(|error| TooLong { why: error.to_string() })?;
    let width = code.width();
    let colors = code.to_colors();
    let dark = |x: usize, y: usize| {
        let place = x.checked_sub(QUIET).zip(y.checked_sub(QUIET));
        place
            .filter(|(x, y)| *x < width && *y < width)
            .and_then(|(x, y)| colors.get(y * width + x))
            .is_some_and(|color| *color == Color::Dark)
    };
    let mut out = String::new();
    for y in (0..width + 2 * QUIET).step_by(2) {
        let row: String = (0..width + 2 * QUIET)
            .map(|x| match (dark(x, y), dark(x, y + 1)) {
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

/// The text does not fit into a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no QR code: {why}")]
pub struct TooLong {
    /// The encoder's words.
    pub why: String,
}
