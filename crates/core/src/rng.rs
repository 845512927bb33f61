//! Random numbers: Philox4x32-10, a counter-based generator (Salmon, Moraes, Dror, Shaw: "Parallel random
//! numbers: as easy as 1, 2, 3", SC 2011).
//!
//! The n-th number of a stream is a pure function of (seed, stream, n). Nothing has to be generated in order, so
//! every thread can make its own part, backward can make a dropout mask again instead of keeping it, and a seed
//! gives the same numbers on every platform: transcendental functions come from `libm`, not from the system.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// The four words of block `counter` under `key`: ten Philox rounds.
#[inline]
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let p0 = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let p1 = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [
            (p1 >> 32) as u32 ^ counter[1] ^ key[0],
            p1 as u32,
            (p0 >> 32) as u32 ^ counter[3] ^ key[1],
            p0 as u32,
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// As [`philox`], for `N` blocks in a row from number `first` of a stream: side by side, one a vector lane.
#[inline(always)]
pub fn philox_blocks<const N: usize>(first: u64, stream: [u32; 2], mut key: [u32; 2]) -> [[u32; 4]; N] {
    let numbers: [u64; N] = std::array::from_fn(|i| first.wrapping_add(i as u64));
    let mut c0 = numbers.map(|n| n as u32);
    let mut c1 = numbers.map(|n| (n >> 32) as u32);
    let mut c2 = [stream[0]; N];
    let mut c3 = [stream[1]; N];
    for _ in 0..10 {
        for i in 0..N {
            let p0 = u64::from(MULTIPLIERS[0]) * u64::from(c0[i]);
            let p1 = u64::from(MULTIPLIERS[1]) * u64::from(c2[i]);
            c0[i] = (p1 >> 32) as u32 ^ c1[i] ^ key[0];
            c1[i] = p1 as u32;
            c2[i] = (p0 >> 32) as u32 ^ c3[i] ^ key[1];
            c3[i] = p0 as u32;
        }
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    std::array::from_fn(|i| [c0[i], c1[i], c2[i], c3[i]])
}

/// A float in [0, 1) from the upper 24 bits of a word: every value is exact, 1 is never reached.
#[inline]
pub fn unit_f32(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// One stream of numbers, read in order.
#[derive(Clone, Debug)]
pub struct Rng {
    key: [u32; 2],
    stream: [u32; 2],
    block: u64,
    words: [u32; 4],
    used: usize,
}

impl Rng {
    /// The stream number `stream` of `seed`, from its start.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self { key: split(seed), stream: split(stream), block: 0, words: [0; 4], used: 4 }
    }

    /// Goes to word number `word` of the stream.
    pub fn seek(&mut self, word: u64) {
        self.block = word / 4;
        self.used = 4;
        for _ in 0..word % 4 {
            self.next_u32();
        }
    }

    /// 32 random bits.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            let block = split(self.block);
            self.words = philox([block[0], block[1], self.stream[0], self.stream[1]], self.key);
            self.block = self.block.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) | u64::from(self.next_u32()) << 32
    }

    /// Uniform in [0, 1), 24 bits.
    #[inline]
    pub fn uniform(&mut self) -> f32 {
        unit_f32(self.next_u32())
    }

    /// Uniform in [0, 1), 53 bits.
    pub fn uniform_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Standard normal (Box and Muller 1958): √(−2 ln u) · cos 2πv.
    pub fn normal(&mut self) -> f64 {
        let u = 1.0 - self.uniform_f64(); // in (0, 1]: its logarithm is finite
        let v = self.uniform_f64();
        libm::sqrt(-2.0 * libm::log(u)) * libm::cos(std::f64::consts::TAU * v)
    }

    /// Uniform in 0..n without bias (Lemire 2019, "Fast random integer generation in an interval").
    /// `n` of 0 gives 0.
    pub fn below(&mut self, n: u32) -> u32 {
        let mut product = u64::from(self.next_u32()) * u64::from(n);
        if (product as u32) < n {
            let threshold = n.wrapping_neg() % n;
            while (product as u32) < threshold {
                product = u64::from(self.next_u32()) * u64::from(n);
            }
        }
        (product >> 32) as u32
    }

    /// Writes a random order of 0..len (Fisher and Yates).
    pub fn permutation(&mut self, order: &mut [i32]) {
        for (i, slot) in order.iter_mut().enumerate() {
            *slot = i as i32;
        }
        for i in (1..order.len()).rev() {
            order.swap(i, self.below(i as u32 + 1) as usize);
        }
    }
}

fn split(x: u64) -> [u32; 2] {
    [x as u32, (x >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of Random123's `kat_vectors` for philox4x32-10.
    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([!0; 4], [!0; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn blocks_side_by_side_are_the_same_blocks() {
        let first = u64::from(u32::MAX) - 5; // the counter carries into its second word
        for (i, block) in philox_blocks::<16>(first, [7, 8], [9, 10]).into_iter().enumerate() {
            let [low, high] = split(first + i as u64);
            assert_eq!(block, philox([low, high, 7, 8], [9, 10]));
        }
    }

    #[test]
    fn seek_finds_the_same_numbers() {
        let mut rng = Rng::new(7, 3);
        let all: Vec<u32> = (0..40).map(|_| rng.next_u32()).collect();
        for start in [0, 1, 5, 8, 39] {
            rng.seek(start);
            assert_eq!(rng.next_u32(), all[start as usize]);
        }
    }

    #[test]
    fn uniform_and_normal_have_their_moments() {
        let mut rng = Rng::new(1, 0);
        let n = 200_000;
        let (mut sum, mut squares, mut fourth, mut flat) = (0.0, 0.0, 0.0, 0.0);
        for _ in 0..n {
            let z = rng.normal();
            sum += z;
            squares += z * z;
            fourth += z * z * z * z;
            let u = f64::from(rng.uniform());
            assert!((0.0..1.0).contains(&u));
            flat += u;
        }
        let n = f64::from(n);
        assert!((sum / n).abs() < 0.01);
        assert!((squares / n - 1.0).abs() < 0.02);
        assert!((fourth / n - 3.0).abs() < 0.1);
        assert!((flat / n - 0.5).abs() < 0.005);
    }

    #[test]
    fn below_is_even_and_a_permutation_has_everything_once() {
        let mut rng = Rng::new(2, 0);
        let mut counts = [0; 7];
        for _ in 0..70_000 {
            counts[rng.below(7) as usize] += 1;
        }
        assert!(counts.iter().all(|&c| (9_500..10_500).contains(&c)), "{counts:?}");
        let mut order = vec![0; 1000];
        rng.permutation(&mut order);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(i, &v)| i as i32 == v));
        assert_ne!(order, sorted);
    }
}
