//! As `golden`, for modules made for size and without the compiler's passes.
#![no_std]
#![no_main]

use flow_firmware::golden;
use flow_frame::entry;

golden! {
    sampled SIZE size "size/"
    maf_context mixed iaf iaf_spline_groups glow circular permuted blocks_added
}

golden! {
    sampled PLAIN plain "plain/"
    maf_context mixed iaf iaf_spline_groups glow circular permuted blocks_added
}

#[entry]
fn main() -> ! {
    golden::run(&[("size/", SIZE), ("plain/", PLAIN)])
}
