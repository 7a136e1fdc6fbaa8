//! `calendar`: the sessions of some days, and days that make no range.

use crate::scene::{Scene, run};

#[test]
fn sessions_are_printed_as_text_as_csv_and_as_json() {
    let scene = Scene::of(&[]);
    let calendar = |more: &[&str]| {
        let mut command = scene.bare("calendar");
        run(command.args(["--from", "2024-07-03", "--to", "2024-07-04"]).args(more))
            .expect_code(0)
            .stdout
    };
    let text = calendar(&[]);
    assert!(text.contains("2024-07-03 Wed  half     09:30-13:00  13:30-17:00\n"), "{text}");
    assert_eq!(calendar(&["--format", "text"]), text);
    assert_eq!(calendar(&["--format", "csv"]).lines().count(), 2, "a header and a session");
    let json: serde_json::Value =
        serde_json::from_str(&calendar(&["--format", "json"])).expect("JSON");
    assert_eq!(json["sessions"][0]["close_utc"], "2024-07-03T17:00:00Z");
    assert_eq!(json["sessions"][1], serde_json::Value::Null, "the fourth of July has none");
}

#[test]
fn a_last_day_before_the_first_one_is_refused_with_both() {
    let scene = Scene::of(&[]);
    let mut command = scene.bare("calendar");
    let said = run(command.args(["--from", "2024-07-04", "--to", "2024-07-03"])).expect_code(2);
    assert_eq!(
        said.stderr,
        "error: --to 2024-07-03 is before --from 2024-07-04; swap them or correct one\n"
    );
}
