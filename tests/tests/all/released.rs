//! Generated code of every release, against the runtime of this one: it
//! compiles, and its golden vectors keep their bits.
//!
//! A firmware may commit a generated module and update `flow-embedded` alone, so
//! what released modules call stays, or a release says that it is gone.
//!
//! `released/VERSION` holds modules as that release's compiler wrote them, and
//! is never changed. A release adds its folder by
//!
//! ```text
//! BLESS=1 cargo test -p flow-tests --test released
//! ```
//!
//! which writes the modules of [`MODULES`] with the version of the workspace if there is no such
//! folder yet, and then its line at the end of this file.
//!
//! Until 0.1.0 is out, its folder stands for the code of the first release.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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

/// What a release leaves: every domain in affine layers, and splines given a context.
const MODULES: [&str; 2] = ["domains", "nsf"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("released")
}

#[test]
fn this_release_is_here() {
    let folder = folder().join(env!("CARGO_PKG_VERSION"));
    if !folder.exists() && std::env::var_os("BLESS").is_some() {
        let modules = flow_modules::generate(&folder, |own| {
            own.folder.is_empty() && MODULES.contains(&own.name.as_str())
        });
        assert_eq!(modules.expect("modules").len(), MODULES.len());
    }
    for name in MODULES {
        let file = folder.join(name).with_extension("rs");
        assert!(
            file.is_file(),
            "no {}: see the head of this file",
            file.display()
        );
    }
}

/// The modules of all releases, as `VERSION/NAME.rs`.
fn on_disk() -> BTreeSet<String> {
    let root = folder();
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
    v0_1_0, "0.1.0": domains nsf;
}
