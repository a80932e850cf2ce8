//! Networks with every activation and every encoding, whose derivatives tests compare.

use std::sync::Arc;

use feedforward::activation::{self, Activation, Parametric, Tanh};
use feedforward::encoding::{
    self, Categories, Concat, Encoding, Fourier, Grid, GridSettings, OneBlob, Periodic,
    PeriodicSettings, Positional, Scaled,
};
use feedforward::{Float, Mlp};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Returns every built-in activation, and those with numbers α around the others.
fn activations<T: Float>() -> Vec<Arc<dyn Activation<T>>> {
    let mut all = activation::all::<T>();
    let one_piece: Vec<_> = all.iter().filter(|f| f.pieces() == 1).cloned().collect();
    for f in one_piece {
        all.push(Arc::new(Parametric(f)));
    }
    all
}

/// Returns every kind of encoding, of 3 inputs.
fn encodings<T: Float>() -> Vec<Arc<dyn Encoding<T>>> {
    let grid = || GridSettings {
        levels: 2,
        coarsest: 2,
        finest: 5,
        max_entries: 32,
        ..GridSettings::new(3)
    };
    let one = |encoding: Arc<dyn Encoding<T>>| encoding;
    vec![
        Arc::new(Fourier::new(3, 4, 1.0, 1).unwrap()),
        Arc::new(Positional::new(3, 2).unwrap()),
        Arc::new(OneBlob::new(3, 4).unwrap()),
        Arc::new(Grid::new(grid()).unwrap()),
        Arc::new(Periodic::new(PeriodicSettings::new(3)).unwrap()),
        Arc::new(encoding::Identity::new(3).unwrap()),
        Arc::new(Categories::new(&[(2, 2), (2, 1), (2, 3)]).unwrap()),
        Arc::new(Scaled::new(Positional::new(3, 2).unwrap()).unwrap()),
        Arc::new(
            Concat::new(vec![
                one(Arc::new(Periodic::new(PeriodicSettings::new(1)).unwrap())),
                one(Arc::new(Categories::new(&[(2, 2)]).unwrap())),
                one(Arc::new(encoding::Identity::new(1).unwrap())),
            ])
            .unwrap(),
        ),
    ]
}

pub fn random<T: Float>(seed: u64, len: usize, low: f64, high: f64) -> Vec<T> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let draw = |_| T::from_f64(low + (high - low) * rng.random::<f64>());
    (0..len).map(draw).collect()
}

/// Returns a network of 3 inputs and 2 outputs.
pub fn network<T: Float>(
    encoding: Option<Arc<dyn Encoding<T>>>,
    f: &Arc<dyn Activation<T>>,
    seed: u64,
) -> Mlp<T> {
    let mut builder = Mlp::builder(3);
    if let Some(encoding) = encoding {
        builder = builder.encoding(encoding);
    }
    let builder = builder.hidden(5, f.clone()).hidden(4, f.clone());
    let mut net = builder.output(2, f.clone()).build().unwrap();
    let params = random(seed, net.params().len(), -0.8, 0.8);
    net.set_params(&params).unwrap();
    net
}

/// Returns every activation without encoding, and every encoding.
pub fn networks<T: Float>() -> Vec<(String, Mlp<T>)> {
    let mut all = Vec::new();
    for (seed, f) in activations::<T>().iter().enumerate() {
        all.push((f.name().into(), network(None, f, seed as u64)));
    }
    let f: Arc<dyn Activation<T>> = Arc::new(Parametric(Tanh));
    for (seed, encoding) in encodings::<T>().into_iter().enumerate() {
        let name = encoding.name().into();
        all.push((name, network(Some(encoding), &f, 100 + seed as u64)));
    }
    all
}
