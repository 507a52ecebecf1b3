use crate::Entry;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib;

/// The committed file.
static VECTORS: &[u8] = include_bytes!("../vectors.bin");
/// What a file begins with; the entries follow in the format of postcard, in a stream of zlib.
const MAGIC: &[u8] = b"FROZEN\x01\n";
/// The slowest.
const LEVEL: u8 = 10;

/// Why a file could not be read or extended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The file does not begin as such a file does.
    Magic,
    /// The file is damaged: its stream does not decompress, or its checksum differs.
    Compressed,
    /// The file's entries do not decode.
    Encoding(postcard::Error),
    /// The entry of this name has more or fewer bits than its recipe asks for.
    Counts(String),
    /// There are two entries of this name. An entry is never replaced.
    Twice(String),
    /// What was written does not begin with the entries that were there.
    Changed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => write!(f, "vectors.bin is no file of frozen vectors"),
            Self::Compressed => write!(f, "vectors.bin is damaged: it does not decompress"),
            Self::Encoding(fault) => write!(f, "vectors.bin does not decode: {fault}"),
            Self::Counts(name) => write!(f, "{name}: not as many bits as the recipe asks for"),
            Self::Twice(name) => write!(f, "{name}: frozen already; entries are never replaced"),
            Self::Changed => write!(f, "an entry would change; entries are never replaced"),
        }
    }
}

impl core::error::Error for Error {}

/// The entries of the committed file, the oldest first.
///
/// # Errors
/// The file is damaged.
pub fn entries() -> Result<Vec<Entry>, Error> {
    read(VECTORS)
}

/// The entries of a file, the oldest first.
///
/// # Errors
/// It is damaged.
pub fn read(file: &[u8]) -> Result<Vec<Entry>, Error> {
    let stream = file.strip_prefix(MAGIC).ok_or(Error::Magic)?;
    let bytes = decompress_to_vec_zlib(stream).map_err(|_| Error::Compressed)?;
    let entries: Vec<Entry> = postcard::from_bytes(&bytes).map_err(Error::Encoding)?;
    for (place, entry) in entries.iter().enumerate() {
        entry.check()?;
        if entries[..place]
            .iter()
            .any(|other| other.name() == entry.name())
        {
            return Err(Error::Twice(entry.name().into()));
        }
    }
    Ok(entries)
}

/// A file of entries and of more behind them.
///
/// # Errors
/// A name comes twice. What is there stays.
pub fn append(entries: &[Entry], more: &[Entry]) -> Result<Vec<u8>, Error> {
    let all = [entries, more].concat();
    let bytes = postcard::to_allocvec(&all).map_err(Error::Encoding)?;
    let file = [MAGIC, &compress_to_vec_zlib(&bytes, LEVEL)].concat();
    // A name that comes twice is found here.
    match read(&file)?.starts_with(entries) {
        true => Ok(file),
        false => Err(Error::Changed),
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, append, read};
    use crate::{Channel, Entry, Outputs, Recipe};
    use alloc::vec;

    fn entry(name: &str, log_prob: f32) -> Entry {
        let recipe = Recipe {
            name: name.into(),
            artefact: vec![1, 2, 3],
            integers: false,
            event: vec![Channel::Codes { count: 3 }],
            context: vec![],
            seed: 5,
            inputs: 2,
            with_latents: 1,
            samples: 1,
        };
        let outputs = Outputs {
            log_probs: vec![log_prob, -f32::NAN],
            latents: vec![0.5],
            samples: vec![2.0],
        };
        Entry::new(recipe, &outputs).expect("a sound entry")
    }

    #[test]
    fn entries_come_back_and_stay() {
        let first = append(&[], &[entry("a", 1.0)]).expect("a file");
        let first = read(&first).expect("entries");
        assert_eq!(first, [entry("a", 1.0)]);
        let both = append(&first, &[entry("b", 2.0)]).expect("a file");
        assert_eq!(read(&both), Ok(vec![entry("a", 1.0), entry("b", 2.0)]));
        let again = append(&first, &[entry("a", 2.0)]);
        assert_eq!(again, Err(Error::Twice("a".into())));
    }

    #[test]
    fn damage_is_found() {
        let file = append(&[], &[entry("a", 1.0)]).expect("a file");
        assert_eq!(read(&file[1..]), Err(Error::Magic));
        for place in 8..file.len() {
            let mut damaged = file.clone();
            damaged[place] ^= 1;
            assert!(read(&damaged).is_err(), "byte {place}");
        }
    }

    #[test]
    fn bits_that_the_recipe_does_not_ask_for_are_refused() {
        let recipe = entry("a", 1.0).recipe().clone();
        let mut outputs = Outputs {
            log_probs: vec![1.0],
            latents: vec![0.5],
            samples: vec![2.0],
        };
        let own = Entry::new(recipe.clone(), &outputs);
        assert_eq!(own, Err(Error::Counts("a".into())));
        outputs.log_probs.push(2.0);
        let integers = Recipe {
            integers: true,
            ..recipe
        };
        assert!(Entry::new(integers, &outputs).is_err());
    }
}
