//! The state over a reboot.

use super::table::EvidenceTable;
use super::{NONE, SequentialTest};
use core::fmt;

impl<const S: usize, const N: usize> SequentialTest<S, N> {
    /// Writes the state, for a reboot, to the first [`BYTES`](Self::BYTES) bytes of `buffer`, and gives
    /// them: the sums of the bets, for how many samples each has been above zero, then the bins of the
    /// sample before.
    ///
    /// # Errors
    /// `buffer` is too short.
    pub fn write<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError> {
        let state = self.sums.iter().chain(&self.ages).chain(&self.previous);
        let Some(written) = buffer.get_mut(..Self::BYTES) else {
            return Err(StateError::TooShort);
        };
        for (byte, state) in written.iter_mut().zip(state) {
            *byte = *state;
        }
        Ok(written)
    }

    /// Reads a state that a test with the same table wrote. That it was the same table is not
    /// stored: after an update of the model, start anew.
    ///
    /// # Errors
    /// The bytes are too few or too many, or hold what no test with this table could.
    pub fn read(bytes: &[u8], table: &EvidenceTable<'_>) -> Result<Self, StateError> {
        let Some((sums, rest)) = bytes.split_at_checked(N) else {
            return Err(StateError::Damaged);
        };
        let Some((ages, previous)) = rest.split_at_checked(N) else {
            return Err(StateError::Damaged);
        };
        let (Ok(sums), Ok(ages), Ok(previous)) =
            (sums.try_into(), ages.try_into(), previous.try_into())
        else {
            return Err(StateError::Damaged);
        };
        let test = Self {
            sums,
            ages,
            previous,
        };
        let thresholds = table.bets().iter().map(|bet| bet.threshold.max(1));
        // A place without a bet stays at zero.
        let mut below = test
            .sums
            .iter()
            .zip(thresholds.chain(core::iter::repeat(1)));
        let mut aged = test.sums.iter().zip(&test.ages);
        let mut bins = test.previous.iter();
        let sound = below.all(|(sum, threshold)| *sum < threshold)
            && aged.all(|(sum, age)| (*sum > 0) == (*age > 0))
            && bins.all(|bin| *bin == NONE || usize::from(*bin) <= table.edges());
        if sound {
            Ok(test)
        } else {
            Err(StateError::Impossible)
        }
    }
}

/// Why a state was not written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StateError {
    /// The buffer is too short to write to.
    TooShort,
    /// The bytes are too few or too many.
    Damaged,
    /// A state that no detector with this model and these bounds could have.
    Impossible,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "the buffer is too short for the state",
            Self::Damaged => "the bytes are not as many as the state has; start anew",
            Self::Impossible => "the state is of another model or of other bounds; start anew",
        })
    }
}

impl core::error::Error for StateError {}

#[cfg(test)]
mod tests {
    use super::super::{Bet, Pattern};
    use super::*;
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
                    let written = rebooted.write(&mut buffer).expect("long enough");
                    rebooted = Test::read(written, &TABLE).expect("a state of this table");
                }
                prop_assert_eq!(
                    straight.observe(&TABLE, sample),
                    rebooted.observe(&TABLE, sample)
                );
            }
            prop_assert_eq!(straight, rebooted);
        }

        /// Whatever is read, the state is one that the test could have.
        #[test]
        fn damage_is_refused_or_harmless(bytes in prop::collection::vec(prop_oneof![0u8..3, 0u8..40], 0..8)) {
            if let Ok(test) = Test::read(&bytes, &TABLE) {
                prop_assert!(test.sums.iter().zip(&BETS).all(|(sum, bet)| *sum < bet.threshold));
                let mut buffer = [0; Test::BYTES];
                prop_assert_eq!(test.write(&mut buffer).expect("long enough"), &bytes);
            }
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let mut short = [0; Test::BYTES - 1];
        assert_eq!(Test::new().write(&mut short), Err(StateError::TooShort));
        let read = |bytes: &[u8]| Test::read(bytes, &TABLE);
        assert!(read(&[29, 8, 1, 255, 255, 2]).is_ok());
        assert!(read(&[0, 8, 0, 1, 255, 2]).is_ok());
        for damaged in [
            &[29, 8, 1, 1, 255][..],
            &[29, 8, 1],
            &[29],
            &[29, 8, 1, 1, 255, 2, 0],
        ] {
            assert_eq!(read(damaged), Err(StateError::Damaged));
        }
        for impossible in [
            [30, 8, 1, 1, 255, 2],
            [29, 9, 1, 1, 255, 2],
            [29, 8, 1, 1, 255, 3],
            // A sum without an age, and an age without a sum.
            [29, 8, 1, 0, 255, 2],
            [29, 0, 1, 1, 255, 2],
        ] {
            assert_eq!(read(&impossible), Err(StateError::Impossible));
        }
    }
}
