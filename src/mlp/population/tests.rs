use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use rand::{RngExt, SeedableRng};

use super::*;
use crate::activation::{self, Identity, Relu, Tanh};
use crate::encoding::{Categories, Concat, Encoding, Grid, GridSettings, Positional, Scaled};
use crate::simd::on_every_set;

fn numbers<T: Float>(len: usize, seed: u64) -> Vec<T> {
    let mut rng = crate::init::Rng::seed_from_u64(seed);
    (0..len)
        .map(|_| T::from_f64(2.0 * rng.random::<f64>() - 1.0))
        .collect()
}

fn bits<T: Float>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.as_f64().to_bits()).collect()
}

/// Returns a population of different networks, and all their parameters.
fn population<T: Float>(net: &Mlp<T>, len: usize) -> (Population<T>, Vec<T>) {
    let params = numbers(len * net.params().len(), 3);
    let mut population = Population::new(net, len).unwrap();
    population.set_all_params(&params).unwrap();
    (population, params)
}

/// Compares each network's outputs with those of `Mlp::predict`.
fn check<T: Float>(net: &Mlp<T>, len: usize) {
    let (mut population, params) = population(net, len);
    // An encoding's inputs are then in its range, and those of categories are not all unknown.
    let inputs: Vec<T> = numbers(len * net.inputs(), 4);
    let inputs: Vec<T> = inputs.iter().map(|x| x.abs()).collect();
    let outputs = population.predict(&inputs).unwrap();
    let mut own = net.clone();
    for index in 0..len {
        let params = &params[index * net.params().len()..][..net.params().len()];
        own.set_params(params).unwrap();
        let expected = own.predict(&inputs[index * net.inputs()..][..net.inputs()]);
        let got = &outputs[index * net.outputs()..][..net.outputs()];
        let name = net.shape();
        assert_eq!(
            bits(got),
            bits(&expected.unwrap()),
            "{name}, {index} of {len}"
        );
        assert_eq!(
            bits(population.network(index).unwrap().params()),
            bits(params)
        );
    }
}

#[test]
fn outputs_are_those_of_each_network() {
    fn shapes<T: Float>() {
        // Rows in whole tiles and not, and populations in whole blocks and not.
        for (inputs, hidden, outputs) in [(1, 1, 1), (6, 16, 4), (3, 5, 2), (7, 70, 3)] {
            let net = Mlp::<T>::builder(inputs).hidden(hidden, Tanh);
            let net = net.hidden(hidden, Relu).output(outputs, Identity);
            let net = net.build().unwrap();
            for len in [0, 1, LANES - 1, LANES, LANES + 1, 3 * LANES + 5] {
                check(&net, len);
            }
        }
    }
    on_every_set(|| {
        shapes::<f32>();
        shapes::<f64>();
    });
}

#[test]
fn every_activation_has_its_own_pieces_and_alpha() {
    fn all<T: Float>() {
        let names = [
            "maxout(3)",
            "parametric(mish)",
            "parametric(leaky_relu(0.1))",
        ];
        let others = names.map(|name| activation::parse::<T>(name).unwrap());
        for f in activation::all::<T>().into_iter().chain(others) {
            let net = Mlp::builder(3).hidden(6, f.clone()).output(2, f);
            check(&net.build().unwrap(), LANES + 3);
        }
    }
    on_every_set(|| {
        all::<f32>();
        all::<f64>();
    });
}

#[test]
fn encodings_have_parameters_of_each_network() {
    fn all<T: Float>() {
        let grid = GridSettings {
            levels: 2,
            ..GridSettings::new(2)
        };
        let grid = Grid::new(grid).unwrap();
        let positional = Positional::new(2, 3).unwrap();
        let scaled = Scaled::new(positional).unwrap();
        let categories = Categories::new(&[(3, 2)]).unwrap();
        let both: [Arc<dyn Encoding<T>>; 2] = [
            Arc::new(categories),
            Arc::new(Positional::new(1, 2).unwrap()),
        ];
        let concat = Concat::new(both.to_vec()).unwrap();
        let builder = || Mlp::<T>::builder(2).hidden(5, Tanh).output(2, Identity);
        for net in [
            builder().encoding(grid).build(),
            builder().encoding(positional).build(),
            builder().encoding(scaled).build(),
            builder().encoding(concat).build(),
        ] {
            for len in [1, LANES + 1] {
                check(&net.clone().unwrap(), len);
            }
        }
    }
    on_every_set(|| {
        all::<f32>();
        all::<f64>();
    });
}

