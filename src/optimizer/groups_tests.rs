//! Tests of factors by group.

use super::tests::{built_in, numbers, whole};
use super::*;
use crate::simd;

/// Returns a layout of several blocks, whose bounds are not those of layers.
fn layout() -> Layout {
    let layout = Layout::new(&[40, 230, 7]).unwrap();
    layout.with_encoding(300).unwrap()
}

#[test]
fn without_factors_nothing_changes() {
    // Muon's products depend on the instruction set, which another test may change.
    simd::on_every_set(|| {
        let layout = layout();
        for optimizer in built_in::<f32>() {
            let optimizer: Arc<dyn Optimizer<f32>> = Arc::from(optimizer);
            let expected = whole(&*optimizer, &layout);
            let groups = ParamGroups::new(optimizer);
            groups.check().unwrap();
            assert_eq!(whole(&groups, &layout), expected, "{groups:?}");
        }
    });
}

#[test]
fn each_group_is_trained_at_its_own_rate() {
    let layout = layout();
    let [first, last] = [0, 1].map(|index| layout.layers()[index].clone());
    let encoding = layout.encoding().start;
    let expected_factors = [
        (first.weights, 3.0),
        (first.bias, 0.1),
        (last.weights, 3.0 * 2.0),
        (last.bias, 0.1 * 2.0 * 0.0),
        (encoding..encoding + 10, 6.0),
        (encoding + 10..encoding + 20, 6.0 * 0.5),
        (encoding + 20..encoding + 300, 6.0),
    ];
    for optimizer in built_in::<f64>() {
        let optimizer: Arc<dyn Optimizer<f64>> = Arc::from(optimizer);
        let groups = ParamGroups::new(Arc::clone(&optimizer))
            .rate(Group::Weights, 3.0)
            .rate(Group::Biases, 0.1)
            .rate(Group::LastLayer, 2.0)
            .rate(Group::LayerBiases(1), 0.0)
            .rate(Group::Encoding, 6.0)
            .rate(Group::EncodingRange(10..20), 0.5);
        let got = whole(&groups, &layout);
        simd::on_every_set(|| assert_eq!(whole(&groups, &layout), got, "{optimizer:?}"));
        for (range, factor) in &expected_factors {
            let expected = at_rate(&*optimizer, &layout, 1e-3 * factor);
            assert_eq!(got[range.clone()], expected[range.clone()], "{optimizer:?}");
        }
        for threads in [2, 3] {
            let threads = Threads::exactly(threads).unwrap();
            let update = |state: &mut State<f64>, params: &mut [f64], gradient: &[f64]| {
                state.update_parallel(&threads, &groups, (1e-3, 1.0), params, gradient)
            };
            assert_eq!(updated(&groups, &layout, update), got, "{optimizer:?}");
        }
    }
}

/// Makes the updates of [`whole`] by this function.
fn updated(
    optimizer: &dyn Optimizer<f64>,
    layout: &Layout,
    update: impl Fn(&mut State<f64>, &mut [f64], &[f64]) -> Result<()>,
) -> Vec<f64> {
    let mut params = numbers(1, layout.len());
    let mut state = State::new(optimizer, layout).unwrap();
    for t in 0..5 {
        let gradient: Vec<f64> = numbers(10 + t, layout.len());
        update(&mut state, &mut params, &gradient).unwrap();
    }
    params
}

/// Makes the updates of [`whole`] at another rate.
fn at_rate(optimizer: &dyn Optimizer<f64>, layout: &Layout, rate: f64) -> Vec<f64> {
    updated(optimizer, layout, |state, params, gradient| {
        state.update(optimizer, rate, params, gradient)
    })
}

/// The parametrization W = U / √n is exact, also for an epsilon that matters and for weight decay.
#[test]
fn ntk_trains_the_weights_times_the_root_of_the_fan_in() {
    let layout = layout();
    let root = |index: usize| {
        let at = layout
            .layers()
            .iter()
            .find(|at| at.weights.contains(&index));
        at.map_or(1.0, |at| (at.inputs as f64).sqrt())
    };
    let adamw = AdamW {
        adam: Adam {
            epsilon: 0.3,
            ..Adam::new(1e-3)
        },
        weight_decay: 5.0,
        ..AdamW::default()
    };
    let optimizers: [Arc<dyn Optimizer<f64>>; 2] = [Arc::new(adamw), Arc::new(Sgd::new(1e-3))];
    for optimizer in optimizers {
        let got = whole(&ParamGroups::new(Arc::clone(&optimizer)).ntk(), &layout);
        let mut params: Vec<f64> = numbers(1, layout.len());
        params
            .iter_mut()
            .enumerate()
            .for_each(|(i, u)| *u *= root(i));
        let mut state = State::new(&optimizer, &layout).unwrap();
        for t in 0..5 {
            let mut gradient: Vec<f64> = numbers(10 + t, layout.len());
            gradient
                .iter_mut()
                .enumerate()
                .for_each(|(i, g)| *g /= root(i));
            state
                .update(&optimizer, 1e-3, &mut params, &gradient)
                .unwrap();
        }
        for (index, (got, u)) in got.iter().zip(params).enumerate() {
            let expected = u / root(index);
            assert!((got - expected).abs() < 1e-14, "{index}: {got} {expected}");
        }
    }
}

