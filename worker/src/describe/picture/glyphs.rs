//! The shapes of letters, compiled in (font/outlines.txt, a letter a line): a picture looks the same on a machine
//! without fonts, and nothing has to read a font file.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Units of the outlines in the size of a letter.
const UNITS: f64 = 2048.0;

/// What stands in for a letter that is not there.
const UNKNOWN: char = '?';

static GLYPHS: LazyLock<HashMap<char, Glyph>> = LazyLock::new(|| {
    let glyph = |line: &str| read(line).expect("font/outlines.txt holds a letter a line");
    include_str!("font/outlines.txt").lines().map(glyph).collect()
});

#[derive(Debug)]
struct Glyph {
    advance: f64,
    strokes: Vec<Stroke>,
}

/// A part of an outline; y grows downwards from the line that letters stand on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stroke {
    /// A new outline begins.
    Move((f64, f64)),
    /// Straight.
    Line((f64, f64)),
    /// Bent towards the first point.
    Curve((f64, f64), (f64, f64)),
    /// Back to where it began.
    Close,
}

fn read(line: &str) -> Option<(char, Glyph)> {
    let mut words = line.split_ascii_whitespace();
    let letter = char::from_u32(u32::from_str_radix(words.next()?, 16).ok()?)?;
    let advance = words.next()?.parse::<f64>().ok()? / UNITS;
    let mut strokes = Vec::new();
    while let Some(kind) = words.next() {
        let mut point = || {
            let mut number = || words.next()?.parse::<f64>().ok();
            Some((number()? / UNITS, -number()? / UNITS))
        };
        strokes.push(match kind {
            "M" => Stroke::Move(point()?),
            "L" => Stroke::Line(point()?),
            "Q" => Stroke::Curve(point()?, point()?),
            "Z" => Stroke::Close,
            _ => return None,
        });
    }
    Some((letter, Glyph { advance, strokes }))
}

fn glyph(letter: char) -> &'static Glyph {
    GLYPHS.get(&letter).unwrap_or_else(|| &GLYPHS[&UNKNOWN])
}

/// How far `text` reaches at `size`, in pixels.
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|letter| glyph(letter).advance).sum::<f64>() * size
}

/// The outlines of `text` that begins at `x` and stands on `y`.
pub fn outline((mut x, y): (f64, f64), size: f64, text: &str) -> Vec<Stroke> {
    let mut strokes = Vec::new();
    for glyph in text.chars().map(glyph) {
        let place = |(dx, dy): (f64, f64)| (x + dx * size, y + dy * size);
        strokes.extend(glyph.strokes.iter().map(|stroke| match *stroke {
            Stroke::Move(to) => Stroke::Move(place(to)),
            Stroke::Line(to) => Stroke::Line(place(to)),
            Stroke::Curve(by, to) => Stroke::Curve(place(by), place(to)),
            Stroke::Close => Stroke::Close,
        }));
        x += glyph.advance * size;
    }
    strokes
}

/// `text`, cut with an ellipsis where it is wider than `room`.
pub fn fit(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut short = text.to_owned();
    while !short.is_empty() && width(&short, size) + width("…", size) > room {
        short.pop();
    }
    short.truncate(short.trim_end().len());
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_a_line_has_a_shape_and_a_width() {
        let printable: String = (' '..='~').chain("·–—×…σµ≈±≥≤ρ".chars()).collect();
        assert!(printable.chars().all(|letter| GLYPHS.contains_key(&letter)));
        assert!(printable.chars().skip(1).all(|letter| !glyph(letter).strokes.is_empty()));
        assert!((width("00", 10.0) - 2.0 * width("0", 10.0)).abs() < 1e-9);
        assert!(width("0", 100.0) > 50.0 && width("0", 100.0) < 80.0);
        assert_eq!(outline((0.0, 0.0), 10.0, "\u{4e00}"), outline((0.0, 0.0), 10.0, "?"));
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(fit("short", 10.0, 100.0), "short");
        let cut = fit("much too long a line", 10.0, 60.0);
        assert!(cut.ends_with('…') && width(&cut, 10.0) <= 60.0, "{cut}");
    }
}
