//! What is on a page: plain shapes at pixels from the upper left corner, drawn in order.

/// A colour, opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

/// Words, and what matters.
pub const INK: Color = Color(0x22, 0x26, 0x2b);
/// Words beside what matters.
pub const FAINT_INK: Color = Color(0x6a, 0x72, 0x7c);
/// Lines that the eye follows only when it wants to.
pub const GRID: Color = Color(0xe6, 0xe8, 0xeb);
/// Where a panel ends.
pub const FRAME: Color = Color(0xb4, 0xba, 0xc2);
/// Closed higher, and counts of all kinds: told from the other even by those who see no red.
pub const BLUE: Color = Color(0x1f, 0x77, 0xb4);
/// The same, quieter.
pub const PALE_BLUE: Color = Color(0xa9, 0xcb, 0xe3);
/// Closed lower, and what counts are held against.
pub const ORANGE: Color = Color(0xd9, 0x5f, 0x02);

/// Which point of a text is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// One shape.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Filled.
    Rect {
        /// Left.
        x: f64,
        /// Top.
        y: f64,
        /// To the right.
        width: f64,
        /// Down.
        height: f64,
        /// Inside.
        fill: Color,
    },
    /// Through these points.
    Line {
        /// At least two.
        points: Vec<(f64, f64)>,
        /// Pixels.
        width: f64,
        /// Of the line.
        color: Color,
        /// Broken into dashes?
        dash: Dash,
    },
    /// On one line.
    Text {
        /// See [`Anchor`].
        x: f64,
        /// The line it stands on.
        y: f64,
        /// Pixels from line to line.
        size: f64,
        /// Which point `x` is.
        anchor: Anchor,
        /// Of the letters.
        color: Color,
        /// The words.
        text: String,
    },
}

/// How a line runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dash {
    /// Without a gap.
    Solid,
    /// In dashes.
    Dashed,
}

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// What is on it, in the order in which it is drawn.
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// A blank page.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, shapes: Vec::new() }
    }

    /// A filled rectangle between two corners.
    pub fn rect(&mut self, (left, top): (f64, f64), (right, bottom): (f64, f64), fill: Color) {
        self.shapes.push(Shape::Rect { x: left, y: top, width: right - left, height: bottom - top, fill });
    }

    /// A line through these points; fewer than two are none.
    pub fn line(&mut self, points: Vec<(f64, f64)>, width: f64, color: Color, dash: Dash) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points, width, color, dash });
        }
    }

    /// Words.
    pub fn text(
        &mut self,
        (x, y): (f64, f64),
        size: f64,
        anchor: Anchor,
        color: Color,
        text: impl Into<String>,
    ) {
        self.shapes.push(Shape::Text { x, y, size, anchor, color, text: text.into() });
    }
}
