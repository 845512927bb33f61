use super::scalar::F32x4;
use super::{Simd, Vector, Vectorized, dispatch};
use crate::kernels::isa::{available, with_isa};

struct EveryMethod;

impl Vectorized for EveryMethod {
    type Output = ();

    unsafe fn run<V: Simd>(self) {
        let x: Vec<f32> = (0..200).map(|i| i as f32 * 0.5 - 7.0).collect();
        let n = V::LANES;
        let lanes = |v: V| {
            let mut lanes = vec![f32::NAN; n];
            // SAFETY: `dispatch` chose `V`, and there is room for its lanes.
            unsafe { v.store(lanes.as_mut_ptr()) };
            lanes
        };
        // SAFETY: `dispatch` chose `V`; every pointer has as many numbers as are read or written.
        unsafe {
            V::enter(|| {
                let (a, b, c) = (V::load(x.as_ptr().add(1)), V::load(x.as_ptr().add(50)), V::splat(0.25));
                assert_eq!(lanes(a), x[1..1 + n]);
                assert_eq!(lanes(c), vec![0.25; n]);
                assert_eq!(lanes(a.add(b)), (0..n).map(|i| x[1 + i] + x[50 + i]).collect::<Vec<_>>());
                let expected: Vec<_> = (0..n).map(|i| x[1 + i] * x[50 + i] + 0.25).collect();
                assert_eq!(lanes(a.mul_add(b, c)), expected);
                assert_eq!(lanes(a.mul(b)), (0..n).map(|i| x[1 + i] * x[50 + i]).collect::<Vec<_>>());
                let signs = [-1.0, 0.0, f32::NAN, 1e-45, -0.0, 1.0, f32::INFINITY, -f32::INFINITY].repeat(2);
                for signs in signs.windows(n) {
                    let selected = lanes(V::load(signs.as_ptr()).select_nonpositive(a, b));
                    let expected = (0..n).map(|i| if signs[i] <= 0.0 { x[1 + i] } else { x[50 + i] });
                    assert_eq!(selected, expected.collect::<Vec<_>>());
                    let nonzero: u32 = (0..n).map(|i| u32::from(signs[i] != 0.0) << i).sum();
                    assert_eq!(V::load(signs.as_ptr()).nonzero(), nonzero, "{signs:?}");
                }
                for count in 1..=n {
                    // The end of an allocation: nothing beyond may be touched.
                    let exact: Box<[f32]> = x[..count].into();
                    let loaded = lanes(V::load_partial(exact.as_ptr(), count));
                    assert_eq!(loaded[..count], x[..count]);
                    assert!(loaded[count..].iter().all(|&lane| lane == 0.0));
                    let mut stored = vec![-1.0; n];
                    a.store_partial(stored.as_mut_ptr(), count);
                    assert_eq!(stored[..count], x[1..1 + count]);
                    assert!(stored[count..].iter().all(|&lane| lane == -1.0));
                }
                let starts = [0, 3, 40, 100];
                let mut sums = [0.0; 4];
                V::sum4(starts.map(|start| V::load(x.as_ptr().add(start)))).store(sums.as_mut_ptr());
                assert_eq!(sums, starts.map(|start| x[start..start + n].iter().sum::<f32>()));
                let stride = 9;
                for (i, &v) in V::load_transposed(x.as_ptr(), stride).iter().enumerate() {
                    assert_eq!(lanes(v), (0..n).map(|j| x[j * stride + i]).collect::<Vec<_>>());
                }
            });
        }
    }
}

#[test]
fn every_vector_type_does_what_the_trait_says() {
    for isa in available() {
        with_isa(isa, || dispatch(EveryMethod));
    }
    // SAFETY: no instruction set is needed.
    unsafe { EveryMethod.run::<F32x4>() };
}
