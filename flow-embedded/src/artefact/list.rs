//! Lists of a header, decoded as they are read.

use super::decode::{Decode, Reader};
use core::fmt;
use core::marker::PhantomData;
use serde::{Serialize, Serializer};

/// A list of a [`Header`](super::Header): the bytes that an artefact has of it, or items that are to
/// be written.
///
/// It is as large as a slice and a count, whatever is in it: each item is decoded when it is asked
/// for. A validated artefact has decoded all of them once, so that none can fail; a list whose bytes
/// fail all the same ends there.
pub struct List<'a, T> {
    items: Items<'a, T>,
}

/// What a [`List`] holds.
pub trait Item<'a>: Clone + Decode<'a> {}

impl<'a, T: Clone + Decode<'a>> Item<'a> for T {}

enum Items<'a, T> {
    /// As an artefact has them, one after the other.
    Stored { bytes: &'a [u8], count: usize },
    /// As the caller has them.
    Given(&'a [T]),
}

impl<T> Clone for Items<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Items<'_, T> {}

impl<T> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<'_, T> {}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl<'a, T> From<&'a [T]> for List<'a, T> {
    fn from(items: &'a [T]) -> Self {
        Self::new(items)
    }
}

impl<'a, T> List<'a, T> {
    /// Items that are to be written.
    pub const fn new(items: &'a [T]) -> Self {
        Self {
            items: Items::Given(items),
        }
    }

    /// The number of items.
    pub const fn len(&self) -> usize {
        match self.items {
            Items::Stored { count, .. } => count,
            Items::Given(items) => items.len(),
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What stands for each item in the same bytes: the item itself, or a part that is quicker to
    /// decode.
    pub(super) fn parts<P>(&self) -> Iter<'a, T, P> {
        Iter {
            rest: *self,
            part: PhantomData,
        }
    }
}

impl<'a, T: Item<'a>> List<'a, T> {
    /// The items in order.
    pub fn iter(&self) -> Iter<'a, T> {
        self.parts()
    }

    /// The item at a place, from 0; none past the end. It takes as many steps as there are items
    /// before it.
    pub fn get(&self, index: usize) -> Option<T> {
        self.iter().nth(index)
    }

    /// The first item.
    pub fn first(&self) -> Option<T> {
        self.iter().next()
    }

    /// The list without its first items; empty if there are no more.
    #[must_use]
    pub fn skip(&self, count: usize) -> Self {
        let mut own = self.iter();
        own.by_ref().take(count).for_each(drop);
        own.rest
    }

    /// Copies the items to memory of the caller, for what takes them as a slice: the features of a
    /// [`Window`](crate::window::Window). None if there are more than that has room for.
    pub fn copy_to<'r>(&self, room: &'r mut [T]) -> Option<&'r mut [T]> {
        let room = room.get_mut(..self.len())?;
        for (slot, item) in room.iter_mut().zip(self.iter()) {
            *slot = item;
        }
        Some(room)
    }

    /// Takes a list from the front of what an artefact has, of so many items at most, and decodes
    /// each of them.
    pub(super) fn take(bytes: &'a [u8], most: usize) -> Option<(Self, &'a [u8])> {
        let mut reader = Reader(bytes);
        let count = usize::try_from(reader.number()?).ok()?;
        let behind = reader.0;
        for _ in 0..Some(count).filter(|count| *count <= most)? {
            T::decode(&mut reader)?;
        }
        let bytes = behind.get(..behind.len() - reader.0.len())?;
        let items = Items::Stored { bytes, count };
        Some((Self { items }, reader.0))
    }

    /// The items that stand in bytes, each with what is left of the bytes behind it: what
    /// [`at`](Self::at) takes.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, T)> {
        let mut own = self.iter();
        core::iter::from_fn(move || {
            let place = own.rest.bytes_left();
            Some((place, own.next()?))
        })
    }

    /// The item before whose end so many bytes are left, as [`places`](Self::places) says.
    pub(super) fn at(&self, place: usize) -> Option<T> {
        let Items::Stored { bytes, .. } = self.items else {
            return None;
        };
        T::decode(&mut Reader(bytes.get(bytes.len().checked_sub(place)?..)?))
    }

    fn bytes_left(&self) -> usize {
        match self.items {
            Items::Stored { bytes, .. } => bytes.len(),
            Items::Given(_) => 0,
        }
    }
}

