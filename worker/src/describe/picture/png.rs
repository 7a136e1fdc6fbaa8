//! A page as PNG, letters and all, one pixel a pixel.

use tiny_skia::{
    Color as Paint_, FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash,
    Transform,
};

use super::glyphs;
use super::scene::{Anchor, Color, Dash, Scene, Shape};

/// The file's bytes.
pub fn png(scene: &Scene) -> Vec<u8> {
    let mut canvas = Pixmap::new(scene.width, scene.height).expect("a page has a size");
    canvas.fill(Paint_::WHITE);
    for shape in &scene.shapes {
        draw(&mut canvas, shape);
    }
    canvas.encode_png().expect("a canvas of such a size fits into a PNG, and memory can be written")
}

fn draw(canvas: &mut Pixmap, shape: &Shape) {
    match shape {
        Shape::Rect { x, y, width, height, fill } => {
            // What has no area has no pixels.
            if let Some(rect) = Rect::from_xywh(px(*x), px(*y), px(*width), px(*height)) {
                canvas.fill_rect(rect, &paint(*fill), Transform::identity(), None);
            }
        }
        Shape::Line { points, width, color, dash } => {
            let dash = match dash {
                Dash::Solid => None,
                Dash::Dashed => StrokeDash::new(vec![6.0, 4.0], 0.0),
            };
            let stroke = Stroke { width: px(*width), line_join: LineJoin::Round, dash, ..Stroke::default() };
            if let Some(path) = polyline(points) {
                canvas.stroke_path(&path, &paint(*color), &stroke, Transform::identity(), None);
            }
        }
        Shape::Text { x, y, size, anchor, color, text } => {
            let width = glyphs::width(text, *size);
            let left = match anchor {
                Anchor::Start => *x,
                Anchor::Middle => x - width / 2.0,
                Anchor::End => x - width,
            };
            if let Some(path) = letters(&glyphs::outline((left, *y), *size, text)) {
                canvas.fill_path(&path, &paint(*color), FillRule::Winding, Transform::identity(), None);
            }
        }
    }
}

fn polyline(points: &[(f64, f64)]) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (first, others) = points.split_first()?;
    path.move_to(px(first.0), px(first.1));
    for (x, y) in others {
        path.line_to(px(*x), px(*y));
    }
    path.finish()
}

fn letters(strokes: &[glyphs::Stroke]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for stroke in strokes {
        match *stroke {
            glyphs::Stroke::Move((x, y)) => path.move_to(px(x), px(y)),
            glyphs::Stroke::Line((x, y)) => path.line_to(px(x), px(y)),
            glyphs::Stroke::Curve((x1, y1), (x, y)) => path.quad_to(px(x1), px(y1), px(x), px(y)),
            glyphs::Stroke::Close => path.close(),
        }
    }
    path.finish()
}

fn paint(Color(red, green, blue): Color) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, 255);
    paint.anti_alias = true;
    paint
}

#[expect(clippy::cast_possible_truncation, reason = "places on a page need no more than a float")]
fn px(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::picture::scene::INK;

    fn dark(png: &[u8]) -> usize {
        let canvas = Pixmap::decode_png(png).expect("a PNG");
        canvas.pixels().iter().filter(|pixel| pixel.red() < 128).count()
    }

    #[test]
    fn shapes_leave_as_much_ink_as_they_should() {
        let mut scene = Scene::new(60, 40);
        assert_eq!(dark(&png(&scene)), 0);
        scene.rect((10.0, 10.0), (20.0, 15.0), INK);
        assert_eq!(dark(&png(&scene)), 50);
        scene.line(vec![(0.0, 30.0), (60.0, 30.0)], 2.0, INK, Dash::Solid);
        assert_eq!(dark(&png(&scene)), 50 + 120);
        scene.text((55.0, 20.0), 20.0, Anchor::End, INK, "ml");
        assert!(dark(&png(&scene)) > 50 + 120 + 60);
    }
}
