//! stub
/// stub
pub fn updates_last_and_volume(_: &[i32]) -> bool {
    true
}
/// stub
pub fn is_void(_: Option<i32>) -> bool {
    false
}
