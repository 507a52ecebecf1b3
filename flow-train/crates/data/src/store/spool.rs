//! Rows on disk, dealt into buckets.
//!
//! All buckets share one file: a bucket is a list of blocks, in the order in which they filled up. So
//! there may be any number of buckets, and nothing to tidy up: the file has no name, and the system
//! frees it when it is closed, however the process ends.

use std::io::{self, Read, Seek, SeekFrom, Write};

/// Rows of little-endian `f32`, in buckets.
#[derive(Debug)]
pub(super) struct Spool<F> {
    file: F,
    width: usize,
    block_bytes: usize,
    buckets: Vec<Bucket>,
    /// Bytes written.
    end: u64,
    /// A block as it is read.
    block: Vec<u8>,
}

#[derive(Debug, Default)]
struct Bucket {
    rows: usize,
    /// Where its full blocks begin, and the last one, which may be shorter.
    blocks: Vec<u64>,
    /// Rows that are not written yet.
    pending: Vec<u8>,
}

impl<F: Read + Write + Seek> Spool<F> {
    /// Empty buckets, in an empty file. Rows of `width` values are written `block_rows` at a time.
    pub(super) fn new(file: F, width: usize, buckets: usize, block_rows: usize) -> Self {
        Self {
            file,
            width,
            block_bytes: block_rows * width * size_of::<f32>(),
            buckets: (0..buckets).map(|_| Bucket::default()).collect(),
            end: 0,
            block: Vec::new(),
        }
    }

    /// Number of buckets.
    pub(super) fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// Rows of a bucket.
    pub(super) fn rows(&self, bucket: usize) -> usize {
        self.buckets[bucket].rows
    }

    /// Adds a row, given in parts.
    pub(super) fn push(&mut self, bucket: usize, parts: &[&[f32]]) -> io::Result<()> {
        let own = &mut self.buckets[bucket];
        if own.pending.capacity() == 0 {
            own.pending.reserve_exact(self.block_bytes);
        }
        for value in parts.iter().copied().flatten() {
            own.pending.extend_from_slice(&value.to_le_bytes());
        }
        own.rows += 1;
        if own.pending.len() >= self.block_bytes {
            self.write(bucket)?;
        }
        Ok(())
    }

    /// Writes what is not written yet, and gives its memory back.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        for bucket in 0..self.buckets.len() {
            if !self.buckets[bucket].pending.is_empty() {
                self.write(bucket)?;
            }
            self.buckets[bucket].pending = Vec::new();
        }
        self.file.flush()
    }

    fn write(&mut self, bucket: usize) -> io::Result<()> {
        let own = &mut self.buckets[bucket];
        self.file.write_all(&own.pending)?;
        own.blocks.push(self.end);
        self.end += own.pending.len() as u64;
        own.pending.clear();
        Ok(())
    }

    /// Visits the rows of a finished bucket, in the order in which they came, a block at a time.
    pub(super) fn read(
        &mut self,
        bucket: usize,
        mut visit: impl FnMut(&mut dyn Iterator<Item = f32>),
    ) -> io::Result<()> {
        let own = &self.buckets[bucket];
        let mut left = own.rows * self.width * size_of::<f32>();
        for start in &own.blocks {
            self.block.resize(left.min(self.block_bytes), 0);
            self.file.seek(SeekFrom::Start(*start))?;
            self.file.read_exact(&mut self.block)?;
            left -= self.block.len();
            let (values, _) = self.block.as_chunks();
            visit(&mut values.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn buckets_give_back_their_rows_in_order() {
        for block_rows in [1, 3, 100] {
            let mut spool = Spool::new(Cursor::new(vec![]), 2, 3, block_rows);
            for i in 0..20u8 {
                let row = [f32::from(i), -f32::from(i)];
                spool
                    .push(usize::from(i % 3), &[&row[..1], &row[1..]])
                    .expect("written");
            }
            spool.finish().expect("written");
            for bucket in [2, 0, 1] {
                let mut read = vec![];
                spool
                    .read(bucket, |values| read.extend(values))
                    .expect("read");
                let expected: Vec<f32> = (0..20u8)
                    .filter(|i| usize::from(i % 3) == bucket)
                    .flat_map(|i| [f32::from(i), -f32::from(i)])
                    .collect();
                assert_eq!(read, expected);
                assert_eq!(spool.rows(bucket), expected.len() / 2);
            }
        }
    }

    /// A file on a disk with little room.
    struct Small(Cursor<Vec<u8>>, usize);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.get_ref().len() + bytes.len() > self.1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }

    impl Read for Small {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.0.read(bytes)
        }
    }

    impl Seek for Small {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut spool = Spool::new(Small(Cursor::new(vec![]), 20), 1, 1, 4);
        let mut push = || spool.push(0, &[&[1.0]]);
        for _ in 0..7 {
            push().expect("room");
        }
        assert_eq!(push().expect_err("full").kind(), io::ErrorKind::StorageFull);
    }
}
