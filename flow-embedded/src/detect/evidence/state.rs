//! The state over a reboot, in postcard's format.

use super::table::{Bet, EvidenceTable};
use super::{NONE, SequentialTest};
use core::fmt;
use heapless::Vec;
use serde::Deserialize;

/// A state before it is believed.
#[derive(Deserialize)]
struct Stored<const S: usize, const N: usize> {
    sums: Vec<u8, N>,
    previous: Vec<u8, S>,
}

impl<const S: usize, const N: usize> SequentialTest<S, N> {
    /// Writes the state, for a reboot, in postcard's format: at most `N + S + 6` bytes.
    ///
    /// # Errors
    /// `buffer` is too short.
    pub fn write<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError> {
        match postcard::to_slice(self, buffer) {
            Ok(written) => Ok(written),
            Err(_) => Err(StateError::TooShort),
        }
    }

    /// Reads a state that a test with the same table wrote. That it was the same table is not
    /// stored: after an update of the model, start anew.
    ///
    /// # Errors
    /// The bytes are damaged, or hold what no test with this table could.
    pub fn read(bytes: &[u8], table: &EvidenceTable<'_>) -> Result<Self, StateError> {
        let Ok((stored, rest)) = postcard::take_from_bytes::<Stored<S, N>>(bytes) else {
            return Err(StateError::Damaged);
        };
        if !rest.is_empty() {
            return Err(StateError::Damaged);
        }
        let below = |(sum, bet): (&u8, &Bet)| *sum < bet.threshold.max(1);
        let sound = stored.sums.len() == table.bets().len().min(N)
            && stored.sums.iter().zip(table.bets()).all(below)
            && stored.previous.len() == S
            && (stored.previous.iter())
                .all(|bin| *bin == NONE || usize::from(*bin) <= table.edges());
        if !sound {
            return Err(StateError::Impossible);
        }
        Ok(Self {
            sums: stored.sums,
            previous: stored.previous,
        })
    }
}

/// Why a state was not written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StateError {
    /// The buffer is too short to write to.
    TooShort,
    /// The bytes are no state.
    Damaged,
    /// A state that no test with this table could have.
    Impossible,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "the buffer is too short for the state of the test",
            Self::Damaged => "the bytes hold no state of a sequential test; start anew",
            Self::Impossible => "the state is of a test with another table; start anew",
        })
    }
}

impl core::error::Error for StateError {}

#[cfg(test)]
mod tests {
    use super::super::Pattern;
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
            let (mut straight, mut rebooted) = (Test::new(&TABLE), Test::new(&TABLE));
            for (time, sample) in samples.iter().enumerate() {
                if time == reboot {
                    let mut buffer = [0; 10];
                    let written = rebooted.write(&mut buffer).expect("N + S + 6 bytes are enough");
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
        fn damage_is_refused_or_harmless(bytes in prop::collection::vec(0u8..40, 0..8)) {
            if let Ok(test) = Test::read(&bytes, &TABLE) {
                prop_assert!(test.sums.iter().zip(&BETS).all(|(sum, bet)| *sum < bet.threshold));
                let mut buffer = [0; 10];
                prop_assert_eq!(test.write(&mut buffer).expect("long enough"), &bytes);
            }
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let mut short = [0; 3];
        assert_eq!(
            Test::new(&TABLE).write(&mut short),
            Err(StateError::TooShort)
        );
        let read = |bytes: &[u8]| Test::read(bytes, &TABLE);
        assert!(read(&[2, 29, 8, 2, 255, 2]).is_ok());
        assert_eq!(read(&[2, 29, 8, 2, 255]), Err(StateError::Damaged));
        assert_eq!(read(&[2, 29, 8, 2, 255, 2, 0]), Err(StateError::Damaged));
        assert_eq!(read(&[2, 30, 8, 2, 255, 2]), Err(StateError::Impossible));
        assert_eq!(read(&[2, 29, 8, 2, 255, 3]), Err(StateError::Impossible));
        assert_eq!(read(&[1, 29, 2, 255, 2]), Err(StateError::Impossible));
    }
}
