//! Quadrature along the path, against the difference of outputs.

use alloc::sync::Arc;

use super::*;
use crate::activation::{Activation, Elu, Gelu, Identity, Mish, Relu, Selu, Sigmoid, Tanh};
use crate::{Float, Mlp};

fn net<T: Float>(f: Arc<dyn Activation<T>>, outputs: usize) -> Mlp<T> {
    let net = Mlp::<T>::builder(6).hidden(40, f.clone()).hidden(30, f);
    let mut net = net.output(outputs, Identity).seed(5).build().unwrap();
    for (index, p) in net.params_mut().iter_mut().enumerate() {
        // Biases, too, differ from 0, so that kinks lie anywhere on the path.
        let noise = ((index * 7919 % 1009) as f64 / 1009.0 - 0.5) * 0.4;
        *p = *p * T::from_f64(1.5) + T::from_f64(noise);
    }
    net
}

#[test]
fn probe() {
    let x: Vec<f64> = (0..48)
        .map(|i| ((i * 37 % 48) as f64 - 24.0) / 8.0)
        .collect();
    let fs: [(&str, Arc<dyn Activation<f64>>); 7] = [
        ("relu", Arc::new(Relu)),
        ("selu", Arc::new(Selu)),
        ("elu", Arc::new(Elu::default())),
        ("tanh", Arc::new(Tanh)),
        ("gelu", Arc::new(Gelu)),
        ("mish", Arc::new(Mish)),
        ("sigmoid", Arc::new(Sigmoid)),
    ];
    for (name, f) in fs {
        let net = net::<f64>(f, 3);
        for q in [Quantity::Output(1), Quantity::Softmax(1)] {
            let start = std::time::Instant::now();
            let a = IntegratedGradients::new(q)
                .compute(&net, &x, &[0.25; 6])
                .unwrap();
            let rel = a
                .gaps
                .iter()
                .zip(&a.outputs)
                .map(|(g, y)| g / (y - a.baseline).abs());
            let rel = rel.fold(0.0, f64::max);
            let used = quadrature::USED.swap(0, std::sync::atomic::Ordering::Relaxed);
            eprintln!(
                "{name} {q:?} {rel:e} used {} {:?}",
                used / 8,
                start.elapsed()
            );
        }
    }
    let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    let fs: [(&str, Arc<dyn Activation<f32>>); 3] = [
        ("relu", Arc::new(Relu)),
        ("selu", Arc::new(Selu)),
        ("mish", Arc::new(Mish)),
    ];
    for (name, f) in fs {
        let net = net::<f32>(f, 3);
        let a = IntegratedGradients::new(Quantity::Output(1))
            .compute(&net, &x, &[0.25; 6])
            .unwrap();
        let rel = a
            .gaps
            .iter()
            .zip(&a.outputs)
            .map(|(g, y)| g / (y - a.baseline).abs());
        let rel = rel.fold(0.0, f64::max);
        let used = quadrature::USED.swap(0, std::sync::atomic::Ordering::Relaxed);
        eprintln!("f32 {name} {rel:e} used {}", used / 8);
    }
}
