//! Section sizes and symbols of a linked firmware.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

/// A linked firmware, read into memory.
#[derive(Debug)]
pub struct Elf {
    path: PathBuf,
    sizes: Sizes,
    symbols: Vec<Symbol>,
}

/// A defined symbol.
#[derive(Debug)]
struct Symbol {
    name: String,
    /// With the Thumb bit cleared.
    address: u32,
    bytes: u64,
    function: bool,
}

/// Sizes of the sections that take flash and RAM, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Code, the vector table included.
    pub text: u64,
    /// Constants.
    pub rodata: u64,
    /// Initialised variables, which take flash as well as RAM.
    pub data: u64,
    /// Zeroed variables.
    pub bss: u64,
}

impl Sizes {
    /// Bytes of flash.
    #[must_use]
    pub fn flash(&self) -> u64 {
        self.text + self.rodata + self.data
    }

    /// Bytes of RAM, without the stack.
    #[must_use]
    pub fn ram(&self) -> u64 {
        self.data + self.bss
    }
}

/// Why a firmware could not be examined.
#[derive(Debug, thiserror::Error)]
pub enum ElfError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not an ELF.
    #[error("{}: not an ELF file: {error}", path.display())]
    NotElf {
        /// The file.
        path: PathBuf,
        /// Why.
        error: object::Error,
    },
    /// The ELF has no code: nothing was linked into it.
    #[error("{}: no .text section, or an empty one", path.display())]
    NoCode {
        /// The file.
        path: PathBuf,
    },
    /// The ELF lacks a symbol that was asked for.
    #[error("{}: no symbol `{symbol}`", path.display())]
    NoSymbol {
        /// The file.
        path: PathBuf,
        /// The missing symbol.
        symbol: String,
    },
}

