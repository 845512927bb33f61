//! Vectors of `f32`, one type an instruction set, behind one trait: kernels are written once, over [`Simd`].

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod one;
#[cfg(any(test, not(any(target_arch = "x86_64", target_feature = "simd128"))))]
mod scalar;
#[cfg(target_arch = "x86_64")]
mod sse2;
#[cfg(test)]
mod tests;
#[cfg(target_feature = "simd128")]
mod wasm128;

/// The vector that the compilation target guarantees.
#[cfg(target_arch = "x86_64")]
pub type Baseline = std::arch::x86_64::__m128;
/// The vector that the compilation target guarantees.
#[cfg(target_feature = "simd128")]
pub type Baseline = std::arch::wasm32::v128;
/// The vector that the compilation target guarantees.
#[cfg(not(any(target_arch = "x86_64", target_feature = "simd128")))]
pub type Baseline = scalar::F32x4;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use super::isa::Isa;
use super::isa::isa;

/// [`LANES`](Vector::LANES) numbers side by side, and arithmetic on them. A number is a vector too, of one lane.
///
/// # Safety
/// Every method needs a machine with the instruction set, and works inside [`Simd::enter`] only: elsewhere it is right,
/// but far too slow. Pointers need the alignment of `T`, no more.
pub trait Vector<T>: Copy + Send + Sync + 'static {
    /// Numbers in a vector.
    const LANES: usize;

    /// `x` in every lane.
    ///
    /// # Safety
    /// That of the trait.
    unsafe fn splat(x: T) -> Self;

    /// `LANES` numbers from `from`.
    ///
    /// # Safety
    /// They can be read.
    unsafe fn load(from: *const T) -> Self;

    /// `n` numbers from `from`, zeros after them; `0 < n <= LANES`.
    ///
    /// # Safety
    /// The `n` numbers can be read; nothing beyond them is touched.
    unsafe fn load_partial(from: *const T, n: usize) -> Self;

    /// Writes the lanes to `to`.
    ///
    /// # Safety
    /// `LANES` numbers can be written there.
    unsafe fn store(self, to: *mut T);

    /// Writes the first `n` lanes to `to`; `0 < n <= LANES`.
    ///
    /// # Safety
    /// `n` numbers can be written there; nothing beyond them is touched.
    unsafe fn store_partial(self, to: *mut T, n: usize);

    /// self + other
    ///
    /// # Safety
    /// That of the trait.
    unsafe fn add(self, other: Self) -> Self;

    /// self × other
    ///
    /// # Safety
    /// That of the trait.
    unsafe fn mul(self, other: Self) -> Self;

    /// self × factor + term, rounded once or twice.
    ///
    /// # Safety
    /// That of the trait.
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self;

    /// The lanes of `then` where self ≤ 0, those of `otherwise` elsewhere: where self is NaN, too.
    ///
    /// # Safety
    /// That of the trait.
    unsafe fn select_nonpositive(self, then: Self, otherwise: Self) -> Self;
}

/// A vector register of an instruction set.
///
/// # Safety
/// That of [`Vector`].
pub trait Simd: Vector<f32> {
    /// Vector registers of the machine.
    const REGISTERS: usize;
    /// Whether [`mul_add`](Vector::mul_add) is one instruction with one rounding.
    const FUSED: bool;
    /// The vector of four lanes.
    type Four: Vector<f32>;

    /// Runs `f` compiled for the instruction set: whatever is inlined into it.
    ///
    /// # Safety
    /// The machine has the instruction set.
    unsafe fn enter<R>(f: impl FnOnce() -> R) -> R;

    /// Asks for the cache line of `address`, which need not be readable.
    ///
    /// # Safety
    /// That of the trait.
    #[inline(always)]
    unsafe fn prefetch(_address: *const f32) {}

    /// Bit `i` is set if lane `i` is not 0: if it is NaN, too.
    ///
    /// # Safety
    /// That of the trait.
    unsafe fn nonzero(self) -> u32;

    /// The sums over the lanes of four vectors.
    ///
    /// # Safety
    /// That of the trait.
    unsafe fn sum4(vectors: [Self; 4]) -> Self::Four;

    /// Four neighbours from each of `LANES` rows that are `stride` apart, transposed: lane `j` of vector `i` is
    /// `from[j * stride + i]`.
    ///
    /// # Safety
    /// They can be read.
    unsafe fn load_transposed(from: *const f32, stride: usize) -> [Self; 4];
}

/// A computation written over any vector type.
pub trait Vectorized {
    /// Its result.
    type Output;

    /// Computes.
    ///
    /// # Safety
    /// The machine has the instruction set of `V`.
    unsafe fn run<V: Simd>(self) -> Self::Output;
}

/// Runs a computation with the vectors of the instruction set in use.
pub fn dispatch<T: Vectorized>(computation: T) -> T::Output {
    // SAFETY: `isa` returns only what the machine has.
    unsafe {
        match isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => computation.run::<std::arch::x86_64::__m512>(),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => computation.run::<std::arch::x86_64::__m256>(),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => computation.run::<std::arch::aarch64::float32x4_t>(),
            _ => computation.run::<Baseline>(),
        }
    }
}
