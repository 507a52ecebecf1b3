//! The power spectral density by Welch's method (P. D. Welch, IEEE Trans. Audio Electroacoust. 15, 1967).

use realfft::RealFftPlanner;

/// The one-sided power spectral density of a channel: frequencies in Hz above 0, ascending, and densities in u²/Hz, u
/// being the unit of the channel.
///
/// Blocks of `length` samples overlap by half, lose their mean and get a Hann window; their periodograms are averaged
/// over all segments. The density times the distance of two frequencies sums to the variance within a block.
/// Segments shorter than a block don't count; if all are, there is no density.
///
/// # Panics
/// If `length` is less than 4 or odd.
pub fn power_spectral_density(segments: &[Vec<f64>], rate: f64, length: usize) -> Vec<(f64, f64)> {
    assert!(
        length >= 4 && length.is_multiple_of(2),
        "an even length of at least 4"
    );
    let window: Vec<f64> = (0..length)
        .map(|index| {
            let turn = std::f64::consts::TAU * index as f64 / length as f64;
            0.5 - 0.5 * turn.cos()
        })
        .collect();
    let power: f64 = window.iter().map(|w| w * w).sum();
    let transform = RealFftPlanner::<f64>::new().plan_fft_forward(length);
    let mut block = transform.make_input_vec();
    let mut spectrum = transform.make_output_vec();
    let mut scratch = transform.make_scratch_vec();
    let mut sums = vec![0.0; spectrum.len()];
    let mut blocks = 0u32;
    for samples in segments
        .iter()
        .flat_map(|own| own.windows(length).step_by(length / 2))
    {
        let mean = samples.iter().sum::<f64>() / length as f64;
        for ((place, x), w) in block.iter_mut().zip(samples).zip(&window) {
            *place = w * (x - mean);
        }
        transform
            .process_with_scratch(&mut block, &mut spectrum, &mut scratch)
            .expect("buffers of the transform's own lengths");
        for (sum, value) in sums.iter_mut().zip(&spectrum) {
            *sum += value.norm_sqr();
        }
        blocks += 1;
    }
    if blocks == 0 {
        return Vec::new();
    }
    let last = sums.len() - 1;
    let density = |(index, sum): (usize, &f64)| {
        // All frequencies but the last stand for their negative twins, too.
        let sides = if index == last { 1.0 } else { 2.0 };
        let frequency = index as f64 * rate / length as f64;
        (frequency, sides * sum / (f64::from(blocks) * rate * power))
    };
    sums.iter().enumerate().map(density).skip(1).collect()
}

/// A length of blocks for segments of up to `longest` samples: a power of two that leaves eight blocks or more before
/// overlap, at most 16,384 samples.
pub fn block_length(longest: usize) -> usize {
    (longest / 8)
        .clamp(4, 1 << 14)
        .next_power_of_two()
        .min(1 << 14)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_host::random::Random;

    #[test]
    fn the_density_of_white_noise_is_flat_and_sums_to_the_variance() {
        let mut random = Random::new(3);
        let noise: Vec<f64> = (0..1 << 17)
            .map(|_| 5.0 + 0.5 * f64::from(random.normal()))
            .collect();
        let density = power_spectral_density(&[noise], 200.0, 256);
        let step = 200.0 / 256.0;
        let total: f64 = density.iter().map(|(_, density)| density * step).sum();
        // The mean and what the window spreads of it are less than two of 128 bins.
        assert!((total / 0.25 - 1.0).abs() < 0.02, "{total}");
        // 1,000 blocks: a bin has a standard error of 4 %; the first and the last differ.
        for (frequency, density) in &density[2..126] {
            let flat = 0.25 / 100.0;
            assert!(
                (density / flat - 1.0).abs() < 0.2,
                "{frequency} Hz: {density}"
            );
        }
    }

    #[test]
    fn a_tone_stands_at_its_frequency_with_its_power() {
        let tone = |row: i32| 3.0 * (std::f64::consts::TAU * 12.5 * f64::from(row) / 100.0).sin();
        let density = power_spectral_density(&[(0..4096).map(tone).collect()], 100.0, 512);
        let peak = density
            .iter()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .expect("frequencies");
        assert_eq!(peak.0, 12.5);
        let power: f64 = density
            .iter()
            .map(|(_, density)| density * 100.0 / 512.0)
            .sum();
        assert!((power - 4.5).abs() < 1e-6, "{power}");
    }

    #[test]
    fn blocks_are_even_powers_of_two_and_short_segments_give_none() {
        assert_eq!([16, 2600, 10_000_000].map(block_length), [4, 512, 16_384]);
        assert_eq!(power_spectral_density(&[vec![1.0; 7]], 1.0, 8), []);
    }
}
