//! Links only if no panic can be reached from any entry: the panic handler calls a function that
//! is defined nowhere. Every entry runs public operations of the runtime on inputs that the
//! compiler cannot know. The program is linked and looked at, and never run.
#![no_std]
#![no_main]

mod entries;
mod handler;
mod unknown;

/// The entries, read through a volatile pointer so that each stays a function of its own.
static ENTRIES: &[fn()] = &[
    entries::loader::entry_loader,
    entries::loader::entry_shaped,
    entries::generated::entry_maf,
    entries::generated::entry_maf_context,
    entries::generated::entry_maf_no_hidden,
    entries::generated::entry_realnvp,
    entries::generated::entry_realnvp_context,
    entries::generated::entry_mixed,
    entries::generated::entry_nice,
    entries::generated::entry_nsf,
    entries::generated::entry_nsf_ar,
    entries::generated::entry_iaf,
    entries::generated::entry_iaf_spline_groups,
    entries::generated::entry_glow,
    entries::generated::entry_domains,
    entries::generated::entry_circular,
    entries::generated::entry_torus,
    entries::generated::entry_permuted,
    entries::generated::entry_permuted_mixture,
    entries::generated::entry_image,
    entries::generated::entry_image_residual,
    entries::generated::entry_image_f16,
    entries::generated::entry_maf_lags,
    entries::generated::entry_maf_residual,
    entries::generated::entry_text,
    entries::generated::entry_lines,
    entries::generated::entry_categories,
    entries::generated::entry_blocks_added,
    entries::generated::entry_blocks_gated,
    entries::generated::entry_context_first,
    entries::generated::entry_imported_scales,
    entries::generated::entry_imported_splines,
    entries::generated::entry_mixed_permuted,
    entries::generated::entry_category,
    entries::generated::entry_leaky_relu,
    entries::generated::entry_gelu,
    entries::generated::entry_gelu_tanh,
    entries::generated::entry_elu,
    entries::kernels::entry_spline,
    entries::kernels::entry_linear,
    entries::kernels::entry_domain,
    entries::kernels::entry_base,
    entries::evidence::entry_evidence,
    entries::generated::entry_stream,
    entries::generated::entry_noise,
    entries::generated::entry_posterior,
    entries::generated::entry_adaptive,
    entries::fixed::entry_fixed,
    entries::window::entry_window,
    entries::math::entry_math,
];

/// Where the linker begins.
#[unsafe(no_mangle)]
pub extern "C" fn prove() {
    for entry in ENTRIES {
        // SAFETY: reads a reference.
        let entry = unsafe { core::ptr::from_ref(entry).read_volatile() };
        entry();
    }
}
