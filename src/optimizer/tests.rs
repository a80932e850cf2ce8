//! Properties of all built-in optimizers.

use super::*;
use crate::simd;

pub(super) fn built_in<T: Float>() -> Vec<Box<dyn Optimizer<T>>> {
    vec![
        Box::new(Sgd::default()),
        Box::new(Sgd::scikit_learn(1e-3)),
        Box::new(Sgd {
            momentum: 0.9,
            ..Sgd::default()
        }),
        Box::new(RmsProp::default()),
        Box::new(RmsProp {
            momentum: 0.9,
            centered: true,
            ..RmsProp::default()
        }),
        Box::new(Adagrad::default()),
        Box::new(Adam::default()),
        Box::new(Adam::scikit_learn(1e-3)),
        Box::new(AdamW::default()),
        Box::new(AdamW {
            decay_biases: false,
            weight_decay: 0.1,
            ..AdamW::default()
        }),
        Box::new(Adam {
            amsgrad: true,
            beta2: 0.9,
            ..Adam::default()
        }),
        Box::new(AdamW {
            adam: Adam {
                amsgrad: true,
                epsilon_form: EpsilonForm::Hat,
                ..Adam::default()
            },
            ..AdamW::default()
        }),
        Box::new(Nadam::default()),
        Box::new(Adamax::default()),
        Box::new(Adadelta::default()),
        Box::new(Rprop::default()),
    ]
}

pub(super) fn numbers<T: Float>(seed: u64, n: usize) -> Vec<T> {
    let mut x = seed;
    let mut next = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        T::from_f64((x >> 40) as f64 / 2f64.powi(23) - 1.0)
    };
    (0..n).map(|_| next()).collect()
}

/// Makes a few updates of the whole buffer.
pub(super) fn whole<T: Float>(optimizer: &dyn Optimizer<T>, layout: &Layout) -> Vec<T> {
    let mut params = numbers(1, layout.len());
    let mut state = State::new(optimizer, layout).unwrap();
    for t in 0..5 {
        let gradient = numbers(10 + t, layout.len());
        state
            .update(optimizer, 1e-3, &mut params, &gradient)
            .unwrap();
    }
    params
}

/// Makes the updates of [`whole`], one range at a time.
fn in_ranges<T: Float>(optimizer: &dyn Optimizer<T>, layout: &Layout, size: usize) -> Vec<T> {
    let mut params: Vec<T> = numbers(1, layout.len());
    let mut state = vec![T::zero(); optimizer.state_len(layout)];
    optimizer.init(layout, &mut state);
    let slots = state.len() / layout.len();
    for t in 0..5 {
        let gradient: Vec<T> = numbers(10 + t, layout.len());
        let mut start = 0;
        while start < layout.len() {
            let range = start..(start + size).min(layout.len());
            let state = &mut state[slots * range.start..slots * range.end];
            let context = UpdateContext {
                range: range.clone(),
                ..UpdateContext::new(t + 1, 1e-3, layout)
            };
            optimizer.step(
                &context,
                &mut params[range.clone()],
                &gradient[range.clone()],
                state,
            );
            start = range.end;
        }
    }
    params
}

