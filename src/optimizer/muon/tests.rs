//! Tests of Muon against plain loops and against Adam.

use super::*;
use crate::error::Position;
use crate::optimizer::State;

/// Returns numbers in [-1, 1] without a pattern.
fn noise(len: usize, seed: usize) -> Vec<f64> {
    let number = |i: usize| ((i * 7919 + seed * 104_729) as f64 * 0.618_034).sin();
    (0..len).map(|i| number(i + 1)).collect()
}

/// Orthogonalizes in plain loops, as Jordan et al. describe it.
fn reference(g: &[f64], rows: usize, cols: usize) -> Vec<f64> {
    let norm = g.iter().map(|x| x * x).sum::<f64>().sqrt();
    let mut x: Vec<f64> = g.iter().map(|x| x / norm).collect();
    let multiply = |a: &[f64], b: &dyn Fn(usize, usize) -> f64, n: usize, k: usize, m: usize| {
        let at = |i: usize| (0..k).map(|j| a[i / m * k + j] * b(j, i % m)).sum::<f64>();
        (0..n * m).map(at).collect::<Vec<f64>>()
    };
    for _ in 0..5 {
        let gram = multiply(&x, &|j, i| x[i * cols + j], rows, cols, rows);
        let square = multiply(&gram, &|j, i| gram[j * rows + i], rows, rows, rows);
        let pairs = gram.iter().zip(&square);
        let p: Vec<f64> = pairs.map(|(g, s)| -4.7750 * g + 2.0315 * s).collect();
        let px = multiply(&p, &|j, i| x[j * cols + i], rows, rows, cols);
        x = x.iter().zip(px).map(|(x, px)| 3.4445 * x + px).collect();
    }
    x
}

#[test]
fn hidden_matrices_step_along_orthogonal_matrices() {
    for (rows, cols) in [(5, 5), (3, 7), (7, 3), (16, 33)] {
        let layout = Layout::new(&[2, cols, rows, 1]).unwrap();
        let muon = Muon {
            momentum: 0.0,
            ..Muon::new(0.1)
        };
        let mut state = State::new(&muon, &layout).unwrap();
        let gradient = noise(layout.len(), rows);
        let start = noise(layout.len(), 99);
        let mut params = start.clone();
        state.update(&muon, 0.1, &mut params, &gradient).unwrap();
        let at = layout.layers()[1].weights.clone();
        let expected = if rows <= cols {
            reference(&gradient[at.clone()], rows, cols)
        } else {
            let g = &gradient[at.clone()];
            let lying: Vec<f64> = (0..rows * cols)
                .map(|i| g[i % rows * cols + i / rows])
                .collect();
            let o = reference(&lying, cols, rows);
            (0..rows * cols)
                .map(|i| o[i % cols * rows + i / cols])
                .collect()
        };
        let shape = math::sqrt((rows as f64 / cols as f64).max(1.0));
        for (i, o) in at.zip(expected) {
            let got = (start[i] - params[i]) / (0.1 * shape);
            assert!((got - o).abs() < 1e-9, "{rows} x {cols}: {got} {o}");
        }
    }
}

#[test]
fn the_rest_is_adams() {
    let layout = Layout::new(&[3, 4, 5, 2]).unwrap();
    let (muon, gradient) = (Muon::new(0.02), noise(layout.len(), 3));
    let mut params = noise(layout.len(), 4);
    let mut by_adam = params.clone();
    let mut state = State::new(&muon, &layout).unwrap();
    let mut adams = State::new(&muon.adam, &layout).unwrap();
    for _ in 0..3 {
        // Halving the rate by a schedule halves both learning rates.
        state.update(&muon, 0.01, &mut params, &gradient).unwrap();
        adams
            .update(&muon.adam, 5e-3, &mut by_adam, &gradient)
            .unwrap();
    }
    let matrix = layout.layers()[1].weights.clone();
    for i in 0..layout.len() {
        assert_eq!(
            params[i] == by_adam[i],
            !matrix.contains(&i),
            "parameter {i}"
        );
    }
    // Two layers have no hidden matrix.
    let shallow = Layout::new(&[3, 4, 2]).unwrap();
    assert_eq!(
        Optimizer::<f64>::state_len(&muon, &shallow),
        Optimizer::<f64>::state_len(&muon.adam, &shallow)
    );
}

