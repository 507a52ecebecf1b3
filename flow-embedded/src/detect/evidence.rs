//! Sequential tests: evidence that grows sample by sample, against a fixed calibration table.
//!
//! Each sample gives a few *statistics*: its log-likelihood, and a latent coordinate for each
//! channel. A statistic is placed among thresholds that are order statistics of the calibration
//! rows, which makes it the number of a bin. A *bet* pays `e(bin)` for that, and the payments are
//! designed (`flow_train::calibrate`) so that for normal samples the mean payment is at most one,
//! given this very table: `e` is an e-value (Vovk & Wang 2021), up to a probability `delta` over
//! calibrations. A bet on a *repeat* pays when a statistic stays in its bin.
//!
//! # Detection: the average run length
//! Each bet keeps a Shiryaev–Roberts statistic (Shiryaev 1963; Roberts 1966), and an alarm is
//! given when their weighted mean reaches the promised run length `A`:
//!
//! ```text
//! R ← (1 + R) e        level = Σ weight R / A        alarm when level ≥ 1, then R ← 0
//! ```
//!
//! Let samples be independent given their context, and distributed as the calibration rows. Then
//! `Σ weight R − t` is a supermartingale that starts at 0, so at the alarm `A ≤ E Σ weight R ≤ E T`:
//! the mean number of samples up to a false alarm is at least `A` (Shin, Ramdas & Rinaldo 2023).
//! The bets may depend on each other in any way. More follows, because `R` only grows with what it
//! was before: after `s` samples without an alarm the rest of the wait is, sample by sample, at
//! most that of a fresh start, so `P(T > s + t) ≤ P(T > s) P(T > t)` ("new better than used"), and
//! then false alarms among `t` samples number at most `t / A` in the mean, for every `t` (Barlow &
//! Proschan 1965). "One a day" is thus true of a week and of the first hour.
//!
//! # Change: once and for all
//! The other question, whether anything has ever changed, is a test supermartingale: a purse of one
//! is laid out over all samples to come, `w_t` on a change at sample `t`, and alarm is given at
//! `1 / alpha`, and stays:
//!
//! ```text
//! R ← (w_t + R) e        w_t = 2^-k / ((k + 1) (k + 2)),  k = ⌊log2 t⌋,  t from 1
//! ```
//!
//! By Ville's inequality the probability that normal samples ever give it, however long it runs, is
//! at most `alpha`. A change after `t` samples costs `ln t` nats and a little more; a plain product
//! of payments would have lost everything by then.
//!
//! # Rounding
//! Payments are stored a few units in the last place too small, so that the rounding of `R` never
//! adds to it; the sum is compared with a threshold that is larger by its own rounding. `R` stops
//! at 1e30.

use core::fmt;
use heapless::Vec;
use serde::{Deserialize, Serialize};

/// Where the evidence of a bet stops growing: no promise needs more.
const MOST: f32 = 1e30;

/// The previous bin of a statistic before its first sample.
const NONE: u8 = u8::MAX;

/// What a bet pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Pattern {
    /// For the bin that a statistic falls into: the row of the table's payments, from 0.
    Level(u8),
    /// For falling into the bin of the sample before.
    Repeat,
}

/// A bet on one statistic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Bet {
    /// The statistic, from 0.
    pub statistic: u8,
    /// What it pays for.
    pub pattern: Pattern,
    /// Its share of the evidence; the shares of all bets sum to one.
    pub weight: f32,
}

/// What the evidence promises.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Promise {
    /// False alarms are so many samples apart in the mean, at least. After an alarm the evidence
    /// starts again.
    RunLength(f32),
    /// The probability of ever giving a false alarm is at most this. The alarm stays until
    /// [`SequentialTest::reset`].
    Ever(f32),
}

impl Promise {
    /// The evidence at which an alarm is given.
    pub fn threshold(self) -> f32 {
        match self {
            Self::RunLength(samples) => samples,
            Self::Ever(alpha) => 1.0 / alpha,
        }
    }

