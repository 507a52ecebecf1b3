//! The learning rate over time.

use super::config::Schedule;

/// Share of a cosine schedule's steps that warm up.
const WARM_UP: f64 = 0.05;

/// The factor on the learning rate, followed through training.
#[derive(Clone, Debug)]
pub struct Factor {
    schedule: Schedule,
    steps: f64,
    reduced: f64,
    waited: usize,
}

impl Factor {
    /// For a training of `steps` steps.
    pub fn new(schedule: Schedule, steps: usize) -> Self {
        Self {
            schedule,
            steps: steps.max(1) as f64,
            reduced: 1.0,
            waited: 0,
        }
    }

    /// At the given step, counted from 0.
    pub fn at(&self, step: usize) -> f64 {
        match self.schedule {
            Schedule::Plateau { .. } => self.reduced,
            Schedule::Cosine => {
                let warm = (self.steps * WARM_UP).max(1.0);
                let done = step as f64 + 1.0;
                if done < warm {
                    return done / warm;
                }
                let share = ((done - warm) / (self.steps - warm).max(1.0)).min(1.0);
                0.5 * (1.0 + (std::f64::consts::PI * share).cos())
            }
        }
    }

    /// Told at the end of an epoch.
    pub fn epoch(&mut self, improved: bool) {
        self.waited = if improved { 0 } else { self.waited + 1 };
        if let Schedule::Plateau { factor, patience } = self.schedule
            && self.waited >= patience
        {
            self.reduced *= factor;
            self.waited = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_rises_then_falls_to_nothing() {
        let factor = Factor::new(Schedule::Cosine, 1000);
        let values: Vec<f64> = (0..1000).map(|step| factor.at(step)).collect();
        assert!(values[..49].windows(2).all(|pair| pair[0] < pair[1]));
        assert!(values[50..].windows(2).all(|pair| pair[0] > pair[1]));
        assert!(
            (values[49] - 1.0).abs() < 1e-9
                && values[999] < 1e-5
                && (values[524] - 0.5).abs() < 0.01
        );
    }

    #[test]
    fn plateau_falls_only_without_improvement() {
        let mut factor = Factor::new(
            Schedule::Plateau {
                factor: 0.5,
                patience: 2,
            },
            1000,
        );
        for (improved, expected) in [
            (false, 1.0),
            (true, 1.0),
            (false, 1.0),
            (false, 0.5),
            (false, 0.5),
            (false, 0.25),
        ] {
            factor.epoch(improved);
            assert_eq!(factor.at(0), expected);
        }
    }
}
