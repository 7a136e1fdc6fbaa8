//! A series as it is asked for.

use shared::market::bar::Mode;
use shared::series::parameters::Parameters;

/// A series as it is asked for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Which kind.
    pub mode: Mode,
    /// How.
    pub parameters: Parameters,
}
