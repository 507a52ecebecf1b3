//! Rational-quadratic splines with floors, as nflows, normflows and FlowJAX have them.

use super::ImportError;
use super::net::Net;
use super::settings::Choice;
use flow_embedded::artefact::{Direction, Ends, FlooredSpline};

/// A spline of so many parameters on ± a bound, whose bins are no smaller than `least_size` of its input.
pub(super) fn floored(
    key: &str,
    parameters: usize,
    ends: Ends,
    bound: f64,
    least_size: f64,
    choice: &Choice<'_>,
) -> Result<FlooredSpline, ImportError> {
    let fixed = match ends {
        // K widths, K heights, K − 1 slopes, or K + 1 of them.
        Ends::Smooth => parameters.checked_add(1),
        Ends::Free => parameters.checked_sub(1),
    };
    let bins = fixed.filter(|count| count.is_multiple_of(3));
    let bins = bins
        .and_then(|count| u8::try_from(count / 3).ok())
        .filter(|bins| *bins > 1);
    let Some(bins) = bins else {
        return Err(ImportError::unsupported(
            key,
            &format!(
                "{parameters} parameters of a channel are no affine map and no spline with linear tails"
            ),
        ));
    };
    if choice
        .stated(|own| own.bins)
        .is_some_and(|own| own != usize::from(bins))
    {
        return Err(ImportError::unsupported(
            key,
            &format!("its parameters are those of {bins} bins, and not of as many as are stated"),
        ));
    }
    Ok(FlooredSpline {
        bins,
        bound: bound as f32,
        least_size: least_size as f32,
        least_slope: choice.least_slope() as f32,
        ends,
        direction: Direction::Normalizing,
    })
}

/// Divides the unnormalised widths and heights of channels, whose rows these are.
pub(super) fn divide_sizes(net: &mut Net, rows: &[Vec<usize>], bins: u8, divisor: f64) {
    let Some(output) = net.output() else {
        return;
    };
    for channel in rows {
        for row in channel.iter().take(2 * usize::from(bins)) {
            output.scale_row(*row, divisor.recip());
        }
    }
}
