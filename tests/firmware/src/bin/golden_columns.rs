//! As `golden`, for images and categories: all in one would not fit the smallest chip.
#![no_std]
#![no_main]

use flow_firmware::golden;
use flow_frame::entry;

golden! {
    sampled SPEED speed ""
    image image_residual text lines categories mixed_permuted category
    blocks_added blocks_gated blocks_linear context_first
}

#[entry]
fn main() -> ! {
    golden::run(&[("", SPEED)])
}
