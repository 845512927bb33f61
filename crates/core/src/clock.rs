//! What time it is, where there is a clock. A WebAssembly module that imports nothing has none: nothing takes time there.

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
pub use std::time::Instant;

/// The only moment that there is.
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#[derive(Clone, Copy, Debug)]
pub struct Instant;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
impl Instant {
    /// This one.
    pub fn now() -> Self {
        Self
    }

    /// None.
    pub fn elapsed(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
impl std::ops::Sub for Instant {
    type Output = std::time::Duration;

    fn sub(self, _: Self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}
