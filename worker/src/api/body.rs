//! The body of a reply while it arrives: unpacked, within bounds of size and time. What it says is
//! the business of [`page`](super::page).
//!
//! A gzip body may have several members, as RFC 1952 allows; together they are one body, and one
//! bound holds for them. What comes behind the last of them is an error.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use shared::deadline::Deadline;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    Gzip,
}

impl Packing {
    /// By the values of `Content-Encoding`; an error where it is one that was not asked for.
    pub fn of<'a>(codings: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let named = |coding: &&str| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity");
        let codings: Vec<&str> =
            codings.flat_map(|text| text.split(',')).map(str::trim).filter(named).collect();
        match codings.as_slice() {
            [] => Ok(Self::Plain),
            [one] if ["gzip", "x-gzip"].iter().any(|name| one.eq_ignore_ascii_case(name)) => {
                Ok(Self::Gzip)
            }
            others => Err(format!(
                "it is compressed as {:?}; requested was gzip or nothing",
                others.join(", ")
            )),
        }
    }
}

/// How much of a body is taken.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Most bytes, as they come and unpacked.
    pub bytes: u64,
    /// A trickle that never ends is a fault too.
    pub deadline: Deadline,
}

/// A body that may be read within bounds.
pub struct Body<B: Read>(Bounded<Unpacked<Bounded<B>>>);

impl<B: Read> Body<B> {
    /// Of `reply`, which is packed so.
    pub fn new(reply: B, packing: Packing, bounds: Bounds) -> Self {
        // Members that hold nothing are read in one go: what they are packed in must have an end
        // too.
        let reply = Bounded { reader: reply, bytes: 0, bounds };
        let reader = match packing {
            Packing::Plain => Unpacked::Plain(reply),
            Packing::Gzip => Unpacked::Gzip(Box::new(MultiGzDecoder::new(reply))),
        };
        Self(Bounded { reader, bytes: 0, bounds })
    }

    /// Unpacked bytes so far.
    pub fn unpacked(&self) -> u64 {
        self.0.bytes
    }
}

impl<B: Read> Read for Body<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

enum Unpacked<B> {
    Plain(B),
    Gzip(Box<MultiGzDecoder<B>>),
}

impl<B: Read> Read for Unpacked<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(body) => body.read(buffer),
            Self::Gzip(body) => body.read(buffer),
        }
    }
}

struct Bounded<B> {
    reader: B,
    bytes: u64,
    bounds: Bounds,
}

impl<B: Read> Read for Bounded<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.bytes += length as u64;
        let Bounds { bytes, deadline } = self.bounds;
        if self.bytes > bytes {
            return Err(io::Error::other(format!("a reply of more than {bytes} bytes")));
        }
        if deadline.left().is_zero() {
            return Err(io::Error::other("the reply took too long"));
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: u64 = 10_000;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("a Vec takes everything");
        encoder.finish().expect("a Vec takes everything")
    }

    fn unpacked(body: impl Read) -> Result<Vec<u8>, String> {
        let bounds = Bounds { bytes: BOUNDS, deadline: Deadline::after(Duration::from_mins(1)) };
        let mut body = Body::new(body, Packing::Gzip, bounds);
        let mut all = Vec::new();
        body.read_to_end(&mut all).map_err(|error| error.to_string())?;
        assert_eq!(body.unpacked(), all.len() as u64);
        Ok(all)
    }

    #[test]
    fn the_members_of_a_body_are_one_body() {
        let members = [packed(b"{\"status\":"), packed(b""), packed(b"\"OK\"}")].concat();
        assert_eq!(unpacked(members.as_slice()).as_deref(), Ok(b"{\"status\":\"OK\"}".as_slice()));
    }

    #[test]
    fn what_comes_behind_a_member_and_is_none_is_refused_and_so_is_a_member_that_ends_too_early() {
        let two = [packed(b"one"), packed(b"two")].concat();
        for garbage in [b"x".as_slice(), b"\0\0\0\0", b"\x1f", b"<html></html>", &two[..9]] {
            let body = [two.as_slice(), garbage].concat();
            assert!(unpacked(body.as_slice()).is_err(), "{garbage:?}");
        }
        assert!(unpacked(&two[..two.len() - 1]).is_err());
    }

    #[test]
    fn one_bound_holds_for_all_members_together() {
        let half = packed(&[b' '; 5_000]);
        assert!(unpacked([half.clone(), half.clone()].concat().as_slice()).is_ok());
        let over = [half.clone(), half, packed(b" ")].concat();
        assert_eq!(unpacked(over.as_slice()), Err("a reply of more than 10000 bytes".to_owned()));
    }

    #[test]
    fn members_that_hold_nothing_have_an_end() {
        struct Endless(Vec<u8>, usize);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                for byte in buffer.iter_mut() {
                    *byte = self.0[self.1 % self.0.len()];
                    self.1 += 1;
                }
                Ok(buffer.len())
            }
        }
        let error = unpacked(Endless(packed(b""), 0)).expect_err("no end");
        assert_eq!(error, "a reply of more than 10000 bytes");
        let bounds = Bounds { bytes: u64::MAX, deadline: Deadline::after(Duration::ZERO) };
        let late = Body::new(Endless(packed(b""), 0), Packing::Gzip, bounds).read(&mut [0]);
        assert_eq!(late.expect_err("late").to_string(), "the reply took too long");
    }

    #[test]
    fn a_packing_that_was_not_asked_for_is_said() {
        let of = |values: &[&str]| Packing::of(values.iter().copied());
        assert_eq!(
            (of(&[]), of(&["identity"]), of(&[""])),
            (Ok(Packing::Plain), Ok(Packing::Plain), Ok(Packing::Plain))
        );
        assert_eq!(
            (of(&["GZIP"]), of(&["x-gzip, identity"])),
            (Ok(Packing::Gzip), Ok(Packing::Gzip))
        );
        for others in [&["br"][..], &["gzip, gzip"], &["gzip", "br"]] {
            assert!(of(others).is_err(), "{others:?}");
        }
        assert_eq!(
            of(&["br"]),
            Err("it is compressed as \"br\"; requested was gzip or nothing".to_owned())
        );
    }

    proptest! {
        #[test]
        fn a_body_is_the_same_in_however_many_members(text in "[ -~]{0,400}", cuts in proptest::collection::vec(0..400_usize, 0..5)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let ends = cuts.iter().copied().chain([text.len()]);
            let begins = [0].into_iter().chain(cuts.iter().copied());
            let members: Vec<u8> =
                begins.zip(ends).flat_map(|(from, to)| packed(&text.as_bytes()[from..to])).collect();
            prop_assert_eq!(unpacked(members.as_slice()), Ok(text.into_bytes()));
        }
    }
}