    /// What is laid on a change at the sample after `observed` others.
    fn stake(self, observed: u32) -> f32 {
        match (self, observed.checked_add(1)) {
            (Self::RunLength(_), _) => 1.0,
            (Self::Ever(_), Some(sample)) => {
                let block = sample.checked_ilog2().unwrap_or(0);
                let share = ((block + 1) * (block + 2)) as f32;
                1.0 / (share * (1u32 << block) as f32)
            }
            // All is laid out.
            (Self::Ever(_), None) => 0.0,
        }
    }
}

/// The designed tables of a sequential test, as they lie in flash.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvidenceTable<'a> {
    edges: usize,
    thresholds: &'a [f32],
    payments: &'a [f32],
    repeats: &'a [f32],
    no_repeat: f32,
    bets: &'a [Bet],
    promise: Promise,
}

impl<'a> EvidenceTable<'a> {
    /// Tables for statistics that have `edges` thresholds each, and so `edges + 1` bins.
    ///
    /// `thresholds` holds those of one statistic after another, ascending: bin `b` is where `b`
    /// thresholds are at most the statistic. `payments` holds the rows of payments that bets on a
    /// level refer to, each with one for every bin; `repeats` what a repeat of each bin pays, and
    /// `no_repeat` what is paid for all else.
    ///
    /// Nothing is checked here: see [`check`](Self::check).
    pub const fn new(
        edges: usize,
        thresholds: &'a [f32],
        payments: &'a [f32],
        repeats: &'a [f32],
        no_repeat: f32,
        bets: &'a [Bet],
        promise: Promise,
    ) -> Self {
        Self {
            edges,
            thresholds,
            payments,
            repeats,
            no_repeat,
            bets,
            promise,
        }
    }

    /// The bets.
    pub const fn bets(&self) -> &'a [Bet] {
        self.bets
    }

    /// The promise.
    pub const fn promise(&self) -> Promise {
        self.promise
    }

    /// Whether the tables fit each other and `statistics` statistics. That payments are e-values
    /// can't be seen from the tables; that is their designer's to prove.
    ///
    /// # Errors
    /// The first fault found.
    pub fn check(&self, statistics: usize) -> Result<(), TableError> {
        let bins = self.edges.saturating_add(1);
        if self.edges == 0 || bins >= usize::from(NONE) {
            return Err(TableError::Edges(self.edges));
        }
        let per_statistic = self.thresholds.chunks_exact(self.edges);
        if !per_statistic.remainder().is_empty() || per_statistic.len() != statistics {
            return Err(TableError::Thresholds);
        }
        for thresholds in per_statistic {
            // NaN is in no order.
            if !thresholds.is_sorted() || thresholds.iter().any(|edge| edge.is_nan()) {
                return Err(TableError::Thresholds);
            }
        }
        let payment = |value: &f32| *value >= 0.0 && *value <= MOST;
        let rows = self.payments.chunks_exact(bins);
        if !rows.remainder().is_empty() || !self.payments.iter().all(payment) {
            return Err(TableError::Payments);
        }
        let smaller = |repeat: &f32| *repeat >= self.no_repeat;
        if self.repeats.len() != bins
            || !self.repeats.iter().all(|r| payment(r) && smaller(r))
            || !payment(&self.no_repeat)
        {
            return Err(TableError::Repeats);
        }
        let mut sum = 0.0;
        for (index, bet) in self.bets.iter().enumerate() {
            let known = match bet.pattern {
                Pattern::Level(row) => usize::from(row) < rows.len(),
                Pattern::Repeat => true,
            };
            if !known || usize::from(bet.statistic) >= statistics || !(bet.weight > 0.0) {
                return Err(TableError::Bet { bet: index });
            }
            sum += bet.weight;
        }
        // Rounded sums of a few hundred weights lie this close to one.
        if !(sum - 1.0 <= 1e-5 && 1.0 - sum <= 1e-5) {
            return Err(TableError::Weights);
        }
        let possible = match self.promise {
            Promise::RunLength(samples) => (1.0..=1e20).contains(&samples),
            Promise::Ever(alpha) => alpha >= 1e-20 && alpha < 1.0,
        };
        if possible {
            Ok(())
        } else {
            Err(TableError::Promise)
        }
    }

    fn bin(&self, thresholds: &[f32], statistic: f32) -> u8 {
        // NaN counts as −∞, as in a p-value.
        let bin = if statistic.is_nan() {
            0
        } else {
            thresholds.partition_point(|edge| *edge <= statistic)
        };
        u8::try_from(bin).unwrap_or(0)
    }

    /// What a bet pays for a bin after another one; 0, which never favours an alarm, where the
    /// tables don't fit each other.
    fn payment(&self, pattern: Pattern, bin: u8, previous: u8) -> f32 {
        let bin = usize::from(bin);
        match pattern {
            Pattern::Level(row) => {
                let start = usize::from(row).saturating_mul(self.edges.saturating_add(1));
                self.payments.get(start.saturating_add(bin)).copied()
            }
            Pattern::Repeat if bin == usize::from(previous) => self.repeats.get(bin).copied(),
            Pattern::Repeat => Some(self.no_repeat),
        }
        .unwrap_or(0.0)
    }
}

