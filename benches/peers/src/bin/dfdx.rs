use dfdx::optim::{Adam, AdamConfig};
use dfdx::prelude::*;
use peers::{BATCH, Clock, Data, INPUTS, LEARNING_RATE, OUTPUTS, Options, Order, SAMPLES};

type Hidden = (Linear<100, 100>, ReLU);
type Net = (
    (Linear<INPUTS, 100>, ReLU),
    Repeated<Hidden, 9>,
    Linear<100, OUTPUTS>,
);

macro_rules! run {
    ($float:ty, $options:expr) => {{
        let device = Cpu::default();
        let data = Data::<$float>::new();
        let mut net = device.build_module::<Net, $float>();
        let mut gradients = net.alloc_grads();
        let adam = AdamConfig {
            lr: LEARNING_RATE,
            ..AdamConfig::default()
        };
        let mut optimizer = Adam::new(&net, adam);

        let (mut order, mut loss) = (Order::new(), 0.0);
        let mut clock = Clock::start();
        for _ in 0..=$options.epochs {
            loss = 0.0;
            for batch in order.shuffled() {
                let (x, y) = data.gather(batch);
                let x: Tensor<Rank2<BATCH, INPUTS>, $float, _> = device.tensor(x);
                let y: Tensor<Rank2<BATCH, OUTPUTS>, $float, _> = device.tensor(y);
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
        clock.report("dfdx", $options, loss * BATCH as f64 / SAMPLES as f64);
    }};
}

fn main() {
    let options = Options::from_args();
    match options.float {
        peers::Float::F32 => run!(f32, options),
        peers::Float::F64 => run!(f64, options),
    }
}
