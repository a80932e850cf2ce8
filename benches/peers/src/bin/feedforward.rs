use std::ops::ControlFlow;

use feedforward::activation::{Identity, Relu};
use feedforward::loss::MeanSquaredError;
use feedforward::optimizer::Adam;
use feedforward::{Mlp, Samples, Trainer};
use peers::{Clock, Data, Float, LEARNING_RATE, Options};

fn run<T: feedforward::Float + From<f32>>(options: Options) -> feedforward::Result<()> {
    let job = options.job;
    let data = Data::<T>::new(job);
    let samples = Samples::new(&data.inputs, &data.targets);
    let mut net = Mlp::builder(job.inputs());
    for &size in &job.sizes[1..job.sizes.len() - 1] {
        net = net.hidden(size, Relu);
    }
    let mut net = net.output(job.outputs(), Identity).build()?;
    let trainer = Trainer::new(MeanSquaredError, Adam::new(LEARNING_RATE))
        .batch_size(job.batch)
        .epochs(1 + options.epochs)
        .threads(options.threads);
    let mut clock = Clock::start();
    let history = trainer.fit_with(&mut net, &samples, |event, _| {
        if event.epoch().is_some() {
            clock.lap();
        }
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
