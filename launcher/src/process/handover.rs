//! Hands open files to a process that we start, over a socket that is its standard input. No file
//! is inherited by number, so no other process that starts meanwhile gets it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::io::retry_on_intr;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Most files in one handover.
const FILES_MAX: usize = 4;

/// The end of the socket that becomes the standard input of the new process. The files travel on it
/// and stay open until the process has taken them, or is dead.
pub fn pack(files: &[BorrowedFd]) -> io::Result<OwnedFd> {
    assert!(files.len() <= FILES_MAX, "there is room for all of them");
    let (ours, theirs) = UnixStream::pair()?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
    let mut with = SendAncillaryBuffer::new(&mut space);
    with.push(SendAncillaryMessage::ScmRights(files));
    // Files can only travel with at least one byte.
    retry_on_intr(|| sendmsg(&ours, &[IoSlice::new(b"!")], &mut with, SendFlags::empty()))?;
    Ok(theirs.into())
}

/// The files that came over our standard input, in order; none if it is not such a socket.
pub fn unpack() -> Vec<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
    let mut with = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let mut room = [IoSliceMut::new(&mut byte)];
    if retry_on_intr(|| recvmsg(io::stdin(), &mut room, &mut with, flags)).is_err() {
        return Vec::new();
    }
    let files = with.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    files.flatten().collect()
}
