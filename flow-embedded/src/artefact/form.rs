//! How the dense layers of a conditioner follow one another.

use super::Conditioner;
use serde::Serialize;

/// The most pre-activation blocks of one conditioner.
pub const MAX_BLOCKS: usize = 16;
/// The most units of a conditioner of pre-activation blocks: so that weights can be
/// counted in 32 bits.
pub const MAX_BLOCK_UNITS: usize = 4096;

/// How the dense layers of a conditioner follow one another, up to the linear output
/// layer. `c` are the features of the context, which lead the conditioner's input too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Form {
    /// Each hidden layer is `act(W h + b)`.
    Plain,
    /// Each hidden layer but the first adds its input to its output,
    /// `h + act(W h + b)` (He et al. 2016); its units are those of the layer before.
    Residual,
    /// Blocks of two dense layers with a connection around them, all of the units of
    /// the one hidden layer.
    PreActivation(PreActivation),
    /// Plain, but the first hidden layer's sum begins at `act(C c + b)`: the
    /// feed-forward MADE of nflows, given a context.
    ContextFirst,
}

/// Pre-activation residual blocks (He et al. 2016, "Identity Mappings in Deep Residual
/// Networks"): `t ← t + L1 act(L0 act(t))`, from `t = D input` of the hidden layer, which
/// has no non-linearity; the output layer sees `t` as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PreActivation {
    /// The blocks, 1 ..= [`MAX_BLOCKS`].
    pub blocks: u8,
    /// Whether a block begins with the non-linearity. zuko's residual perceptron has
    /// blocks `t + L1 act(L0 t)`.
    pub activated: bool,
    /// What the context does beside being an input.
    pub context: ContextTerm,
}

/// What the context does in pre-activation blocks, beside being an input of the first
/// dense layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ContextTerm {
    /// Nothing.
    Input,
    /// `act(C c + b)` is added to the hidden layer's sum, and `C c + b` to that of each
    /// block's first dense layer: the MADE of nflows.
    Added,
    /// Each block's second dense layer is multiplied by `sigmoid(G c + b)`: a gated
    /// linear unit, as the residual nets of nflows and normflows have it.
    Gated,
}

/// What a dense layer of a conditioner is there for. They are stored in this order, those
/// of a block together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Of the context: where the sum of the first hidden layer begins, behind the
    /// non-linearity.
    Start,
    /// A hidden layer, from 0; the first sees the conditioner's input.
    Hidden(usize),
    /// Of the context: what a block's first dense layer adds.
    Term(usize),
    /// The first dense layer of a block.
    Inner(usize),
    /// The second dense layer of a block.
    Outer(usize),
    /// Of the context: what a block's second dense layer is multiplied by.
    Gate(usize),
    /// The linear output layer.
    Output,
}

impl Role {
    /// Whether the rows see the features of the context, all of them and nothing else.
    pub const fn sees_context(self) -> bool {
        matches!(self, Self::Start | Self::Term(_) | Self::Gate(_))
    }
}

impl Form {
    /// The blocks of a conditioner that is made of them.
    pub const fn pre_activation(self) -> Option<PreActivation> {
        match self {
            Self::PreActivation(own) => Some(own),
            _ => None,
        }
    }

    /// Whether the first hidden layer's sum begins at a dense layer of the context.
    pub const fn has_start(self) -> bool {
        match self {
            Self::Plain | Self::Residual => false,
            Self::PreActivation(own) => matches!(own.context, ContextTerm::Added),
            Self::ContextFirst => true,
        }
    }

    /// Whether it is made for a context.
    pub const fn needs_context(self) -> bool {
        match self {
            Self::PreActivation(own) => !matches!(own.context, ContextTerm::Input),
            _ => self.has_start(),
        }
    }

    /// Whether there is nothing but a chain of hidden layers: what heads can have.
    pub const fn is_chain(self) -> bool {
        matches!(self, Self::Plain | Self::Residual)
    }

    /// The dense layers of a conditioner of so many hidden layers, the output included.
    pub const fn dense_layers(self, hidden: usize) -> usize {
        let blocks = match self {
            Self::PreActivation(own) => own.blocks as usize * own.dense_layers(),
            _ => 0,
        };
        self.has_start() as usize + hidden + blocks + 1
    }

