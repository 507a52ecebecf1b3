//! As `golden_integers`, for flows as other libraries have them.
#![no_std]
#![no_main]

use flow_firmware::golden;
use flow_frame::entry;

golden! {
    scored I8 i8 "i8/"
    imported_scales imported_splines blocks_added blocks_gated blocks_linear context_first
}

golden! {
    scored I16 i16 "i16/"
    imported_scales imported_splines blocks_added blocks_gated blocks_linear context_first
}

golden! {
    scored I8_SIZE i8_size "i8_size/"
    blocks_added
}

#[entry]
fn main() -> ! {
    golden::run(&[("i8/", I8), ("i16/", I16), ("i8_size/", I8_SIZE)])
}
