//! Arrays and numbers of a fixed number of bytes. Serde knows arrays of a few
//! lengths only; and the numbers of variable length that postcard writes index
//! in a way that is not free of panics at every opt-level.

use core::fmt;
use core::marker::PhantomData;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

/// An array that is written as a tuple: its items, and no length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Array<T, const N: usize>(pub(super) [T; N]);

impl<T: Copy + Default, const N: usize> Default for Array<T, N> {
    fn default() -> Self {
        Self([T::default(); N])
    }
}

impl<T: Serialize, const N: usize> Serialize for Array<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(N)?;
        for item in &self.0 {
            tuple.serialize_element(item)?;
        }
        tuple.end()
    }
}

impl<'de, T, const N: usize> Deserialize<'de> for Array<T, N>
where
    T: Copy + Default + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, const N: usize>(PhantomData<T>);

        impl<'de, T, const N: usize> Visitor<'de> for Items<T, N>
        where
            T: Copy + Default + Deserialize<'de>,
        {
            type Value = Array<T, N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{N} items")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Array<T, N>, S::Error> {
                let mut array = Array::default();
                for (index, item) in array.0.iter_mut().enumerate() {
                    let next = seq.next_element()?;
                    *item = next.ok_or_else(|| Error::invalid_length(index, &self))?;
                }
                Ok(array)
            }
        }

        deserializer.deserialize_tuple(N, Items(PhantomData))
    }
}

/// A count, written as two bytes, little-endian.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Count(pub(super) u16);

impl Count {
    pub(super) fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_le_bytes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; 2]>::deserialize(deserializer).map(|bytes| Self(u16::from_le_bytes(bytes)))
    }
}
