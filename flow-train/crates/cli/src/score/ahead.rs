//! Rows are read while those before them are scored.

use super::Piece;
use crate::Error;
use crate::input::Source;
use flow_data::{Columns, RowReader, Table};
use flow_evaluate::Scorer;
use std::sync::mpsc::{channel, sync_channel};

/// Hands on the rows of a table, piece by piece, in their order. A thread of its own reads ahead by
/// two pieces.
pub(crate) fn for_each_piece(
    scorer: &Scorer<'_, '_>,
    source: Source<'_>,
    (table, columns): (&Table, &Columns),
    mut each: impl FnMut(&Piece<'_, '_, '_>) -> Result<(), Error>,
) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let (full, pieces) = sync_channel(1);
        let (empty, spare) = channel();
        scope.spawn(move || {
            let in_table = Error::data(source.path());
            let mut reader = match RowReader::new(table, columns) {
                Ok(reader) => reader,
                // A receiver that is gone wants no more: it has failed itself.
                Err(fault) => return drop(full.send(Err(in_table(fault)))),
            };
            let mut recording = Vec::new();
            loop {
                let mut piece = spare.try_recv().unwrap_or_else(|_| Piece::new(scorer));
                let read = piece.read(&mut reader, &mut recording);
                let sent = match read {
                    Ok(true) => full.send(Ok(piece)),
                    Ok(false) => return,
                    Err(fault) if source.may_lack(&fault) => return,
                    Err(fault) => return drop(full.send(Err(in_table(fault)))),
                };
                if sent.is_err() {
                    return;
                }
            }
        });
        for piece in pieces {
            let piece = piece?;
            each(&piece)?;
            // The reader may have come to the end.
            let _ = empty.send(piece);
        }
        Ok(())
    })
}
