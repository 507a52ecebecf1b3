//! Whether an alarm comes of a sudden change or of a slow one.

use super::evidence::{Evidence, EvidenceTable};

/// What kind of change gave an alarm over a stream.
///
/// *The rule.* An alarm is a [`Drift`](Self::Drift) if its bet is on a shift of one latent, to one side,
/// and its sum has been above zero for at least `5/2 · log2(run length)` samples, the logarithm rounded
/// down; every other alarm is a [`Fault`](Self::Fault). Where a CUSUM's sum was last zero is the
/// likeliest time of the change (Page 1954), and how long a shift takes to an alarm grows with the
/// logarithm of the run length (Lorden 1971): a shift of one standard deviation is most often found
/// within that limit, whatever was promised.
///
/// *What it can't tell.* A step that is small against the spread of single samples takes as long as
/// a slow ramp, and counts as a drift; a ramp that is fast counts as a fault. More than that isn't to
/// be had at the time of an alarm: of the evidence that a ramp gives, a step at the best time and of the
/// best size explains 8/9. What counts is what the model doesn't expect: with lags as context, the model
/// follows most of an offset, and what is left of it is smaller. A slow growth of noise, and whatever
/// only the log-likelihood shows, is a fault however long it took; a channel that hangs at a usual value is
/// like a small offset where the other channels say what it should be.
///
/// How often an alarm is called a drift, in per cent of 200 simulated runs for each, with one false alarm
/// in 10,000 samples promised (`tests/tests/all/sequential.rs` of the workspace): a channel of four changes, each of
/// unit variance and correlated with the others by 1/2; samples are independent, or have an
/// autocorrelation of 0.7 that the model knows:
///
/// | change | sizes | independent | autocorrelated |
/// |---|---|---|---|
/// | ramp a sample | 0.002, 0.01, 0.05 | 95, 71, 6 | 98, 90, 48 |
/// | offset | 0.5, 1, 3 | 80, 11, 0 | 96, 86, 3 |
/// | gain up | 1.5, 2.5, 5 | 0, 0, 0 | 0, 0, 0 |
/// | gain down | 0.7, 0.5, 0.2 | 0, 0, 0 | 0, 0, 0 |
/// | stuck | held, held with noise, at the mean | 29, 28, 0 | 26, 28, 0 |
/// | noise added | 0.7, 1.5, 4 | 3, 1, 0 | 0, 0, 0 |
///
/// The promise is about alarms of either kind together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Change {
    /// A sudden change, or a large one.
    Fault,
    /// A slow or small shift that lasts: a sensor that ages, or a process that has moved.
    Drift,
}

impl Change {
    /// The kind of an alarm, by the rule above. `run_length` is the promise's, in samples; below one, or
    /// NaN, every shift is a drift.
    pub fn of<const S: usize>(
        evidence: &Evidence<S>,
        table: &EvidenceTable<'_>,
        run_length: f32,
    ) -> Self {
        let bet = evidence
            .bet
            .and_then(|bet| table.bets().get(usize::from(bet)));
        let shift = bet.is_some_and(|bet| bet.statistic > 0 && table.is_shift(bet));
        if shift && u32::from(evidence.age) >= slow(run_length) {
            Self::Drift
        } else {
            Self::Fault
        }
    }
}

/// From how many samples on a change is slow; at most 77, so that an age in one byte reaches it.
fn slow(run_length: f32) -> u32 {
    // The conversion saturates.
    let doublings = (run_length as u32).checked_ilog2().unwrap_or(0);
    doublings.saturating_mul(5) / 2
}

#[cfg(test)]
mod tests {
    use super::super::evidence::{Bet, SequentialTest};
    use super::*;

    /// On either side of zero: a shift upwards, one downwards, spread, a repeat; and a shift of the
    /// log-likelihood.
    const BETS: [Bet; 5] = [
        Bet::level(1, 0, 100),
        Bet::level(1, 1, 100),
        Bet::level(2, 2, 100),
        Bet::repeat(3, 3, 100),
        Bet::level(0, 0, 100),
    ];
    const TABLE: EvidenceTable<'static> = EvidenceTable::new(
        1,
        &[0.0; 4],
        &[-2, 2, 0, 2, -2, 0, 2, 2, 0, 2, 2, -2],
        &BETS,
    );

    /// The kind of the first alarm, and its age, of a stream that stays where it is.
    fn kind(statistics: [f32; 4], run_length: f32) -> (Change, u8) {
        let mut test = SequentialTest::<4, 5>::new();
        loop {
            let evidence = test.observe(&TABLE, &statistics);
            if evidence.alarm {
                return (Change::of(&evidence, &TABLE, run_length), evidence.age);
            }
        }
    }

    #[test]
    fn only_shifts_of_latents_drift() {
        TABLE.check(4).expect("tables that fit");
        let none = f32::NEG_INFINITY;
        // A sample without evidence for a bet keeps its sum at zero; the spread's bet is level with
        // the shifts', and behind them.
        assert_eq!(kind([none, 1.0, 0.0, 0.0], 1e4), (Change::Drift, 50));
        assert_eq!(kind([none, -1.0, 0.0, 0.0], 1e4), (Change::Drift, 50));
        let bet = |index: u16, age: u8| {
            let evidence = Evidence {
                alarm: true,
                levels: [1.0; 4],
                bet: Some(index),
                age,
            };
            Change::of(&evidence, &TABLE, 1e4)
        };
        let kinds: [Change; 5] = core::array::from_fn(|index| bet(index as u16, 255));
        let [up, down, spread, repeat, log_prob] = kinds;
        assert_eq!([up, down], [Change::Drift; 2]);
        assert_eq!([spread, repeat, log_prob], [Change::Fault; 3]);
        // 2^13 ≤ 10,000 < 2^14.
        assert_eq!((bet(0, 31), bet(0, 32)), (Change::Fault, Change::Drift));
        assert_eq!(bet(9, 255), Change::Fault);
    }

    #[test]
    fn the_limit_grows_with_the_promise() {
        for (run_length, limit) in [
            (f32::NAN, 0),
            (-1.0, 0),
            (1.0, 0),
            (1_000.0, 22),
            (1e6, 47),
            (f32::INFINITY, 77),
        ] {
            assert_eq!(slow(run_length), limit, "{run_length}");
        }
        assert_eq!(
            kind([f32::NEG_INFINITY, 1.0, 0.0, 0.0], 1e7).0,
            Change::Fault
        );
    }
}