/// Why tables don't fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TableError {
    /// So many thresholds a statistic; 1 to 253 are possible.
    Edges(usize),
    /// Thresholds are too few, too many, NaN, or don't ascend.
    Thresholds,
    /// A payment is negative, not finite, or a row is cut off.
    Payments,
    /// A repeat pays less than none, or there isn't one for each bin.
    Repeats,
    /// A bet names a statistic or a row that isn't there, or its weight isn't above zero.
    Bet {
        /// The bet, from 0.
        bet: usize,
    },
    /// The weights don't sum to one.
    Weights,
    /// The run length isn't in 1..=1e20, or the probability isn't in 1e-20..1.
    Promise,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Edges(edges) => {
                write!(f, "{edges} thresholds a statistic; 1 to 253 are possible")
            }
            Self::Thresholds => f.write_str("thresholds are missing, NaN or out of order"),
            Self::Payments => f.write_str("a payment is negative, not finite or missing"),
            Self::Repeats => f.write_str("a payment for a repeat is missing or too small"),
            Self::Bet { bet } => {
                write!(f, "bet {bet} is on nothing that exists, or weighs nothing")
            }
            Self::Weights => f.write_str("the weights of the bets don't sum to one"),
            Self::Promise => f.write_str("the promise is out of range"),
        }
    }
}

impl core::error::Error for TableError {}

/// What a sequential test says after a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Evidence<const S: usize> {
    /// Evidence as a share of what an alarm takes; it may exceed one at the alarm.
    pub level: f32,
    /// Whether this sample gives an alarm.
    pub alarm: bool,
    /// What each statistic contributes to the level.
    pub shares: [f32; S],
    /// The bet that contributes most: its place in the table. `None` while none has paid.
    pub bet: Option<u16>,
}

impl<const S: usize> Evidence<S> {
    /// The statistic that contributes most; `None` while there is no evidence.
    pub fn statistic(&self) -> Option<usize> {
        let mut most = (None, 0.0);
        for (statistic, share) in self.shares.iter().enumerate() {
            if *share > most.1 {
                most = (Some(statistic), *share);
            }
        }
        most.0
    }
}

/// A sequential test over `S` statistics with at most `N` bets: 4 bytes a bet, one a statistic,
/// and a few more.
///
/// It holds no table, so that it can be stored: [`write`](Self::write) it before a reboot,
/// [`read`](Self::read) it afterwards.
///
/// # Examples
/// One statistic with a threshold that one sample in a hundred exceeds; the bet on that pays 100,
/// so its mean is one.
/// ```
/// use flow_embedded::detect::evidence::{Bet, EvidenceTable, Pattern, Promise, SequentialTest};
///
/// const BETS: [Bet; 1] = [Bet { statistic: 0, pattern: Pattern::Level(0), weight: 1.0 }];
/// const TABLE: EvidenceTable<'static> = EvidenceTable::new(
///     1, &[2.33], &[0.0, 100.0], &[0.0, 0.0], 0.0, &BETS, Promise::RunLength(5_000.0),
/// );
/// TABLE.check(1)?;
///
/// let mut test = SequentialTest::<1, 1>::new(&TABLE);
/// assert!(!test.observe(&TABLE, &[0.1]).alarm);
/// assert!(!test.observe(&TABLE, &[2.7]).alarm);
/// assert!(test.observe(&TABLE, &[3.1]).alarm); // 100 × (1 + 100)
/// # Ok::<(), flow_embedded::detect::evidence::TableError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SequentialTest<const S: usize, const N: usize> {
    evidence: Vec<f32, N>,
    previous: Vec<u8, S>,
    observed: u32,
    changed: bool,
}

