//! Channels of an event as the planes of an image.

use flow_embedded::artefact;

/// Channels of an event as the planes of an image. Any channel may lie anywhere, so that squeezing is an order of the
/// places, and factoring out is not to be among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planes {
    /// Positions of a row of the image.
    pub width: usize,
    /// Rows of the image.
    pub height: usize,
    /// The channel of each plane at each position: position by position, row by row, at each the planes.
    pub places: Vec<usize>,
}

impl Planes {
    /// The positions of the image.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.width * self.height
    }

    /// The number of planes.
    #[must_use]
    pub fn count(&self) -> usize {
        self.places.len() / self.positions().max(1)
    }

    /// Some of the planes.
    pub fn select(&self, planes: &[usize]) -> Self {
        let positions = self.places.chunks_exact(self.count());
        Self {
            width: self.width,
            height: self.height,
            places: positions
                .flat_map(|own| planes.iter().map(|plane| own[*plane]))
                .collect(),
        }
    }

    /// The image squeezed: of each plane four of a quarter of the size, one for each place in a square of four. Width
    /// and height must be even.
    pub fn squeeze(&self) -> Self {
        let (width, height, count) = (self.width / 2, self.height / 2, self.count());
        let square = |position: usize| {
            let (x, y) = (2 * (position % width), 2 * (position / width));
            // Opposite corners side by side: two neighbouring planes are a checkerboard.
            [(0, 0), (1, 1), (0, 1), (1, 0)].map(|(dx, dy)| (y + dy) * self.width + x + dx)
        };
        let positions = (0..width * height).flat_map(square);
        Self {
            width,
            height,
            places: positions
                .flat_map(|position| &self.places[position * count..][..count])
                .copied()
                .collect(),
        }
    }

    /// Checks that the places are as many as the size says, and channels of an event of so many, each once.
    pub fn check(images: &[&Self], event: usize) -> Result<(), String> {
        let sized = |own: &&Self| {
            own.positions() > 0
                && !own.places.is_empty()
                && own.places.len().is_multiple_of(own.positions())
        };
        let mut places: Vec<usize> = images.iter().flat_map(|own| own.places.clone()).collect();
        places.sort_unstable();
        let once = places.is_sorted_by(|a, b| a < b);
        match images.iter().all(sized) && once && places.last().is_some_and(|&last| last < event) {
            true => Ok(()),
            false => Err("the places of an image must be channels of the event, each once, as many for each position".into()),
        }
    }
}

impl From<&artefact::Planes<'_>> for Planes {
    fn from(own: &artefact::Planes<'_>) -> Self {
        Self {
            width: own.width.into(),
            height: own.height.into(),
            places: own.places.iter().map(|place| usize::from(*place)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Planes;

    #[test]
    fn squeezing_keeps_all_places_and_makes_checkerboards() {
        let image = Planes {
            width: 4,
            height: 4,
            places: (0..16).collect(),
        };
        let squeezed = image.squeeze();
        assert_eq!(
            (squeezed.width, squeezed.height, squeezed.count()),
            (2, 2, 4)
        );
        assert_eq!(squeezed.places[..4], [0, 5, 4, 1]);
        assert_eq!(squeezed.places[12..], [10, 15, 14, 11]);
        // Neighbours of a pixel are in the other half.
        let board = squeezed.select(&[0, 1]);
        assert!(
            board
                .places
                .iter()
                .all(|place| (place % 4 + place / 4) % 2 == 0)
        );
        assert_eq!(squeezed.squeeze().count(), 16);
        assert!(Planes::check(&[&squeezed], 16).is_ok());
        assert!(Planes::check(&[&squeezed], 15).is_err());
        assert!(Planes::check(&[&squeezed, &board], 16).is_err());
    }
}