impl<'a, T: Item<'a>> IntoIterator for List<'a, T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T: Item<'a>> IntoIterator for &List<'a, T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T: Item<'a> + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Item<'a> + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, T: Item<'a> + Serialize> Serialize for List<'a, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// Iterates over the items of a [`List`], or over parts of them.
pub struct Iter<'a, T, P = T> {
    rest: List<'a, T>,
    part: PhantomData<P>,
}

impl<T, P> Clone for Iter<'_, T, P> {
    fn clone(&self) -> Self {
        Self {
            rest: self.rest,
            part: PhantomData,
        }
    }
}

impl<T, P> fmt::Debug for Iter<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter")
            .field("left", &self.rest.len())
            .finish()
    }
}

impl<'a, T: Clone, P: Decode<'a> + From<T>> Iterator for Iter<'a, T, P> {
    type Item = P;

    fn next(&mut self) -> Option<P> {
        match &mut self.rest.items {
            Items::Stored { bytes, count } => {
                let left = count.checked_sub(1)?;
                let mut reader = Reader(bytes);
                let item = P::decode(&mut reader);
                *bytes = reader.0;
                *count = if item.is_some() { left } else { 0 };
                item
            }
            Items::Given(items) => {
                let (first, behind) = items.split_first()?;
                *items = behind;
                Some(first.clone().into())
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rest.len();
        (left, Some(left))
    }
}

impl<'a, T: Clone, P: Decode<'a> + From<T>> ExactSizeIterator for Iter<'a, T, P> {}

#[cfg(test)]
mod tests {
    use super::List;
    use crate::artefact::Vocabulary;

    fn vocabularies() -> [Vocabulary<'static>; 3] {
        [("a", 2), ("", 300), ("xyz", 4)].map(|(names, size)| Vocabulary {
            names,
            size,
            embedding: 9,
        })
    }

    #[test]
    fn what_is_stored_is_what_was_given() {
        let given = vocabularies();
        let mut bytes = [0xff; 24];
        let stored = postcard::to_slice(&List::new(&given), &mut bytes).expect("room");
        assert_eq!(stored, b"\x03\x01a\x02\x09\x00\xac\x02\x09\x03xyz\x04\x09");
        let length = stored.len();
        let (stored, rest) = List::<Vocabulary<'_>>::take(&bytes, 3).expect("a list");
        assert_eq!(rest.len(), bytes.len() - length);
        assert_eq!(stored, List::new(&given));
        assert_eq!(stored.iter().len(), 3);
        for place in 0..4 {
            assert_eq!(stored.get(place), given.get(place).copied());
            assert_eq!(stored.skip(place), List::new(&given[place.min(3)..]));
            assert_eq!(List::new(&given).skip(place), stored.skip(place));
        }
        let places = stored.places();
        assert!(places.eq([14, 10, 6].into_iter().zip(given)));
        assert_eq!(stored.at(6), Some(given[2]));
        assert_eq!(stored.at(15), None);
    }

    #[test]
    fn a_list_is_refused_that_is_too_long_or_does_not_decode() {
        let take = |bytes: &'static [u8]| List::<Vocabulary<'_>>::take(bytes, 2);
        assert!(take(b"\x01\x01a\x02\x09").is_some());
        for bytes in [
            &b""[..],
            b"\x01\x01a\x02",
            b"\x01\x09a\x02\x09",
            b"\x01\x01\xff\x02\x09",
            b"\x01\x00\xff\xff\x04\x09",
            b"\x81\x80\x80\x80\x80\x00",
            b"\x03\x00\x02\x09\x00\x02\x09\x00\x02\x09",
        ] {
            assert!(take(bytes).is_none(), "{bytes:x?}");
        }
    }
}
