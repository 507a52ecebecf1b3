//! Compiles two models, one of them with a name that is none for a module.

use flow_codegen::{Builder, Functions};

fn main() -> Result<(), flow_codegen::Error> {
    Builder::new("pump.flow").self_test(true).generate()?;
    Builder::new("2nd pump.flow")
        .functions(Functions::Score)
        .self_test(true)
        .generate()
}
