//! The self-test of every golden module of `f32` made for speed: the log-likelihoods of the desk, bit
//! for bit, for each kind of layer, base, domain and backend; and the digest of its samples.
#![no_std]
#![no_main]

use flow_firmware::golden;
use flow_frame::entry;

golden! {
    sampled SPEED speed ""
    maf maf_context maf_one_channel maf_no_hidden maf_few_units maf_lags maf_residual
    realnvp realnvp_context realnvp_no_hidden mixed nice
    nsf nsf_ar nsf_ar_one_channel one_channel
    iaf iaf_spline_groups glow imported_scales imported_splines domains circular torus permuted permuted_mixture
}

#[entry]
fn main() -> ! {
    golden::run(&[("", SPEED)])
}
