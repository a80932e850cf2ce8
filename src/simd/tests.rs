use super::*;

/// Loads, computes with and stores whole and partial registers on every set.
#[test]
fn vectors_load_compute_and_store() {
    struct Probe(usize);
    impl Op for Probe {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            probe::<S, f32, <S::F32 as Vector<S, f32>>::Half>(simd, self.0, &[1.0, 2.0, 3.0]);
            probe::<S, f64, <S::F64 as Vector<S, f64>>::Half>(simd, self.0, &[1.0, 2.0, 3.0]);
            probe::<S, f32, S::F32>(simd, self.0, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
            probe::<S, f64, S::F64>(simd, self.0, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        }
    }

    #[inline(always)]
    fn probe<S: Simd, T: num_traits::Float + fmt::Debug, V: Vector<S, T>>(
        simd: S,
        len: usize,
        seed: &[T],
    ) {
        let from: Vec<T> = seed.iter().copied().cycle().take(V::LANES + 3).collect();
        let two = V::splat(simd, T::one() + T::one());
        let one = V::splat(simd, T::one());
        let expected =
            |x: T| (x * (T::one() + T::one()) + T::one() + T::one()) * (T::one() + T::one());

        let mut to = vec![T::zero(); V::LANES];
        V::load(simd, &from)
            .mul_add(two, one)
            .add(one)
            .mul(two)
            .store(&mut to);
        for (got, x) in to.iter().zip(&from) {
            assert_eq!(*got, expected(*x));
        }

        let len = len.min(V::LANES);
        let mut guarded = vec![T::zero(); V::LANES + 2];
        V::load_partial(simd, &from[..len])
            .mul_add(two, one)
            .add(one)
            .mul(two)
            .store_partial(&mut guarded[1..=len]);
        for (i, got) in guarded.iter().enumerate() {
            let inside = (1..=len).contains(&i);
            assert_eq!(
                *got,
                if inside {
                    expected(from[i - 1])
                } else {
                    T::zero()
                }
            );
        }
        assert_eq!(V::load(simd, &from).first(), from[0]);
        let (zero, tiny) = (T::zero(), T::min_positive_value());
        for (x, low, expected) in [
            (-tiny, zero, zero),
            (tiny, zero, tiny),
            (-zero, zero, -zero),
            (T::neg_infinity(), zero, zero),
            (T::neg_infinity(), T::neg_infinity(), T::neg_infinity()),
        ] {
            let y = V::splat(simd, x).at_least(V::splat(simd, low)).first();
            assert_eq!(
                (y, y.is_sign_negative()),
                (expected, expected.is_sign_negative())
            );
        }
        for (x, low, expected) in [
            (tiny, zero, T::one()),
            (zero, zero, zero),
            (zero, -zero, zero),
            (-tiny, zero, zero),
            (-tiny, T::neg_infinity(), T::one()),
            (T::nan(), zero, zero),
        ] {
            let y = V::splat(simd, x).is_above(V::splat(simd, low)).first();
            assert_eq!((y, y.is_sign_negative()), (expected, false));
        }
        let nan = V::splat(simd, T::nan()).at_least(V::splat(simd, zero));
        assert!(nan.first().is_nan());

        let mut lanes = vec![T::one(); V::LANES];
        V::load_partial(simd, &from[..len]).store(&mut lanes);
        assert!(
            lanes[len..].iter().all(num_traits::Zero::is_zero),
            "lanes beyond the end are zero"
        );
    }

    for len in 0..=16 {
        on_every_set(|| dispatch(Probe(len)));
    }
}

#[test]
#[should_panic(expected = "range end index")]
fn a_load_beyond_the_end_is_refused() {
    struct TooShort;
    impl Op for TooShort {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            let _ = S::F32::load(simd, &[1.0]);
        }
    }
    dispatch(TooShort);
}

#[test]
fn a_set_that_the_cpu_lacks_is_an_error() {
    for set in InstructionSet::ALL
        .into_iter()
        .filter(|set| !set.is_available())
    {
        assert!(set.activate().unwrap_err().to_string().contains(set.name()));
    }
}

#[test]
#[cfg_attr(
    miri,
    ignore = "the queues of rayon break the rules of Stacked Borrows"
)]
fn only_the_thread_of_a_test_and_those_that_work_for_it_have_its_set() {
    let threads = crate::parallel::Threads::exactly(2).unwrap();
    let usual = InstructionSet::active();
    on_every_set(|| {
        let set = InstructionSet::active();
        let outside = std::thread::spawn(InstructionSet::active).join().unwrap();
        assert_eq!(outside, usual);
        let mut seen = [usual; 64];
        threads.install(|| threads.for_each(&mut seen, &|seen| *seen = InstructionSet::active()));
        assert_eq!(seen, [set; 64]);
    });
    assert_eq!(InstructionSet::active(), usual);
}
