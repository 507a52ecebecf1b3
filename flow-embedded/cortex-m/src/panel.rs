//! Panels of 1 to 12 rows.
//!
//! The sums live in `s0`–`s11`, four inputs in `s12`–`s15`, and a column of
//! weights in `s16`–`s27`, which a function saves for its caller.

use core::arch::global_asm;

/// The most rows of a panel.
pub const PANEL_ROWS: usize = 12;

/// `vmla` of each row's sum and weight with the input in one register.
macro_rules! products {
    ($input:literal $($sum:literal $weight:literal)*) => {
        concat!($("    vmla.f32 s", $sum, ", s", $weight, ", s", $input, "\n"),*)
    };
}

/// Sets negative sums to zero; keeps −0 and NaN.
macro_rules! relu {
    ($($sum:literal)*) => {
        concat!(
            "    movs r2, #0\n",
            "    vmov s12, r2\n",
            $(
                "    vcmp.f32 s", $sum, ", #0\n",
                "    vmrs APSR_nzcv, fpscr\n",
                "    it mi\n",
                "    vmovmi.f32 s", $sum, ", s12\n",
            )*
        )
    };
}

/// Two functions of `rows` rows, without and with ReLU:
/// `r0` the panel, `r1` the inputs, `r2` how many of them, `r3` the output.
macro_rules! panel {
    ($rows:literal, $last_sum:literal, $last_weight:literal, $saved:literal,
     [$($sum:literal $weight:literal)*]) => {
        panel!(@function $rows, "flow_panel_", $last_sum, $last_weight, $saved,
               [$($sum $weight)*], "");
        panel!(@function $rows, "flow_panel_relu_", $last_sum, $last_weight, $saved,
               [$($sum $weight)*], relu!($($sum)*));
    };
    (@function $rows:literal, $name:literal, $last_sum:literal, $last_weight:literal,
     $saved:literal, [$($sum:literal $weight:literal)*], $activation:expr) => {
        global_asm!(
            concat!(".section .text.", $name, $rows, ",\"ax\",%progbits"),
            ".syntax unified",
            ".thumb",
            ".fpu fpv4-sp-d16",
            ".p2align 1",
            concat!(".global ", $name, $rows),
            concat!(".type ", $name, $rows, ", %function"),
            ".thumb_func",
            concat!($name, $rows, ":"),
            concat!("    vpush {{d8-", $saved, "}}"),
            concat!("    vldmia r0!, {{s0-", $last_sum, "}}"),
            "    lsrs.w r12, r2, #2",
            "    beq 3f",
            "2:  vldmia r1!, {{s12-s15}}",
            concat!("    vldmia r0!, {{s16-", $last_weight, "}}"),
            products!(12 $($sum $weight)*),
            concat!("    vldmia r0!, {{s16-", $last_weight, "}}"),
            products!(13 $($sum $weight)*),
            concat!("    vldmia r0!, {{s16-", $last_weight, "}}"),
            products!(14 $($sum $weight)*),
            concat!("    vldmia r0!, {{s16-", $last_weight, "}}"),
            products!(15 $($sum $weight)*),
            "    subs.w r12, r12, #1",
            "    bne 2b",
            "3:  ands r2, r2, #3",
            "    beq 5f",
            "4:  vldmia r1!, {{s12}}",
            concat!("    vldmia r0!, {{s16-", $last_weight, "}}"),
            products!(12 $($sum $weight)*),
            "    subs r2, r2, #1",
            "    bne 4b",
            "5:",
            $activation,
            concat!("    vstmia r3, {{s0-", $last_sum, "}}"),
            concat!("    vpop {{d8-", $saved, "}}"),
            "    bx lr",
            concat!(".size ", $name, $rows, ", . - ", $name, $rows),
        );
    };
}

panel!(1, "s0", "s16", "d8", [0 16]);
panel!(2, "s1", "s17", "d8", [0 16 1 17]);
panel!(3, "s2", "s18", "d9", [0 16 1 17 2 18]);
panel!(4, "s3", "s19", "d9", [0 16 1 17 2 18 3 19]);
panel!(5, "s4", "s20", "d10", [0 16 1 17 2 18 3 19 4 20]);
panel!(6, "s5", "s21", "d10", [0 16 1 17 2 18 3 19 4 20 5 21]);
panel!(7, "s6", "s22", "d11", [0 16 1 17 2 18 3 19 4 20 5 21 6 22]);
panel!(8, "s7", "s23", "d11", [0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23]);
panel!(9, "s8", "s24", "d12", [0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23 8 24]);
panel!(10, "s9", "s25", "d12", [0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23 8 24 9 25]);
panel!(11, "s10", "s26", "d13", [0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23 8 24 9 25 10 26]);
panel!(12, "s11", "s27", "d13", [0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23 8 24 9 25 10 26 11 27]);

/// The functions above, by name, and the choice among them.
macro_rules! functions {
    ($($rows:literal $plain:ident $relu:ident)*) => {
        unsafe extern "C" {
            $(
                fn $plain(panel: *const f32, input: *const f32, inputs: usize, output: *mut f32);
                fn $relu(panel: *const f32, input: *const f32, inputs: usize, output: *mut f32);
            )*
        }

        /// Bias plus weights times inputs for each row of a panel, and
        /// `max(0, …)` of it if `relu` says so.
        ///
        /// `columns` are the biases and then the weights of each input; columns
        /// or inputs beyond the other's number are not read. Without any
        /// column, and for more rows than [`PANEL_ROWS`], nothing is written.
        #[inline(always)]
        pub fn panel<const ROWS: usize>(
            columns: &[[f32; ROWS]],
            input: &[f32],
            output: &mut [f32; ROWS],
            relu: bool,
        ) {
            let Some(weights) = columns.len().checked_sub(1) else {
                return;
            };
            let inputs = weights.min(input.len());
            let (panel, input) = (columns.as_ptr().cast(), input.as_ptr());
            let output = output.as_mut_ptr();
            // SAFETY: each function reads `1 + inputs` columns of as many
            // numbers as it has rows, reads `inputs` inputs, and writes one
            // number a row; so many there are. It keeps the registers that a C
            // function keeps.
            unsafe {
                match (ROWS, relu) {
                    $(
                        ($rows, false) => $plain(panel, input, inputs, output),
                        ($rows, true) => $relu(panel, input, inputs, output),
                    )*
                    _ => {}
                }
            }
        }
    };
}

functions! {
    1 flow_panel_1 flow_panel_relu_1
    2 flow_panel_2 flow_panel_relu_2
    3 flow_panel_3 flow_panel_relu_3
    4 flow_panel_4 flow_panel_relu_4
    5 flow_panel_5 flow_panel_relu_5
    6 flow_panel_6 flow_panel_relu_6
    7 flow_panel_7 flow_panel_relu_7
    8 flow_panel_8 flow_panel_relu_8
    9 flow_panel_9 flow_panel_relu_9
    10 flow_panel_10 flow_panel_relu_10
    11 flow_panel_11 flow_panel_relu_11
    12 flow_panel_12 flow_panel_relu_12
}
