//! The colours of paper: those of the style sheet's light theme, so that page and paper never differ.

use std::collections::BTreeMap;

use super::PdfError;

/// Red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rgb(pub(super) u8, pub(super) u8, pub(super) u8);

/// Colours by name.
#[derive(Debug)]
pub(super) struct Palette {
    colours: BTreeMap<&'static str, Rgb>,
    /// Of text.
    pub(super) ink: Rgb,
    /// Of what stands back.
    pub(super) soft: Rgb,
    /// Of lines.
    pub(super) faint: Rgb,
    /// Of paper.
    pub(super) card: Rgb,
    /// Of boxes.
    pub(super) scope: Rgb,
}

const SHEET: &str = include_str!("../../../../templates/page.css");

impl Palette {
    /// Out of the first rule of the style sheet.
    pub(super) fn of_paper() -> Result<Self, PdfError> {
        let rule = SHEET.split('}').next().unwrap_or_default();
        let colours: BTreeMap<&'static str, Rgb> = rule
            .split([';', '{'])
            .filter_map(|line| line.split_once(':'))
            .filter_map(|(name, value)| Some((name.trim().strip_prefix("--")?, colour(value.trim())?)))
            .collect();
        let need = |name: &'static str| colours.get(name).copied().ok_or(PdfError::Colour(name));
        Ok(Self {
            ink: need("ink")?,
            soft: need("soft")?,
            faint: need("faint")?,
            card: need("card")?,
            scope: need("scope")?,
            colours,
        })
    }

    /// A colour by its name; ink where there is none.
    pub(super) fn get(&self, name: &str) -> Rgb {
        self.colours.get(name).copied().unwrap_or(self.ink)
    }
}

/// `#rrggbb` or `#rgb`.
fn colour(text: &str) -> Option<Rgb> {
    let digits = text.strip_prefix('#')?;
    let part = |from: usize, to: usize| u8::from_str_radix(digits.get(from..to)?, 16).ok();
    match digits.len() {
        6 => Some(Rgb(part(0, 2)?, part(2, 4)?, part(4, 6)?)),
        3 => Some(Rgb(part(0, 1)? * 17, part(1, 2)? * 17, part(2, 3)? * 17)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_has_every_colour() {
        let palette = Palette::of_paper().unwrap();
        assert_eq!(palette.card, Rgb(255, 255, 255));
        for name in [
            "accent", "link", "warn", "best", "small", "other", "bad", "s0", "s1", "s2", "s3", "cx",
        ] {
            assert!(palette.colours.contains_key(name), "{name}");
        }
        assert_eq!(colour("#fff"), Some(Rgb(255, 255, 255)));
        assert_eq!(colour("red"), None);
    }
}