impl Elf {
    /// Reads an ELF.
    ///
    /// # Errors
    /// If the file is missing, is not an ELF or holds no code.
    pub fn read(path: &Path) -> Result<Self, ElfError> {
        let path = path.to_path_buf();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => return Err(ElfError::Unreadable { path, error }),
        };
        let file = match object::File::parse(&*bytes) {
            Ok(file) => file,
            Err(error) => return Err(ElfError::NotElf { path, error }),
        };
        let size = |name: &str| file.section_by_name(name).map_or(0, |s| s.size());
        let sizes = Sizes {
            text: size(".text") + size(".vector_table"),
            rodata: size(".rodata"),
            data: size(".data"),
            bss: size(".bss"),
        };
        if size(".text") == 0 {
            return Err(ElfError::NoCode { path });
        }
        let symbols = file
            .symbols()
            .filter(|symbol| !symbol.is_undefined())
            .filter_map(|symbol| {
                let address = u32::try_from(symbol.address()).ok()?;
                let function = symbol.kind() == SymbolKind::Text;
                // The lowest bit of a function's address says Thumb.
                let address = if function { address & !1 } else { address };
                Some(Symbol {
                    name: symbol.name().ok()?.to_owned(),
                    address,
                    bytes: symbol.size(),
                    function,
                })
            })
            .collect();
        Ok(Self {
            path,
            sizes,
            symbols,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Section sizes.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Names of the defined symbols that `wanted` accepts, sorted.
    #[must_use]
    pub fn symbols(&self, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
        let mut names: Vec<_> = self
            .symbols
            .iter()
            .map(|symbol| symbol.name.as_str())
            .filter(|name| wanted(name))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Bytes of the constants and variables whose name `wanted` accepts.
    #[must_use]
    pub fn data_bytes(&self, wanted: impl Fn(&str) -> bool) -> u64 {
        let data = self.symbols.iter().filter(|symbol| !symbol.function);
        data.filter(|symbol| wanted(&symbol.name))
            .map(|symbol| symbol.bytes)
            .sum()
    }

    /// Addresses and names of the functions whose name starts with `prefix`.
    ///
    /// # Errors
    /// If there is none.
    pub fn functions(&self, prefix: &str) -> Result<BTreeMap<u32, String>, ElfError> {
        self.functions_where(&format!("{prefix}*"), |name| name.starts_with(prefix))
    }

    /// Addresses and names of the functions whose name is `wanted`; `what` says which in the error.
    ///
    /// # Errors
    /// If there is none.
    pub fn functions_where(
        &self,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<u32, String>, ElfError> {
        let found: BTreeMap<_, _> = self
            .symbols
            .iter()
            .filter(|symbol| symbol.function && wanted(&symbol.name))
            .map(|symbol| (symbol.address, symbol.name.clone()))
            .collect();
        if found.is_empty() {
            return Err(ElfError::NoSymbol {
                path: self.path.clone(),
                symbol: what.to_owned(),
            });
        }
        Ok(found)
    }

    /// Checks that the function `name` is there.
    ///
    /// # Errors
    /// If it is not.
    pub fn require(&self, name: &str) -> Result<(), ElfError> {
        let found = |symbol: &Symbol| symbol.function && symbol.name == name;
        if self.symbols.iter().any(found) {
            return Ok(());
        }
        Err(ElfError::NoSymbol {
            path: self.path.clone(),
            symbol: name.to_owned(),
        })
    }
}

/// Whether a symbol is a double-precision helper of the compiler's run-time library, by ARM's
/// names or by GCC's. The chips have no double-precision unit, so one such call costs hundreds of
/// instructions.
#[must_use]
pub fn is_double_helper(symbol: &str) -> bool {
    const CONVERSIONS: [&str; 5] = ["f2d", "i2d", "ui2d", "l2d", "ul2d"];
    if let Some(rest) = symbol.strip_prefix("__aeabi_") {
        // Division helpers of integers are `idiv`, `ldivmod`, `uidiv`: no leading `d`.
        return (rest.starts_with('d') && rest != "div0") || CONVERSIONS.contains(&rest);
    }
    // GCC writes `df` for a double: `adddf3`, `fixunsdfsi`, `truncdfsf2`, `floatsidf`.
    symbol.strip_prefix("__").is_some_and(|rest| {
        rest.trim_end_matches(|c: char| c.is_ascii_digit())
            .ends_with("df")
            || ["fixdf", "fixunsdf", "truncdf"]
                .iter()
                .any(|conversion| rest.starts_with(conversion))
    })
}

/// Whether a symbol is a helper of the compiler's run-time library for floating point of any
/// precision, by ARM's names or by GCC's.
#[must_use]
pub fn is_float_helper(symbol: &str) -> bool {
    const CONVERSIONS: [&str; 4] = ["i2f", "ui2f", "l2f", "ul2f"];
    if is_double_helper(symbol) || symbol.contains("17compiler_builtins5float") {
        return true;
    }
    if let Some(rest) = symbol.strip_prefix("__aeabi_") {
        return rest.starts_with('f') || rest.starts_with("cf") || CONVERSIONS.contains(&rest);
    }
    // GCC writes `sf` for a float: `addsf3`, `fixunssfsi`, `floatsisf`.
    symbol.strip_prefix("__").is_some_and(|rest| {
        rest.trim_end_matches(|c: char| c.is_ascii_digit())
            .ends_with("sf")
            || ["fixsf", "fixunssf"]
                .iter()
                .any(|conversion| rest.starts_with(conversion))
    })
}

/// Whether a symbol belongs to the panic machinery of `core`.
#[must_use]
pub fn is_panic(symbol: &str) -> bool {
    symbol.contains("4core9panicking") || symbol.contains("rust_begin_unwind")
}

#[cfg(test)]
mod tests {
    use super::{Elf, ElfError, is_double_helper, is_float_helper, is_panic};

    #[test]
    fn a_missing_file_and_a_text_file_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("nothing.elf");
        assert!(matches!(
            Elf::read(&missing),
            Err(ElfError::Unreadable { .. })
        ));
        let text = folder.path().join("text.elf");
        std::fs::write(&text, "not a firmware").unwrap();
        assert!(matches!(Elf::read(&text), Err(ElfError::NotElf { .. })));
    }

    #[test]
    fn a_missing_symbol_is_named() {
        let own = Elf::read(&std::env::current_exe().unwrap()).unwrap();
        let error = own.require("entry_that_is_not_there").unwrap_err();
        assert!(
            error.to_string().contains("`entry_that_is_not_there`"),
            "{error}"
        );
        assert!(own.functions("entry_that_is_not_there").is_err());
        assert!(own.require("main").is_ok());
        assert!(own.sizes().text > 0);
    }

    #[test]
    fn double_helpers_are_told_from_others() {
        for double in [
            "__aeabi_dadd",
            "__aeabi_dcmplt",
            "__aeabi_f2d",
            "__aeabi_d2f",
            "__adddf3",
            "__unorddf2",
            "__extendsfdf2",
            "__floatunsidf",
            "__fixunsdfsi",
            "__truncdfsf2",
        ] {
            assert!(is_double_helper(double), "{double}");
        }
        for other in [
            "__aeabi_fadd",
            "__aeabi_idiv",
            "__aeabi_memcpy",
            "dadd",
            "__addsf3",
            "__fixsfdi",
            "__udivdi3",
        ] {
            assert!(!is_double_helper(other), "{other}");
        }
    }

    #[test]
    fn float_helpers_are_told_from_integers() {
        for float in [
            "__aeabi_fmul",
            "__aeabi_cfcmple",
            "__aeabi_ui2f",
            "__aeabi_dadd",
            "__addsf3",
            "__fixunssfsi",
            "__floatsisf",
            "_RNvNtNtCs1_17compiler_builtins5float3mul8___mulsf3",
        ] {
            assert!(is_float_helper(float), "{float}");
        }
        for other in [
            "__aeabi_lmul",
            "__aeabi_memclr4",
            "__clzsi2",
            "__ashldi3",
            "_RNvNtNtCs1_17compiler_builtins3int3mul8___muldi3",
        ] {
            assert!(!is_float_helper(other), "{other}");
        }
    }

    #[test]
    fn panic_symbols_are_recognised() {
        assert!(is_panic("_ZN4core9panicking18panic_bounds_check17h0E"));
        assert!(!is_panic("entry_log_prob"));
    }
}
