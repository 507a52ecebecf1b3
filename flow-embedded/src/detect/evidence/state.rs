//! The state over a reboot.

use super::table::EvidenceTable;
use super::{NONE, SequentialTest};
use crate::state::{self, Digest, Identified, Kind, OVERHEAD, Reader, StateError};

impl<const S: usize, const N: usize> SequentialTest<S, N> {
    /// Bytes of a [saved](Self::save) state: the frame's, and `S + 2 N`.
    pub const BYTES: usize = OVERHEAD + Self::CONTENT;

    const CONTENT: usize = S + 2 * N;

    /// Writes the state, for a reboot, to the first [`BYTES`](Self::BYTES) bytes of `buffer`, in the
    /// frame of [`state`](crate::state), and gives them. `model` is the flow that the table belongs
    /// to.
    ///
    /// # Errors
    /// `buffer` is too short.
    pub fn save<'b>(
        &self,
        model: &impl Identified,
        buffer: &'b mut [u8],
    ) -> Result<&'b [u8], StateError> {
        self.seal(Kind::Test, model.digest(), buffer)
    }

    /// Reads a state that a test of the same model, and so with the same table, [saved](Self::save).
    ///
    /// # Errors
    /// The bytes are no state of such a test and this model: see [`StateError`]. No input makes it
    /// panic.
    pub fn restore(
        model: &impl Identified,
        table: &EvidenceTable<'_>,
        bytes: &[u8],
    ) -> Result<Self, StateError> {
        Self::open(Kind::Test, model.digest(), table, bytes)
    }

    /// As [`save`](Self::save), for what holds a test. The content: the sums of the bets, for how
    /// many samples each has been above zero, then the bins of the sample before.
    pub(in crate::detect) fn seal<'b>(
        &self,
        kind: Kind,
        model: Digest,
        buffer: &'b mut [u8],
    ) -> Result<&'b [u8], StateError> {
        state::seal(
            kind,
            Self::of_size(model),
            Self::CONTENT,
            buffer,
            |writer| {
                writer.put(self.sums);
                writer.put(self.ages);
                writer.put(self.previous);
            },
        )
    }

    /// As [`restore`](Self::restore), for what holds a test.
    pub(in crate::detect) fn open(
        kind: Kind,
        model: Digest,
        table: &EvidenceTable<'_>,
        bytes: &[u8],
    ) -> Result<Self, StateError> {
        let mut reader = state::open(kind, Self::of_size(model), Self::CONTENT, bytes)?;
        let test = Self::read(&mut reader).filter(|own| own.is_possible(table));
        test.ok_or(StateError::Impossible)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            sums: reader.take()?,
            ages: reader.take()?,
            previous: reader.take()?,
        })
    }

    /// Whether a stream can have led here by this table.
    fn is_possible(&self, table: &EvidenceTable<'_>) -> bool {
        let thresholds = table.bets().iter().map(|bet| bet.threshold.max(1));
        // A place without a bet stays at zero.
        let mut below = self
            .sums
            .iter()
            .zip(thresholds.chain(core::iter::repeat(1)));
        let mut aged = self.sums.iter().zip(&self.ages);
        let mut bins = self.previous.iter();
        below.all(|(sum, threshold)| *sum < threshold)
            && aged.all(|(sum, age)| (*sum > 0) == (*age > 0))
            && bins.all(|bin| *bin == NONE || usize::from(*bin) <= table.edges())
    }

    /// Tests of different sizes can have states of the same length.
    const fn of_size(model: Digest) -> Digest {
        model.and(S as u32).and(N as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bet, Pattern};
    use super::*;
    use crate::state::Digest;
    use proptest::prelude::*;

    const BETS: [Bet; 2] = [
        Bet {
            statistic: 1,
            pattern: Pattern::Level,
            row: 0,
            threshold: 30,
        },
        Bet {
            statistic: 0,
            pattern: Pattern::Repeat,
            row: 1,
            threshold: 9,
        },
    ];
    const TABLE: EvidenceTable<'static> = EvidenceTable::new(
        2,
        &[-1.0, 1.0, -2.0, 2.0],
        &[9, -2, 9, 0, 4, 2, 4, -1],
        &BETS,
    );

    type Test = SequentialTest<2, 2>;

    const MODEL: Digest = Digest::new(7);

    proptest! {
        #[test]
        fn a_test_goes_on_after_a_reboot(
            samples in prop::collection::vec([-3f32..3.0, -3f32..3.0], 1..60),
            reboot in 0usize..60,
        ) {
            let (mut straight, mut rebooted) = (Test::new(), Test::new());
            for (time, sample) in samples.iter().enumerate() {
                if time == reboot {
                    let mut buffer = [0; Test::BYTES];
                    let written = rebooted.save(&MODEL, &mut buffer).expect("long enough");
                    rebooted = Test::restore(&MODEL, &TABLE, written).expect("its own state");
                }
                prop_assert_eq!(
                    straight.observe(&TABLE, sample),
                    rebooted.observe(&TABLE, sample)
                );
            }
            prop_assert_eq!(straight, rebooted);
        }
    }

    /// A frame around any content, as only a fault in a program would make it.
    fn restore(content: [u8; 6]) -> Result<Test, StateError> {
        let mut buffer = [0; Test::BYTES];
        let written = state::seal(Kind::Test, Test::of_size(MODEL), 6, &mut buffer, |writer| {
            writer.put(content);
        });
        Test::restore(&MODEL, &TABLE, written.expect("long enough"))
    }

    #[test]
    fn what_no_test_could_have_is_impossible() {
        for possible in [[29, 8, 1, 255, 255, 2], [0, 8, 0, 1, 255, 2]] {
            assert!(restore(possible).is_ok());
        }
        for impossible in [
            [30, 8, 1, 1, 255, 2],
            [29, 9, 1, 1, 255, 2],
            [29, 8, 1, 1, 255, 3],
            // A sum without an age, and an age without a sum.
            [29, 8, 1, 0, 255, 2],
            [29, 0, 1, 1, 255, 2],
        ] {
            assert_eq!(restore(impossible), Err(StateError::Impossible));
        }
    }
}