    /// What dense layer `dense` (from 0; the last is the output) of a conditioner of so
    /// many hidden layers is there for.
    pub const fn role(self, hidden: usize, dense: usize) -> Role {
        let start = self.has_start() as usize;
        if dense < start {
            return Role::Start;
        }
        if dense < start + hidden {
            return Role::Hidden(dense - start);
        }
        let place = dense - start - hidden;
        match self {
            Self::PreActivation(own) => own.role(place),
            _ => Role::Output,
        }
    }
}

impl PreActivation {
    /// The dense layers of a block.
    pub const fn dense_layers(self) -> usize {
        match self.context {
            ContextTerm::Input => 2,
            ContextTerm::Added | ContextTerm::Gated => 3,
        }
    }

    /// What the dense layer in a place behind the hidden layer is there for.
    const fn role(self, place: usize) -> Role {
        // Divided by constants: nothing that could panic.
        let (block, part) = match self.context {
            ContextTerm::Input => (place / 2, place % 2 + 1),
            ContextTerm::Added => (place / 3, place % 3),
            ContextTerm::Gated => (place / 3, place % 3 + 1),
        };
        if block >= self.blocks as usize {
            return Role::Output;
        }
        match part {
            0 => Role::Term(block),
            1 => Role::Inner(block),
            2 => Role::Outer(block),
            _ => Role::Gate(block),
        }
    }
}

impl Conditioner<'_> {
    /// The number of dense layers, the output included.
    pub fn dense_layers(&self) -> usize {
        self.form.dense_layers(self.hidden.len())
    }

    /// What dense layer `dense` (from 0; the last is the output) is there for.
    pub fn role(&self, dense: usize) -> Role {
        self.form.role(self.hidden.len(), dense)
    }
}

#[cfg(test)]
mod tests {
    use super::{ContextTerm, Form, PreActivation, Role};

    fn roles(form: Form, hidden: usize) -> impl Iterator<Item = Role> {
        (0..form.dense_layers(hidden)).map(move |dense| form.role(hidden, dense))
    }

    /// A bool has the bytes of the first two forms: artefacts had one here.
    #[test]
    fn plain_and_residual_are_bytes_of_a_bool() {
        for (form, residual) in [(Form::Plain, false), (Form::Residual, true)] {
            let mut bytes = [[0xaa; 4]; 2];
            let own = postcard::to_slice(&form, &mut bytes[0]).expect("room");
            assert_eq!(own.len(), 1);
            postcard::to_slice(&residual, &mut bytes[1]).expect("room");
            assert_eq!(bytes[0], bytes[1]);
        }
    }

    #[test]
    fn dense_layers_are_stored_in_the_order_of_their_use() {
        use Role::{Gate, Hidden, Inner, Outer, Output, Start, Term};
        for form in [Form::Plain, Form::Residual] {
            assert!(roles(form, 0).eq([Output]));
            assert!(roles(form, 2).eq([Hidden(0), Hidden(1), Output]));
        }
        assert!(roles(Form::ContextFirst, 2).eq([Start, Hidden(0), Hidden(1), Output]));
        let form = |context| {
            Form::PreActivation(PreActivation {
                blocks: 2,
                activated: true,
                context,
            })
        };
        let input = [Hidden(0), Inner(0), Outer(0), Inner(1), Outer(1), Output];
        assert!(roles(form(ContextTerm::Input), 1).eq(input));
        let added = [Term(0), Inner(0), Outer(0), Term(1), Inner(1), Outer(1)];
        let added = [Start, Hidden(0)].into_iter().chain(added).chain([Output]);
        assert!(roles(form(ContextTerm::Added), 1).eq(added));
        let gated = [Inner(0), Outer(0), Gate(0), Inner(1), Outer(1), Gate(1)];
        let gated = [Hidden(0)].into_iter().chain(gated).chain([Output]);
        assert!(roles(form(ContextTerm::Gated), 1).eq(gated));
    }
}
