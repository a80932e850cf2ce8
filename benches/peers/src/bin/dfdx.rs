use dfdx::optim::{Adam, AdamConfig};
use dfdx::prelude::*;
use peers::{Clock, Data, Float, JOBS, Job, LEARNING_RATE, Options, Order};

/// A network with `1 + MORE` hidden layers of equal size.
type Net<const INPUTS: usize, const HIDDEN: usize, const MORE: usize, const OUTPUTS: usize> = (
    (Linear<INPUTS, HIDDEN>, ReLU),
    Repeated<(Linear<HIDDEN, HIDDEN>, ReLU), MORE>,
    Linear<HIDDEN, OUTPUTS>,
);

macro_rules! run {
    ($float:ty, $options:expr, $job:expr) => {{
        const JOB: Job = $job;
        const INPUTS: usize = JOB.inputs();
        const HIDDEN: usize = JOB.sizes[1];
        const MORE: usize = JOB.sizes.len() - 3;
        const OUTPUTS: usize = JOB.outputs();
        let device = Cpu::default();
        let data = Data::<$float>::new(JOB);
        let mut net = device.build_module::<Net<INPUTS, HIDDEN, MORE, OUTPUTS>, $float>();
        let mut gradients = net.alloc_grads();
        let adam = AdamConfig {
            lr: LEARNING_RATE,
            ..AdamConfig::default()
        };
        let mut optimizer = Adam::new(&net, adam);

        let (mut order, mut loss) = (Order::new(JOB), 0.0);
        let mut clock = Clock::start();
        for _ in 0..=$options.epochs {
            loss = 0.0;
            for batch in order.shuffled() {
                let (x, y) = data.gather(batch);
                let x: Tensor<Rank2<{ JOB.batch }, INPUTS>, $float, _> = device.tensor(x);
                let y: Tensor<Rank2<{ JOB.batch }, OUTPUTS>, $float, _> = device.tensor(y);
                let error = mse_loss(net.forward_mut(x.traced(gradients)), y);
                loss += f64::from(error.array());
                gradients = error.backward();
                optimizer
                    .update(&mut net, &gradients)
                    .expect("all parameters have gradients");
                net.zero_grads(&mut gradients);
            }
            clock.lap();
        }
        clock.report("dfdx", $options, JOB.mean(loss));
    }};
}

/// Runs the job of the options. Sizes are types, so each job is compiled separately.
macro_rules! run_job {
    ($float:ty, $options:expr, $($index:literal)*) => {{
        $(if $options.job.name == JOBS[$index].name {
            run!($float, $options, JOBS[$index]);
        })*
    }};
}

fn main() {
    let options = Options::from_args();
    match options.float {
        Float::F32 => run_job!(f32, options, 0 1 2 3 4 5),
        Float::F64 => run_job!(f64, options, 0 1 2 3 4 5),
    }
}
