//! The way of an image through its scales.

use crate::spec::ImageSpec;
use flow_artefact::Planes;

/// The image at one scale.
pub(crate) struct Scale {
    /// The planes that are left there.
    pub(crate) planes: Planes,
    /// Of each coupling the planes that are given and those that are transformed.
    pub(crate) splits: Vec<[Vec<usize>; 2]>,
}

/// All scales of an image that is an event of so many channels, with so many couplings at each.
pub(crate) fn scales(image: &ImageSpec, event: usize, couplings: usize) -> Vec<Scale> {
    let mut planes = Planes {
        width: image.width,
        height: image.height,
        places: (0..event).collect(),
    };
    let mut all = Vec::new();
    for scale in 0..image.scales {
        if scale > 0 && image.factor_out {
            let [stay, _] = split(planes.count(), 0);
            planes = planes.select(&stay);
        }
        planes = planes.squeeze();
        let count = planes.count();
        all.push(Scale {
            splits: (0..couplings).map(|index| split(count, index)).collect(),
            planes: planes.clone(),
        });
    }
    all
}

/// The halves of so many planes that coupling `index` of a scale goes by. Two couplings share a partition, by turns; the
/// first partition of a squeezed plane is the checkerboard, the next are its columns and its rows.
fn split(count: usize, index: usize) -> [Vec<usize>; 2] {
    // A partition is a set of the bits of a plane's number: its parity decides. Small sets come first.
    let mut sets: Vec<usize> = (1..1 << count.ilog2()).collect();
    sets.sort_by_key(|set| (set.count_ones(), usize::MAX - set));
    let set = sets[index / 2 % sets.len()];
    let half = |turn: usize| {
        let odd = |plane: &usize| (plane & set).count_ones() as usize % 2 == turn;
        (0..count).filter(odd).collect()
    };
    [half(index % 2), half(1 - index % 2)]
}

#[cfg(test)]
mod tests {
    use super::{ImageSpec, scales, split};

    #[test]
    fn every_coupling_halves_the_planes_and_all_change() {
        for count in [4, 8, 12, 16] {
            for index in 0..12 {
                let [given, transformed] = split(count, index);
                assert!(!given.is_empty() && !transformed.is_empty());
                let mut all = [given, transformed].concat();
                all.sort_unstable();
                assert!(all.into_iter().eq(0..count), "{count} {index}");
            }
            let [_, first] = split(count, 0);
            let [_, second] = split(count, 1);
            assert_eq!(first.len() + second.len(), count);
        }
        assert_eq!(split(4, 0), [vec![0, 1], vec![2, 3]]);
    }

    #[test]
    fn half_of_the_planes_are_done_after_a_scale() {
        let image = ImageSpec {
            factor_out: true,
            ..ImageSpec::new(8, 8)
        };
        let all = scales(&image, 64, 2);
        let sizes: Vec<_> = all
            .iter()
            .map(|own| (own.planes.width, own.planes.count(), own.splits.len()))
            .collect();
        assert_eq!(sizes, [(4, 4, 2), (2, 8, 2)]);
    }
}
