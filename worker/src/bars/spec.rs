//! The specification of a series.

use shared::market::bar::Mode;
use shared::series::parameters::Parameters;

/// A series as the user asks for it.
#[derive(Debug, Clone)]
pub struct SeriesSpec {
    /// Which kind.
    pub mode: Mode,
    pub parameters: Parameters,
}
