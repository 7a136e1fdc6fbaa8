//! Bytes in hexadecimal.

/// `bytes` in lower case, two digits each, as `sha256sum` prints a digest.
///
/// ```
/// assert_eq!(shared::hex::lower([0, 171]), "00ab");
/// ```
pub fn lower(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().map(|byte| format!("{byte:02x}")).collect()
}
