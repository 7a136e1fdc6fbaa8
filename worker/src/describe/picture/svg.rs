//! A page as SVG: words stay words, every number has two decimals at most.

use std::fmt::Write as _;

use super::glyphs;
use super::scene::{Anchor, Color, Dash, Scene, Shape};

/// Letters as wide as those that the page was laid out with; where they are missing, words are squeezed into place.
const FONTS: &str = "'DejaVu Sans', Verdana, 'Bitstream Vera Sans', sans-serif";

/// The file's text.
pub fn svg(scene: &Scene) -> String {
    let (width, height) = (scene.width, scene.height);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"{FONTS}\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for shape in &scene.shapes {
        draw(&mut text, shape);
        text.push('\n');
    }
    text.push_str("</svg>\n");
    text
}

fn draw(text: &mut String, shape: &Shape) {
    // Writing to a String can't fail.
    let _ = match shape {
        Shape::Rect { x, y, width, height, fill } => write!(
            text,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>",
            number(*x),
            number(*y),
            number(*width),
            number(*height),
            hex(*fill)
        ),
        Shape::Line { points, width, color, dash } => {
            let points: Vec<String> =
                points.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect();
            let dashes = match dash {
                Dash::Solid => "",
                Dash::Dashed => " stroke-dasharray=\"6 4\"",
            };
            write!(
                text,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{dashes}/>",
                points.join(" "),
                hex(*color),
                number(*width)
            )
        }
        Shape::Text { x, y, size, anchor, color, text: words } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            write!(
                text,
                "<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{anchor}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\">{}</text>",
                number(*x),
                number(*y),
                number(*size),
                number(glyphs::width(words, *size)),
                hex(*color),
                escaped(words)
            )
        }
    };
}

/// At most two decimals, and no `-0`.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

fn hex(Color(red, green, blue): Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::picture::scene::INK;

    #[test]
    fn shapes_are_spelled_in_order() {
        let mut scene = Scene::new(40, 30);
        scene.rect((1.0, 2.005), (4.0, 8.0), Color(255, 0, 16));
        scene.line(vec![(0.0, -0.001), (3.333_3, 4.5)], 1.5, INK, Dash::Dashed);
        scene.line(vec![(0.0, 0.0)], 1.5, INK, Dash::Solid);
        scene.text((5.0, 6.0), 10.0, Anchor::End, INK, "a<b&c");
        let lines: Vec<String> = svg(&scene).lines().skip(2).map(str::to_owned).collect();
        let width = number(glyphs::width("a<b&c", 10.0));
        let expected = [
            "<rect x=\"1\" y=\"2\" width=\"3\" height=\"6\" fill=\"#ff0010\"/>".to_owned(),
            "<polyline points=\"0,0 3.33,4.5\" fill=\"none\" stroke=\"#22262b\" stroke-width=\"1.5\" stroke-dasharray=\"6 4\"/>".to_owned(),
            format!("<text x=\"5\" y=\"6\" font-size=\"10\" text-anchor=\"end\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#22262b\">a&lt;b&amp;c</text>"),
            "</svg>".to_owned(),
        ];
        assert_eq!(lines, expected);
    }
}