#[test]
fn ranges_and_instruction_sets_give_the_same_bits() {
    fn check<T: Float>() {
        let layout = Layout::new(&[3, 17, 2]).unwrap();
        for optimizer in built_in::<T>() {
            assert!(optimizer.elementwise());
            assert!(optimizer.check().is_ok(), "{optimizer:?}");
            let expected = whole(&*optimizer, &layout);
            simd::on_every_set(|| {
                assert_eq!(whole(&*optimizer, &layout), expected, "{optimizer:?}");
                for size in [1, 7, 64, 1000] {
                    let got = in_ranges(&*optimizer, &layout, size);
                    assert_eq!(got, expected, "{optimizer:?} by {size}");
                }
            });
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn no_subnormal_number_stays_in_the_state() {
    fn check<T: Float>(updates: usize) {
        let layout = Layout::new(&[4, 5]).unwrap();
        let n = layout.len();
        for optimizer in built_in::<T>() {
            let mut params: Vec<T> = numbers(1, n);
            let mut state = State::new(&*optimizer, &layout).unwrap();
            // The gradients have every magnitude, down to those whose squares would be denormal.
            let scale = T::min_positive_value().sqrt();
            let mut gradient: Vec<T> = numbers(2, n);
            for (i, g) in gradient.iter_mut().enumerate() {
                *g *= scale.powf(T::from_f64(i as f64 / n as f64));
            }
            for _ in 0..updates {
                state
                    .update(&*optimizer, 1e-3, &mut params, &gradient)
                    .unwrap();
                let tame = |x: &T| x.is_normal() || x.is_zero();
                assert!(state.values.iter().all(tame), "{optimizer:?}: {state:?}");
                gradient.fill(T::zero());
            }
            assert!(params.iter().all(|p| p.is_finite()));
        }
    }
    check::<f32>(10_000);
    check::<f64>(10_000);
}

#[test]
fn adam_forgets_a_gradient_completely() {
    let layout = Layout::new(&[1, 1]).unwrap();
    let adam = Adam {
        beta2: 0.99,
        ..Adam::default()
    };
    let mut params = [1.0_f32, -1.0];
    let mut state = State::new(&adam, &layout).unwrap();
    let mut gradient = [0.5_f32, -2.0];
    for _ in 0..10_000 {
        state.update(&adam, 1e-3, &mut params, &gradient).unwrap();
        gradient = [0.0; 2];
    }
    assert_eq!(*state.values, [0.0; 4]);
}

#[test]
fn weights_decay_alone_if_asked() {
    let layout = Layout::new(&[2, 2]).unwrap();
    let zero = vec![0.0; layout.len()];
    for (decay_biases, bias) in [(true, 0.9), (false, 1.0)] {
        let adamw = AdamW {
            weight_decay: 1.0,
            decay_biases,
            ..AdamW::default()
        };
        let mut params = vec![1.0; layout.len()];
        let mut state = State::new(&adamw, &layout).unwrap();
        state.update(&adamw, 0.1, &mut params, &zero).unwrap();
        assert_eq!(params, [0.9, 0.9, 0.9, 0.9, bias, bias]);
    }
}

#[test]
fn a_nan_stays_visible() {
    let layout = Layout::new(&[1, 1]).unwrap();
    for optimizer in built_in::<f64>() {
        for bad in [f64::NAN, f64::INFINITY] {
            let mut params = [1.0, 1.0];
            let mut state = State::new(&*optimizer, &layout).unwrap();
            state
                .update(&*optimizer, 1e-3, &mut params, &[bad, 0.0])
                .unwrap();
            assert!(!params[0].is_finite(), "{optimizer:?}");
            assert!(params[1].is_finite(), "{optimizer:?}");
        }
    }
}

#[test]
fn settings_outside_their_range_are_refused() {
    fn refused(optimizer: &dyn Optimizer<f32>) {
        assert!(optimizer.check().is_err(), "{optimizer:?}");
    }
    for bad in [f64::NAN, f64::INFINITY, -0.1] {
        refused(&Sgd::new(bad));
        refused(&Adam::new(bad));
        refused(&AdamW::new(bad));
        refused(&Nadam::new(bad));
        refused(&RmsProp::new(bad));
        refused(&Adagrad::new(bad));
        refused(&Adamax::new(bad));
        refused(&Adadelta::new(bad));
        refused(&Rprop::new(bad));
        refused(&Adamax {
            beta2: bad,
            ..Adamax::default()
        });
        refused(&Adadelta {
            rho: bad,
            ..Adadelta::default()
        });
        refused(&Sgd {
            momentum: bad,
            ..Sgd::default()
        });
        refused(&AdamW {
            weight_decay: bad,
            ..AdamW::default()
        });
        refused(&Nadam {
            momentum_decay: bad,
            ..Nadam::default()
        });
        refused(&Adagrad {
            initial_sum: bad,
            ..Adagrad::default()
        });
        refused(&Adagrad {
            rate_decay: bad,
            ..Adagrad::default()
        });
        refused(&RmsProp {
            rho: bad,
            ..RmsProp::default()
        });
    }
    refused(&Adam::new(0.0));
    refused(&Adadelta {
        epsilon: 0.0,
        ..Adadelta::default()
    });
    let rprop = Rprop::default();
    for bad in [
        Rprop {
            eta_minus: 0.0,
            ..rprop
        },
        Rprop {
            eta_minus: 1.0,
            ..rprop
        },
        Rprop {
            eta_plus: 1.0,
            ..rprop
        },
        Rprop {
            eta_plus: f64::INFINITY,
            ..rprop
        },
        Rprop {
            smallest_step: 1e-50, // rounds to zero in f32
            ..rprop
        },
        Rprop {
            largest_step: 1e-7,
            ..rprop
        },
    ] {
        refused(&bad);
    }
    refused(&Adam {
        beta1: 1.0,
        ..Adam::default()
    });
    // The setting rounds to zero in f32, but not in f64.
    let tiny = Adam {
        epsilon: 1e-50,
        ..Adam::default()
    };
    refused(&tiny);
    assert!(Optimizer::<f64>::check(&tiny).is_ok());
}
