//! The self-test of every golden module: the log-likelihoods of the desk, bit for bit, for each
//! kind of layer, base, domain, backend, layout and format; and the digest of its samples.
#![no_std]
#![no_main]

use flow_firmware::print::Console;
use flow_firmware::{entry, stop};

/// A module's name, its self-test, and the digest of its samples if it draws any.
type Test = (&'static str, fn() -> bool, Option<fn() -> u32>);

/// The modules of a folder of golden files.
macro_rules! folder {
    ($folder:ident $path:literal $($module:ident)*) => {
        mod $folder {
            $(
                #[allow(dead_code)]
                pub mod $module {
                    include!(concat!("../../../golden/", $path, stringify!($module), ".rs"));
                }
            )*
        }
    };
}

/// Modules of `f32`, and their tests.
macro_rules! sampled {
    ($tests:ident $folder:ident $path:literal $($module:ident)*) => {
        folder! { $folder $path $($module)* }

        static $tests: &[Test] = &[
            $((
                stringify!($module),
                $folder::$module::self_test,
                Some(|| flow_case::sample_digest(&$folder::$module::Random)),
            ),)*
        ];
    };
}

/// Modules of integers, and their tests.
macro_rules! scored {
    ($tests:ident $folder:ident $path:literal $($module:ident)*) => {
        folder! { $folder $path $($module)* }

        static $tests: &[Test] = &[
            $((stringify!($module), $folder::$module::self_test, None),)*
        ];
    };
}

sampled! {
    SPEED speed ""
    maf maf_context maf_one_channel maf_no_hidden maf_few_units maf_residual
    realnvp realnvp_context realnvp_no_hidden mixed nice
    nsf nsf_ar nsf_ar_one_channel one_channel
    iaf iaf_spline_groups glow domains circular torus permuted permuted_mixture
}

sampled! {
    SIZE size "size/"
    maf_context mixed iaf iaf_spline_groups glow circular permuted
}

sampled! {
    PLAIN plain "plain/"
    maf_context mixed iaf iaf_spline_groups glow circular permuted
}

scored! {
    I8 i8 "i8/"
    maf maf_context mixed nice nsf iaf iaf_spline_groups glow domains circular
}

scored! {
    I16 i16 "i16/"
    maf maf_context mixed nice nsf iaf iaf_spline_groups glow domains circular
}

scored! {
    I8_SIZE i8_size "i8_size/"
    maf mixed iaf
}

/// The digest that the desk has.
fn committed(name: &str) -> Option<u32> {
    let mut lines = include_str!("../../../golden/samples.txt").lines();
    lines.find_map(|line| {
        let (own, digest) = line.split_once(' ')?;
        (own == name).then(|| digest.parse().ok())?
    })
}

#[entry]
fn main() -> ! {
    let mut console = Console::open();
    for (folder, tests) in [
        ("", SPEED),
        ("size/", SIZE),
        ("plain/", PLAIN),
        ("i8/", I8),
        ("i16/", I16),
        ("i8_size/", I8_SIZE),
    ] {
        for (name, test, digest) in tests {
            let sampled = digest.is_none_or(|digest| committed(name) == Some(digest()));
            let verdict = if test() && sampled { "same " } else { "other " };
            console.text(verdict).text(folder).text(name).end();
        }
    }
    console.text("end").end();
    stop::success()
}
