//! Generated code of every release, against the runtime of this one: it
//! compiles, and its golden vectors keep their bits.
//!
//! A firmware may commit a generated module and update `flow-embedded` alone, so
//! what released modules call stays, or a release says that it is gone.
//!
//! `released/VERSION` holds modules as that release's compiler wrote them, and
//! is never changed. A release adds its folder, and its line below, by
//!
//! ```text
//! mkdir tests/released/VERSION
//! cd tests/golden
//! cp circular.rs domains.rs glow.rs iaf.rs maf_context.rs nice.rs nsf.rs realnvp.rs ../released/VERSION
//! ```
//!
//! Until 0.1.0 is out, its folder stands for the code of the first release.

use std::collections::BTreeSet;
use std::path::Path;

macro_rules! released {
    ($($release:ident, $folder:literal: $($name:ident)*;)*) => {
        $(
            mod $release {
                $(
                    #[allow(unreachable_pub)]
                    mod $name {
                        include!(concat!("../../released/", $folder, "/", stringify!($name), ".rs"));

                        #[test]
                        fn passes_its_self_test() {
                            assert!(self_test());
                        }
                    }
                )*
            }
        )*

        #[test]
        fn every_module_is_here() {
            let here = [$($(concat!($folder, "/", stringify!($name), ".rs"),)*)*];
            let here: BTreeSet<String> = here.into_iter().map(str::to_owned).collect();
            assert_eq!(here, on_disk());
        }
    };
}

/// The modules of all releases, as `VERSION/NAME.rs`.
fn on_disk() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("released");
    let list = |folder: &Path| -> Vec<_> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries
            .map(|entry| entry.expect("an entry").path())
            .collect()
    };
    let name = |path: &Path| {
        let path = path.strip_prefix(&root).expect("under the folder");
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        parts.join("/")
    };
    let modules = list(&root).into_iter().flat_map(|release| list(&release));
    modules.map(|module| name(&module)).collect()
}

released! {
    v0_1_0, "0.1.0": circular domains glow iaf maf_context nice nsf realnvp;
}
