use std::ops::ControlFlow;

use feedforward::activation::{Identity, Relu};
use feedforward::loss::MeanSquaredError;
use feedforward::optimizer::Adam;
use feedforward::{Mlp, Samples, Trainer};
use peers::{BATCH, Clock, Data, Float, INPUTS, LEARNING_RATE, OUTPUTS, Options, SIZES};

fn run<T: feedforward::Float + From<f32>>(options: Options) -> feedforward::Result<()> {
    let data = Data::<T>::new();
    let mut net = Mlp::builder(INPUTS);
    for &size in &SIZES[1..SIZES.len() - 1] {
        net = net.hidden(size, Relu);
    }
    let mut net = net.output(OUTPUTS, Identity).build()?;
    let trainer = Trainer::new(MeanSquaredError, Adam::new(LEARNING_RATE))
        .batch_size(BATCH)
        .epochs(1 + options.epochs)
        .threads(options.threads);
    let mut clock = Clock::start();
    let history = trainer.fit_with(&mut net, &Samples::new(&data.inputs, &data.targets), |_, _| {
        clock.lap();
        ControlFlow::Continue(())
    })?;
    clock.report("feedforward", options, history.loss());
    Ok(())
}

fn main() -> feedforward::Result<()> {
    let options = Options::from_args();
    match options.float {
        Float::F32 => run::<f32>(options),
        Float::F64 => run::<f64>(options),
    }
}
