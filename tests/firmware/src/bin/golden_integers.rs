//! As `golden`, for modules of integers: the integers of the desk.
#![no_std]
#![no_main]

use flow_firmware::golden;
use flow_frame::entry;

golden! {
    scored I8 i8 "i8/"
    maf maf_context mixed nice nsf iaf iaf_spline_groups glow domains circular
}

golden! {
    scored I16 i16 "i16/"
    maf maf_context mixed nice nsf iaf iaf_spline_groups glow domains circular
}

golden! {
    scored I8_SIZE i8_size "i8_size/"
    maf mixed iaf
}

#[entry]
fn main() -> ! {
    golden::run(&[("i8/", I8), ("i16/", I16), ("i8_size/", I8_SIZE)])
}
