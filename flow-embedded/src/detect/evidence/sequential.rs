//! The test itself: scores added up.

use super::NONE;
use super::table::EvidenceTable;

/// What a sequential test says after a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Evidence<const S: usize> {
    /// Whether this sample gives an alarm.
    pub alarm: bool,
    /// The most that a bet on each statistic has added up, over its threshold: 1 or more is an alarm.
    pub levels: [f32; S],
    /// The bet that is nearest to an alarm: its place in the table. `None` while all sums are zero.
    pub bet: Option<u16>,
    /// For how many samples that bet's sum has been above zero, this one included: its estimate of the
    /// time since the change (Page 1954). 255 is that or more; 0 without a bet.
    pub age: u8,
}

impl<const S: usize> Evidence<S> {
    /// The largest of `levels`; 0 without statistics.
    pub fn level(&self) -> f32 {
        self.levels.iter().fold(0.0, |most, level| most.max(*level))
    }

    /// The statistic with the largest level, the first of equal ones; `None` while all are zero.
    pub fn statistic(&self) -> Option<usize> {
        let most = self.level();
        self.levels
            .iter()
            .position(|level| *level >= most && *level > 0.0)
    }
}

/// A sequential test over `S` statistics with at most `N` bets, in `S + 2 N` bytes.
///
/// It holds no table, so that it can be stored: [`save`](Self::save) it before a reboot,
/// [`restore`](Self::restore) it afterwards.
///
/// # Examples
/// One statistic with a threshold that one sample in a hundred exceeds; two within five samples
/// give an alarm.
/// ```
/// use flow_embedded::detect::evidence::{Bet, EvidenceTable, Pattern, SequentialTest};
///
/// const BETS: [Bet; 1] = [Bet { statistic: 0, pattern: Pattern::Level, row: 0, threshold: 6 }];
/// const TABLE: EvidenceTable<'static> = EvidenceTable::new(1, &[2.33], &[-1, 5, 0], &BETS);
/// TABLE.check(1)?;
///
/// let mut test = SequentialTest::<1, 1>::new();
/// assert!(!test.observe(&TABLE, &[2.7]).alarm);
/// assert!(!test.observe(&TABLE, &[0.1]).alarm);
/// let evidence = test.observe(&TABLE, &[3.1]);
/// assert!(evidence.alarm && evidence.level() == 1.5); // 5 − 1 + 5 = 9 of 6
/// # Ok::<(), flow_embedded::detect::evidence::TableError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequentialTest<const S: usize, const N: usize> {
    pub(super) sums: [u8; N],
    /// For how many samples each sum has been above zero.
    pub(super) ages: [u8; N],
    /// The bin of each statistic in the sample before.
    pub(super) previous: [u8; S],
}

impl<const S: usize, const N: usize> SequentialTest<S, N> {
    /// A test that has seen nothing yet. Of a table with more than `N` bets the first `N` are used.
    pub const fn new() -> Self {
        Self {
            sums: [0; N],
            ages: [0; N],
            previous: [NONE; S],
        }
    }

    /// Weighs one sample's statistics. An infinite statistic belongs to its outermost bin; NaN
    /// counts as −∞.
    pub fn observe(&mut self, table: &EvidenceTable<'_>, statistics: &[f32; S]) -> Evidence<S> {
        let mut bins = [0u8; S];
        let mut rest = table.thresholds();
        for (bin, statistic) in bins.iter_mut().zip(statistics) {
            // Chunks would divide by their length, which the compiler can't see to be positive.
            let Some((thresholds, behind)) = rest.split_at_checked(table.edges()) else {
                break;
            };
            *bin = EvidenceTable::bin(thresholds, *statistic);
            rest = behind;
        }
        let mut levels = [0.0; S];
        let (mut most, mut leader, mut leading, mut alarm) = (0.0, None, 0, false);
        let state = self.sums.iter_mut().zip(&mut self.ages);
        for (index, (bet, (sum, age))) in table.bets().iter().zip(state).enumerate() {
            let statistic = usize::from(bet.statistic);
            let bin = bins.get(statistic).copied().unwrap_or(0);
            let previous = self.previous.get(statistic).copied().unwrap_or(NONE);
            let score = i16::from(table.score(bet, bin, previous));
            let grown = (i16::from(*sum) + score).max(0);
            *sum = u8::try_from(grown).unwrap_or(u8::MAX);
            *age = if grown > 0 { age.saturating_add(1) } else { 0 };
            alarm |= grown >= i16::from(bet.threshold);
            let level = f32::from(grown) / f32::from(bet.threshold.max(1));
            if let Some(highest) = levels.get_mut(statistic) {
                *highest = level.max(*highest);
            }
            if level > most {
                (most, leader, leading) = (level, u16::try_from(index).ok(), *age);
            }
        }
        self.previous = bins;
        if alarm {
            self.reset();
        }
        Evidence {
            alarm,
            levels,
            bet: leader,
            age: leading,
        }
    }