/// The same, before it is believed.
#[derive(Deserialize)]
struct Stored<const S: usize, const N: usize> {
    evidence: Vec<f32, N>,
    previous: Vec<u8, S>,
    observed: u32,
    changed: bool,
}

impl<const S: usize, const N: usize> SequentialTest<S, N> {
    /// A test that has seen nothing yet. Of a table with more than `N` bets the first `N` are used.
    pub fn new(table: &EvidenceTable<'_>) -> Self {
        Self {
            evidence: table.bets.iter().take(N).map(|_| 0.0).collect(),
            previous: [NONE; S].into_iter().collect(),
            observed: 0,
            changed: false,
        }
    }

    /// Weighs one sample's statistics. An infinite statistic belongs to its outermost bin; NaN
    /// counts as −∞.
    pub fn observe(&mut self, table: &EvidenceTable<'_>, statistics: &[f32; S]) -> Evidence<S> {
        let mut bins = [0u8; S];
        let thresholds = table.thresholds.chunks_exact(table.edges.max(1));
        for ((bin, statistic), thresholds) in bins.iter_mut().zip(statistics).zip(thresholds) {
            *bin = table.bin(thresholds, *statistic);
        }
        let stake = table.promise.stake(self.observed);
        let threshold = table.promise.threshold();
        let mut shares = [0.0; S];
        let (mut sum, mut most, mut leader) = (0.0, 0.0, None);
        for (index, (bet, evidence)) in table.bets.iter().zip(&mut self.evidence).enumerate() {
            let statistic = usize::from(bet.statistic);
            let bin = bins.get(statistic).copied().unwrap_or(0);
            let previous = self.previous.get(statistic).copied().unwrap_or(NONE);
            let grown = (stake + *evidence) * table.payment(bet.pattern, bin, previous);
            // Of NaN, which sound tables never give, the smaller is MOST: the state stays a number.
            *evidence = grown.min(MOST);
            let contribution = bet.weight * *evidence;
            sum += contribution;
            if let Some(share) = shares.get_mut(statistic) {
                *share += contribution / threshold;
            }
            if contribution > most {
                (most, leader) = (contribution, u16::try_from(index).ok());
            }
        }
        self.previous.clear();
        self.previous.extend(bins);
        self.observed = self.observed.saturating_add(1);
        // A sum of N terms, each rounded twice, is off by at most N + 1 halves of an EPSILON.
        let rounding = 1.0 + (N as f32 + 2.0) * f32::EPSILON;
        let alarm = self.changed || sum >= threshold * rounding;
        match table.promise {
            Promise::RunLength(_) if alarm => self.reset(table),
            Promise::RunLength(_) => {}
            Promise::Ever(_) => self.changed = alarm,
        }
        Evidence {
            level: sum / (threshold * rounding),
            alarm,
            shares,
            bet: leader,
        }
    }

    /// The samples weighed since the start, the last reset, or the last alarm after which the
    /// evidence started again; stays at the largest number that fits.
    pub const fn observed(&self) -> u32 {
        self.observed
    }

    /// Forgets all samples.
    pub fn reset(&mut self, table: &EvidenceTable<'_>) {
        *self = Self::new(table);
    }

    /// Writes the state, for a reboot, in postcard's format: at most `4 N + S + 16` bytes.
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
        let Ok(stored) = postcard::from_bytes::<Stored<S, N>>(bytes) else {
            return Err(StateError::Damaged);
        };
        let fresh = Self::new(table);
        let bins = table.edges.saturating_add(1);
        let sound = stored.evidence.len() == fresh.evidence.len()
            && stored.previous.len() == S
            && (stored.evidence.iter()).all(|value| *value >= 0.0 && *value <= MOST)
            && (stored.previous.iter()).all(|bin| *bin == NONE || usize::from(*bin) < bins);
        if !sound {
            return Err(StateError::Impossible);
        }
        Ok(Self {
            evidence: stored.evidence,
            previous: stored.previous,
            observed: stored.observed,
            changed: stored.changed,
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
