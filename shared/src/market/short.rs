//! Short texts and short lists of small numbers that need no memory of their own: a page holds
//! 50,000 of each, and a block of the allocator for each would be half of what the page takes.

use std::fmt;
use std::ops::Deref;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// As many bytes of a text fit in.
const TEXT_BYTES: usize = 22;
/// As many numbers fit in.
const LIST_LENGTH: usize = 6;

/// What the allocator has of its own in a block, and leaves free behind it.
const BLOCK: usize = 16;

/// A text, such as the id of a trade; up to 22 bytes cost nothing beside it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ShortText(TextRepr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum TextRepr {
    /// What lies behind the length is zero: equal texts are equal byte by byte.
    Within(u8, [u8; TEXT_BYTES]),
    /// Only where it does not fit in.
    Beyond(Box<str>),
}

impl ShortText {
    /// Bytes that it takes beside itself.
    pub fn beside(&self) -> usize {
        match &self.0 {
            TextRepr::Within(..) => 0,
            TextRepr::Beyond(text) => BLOCK + text.len(),
        }
    }
}

impl From<&str> for ShortText {
    fn from(text: &str) -> Self {
        let mut bytes = [0; TEXT_BYTES];
        match (u8::try_from(text.len()), bytes.get_mut(..text.len())) {
            (Ok(length), Some(within)) => {
                within.copy_from_slice(text.as_bytes());
                Self(TextRepr::Within(length, bytes))
            }
            _ => Self(TextRepr::Beyond(text.into())),
        }
    }
}

impl Default for ShortText {
    fn default() -> Self {
        Self::from("")
    }
}

impl Deref for ShortText {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            TextRepr::Within(length, bytes) => {
                std::str::from_utf8(&bytes[..usize::from(*length)]).expect("it was made of a text")
            }
            TextRepr::Beyond(text) => text,
        }
    }
}

impl fmt::Debug for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<'de> Deserialize<'de> for ShortText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl Visitor<'_> for Reading {
            type Value = ShortText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<ShortText, E> {
                Ok(text.into())
            }
        }
        deserializer.deserialize_str(Reading)
    }
}

/// Numbers, such as the conditions of a trade; up to six of 16 bits cost nothing beside it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ShortList(ListRepr);

#[derive(Clone, PartialEq, Eq, Hash)]
#[expect(clippy::box_collection, reason = "one word is all that there is room for")]
enum ListRepr {
    /// What lies behind the length is zero.
    Within(u8, [i16; LIST_LENGTH]),
    /// Only where it does not fit in.
    Beyond(Box<Vec<i32>>),
}

impl ShortList {
    /// The numbers.
    pub fn iter(&self) -> impl Iterator<Item = i32> {
        let (within, beyond) = match &self.0 {
            ListRepr::Within(length, numbers) => (&numbers[..usize::from(*length)], [].as_slice()),
            ListRepr::Beyond(numbers) => ([].as_slice(), numbers.as_slice()),
        };
        within.iter().map(|number| i32::from(*number)).chain(beyond.iter().copied())
    }

    /// How many.
    pub fn len(&self) -> usize {
        match &self.0 {
            ListRepr::Within(length, _) => usize::from(*length),
            ListRepr::Beyond(numbers) => numbers.len(),
        }
    }

    /// None?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that it takes beside itself.
    pub fn beside(&self) -> usize {
        match &self.0 {
            ListRepr::Within(..) => 0,
            ListRepr::Beyond(numbers) => {
                2 * BLOCK + size_of::<Vec<i32>>() + size_of_val(numbers.as_slice())
            }
        }
    }

    fn push(&mut self, number: i32) {
        match &mut self.0 {
            ListRepr::Within(length, numbers) => {
                if let (Ok(small), Some(free)) =
                    (i16::try_from(number), numbers.get_mut(usize::from(*length)))
                {
                    *free = small;
                    *length += 1;
                } else {
                    let numbers = self.iter().chain([number]).collect();
                    self.0 = ListRepr::Beyond(Box::new(numbers));
                }
            }
            ListRepr::Beyond(numbers) => numbers.push(number),
        }
    }
}

impl FromIterator<i32> for ShortList {
    fn from_iter<I: IntoIterator<Item = i32>>(numbers: I) -> Self {
        let mut list = Self(ListRepr::Within(0, [0; LIST_LENGTH]));
        numbers.into_iter().for_each(|number| list.push(number));
        list
    }
}

impl fmt::Debug for ShortList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'de> Deserialize<'de> for ShortList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = ShortList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<ShortList, A::Error> {
                let mut list = ShortList::from_iter([]);
                while let Some(number) = numbers.next_element()? {
                    list.push(number);
                }
                if let ListRepr::Beyond(numbers) = &mut list.0 {
                    numbers.shrink_to_fit();
                }
                Ok(list)
            }
        }
        deserializer.deserialize_seq(Reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_short_takes_three_words_or_two_and_nothing_beside() {
        assert_eq!((size_of::<ShortText>(), size_of::<Option<ShortText>>()), (24, 24));
        assert_eq!((size_of::<ShortList>(), size_of::<Option<ShortList>>()), (16, 16));
        let (most, more) = ("x".repeat(22), "x".repeat(23));
        assert_eq!([&*most, &*more].map(|text| ShortText::from(text).beside()), [0, BLOCK + 23]);
        let list = |numbers: &[i32]| numbers.iter().copied().collect::<ShortList>().beside();
        assert_eq!(
            (list(&[1, 2, 3, 4, 5, -6]), list(&[40_000]) > 0, list(&[1; 7]) > 0),
            (0, true, true)
        );
    }

    proptest! {
        #[test]
        fn they_are_what_they_were_made_of(text in ".{0,30}", other in ".{0,30}", numbers in proptest::collection::vec(prop_oneof![any::<i32>(), 0..100_i32], 0..12)) {
            let (short, of_other) = (ShortText::from(&*text), ShortText::from(&*other));
            prop_assert_eq!(&*short, &*text);
            prop_assert_eq!(short == of_other, text == other);
            let spelled = serde_json::to_string(&text).expect("a text");
            prop_assert_eq!(serde_json::from_str::<ShortText>(&spelled).expect("read"), short);
            let list: ShortList = numbers.iter().copied().collect();
            prop_assert_eq!(list.iter().collect::<Vec<_>>(), numbers.clone());
            prop_assert_eq!(list.len(), numbers.len());
            let spelled = serde_json::to_string(&numbers).expect("a list");
            prop_assert_eq!(serde_json::from_str::<ShortList>(&spelled).expect("read"), list);
        }
    }
}
