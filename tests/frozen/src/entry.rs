use crate::bits::Bits;
use crate::file::Error;
use crate::{Channel, Words, draw};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What sets the words of samples apart from the inputs' of the same seed.
const SAMPLES: u64 = 0x5a4d_504c_4553_0000;

/// An artefact, how its inputs are drawn, and the frozen bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    recipe: Recipe,
    log_probs: Bits,
    latents: Bits,
    samples: Bits,
}

/// An entry without its bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The name, unique in the file: `maf`, `libm/maf`, `f16/maf`, `i8/maf`.
    pub name: String,
    /// The bytes of the `.flow` file.
    pub artefact: Vec<u8>,
    /// Whether the model is computed with integers. Such a model has no samples, and the loader does
    /// not score with it.
    pub integers: bool,
    /// The channels of an event.
    pub event: Vec<Channel>,
    /// The channels of a context.
    pub context: Vec<Channel>,
    /// The seed of inputs and samples.
    pub seed: u64,
    /// How many inputs are scored.
    pub inputs: u32,
    /// How many of the inputs, from the first on, have latents.
    pub with_latents: u32,
    /// How many samples are drawn, each given the context of the input of the same index.
    pub samples: u32,
}

/// The numbers that a recipe gave.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// The log-likelihood of each input.
    pub log_probs: Vec<f32>,
    /// The latents of the first inputs, one after the other. Where the log-likelihood is not finite
    /// the project promises no latents, and zeros are frozen.
    pub latents: Vec<f32>,
    /// The samples, one after the other.
    pub samples: Vec<f32>,
}

/// What a flow is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The event.
    pub event: Vec<f32>,
    /// The context.
    pub context: Vec<f32>,
}

impl Recipe {
    /// Input `index`.
    pub fn input(&self, index: u32) -> Input {
        let (mut event, mut context) = (vec![0.0; self.event.len()], vec![0.0; self.context.len()]);
        let channels = (&self.event, &self.context);
        draw(
            channels.0,
            channels.1,
            self.seed,
            index,
            &mut event,
            &mut context,
        );
        Input { event, context }
    }

    /// The random words of the samples, all samples one after the other.
    pub fn words(&self) -> Words {
        Words::new(self.words_seed())
    }

    /// The seed of [`words`](Self::words).
    pub fn words_seed(&self) -> u64 {
        self.seed ^ SAMPLES
    }
}

impl Entry {
    /// Freezes what a recipe gave.
    ///
    /// # Errors
    /// There are more or fewer numbers than the recipe asks for, or samples of a model of integers.
    pub fn new(recipe: Recipe, outputs: &Outputs) -> Result<Self, Error> {
        let own = Self {
            recipe,
            log_probs: bits(&outputs.log_probs),
            latents: bits(&outputs.latents),
            samples: bits(&outputs.samples),
        };
        own.check()?;
        Ok(own)
    }

    /// Whether there are as many bits as the recipe asks for.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let (recipe, channels) = (&self.recipe, self.recipe.event.len());
        let [inputs, latents, samples] =
            [recipe.inputs, recipe.with_latents, recipe.samples].map(|count| count as usize);
        let counts = [
            (self.log_probs.0.len(), inputs),
            (self.latents.0.len(), latents * channels),
            (self.samples.0.len(), samples * channels),
        ];
        let sound = counts.iter().all(|(found, asked)| found == asked)
            && latents <= inputs
            && samples <= inputs
            && !(recipe.integers && samples > 0);
        match sound {
            true => Ok(()),
            false => Err(Error::Counts(recipe.name.clone())),
        }
    }

    /// The name, unique in the file. A row of the table of flows has its own name; `libm/`,
    /// `micromath/` and `polynomial/` before it name another backend than the row's, `f16/`, `i8/` and
    /// `i16/` the format of the weights.
    pub fn name(&self) -> &str {
        &self.recipe.name
    }

    /// The bytes of the `.flow` file.
    pub fn artefact(&self) -> &[u8] {
        &self.recipe.artefact
    }

    /// Whether the model is computed in floating point, so that the loader scores and samples with it.
    pub fn is_float(&self) -> bool {
        !self.recipe.integers
    }

    /// The channels of an event.
    pub fn event(&self) -> &[Channel] {
        &self.recipe.event
    }

    /// The channels of a context.
    pub fn context(&self) -> &[Channel] {
        &self.recipe.context
    }

    /// The seed of the inputs, for [`draw`].
    pub fn seed(&self) -> u64 {
        self.recipe.seed
    }

    /// How the inputs are drawn.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Input `index`.
    pub fn input(&self, index: u32) -> Input {
        self.recipe.input(index)
    }

    /// All inputs.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = Input> + '_ {
        let count = self.recipe.inputs;
        // A range of `u32` has no exact size on machines of 16 bits.
        (0..count as usize).map(|index| self.input(index as u32))
    }

    /// The bits of the log-likelihood of each input.
    pub fn log_probs(&self) -> &[u32] {
        &self.log_probs.0
    }

    /// The bits of the latents of the first inputs. They count where the log-likelihood is finite.
    pub fn latents(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.latents.0.chunks_exact(self.recipe.event.len().max(1))
    }

    /// The bits of the samples, each with the context that it is given. One generator,
    /// [`words`](Self::words), draws one after the other.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = (Vec<f32>, &[u32])> {
        let samples = self.samples.0.chunks_exact(self.recipe.event.len().max(1));
        let given = |(index, sample)| (self.input(index as u32).context, sample);
        samples.enumerate().map(given)
    }

    /// The random words of the samples.
    pub fn words(&self) -> Words {
        self.recipe.words()
    }
}

fn bits(numbers: &[f32]) -> Bits {
    let one_nan = |number: &f32| match number.is_nan() {
        true => 0x7fc0_0000,
        false => number.to_bits(),
    };
    Bits(numbers.iter().map(one_nan).collect())
}
