//! What this machine can do at most in `f32`, as the crate `gemm` measures it: the yardstick of `flow bench`.
//!
//! `cargo run --release --manifest-path flow-train/tests/peers/gemm/Cargo.toml`

use std::time::Instant;

/// A square product that fits the cache of one core.
const SIZE: usize = 512;

fn main() {
    for threads in [
        1,
        std::thread::available_parallelism().map_or(1, usize::from),
    ] {
        println!(
            "{threads} threads: {:.0} GFLOP/s",
            gigaflops_per_second(threads)
        );
    }
}

fn gigaflops_per_second(threads: usize) -> f64 {
    let (a, b) = (vec![1.0f32; SIZE * SIZE], vec![0.5f32; SIZE * SIZE]);
    let mut c = vec![0.0f32; SIZE * SIZE];
    let parallelism = match threads {
        1 => gemm::Parallelism::None,
        threads => gemm::Parallelism::Rayon(threads),
    };
    let stride = SIZE as isize;
    let mut least = f64::INFINITY;
    for _ in 0..100 {
        let start = Instant::now();
        // SAFETY: each pointer is to a square matrix of SIZE rows, SIZE values apart.
        unsafe {
            gemm::gemm(
                SIZE,
                SIZE,
                SIZE,
                c.as_mut_ptr(),
                1,
                stride,
                false,
                a.as_ptr(),
                1,
                stride,
                b.as_ptr(),
                1,
                stride,
                0.0,
                1.0,
                false,
                false,
                false,
                parallelism,
            );
        }
        least = least.min(start.elapsed().as_secs_f64());
    }
    assert!(c.iter().all(|value| *value == 0.5 * SIZE as f32));
    2e-9 * (SIZE as f64).powi(3) / least
}
