//! Which vector instructions this machine has, and running code compiled for them.

use std::cell::Cell;
use std::sync::OnceLock;

use crate::error::{Error, Result};

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isa {
    /// x86-64 with 512-bit vectors and fused multiply-add.
    Avx512,
    /// x86-64 with 256-bit vectors and fused multiply-add.
    Avx2,
    /// 64-bit Arm with 128-bit vectors.
    Neon,
    /// WebAssembly with 128-bit vectors.
    Wasm128,
    /// What the compilation target guarantees.
    Portable,
}

impl Isa {
    /// Every instruction set, widest first.
    pub const ALL: [Isa; 5] = [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Wasm128, Isa::Portable];

    /// The name that `FERROGRAD_ISA` takes and `backend()` reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
            Self::Wasm128 => "wasm128",
            Self::Portable => "portable",
        }
    }

    /// Whether this machine runs it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                use std::arch::is_x86_feature_detected as has;
                has!("avx512f")
                    && has!("avx512vl")
                    && has!("avx512dq")
                    && has!("avx512bw")
                    && Self::Avx2.is_available()
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                use std::arch::is_x86_feature_detected as has;
                has!("avx2") && has!("fma")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true, // part of the architecture's baseline
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm128 => true, // the module would not load elsewhere
            Self::Portable => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }
}

/// The instruction sets of this machine, widest first.
pub fn available() -> Vec<Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available()).collect()
}

/// The instruction set that a value of `FERROGRAD_ISA` asks for: the widest where it asks for none.
fn choose(wish: Option<&str>) -> Result<Isa> {
    let available = available();
    let Some(wish) = wish.filter(|wish| !wish.is_empty()) else {
        return Ok(available[0]);
    };
    available.iter().copied().find(|isa| isa.name() == wish).ok_or_else(|| {
        let names: Vec<_> = available.iter().map(|isa| isa.name()).collect();
        Error::argument(format!(
            "FERROGRAD_ISA: this machine has no {wish:?}, expected one of {}",
            names.join(", ")
        ))
    })
}

/// What was chosen when it was first asked for.
static CHOICE: OnceLock<Result<Isa>> = OnceLock::new();

/// The instruction set in use: the widest that the machine has, or what the environment variable `FERROGRAD_ISA` names.
/// An unknown or unavailable name is an [`ErrorKind::Argument`](crate::ErrorKind::Argument) error.
pub fn isa_checked() -> Result<Isa> {
    CHOICE.get_or_init(|| choose(std::env::var("FERROGRAD_ISA").ok().as_deref())).clone()
}

/// As [`isa_checked`], where the host reads the environment; without effect if anything has run before.
pub fn initialize_isa(wish: &str) -> Result<Isa> {
    CHOICE.get_or_init(|| choose(Some(wish))).clone()
}

thread_local! {
    static OVERRIDE: Cell<Option<Isa>> = const { Cell::new(None) };
}

/// The instruction set that kernels called from this thread run on.
pub fn isa() -> Isa {
    OVERRIDE.get().unwrap_or_else(|| isa_checked().unwrap_or(Isa::Portable))
}

/// Runs `f` with another instruction set, on this thread and in the pool's lanes that it opens.
///
/// # Panics
/// If the machine lacks it.
pub fn with_isa<R>(isa: Isa, f: impl FnOnce() -> R) -> R {
    assert!(isa.is_available(), "this machine has no {}", isa.name());
    struct Restore(Option<Isa>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OVERRIDE.set(self.0);
        }
    }
    let _restore = Restore(OVERRIDE.replace(Some(isa)));
    f()
}

/// Runs `f` compiled for the instruction set in use, so that plain loops in it become its vector instructions.
///
/// Only what is inlined into `f` is compiled so: write it as `vectorize(#[inline(always)] || …)`, and call nothing in it
/// that is not `#[inline]`.
#[inline(always)]
pub fn vectorize<R>(f: impl FnOnce() -> R) -> R {
    match isa() {
        // SAFETY: `isa` returns only what the machine has.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { avx512(f) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2(f) },
        _ => f(),
    }
}

/// As [`vectorize`], with vectors of 256 bits at most: for loops that read across lines, of which LLVM makes gathers with
/// AVX-512, which are slower than the loads and shuffles that it finds otherwise.
#[inline(always)]
pub fn vectorize_narrow<R>(f: impl FnOnce() -> R) -> R {
    match isa() {
        // SAFETY: `isa` returns only what the machine has, and one with AVX-512 has AVX2.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx2 => unsafe { avx2(f) },
        _ => f(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
pub(super) fn avx512<R>(f: impl FnOnce() -> R) -> R {
    f()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
pub(super) fn avx2<R>(f: impl FnOnce() -> R) -> R {
    f()
}

#[cfg(test)]
mod tests {
    use super::{Isa, available, choose, isa, vectorize, with_isa};
    use crate::error::ErrorKind;
    use crate::pool::{parallel_for, with_num_threads};

    #[test]
    fn a_wish_is_granted_or_refused_by_name() {
        assert_eq!(choose(None), Ok(available()[0]));
        assert_eq!(choose(Some("")), choose(None));
        assert_eq!(choose(Some("portable")), Ok(Isa::Portable));
        for isa in Isa::ALL {
            assert_eq!(choose(Some(isa.name())).is_ok(), isa.is_available());
        }
        let error = choose(Some("sse9")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Argument);
        assert!(error.message.contains("\"sse9\"") && error.message.contains("portable"), "{error}");
    }

    #[test]
    fn an_override_holds_in_every_lane_and_ends() {
        let before = isa();
        for wish in available() {
            with_isa(wish, || {
                with_num_threads(3, || parallel_for(3, 1, &|_| assert_eq!(isa(), wish)));
            });
        }
        assert_eq!(isa(), before);
    }

    #[test]
    fn vectorized_loops_give_the_same_bits() {
        let x: Vec<f32> = (0..1001).map(|i| i as f32 * 0.37 - 100.0).collect();
        let run = |isa| {
            let mut y = vec![0.0; x.len()];
            with_isa(isa, || {
                vectorize(
                    #[inline(always)]
                    || {
                        for (y, &x) in y.iter_mut().zip(&x) {
                            *y = x * x + 1.0 / x;
                        }
                    },
                );
            });
            y
        };
        let portable = run(Isa::Portable);
        for isa in available() {
            assert_eq!(run(isa), portable);
        }
    }
}
