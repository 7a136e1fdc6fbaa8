//! What others read of this process in `/proc/PID/environ`, written anew. An exec does that by itself; a fork
//! goes on with the environment of its parent, and by their environment the processes of an attempt are found.

use std::ffi::CString;
use std::slice;

use nix::libc;

/// Replaces the variable `name`, as the kernel shows it, by others. `false` when there is no such variable, or
/// no room in it: the name and its value together have to be longer than what replaces them.
pub fn replace(name: &str, variables: &[(&str, String)]) -> bool {
    let mut text = Vec::new();
    for (name, value) in variables {
        text.extend_from_slice(format!("{name}={value}").as_bytes());
        text.push(0);
    }
    let Ok(c_name) = CString::new(name) else { return false };
    let before_value = name.len() + 1;
    // SAFETY: `getenv` reads the environment, which nobody changes meanwhile: only nurseries and their shims come
    // here, processes without threads. What it returns points behind `NAME=` into the string that the kernel has put
    // there, or into a copy of it: writable memory from the name to the NUL at the end, and for as long as we live.
    // Exactly that is written to, and the NUL stays.
    #[expect(unsafe_code, reason = "the environment that the kernel shows is memory that nobody owns")]
    let place = unsafe {
        let value = libc::getenv(c_name.as_ptr());
        if value.is_null() {
            return false;
        }
        slice::from_raw_parts_mut(value.sub(before_value).cast::<u8>(), before_value + libc::strlen(value))
    };
    if text.len() > place.len() {
        return false;
    }
    let (written, rest) = place.split_at_mut(text.len());
    written.copy_from_slice(&text);
    rest.fill(0);
    true
}