    /// Forgets all samples, as after an alarm.
    pub const fn reset(&mut self) {
        *self = Self::new();
    }
}

impl<const S: usize, const N: usize> Default for SequentialTest<S, N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bet, Pattern, TableError};
    use super::*;

    const BETS: [Bet; 2] = [
        Bet {
            statistic: 0,
            pattern: Pattern::Level,
            row: 0,
            threshold: 10,
        },
        Bet {
            statistic: 0,
            pattern: Pattern::Repeat,
            row: 1,
            threshold: 10,
        },
    ];
    /// Bins below −1, around 0, above 1.
    const TABLE: EvidenceTable<'static> =
        EvidenceTable::new(2, &[-1.0, 1.0], &[-3, -2, 6, 0, 4, 3, 4, -5], &BETS);

    type Test = SequentialTest<1, 2>;

    fn observe(test: &mut Test, statistic: f32) -> Evidence<1> {
        test.observe(&TABLE, &[statistic])
    }

    #[test]
    fn adds_up_and_starts_again_after_an_alarm() {
        assert_eq!(TABLE.check(1), Ok(()));
        let mut test = Test::new();
        let first = observe(&mut test, 2.0);
        assert_eq!(
            (first.level(), first.bet, first.alarm),
            (0.6, Some(0), false)
        );
        assert_eq!(first.statistic(), Some(0));
        assert_eq!(observe(&mut test, 0.0).level(), 0.4);
        let third = observe(&mut test, 1.0);
        assert!(third.alarm && third.level() == 1.0);
        // Neither the sums nor the bin of the alarm are kept.
        assert_eq!(test, Test::new());
        assert_eq!(observe(&mut test, 2.0), first);
    }

    #[test]
    fn a_stuck_statistic_gives_an_alarm() {
        let mut test = Test::new();
        let alarms: [bool; 5] = core::array::from_fn(|_| observe(&mut test, 0.3).alarm);
        // Of five alike four are repeats: 3 + 3 + 3 + 3.
        assert_eq!(alarms, [false, false, false, false, true]);
        let mut test = Test::new();
        for time in 0..100 {
            let moving = if time % 2 == 0 { 0.3 } else { -2.0 };
            assert_eq!(observe(&mut test, moving).level(), 0.0);
        }
    }

    /// A threshold belongs to the bin above it; infinities to the outermost; NaN counts as −∞.
    #[test]
    fn every_number_has_a_bin() {
        for (statistic, bin) in [
            (f32::NEG_INFINITY, 0),
            (f32::NAN, 0),
            (-1.5, 0),
            (-1.0, 1),
            (0.999, 1),
            (1.0, 2),
            (f32::INFINITY, 2),
        ] {
            let mut test = Test::new();
            observe(&mut test, statistic);
            assert_eq!(test.previous[0], bin, "{statistic}");
        }
    }

    fn fault(edges: usize, thresholds: &[f32], scores: &[i8], bets: &[Bet]) -> TableError {
        let table = EvidenceTable::new(edges, thresholds, scores, bets);
        let mut test = Test::new();
        for _ in 0..300 {
            assert!(test.observe(&table, &[2.0]).level().is_finite());
        }
        table.check(1).expect_err("doesn't fit")
    }

    #[test]
    fn tables_that_fit_nothing_are_found_and_do_no_harm() {
        let bet = BETS[0];
        assert_eq!(fault(0, &[], &[], &[bet]), TableError::Edges(0));
        assert_eq!(fault(255, &[], &[], &[bet]), TableError::Edges(255));
        assert_eq!(fault(1, &[], &[1, 2, 0], &[bet]), TableError::Thresholds);
        assert_eq!(
            fault(2, &[1.0, 0.0], &[0; 4], &[bet]),
            TableError::Thresholds
        );
        assert_eq!(
            fault(1, &[f32::NAN], &[0; 3], &[bet]),
            TableError::Thresholds
        );
        assert_eq!(fault(1, &[0.0], &[0; 4], &[bet]), TableError::Scores);
        for wrong in [
            Bet {
                statistic: 1,
                ..bet
            },
            Bet { row: 1, ..bet },
            Bet {
                threshold: 0,
                ..bet
            },
        ] {
            assert_eq!(
                fault(1, &[0.0], &[0, 1, 0], &[wrong]),
                TableError::Bet { bet: 0 }
            );
        }
    }
}
