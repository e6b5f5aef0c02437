//! Text on paper: which glyphs, how wide, and where lines break.
//!
//! The fonts are subsets of DejaVu (`assets/fonts`): Latin, Greek, Cyrillic, arrows, boxes, mathematical signs. What they lack is
//! shown as a replacement character.

use std::collections::BTreeMap;

use krilla::text::Font;
use krilla::text::GlyphId;
use krilla::text::KrillaGlyph;
use skrifa::FontRef;
use skrifa::MetadataProvider as _;
use skrifa::instance::LocationRef;
use skrifa::instance::Size;

use super::PdfError;

const REGULAR: &[u8] = include_bytes!("../../../../assets/fonts/DejaVuSans-subset.ttf");
const BOLD: &[u8] = include_bytes!("../../../../assets/fonts/DejaVuSans-Bold-subset.ttf");

/// What stands for characters that a font lacks.
const REPLACEMENT: char = '\u{FFFD}';

/// Both weights.
pub(super) struct Fonts {
    regular: Face,
    bold: Face,
}

/// One font.
pub(super) struct Face {
    font: Font,
    /// Glyph and advance of every character, the advance in parts of the size.
    characters: BTreeMap<char, (u32, f32)>,
    replacement: (u32, f32),
}

impl Fonts {
    /// Reads the fonts that are part of this program.
    pub(super) fn load() -> Result<Self, PdfError> {
        Ok(Self {
            regular: Face::of(REGULAR, "DejaVu Sans")?,
            bold: Face::of(BOLD, "DejaVu Sans Bold")?,
        })
    }

    /// One weight.
    pub(super) fn face(&self, bold: bool) -> &Face {
        if bold { &self.bold } else { &self.regular }
    }
}

impl Face {
    fn of(bytes: &'static [u8], name: &'static str) -> Result<Self, PdfError> {
        let read = FontRef::new(bytes).map_err(|_| PdfError::Font(name))?;
        let metrics = read.glyph_metrics(Size::new(1.0), LocationRef::default());
        let characters: BTreeMap<char, (u32, f32)> = read
            .charmap()
            .mappings()
            .filter_map(|(point, glyph)| {
                let character = char::from_u32(point)?;
                Some((character, (glyph.to_u32(), metrics.advance_width(glyph)?)))
            })
            .collect();
        Ok(Self {
            font: Font::new(bytes.into(), 0).ok_or(PdfError::Font(name))?,
            replacement: characters.get(&REPLACEMENT).copied().ok_or(PdfError::Font(name))?,
            characters,
        })
    }

    /// The font as it is embedded.
    pub(super) fn font(&self) -> Font {
        self.font.clone()
    }

    fn glyph(&self, character: char) -> (u32, f32) {
        self.characters.get(&character).copied().unwrap_or(self.replacement)
    }

    /// The text as it can be shown, and its glyphs.
    pub(super) fn glyphs(&self, text: &str) -> (String, Vec<KrillaGlyph>) {
        let shown: String = text
            .chars()
            .map(|character| {
                if self.characters.contains_key(&character) {
                    character
                } else {
                    REPLACEMENT
                }
            })
            .collect();
        let glyphs = shown
            .char_indices()
            .map(|(at, character)| {
                let (glyph, advance) = self.glyph(character);
                let range = at..at + character.len_utf8();
                KrillaGlyph::new(GlyphId::new(glyph), advance, 0.0, 0.0, 0.0, range, None)
            })
            .collect();
        (shown, glyphs)
    }

    /// How wide a text is.
    pub(super) fn width(&self, text: &str, size: f64) -> f64 {
        text.chars()
            .map(|character| f64::from(self.glyph(character).1))
            .sum::<f64>()
            * size
    }

    /// The text in lines that are no wider than `width`: broken at spaces, and within words that are too long.
    pub(super) fn wrap(&self, text: &str, size: f64, width: f64) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let joined = if line.is_empty() {
                word.to_owned()
            } else {
                format!("{line} {word}")
            };
            if self.width(&joined, size) <= width {
                line = joined;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for character in word.chars() {
                line.push(character);
                if self.width(&line, size) > width && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::take(&mut line));
                    line.push(character);
                }
            }
        }
        if !line.is_empty() || lines.is_empty() {
            lines.push(line);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_font_lacks_is_seen() {
        let fonts = Fonts::load().unwrap();
        let (shown, glyphs) = fonts.face(false).glyphs("µ→│é🦀漢");
        assert_eq!(shown, "µ→│é\u{FFFD}\u{FFFD}");
        assert_eq!(glyphs.len(), 6);
        for text in ["★◆○●△✗◇▲■–±×≥≤·…←↓", "Ωя"] {
            for bold in [false, true] {
                assert_eq!(fonts.face(bold).glyphs(text).0, text, "{bold}");
            }
        }
    }

    #[test]
    fn lines_break_at_spaces() {
        let fonts = Fonts::load().unwrap();
        let face = fonts.face(false);
        let width = face.width("hello world", 10.0);
        assert_eq!(face.wrap("hello world again", 10.0, width), ["hello world", "again"]);
        assert_eq!(face.wrap("", 10.0, width), [""]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide(text in "\\PC{0,60}", width in 20.0_f64..200.0) {
            let fonts = Fonts::load().unwrap();
            let face = fonts.face(false);
            let lines = face.wrap(&text, 10.0, width);
            for line in &lines {
                prop_assert!(face.width(line, 10.0) <= width || line.chars().count() == 1);
            }
            let kept: String = lines.concat().split(' ').collect();
            prop_assert_eq!(kept, text.split(' ').collect::<String>());
        }
    }
}
