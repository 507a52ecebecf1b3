//! Compiles the modules of the golden table from frozen artefacts, and lists them for
//! `tests/all/generated.rs`.

use flow_modules::Module;
use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

/// The macros that compile the modules of a folder, with what they take first.
const MACROS: [(&str, &str, &str); 8] = [
    ("", "golden", ""),
    ("size", "variant", "size:"),
    ("plain", "variant", "plain:"),
    ("i8", "integers", "i8 i8:"),
    ("i16", "integers", "i16 i16:"),
    ("i8_size", "integers", "i8_size i8:"),
    ("f16", "halves", "f16:"),
    ("f16_size", "halves", "f16_size:"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let folder = Path::new(&out).join("golden");
    let modules = flow_modules::generate(&folder, |_| true)?;
    let mut list = String::new();
    for (name, macro_name, first) in MACROS {
        // What does one thing only has tests of its own.
        let own = modules
            .iter()
            .filter(|own| own.folder == name && own.name == own.row);
        let rows: Result<String, Box<dyn Error>> = own.map(|own| row(own, &folder)).collect();
        list += &format!("{macro_name}! {{\n    {first}\n{}}}\n", rows?);
    }
    fs::write(folder.join("list.rs"), list)?;
    Ok(())
}

/// Name and channels, and whether lines of a text are judged.
fn row(own: &Module, folder: &Path) -> Result<String, Box<dyn Error>> {
    let text = fs::read_to_string(folder.join(own.path()).with_extension("rs"))?;
    let lines = match text.contains("::CalibratedLines for") {
        true => ", lines",
        false => "",
    };
    let (name, event, context) = (&own.name, own.event, own.context);
    Ok(format!("    {name}, {event}, {context}{lines};\n"))
}
