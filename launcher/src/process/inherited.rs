//! Files that our caller has left open for us: a lock, an end of a pipe. Our children must not
//! inherit them, because they would hold them as long as the run lasts. Files that we open
//! ourselves are closed for children from the start.

use std::fs;

use nix::libc;

/// The first descriptor after standard input, output and error.
const FIRST_OTHER: u32 = 3;

/// From here on our children inherit only the standard streams of what we have inherited. Must run
/// first; files that are opened later are closed for children anyway.
pub fn keep_from_children() {
    if !close_on_exec(FIRST_OTHER, u32::MAX) {
        one_by_one();
    }
}

/// A kernel that can't do it in one call (before 5.11).
fn one_by_one() {
    let listed = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = listed.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for number in
        numbers.filter(|number| u32::try_from(*number).is_ok_and(|number| number >= FIRST_OTHER))
    {
        // SAFETY: a flag of a descriptor is set, whoever owns it: nothing is closed, no memory is
        // touched, and a number that names nothing any more is refused.
        #[expect(unsafe_code, reason = "no safe door takes a descriptor that is not ours")]
        unsafe {
            libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

/// Marks every descriptor from `first` to `last` to be closed on exec; `false` if the kernel can't.
fn close_on_exec(first: u32, last: u32) -> bool {
    // SAFETY: with this flag descriptors are marked and not closed: whoever owns one goes on using
    // it. Three numbers are passed, and no memory is touched.
    #[expect(
        unsafe_code,
        reason = "no safe door to this call; by number, for libraries older than the kernel"
    )]
    let done =
        unsafe { libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC) };
    done == 0
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsRawFd;

    use nix::fcntl::{F_GETFD, F_SETFD, FdFlag, fcntl};

    use super::*;

    #[test]
    fn either_way_an_inherited_file_is_kept_from_children_and_stays_open_for_us() {
        for keep in [keep_from_children as fn(), one_by_one] {
            let mut file = fs::File::open("/proc/self/stat").expect("opened");
            assert!(u32::try_from(file.as_raw_fd()).is_ok_and(|number| number >= FIRST_OTHER));
            fcntl(&file, F_SETFD(FdFlag::empty())).expect("as if inherited");
            keep();
            assert_eq!(fcntl(&file, F_GETFD).expect("open"), FdFlag::FD_CLOEXEC.bits());
            file.read_to_string(&mut String::new()).expect("it can still be read");
        }
    }
}