#[test]
fn threads_change_no_bit() {
    let net = Mlp::<f32>::builder(3).hidden(9, Tanh).output(2, Identity);
    let net = net.encoding(Scaled::new(crate::encoding::Identity::new(3).unwrap()).unwrap());
    let net = net.build().unwrap();
    for len in [0, 1, LANES, 2 * LANES + 1, 7 * LANES] {
        let (mut population, _) = population(&net, len);
        let inputs = numbers(len * 3, 5);
        let expected = population.predict(&inputs).unwrap();
        for threads in [1, 2, 3, 8] {
            population = population.threads(threads).unwrap();
            assert_eq!(population.predict(&inputs).unwrap(), expected, "{threads}");
        }
    }
}

#[test]
fn networks_start_alike_and_change_alone() {
    let net = Mlp::<f64>::builder(2).hidden(3, Tanh).output(1, Identity);
    let net = net.seed(3).build().unwrap();
    let mut population = Population::new(&net, LANES + 2).unwrap();
    let inputs = numbers::<f64>(2, 1).repeat(LANES + 2);
    let own = net.predict(&inputs[..2]).unwrap()[0];
    assert_eq!(population.predict(&inputs).unwrap(), vec![own; LANES + 2]);
    population
        .set_params(LANES, &vec![0.0; net.params().len()])
        .unwrap();
    let outputs = population.predict(&inputs).unwrap();
    assert_eq!(outputs[LANES], 0.0);
    assert!(outputs.iter().filter(|&&y| y == own).count() == LANES + 1);
}

#[test]
fn bad_input_changes_nothing() {
    let net = Mlp::<f32>::builder(2).hidden(3, Relu).output(1, Identity);
    let mut net = net.build().unwrap();
    let count = net.params().len();
    let (mut population, params) = population(&net, 3);
    let message = |result: Result<()>| result.unwrap_err().to_string();
    let mut outputs = [7.0; 3];
    assert_eq!(
        message(population.predict_into(&[0.0; 5], &mut outputs)),
        "inputs: expected 6 values, got 5"
    );
    assert_eq!(
        message(population.predict_into(&[0.0; 6], &mut outputs[..2])),
        "outputs: expected 3 values, got 2"
    );
    let inputs = [0.0, 0.0, 0.0, f32::NAN, 0.0, 0.0];
    assert_eq!(
        message(population.predict_into(&inputs, &mut outputs)),
        "inputs: expected finite numbers, got NaN at row 1, column 1"
    );
    assert_eq!(outputs, [7.0; 3]);
    assert_eq!(
        message(population.set_params(3, &params[..count])),
        "network index: expected below 3, got 3"
    );
    assert!(population.network(3).is_err());
    assert_eq!(
        message(population.set_params(0, &params)),
        "parameters: expected 13 values, got 39"
    );
    let mut wrong = params.clone();
    wrong[count + 2] = f32::INFINITY;
    assert_eq!(
        message(population.set_all_params(&wrong)),
        "parameters: expected finite numbers, got inf at row 1, column 2"
    );
    assert!(population.set_params(1, &wrong[count..2 * count]).is_err());
    assert!(population.set_all_params(&params[1..]).is_err());
    for index in 0..3 {
        let own = population.network(index).unwrap();
        assert_eq!(own.params(), &params[index * count..][..count]);
    }
    assert!(Population::new(&net, usize::MAX).is_err());
    assert!(population.clone().threads(0).is_err());
    net.params_mut()[0] = f32::NAN;
    assert!(Population::new(&net, 1).is_err());
}

#[test]
fn an_overflow_names_the_network_and_spares_the_others() {
    let net = Mlp::<f32>::builder(1)
        .hidden(1, Identity)
        .output(1, Identity);
    let net = net.build().unwrap();
    on_every_set(|| {
        let mut population = Population::new(&net, 3).unwrap();
        let params = [1.0, 0.0, 1.0, 0.0].repeat(3);
        population.set_all_params(&params).unwrap();
        population
            .set_params(1, &[f32::MAX, 0.0, 1.0, 0.0])
            .unwrap();
        let mut outputs = [0.0; 3];
        let error = population.predict_into(&[2.0, 3.0, 4.0], &mut outputs);
        assert_eq!(
            error.unwrap_err().to_string(),
            "network 1: output at layer 0: expected finite numbers, got inf"
        );
        assert_eq!((outputs[0], outputs[2]), (2.0, 4.0));
    });
}