#[test]
fn a_gradient_that_vanishes_leaves_no_subnormal_numbers() {
    let layout = Layout::new(&[3, 8, 8, 2]).unwrap();
    let muon = Muon::new(0.02);
    let mut params: Vec<f32> = vec![0.5; layout.len()];
    let mut state = State::new(&muon, &layout).unwrap();
    let mut gradient: Vec<f32> = noise(layout.len(), 1).iter().map(|&x| x as f32).collect();
    for _ in 0..3000 {
        state.update(&muon, 0.02, &mut params, &gradient).unwrap();
        gradient.fill(0.0);
    }
    let is_subnormal = |x: &f32| x.is_subnormal();
    assert!(!state.values.iter().any(is_subnormal));
    assert!(params.iter().all(|p| p.is_finite()));
}

#[test]
fn settings_out_of_range_are_refused() {
    for bad in [
        Muon::new(0.0),
        Muon {
            momentum: 1.0,
            ..Muon::default()
        },
        Muon {
            weight_decay: -1.0,
            ..Muon::default()
        },
        Muon {
            newton_schulz: 0,
            ..Muon::default()
        },
        Muon {
            newton_schulz: 101,
            ..Muon::default()
        },
        Muon {
            newton_schulz: usize::MAX,
            ..Muon::default()
        },
        Muon {
            adam: Adam::new(f64::NAN),
            ..Muon::default()
        },
    ] {
        assert!(Optimizer::<f64>::check(&bad).is_err(), "{bad:?}");
    }
}

#[test]
fn an_overflow_in_the_state_names_its_parameter() {
    let layout = Layout::new(&[3, 4, 5, 2]).unwrap();
    for amsgrad in [false, true] {
        let mut muon = Muon::default();
        muon.adam.amsgrad = amsgrad;
        for i in 0..layout.len() {
            let mut state = State::new(&muon, &layout).unwrap();
            let (mut params, mut gradient) = (noise(layout.len(), 1), noise(layout.len(), 2));
            gradient[i] = f64::INFINITY;
            state.update(&muon, 0.02, &mut params, &gradient).unwrap();
            let error = state.check_finite(&muon).unwrap_err();
            let at = Position::Index(i);
            assert!(
                matches!(&error, Error::NotFinite { at: got, .. } if *got == at),
                "{i}: {error}"
            );
        }
    }
}

#[test]
fn the_first_layer_can_be_one_of_the_hidden() {
    // An encoding has 7 parameters.
    let layout = Layout::new(&[5, 3, 3, 2]).unwrap();
    let layout = layout.with_encoding(7).unwrap();
    let [gradient, start] = [1, 2].map(|seed| noise(layout.len(), seed));
    let updated = |muon: &dyn Optimizer<f64>| {
        let mut params = start.clone();
        let mut state = State::new(muon, &layout).unwrap();
        state.update(muon, 0.02, &mut params, &gradient).unwrap();
        params
    };
    let muon = Muon::default();
    let (plain, adam) = (
        updated(&muon),
        updated(&Adam {
            learning_rate: 0.02,
            ..muon.adam
        }),
    );
    let adam_rate = muon.adam.learning_rate / 0.02;
    let first = updated(&Muon {
        first_layer: true,
        ..muon
    });
    let [one, two, three] = layout.layers() else {
        unreachable!()
    };
    let is_matrix = |at: &LayerLayout, i: usize| at.weights.contains(&i);
    for i in 0..layout.len() {
        let by_adam = start[i] + adam_rate * (adam[i] - start[i]);
        assert_eq!(
            (plain[i] - by_adam).abs() < 1e-12,
            !is_matrix(two, i),
            "{i}"
        );
        let others = !is_matrix(one, i) && !is_matrix(two, i);
        assert_eq!((first[i] - by_adam).abs() < 1e-12, others, "{i} {three:?}");
    }
    let expected = reference(&gradient[one.weights.clone()], 3, 5);
    for (i, o) in one.weights.clone().zip(expected) {
        assert!((start[i] - first[i] - 0.02 * o).abs() < 1e-10, "{i}");
    }
}
