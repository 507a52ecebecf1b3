//! The self-test of every golden module: the log-likelihoods of the desk, bit for bit, for each
//! kind of layer, base, domain and backend; and the digest of its samples.
#![no_std]
#![no_main]

use flow_firmware::print::Console;
use flow_firmware::{entry, stop};

macro_rules! golden {
    ($($module:ident)*) => {
        $(
            #[allow(dead_code)]
            mod $module {
                include!(concat!("../../../golden/", stringify!($module), ".rs"));
            }
        )*

        /// Name, self-test and digest of the samples of each module.
        static TESTS: &[(&str, fn() -> bool, fn() -> u32)] = &[
            $((
                stringify!($module),
                $module::self_test,
                || flow_case::sample_digest(&$module::Random),
            ),)*
        ];
    };
}

golden! {
    maf maf_context maf_one_channel maf_no_hidden maf_few_units maf_residual
    realnvp realnvp_context realnvp_no_hidden mixed nice
    nsf nsf_ar nsf_ar_one_channel one_channel
    iaf iaf_spline_groups glow domains circular torus permuted permuted_mixture
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
    for (name, test, digest) in TESTS {
        let same = test() && committed(name) == Some(digest());
        let verdict = if same { "same " } else { "other " };
        console.text(verdict).text(name).end();
    }
    console.text("end").end();
    stop::success()
}