#[test]
fn decay_factors_multiply_the_decay() {
    let layout = Layout::new(&[2, 2]).unwrap();
    let adamw = AdamW {
        weight_decay: 1.0,
        ..AdamW::default()
    };
    let groups = ParamGroups::new(adamw)
        .decay(Group::Biases, 0.0)
        .decay(Group::LayerWeights(0), 3.0)
        .rate(Group::Layer(0), 2.0);
    let mut params = vec![1.0_f64; layout.len()];
    let mut state = State::new(&groups, &layout).unwrap();
    let zero = vec![0.0; layout.len()];
    state.update(&groups, 0.1, &mut params, &zero).unwrap();
    let weight = 1.0 - 0.1 * 2.0 * 3.0;
    for (got, expected) in params
        .iter()
        .zip([weight, weight, weight, weight, 1.0, 1.0])
    {
        assert!((got - expected).abs() < 1e-15, "{params:?}");
    }
}

/// No other test may change the instruction set between the runs.
#[test]
fn muon_takes_factors_for_its_matrices_and_its_adam() {
    simd::on_every_set(muon_takes_factors);
}

fn muon_takes_factors() {
    let layout = Layout::new(&[3, 9, 8, 2]).unwrap();
    let muon = Muon {
        weight_decay: 0.5,
        ..Muon::default()
    };
    let plain: Vec<f64> = at_rate(&muon, &layout, 0.02);
    let none = ParamGroups::new(muon);
    Optimizer::<f64>::check(&none).unwrap();
    assert_eq!(at_rate(&none, &layout, 0.02), plain);
    let groups = ParamGroups::new(muon)
        .ntk()
        .rate(Group::Layer(1), 0.0)
        .decay(Group::Layer(1), 3.0)
        .rate(Group::Biases, 0.5);
    let got = at_rate(&groups, &layout, 0.02);
    let start: Vec<f64> = numbers(1, layout.len());
    let half = at_rate(&muon, &layout, 0.01);
    let layers = layout.layers();
    let frozen = layers[1].weights.start..layers[1].bias.end;
    assert_eq!(got[frozen.clone()], start[frozen]);
    for bias in [layers[0].bias.clone(), layers[2].bias.clone()] {
        assert_eq!(got[bias.clone()], half[bias]);
    }
    // The last layer is Adam's, so it has its fan-in of 8.
    let last = layers[2].weights.clone();
    for ((got, plain), start) in got[last.clone()]
        .iter()
        .zip(&plain[last.clone()])
        .zip(&start[last])
    {
        let (step, expected) = (got - start, (plain - start) / 8f64.sqrt());
        assert!(
            (step - expected).abs() < 1e-5 * expected.abs(),
            "{step} {expected}"
        );
    }
}

/// A rule that is not element-wise and knows nothing of groups.
#[derive(Debug)]
struct Whole;

impl Optimizer<f64> for Whole {
    fn learning_rate(&self) -> f64 {
        1.0
    }
    fn state_len(&self, _: &Layout) -> usize {
        0
    }
    fn step(&self, _: &UpdateContext<'_>, _: &mut [f64], _: &[f64], _: &mut [f64]) {}
}

#[test]
fn settings_that_cannot_act_are_errors() {
    let message = |result: Result<()>| result.unwrap_err().to_string();
    assert_eq!(
        message(ParamGroups::new(Whole).check()),
        "optimizer of parameter groups: expected an element-wise one, or Muon, got Whole"
    );
    let decay = ParamGroups::new(Sgd::new(0.1)).decay(Group::Biases, 0.0);
    assert!(message(Optimizer::<f64>::check(&decay)).starts_with(
        "decay factors of parameter groups: expected an optimizer with weight decay, got Sgd"
    ));
    let layout = Layout::new(&[2, 2]).unwrap().with_encoding(3).unwrap();
    let last = usize::MAX;
    for group in [
        Group::Layer(1),
        Group::LayerBiases(last),
        Group::EncodingRange(0..4),
        Group::EncodingRange(last..last),
    ] {
        let groups = ParamGroups::new(Sgd::new(0.1)).rate(group, 1.0);
        assert!(State::<f64>::new(&groups, &layout).is_err(), "{groups:?}");
    }
    let all = ParamGroups::new(Sgd::new(0.1)).rate(Group::EncodingRange(0..3), 1.0);
    assert!(State::<f64>::new(&all, &layout).is_ok());
}
