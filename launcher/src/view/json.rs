//! `status --json`: one object, one line. Every key is documented in `docs/status.md`; a test
//! compares the two. Keys are only ever added.

use super::snapshot::Snapshot;

/// The snapshot as JSON, with a newline.
pub fn render(snapshot: &Snapshot) -> String {
    serde_json::to_string(snapshot).expect("a snapshot is plain data") + "\n"
}
