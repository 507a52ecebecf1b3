//! The self-test of every golden module: the log-likelihoods of the desk, bit for bit, for each
//! kind of layer, base, domain and backend.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{self, EXIT_SUCCESS};
use flow_firmware::print::Console;

macro_rules! golden {
    ($($module:ident)*) => {
        $(
            #[allow(dead_code)]
            mod $module {
                include!(concat!("../../../golden/", stringify!($module), ".rs"));
            }
        )*

        /// Name and self-test of each module.
        static TESTS: &[(&str, fn() -> bool)] = &[
            $((stringify!($module), $module::self_test),)*
        ];
    };
}

golden! {
    maf maf_context maf_one_channel maf_no_hidden maf_few_units maf_residual
    realnvp realnvp_context realnvp_no_hidden mixed nice
    nsf nsf_ar nsf_ar_one_channel one_channel
    iaf iaf_spline_groups glow domains circular torus permuted permuted_mixture
}

#[entry]
fn main() -> ! {
    let mut console = Console::open();
    for (name, test) in TESTS {
        let verdict = if test() { "same " } else { "other " };
        console.text(verdict).text(name).end();
    }
    console.text("end").end();
    debug::exit(EXIT_SUCCESS);
    loop {
        core::hint::spin_loop();
    }
}
