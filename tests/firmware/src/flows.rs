//! Compiled flows in functions that the instruction counter finds by name.

/// Flows that score: module, channels, function.
#[macro_export]
macro_rules! scored {
    ($($module:ident $event:literal $log_prob:ident;)*) => {
        $(
            #[allow(dead_code)]
            mod $module {
                include!(concat!(env!("OUT_DIR"), "/", stringify!($module), ".rs"));
            }

            #[inline(never)]
            #[unsafe(no_mangle)]
            fn $log_prob(event: &[f32; $event]) -> f32 {
                flow_embedded::Density::log_prob(&$module::Model, event, &[])
            }
        )*
    };
}

/// Flows that score and sample: module, channels, both functions; and a function that calls them
/// all, each with a sample of its own.
#[macro_export]
macro_rules! sampled {
    ($($module:ident $event:literal $log_prob:ident $sample:ident;)*) => {
        $crate::scored! {
            $($module $event $log_prob;)*
        }

        $(
            #[inline(never)]
            #[unsafe(no_mangle)]
            fn $sample(rng: &mut flow_case::XorShift) -> [f32; $event] {
                flow_embedded::Sampler::sample(&$module::Model, rng, &[])
            }
        )*

        fn all(rng: &mut flow_case::XorShift) {
            $(
                let event = core::hint::black_box($sample(rng));
                core::hint::black_box($log_prob(&event));
            )*
        }
    };
}
