use burn::backend::{Autodiff, Flex, NdArray};
use burn::module::Module;
use burn::nn::loss::{MseLoss, Reduction};
use burn::nn::{Linear, LinearConfig, Relu};
use burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn::prelude::*;
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{DType, Element, set_default_dtypes};
use peers::{Clock, Data, Float, Job, LEARNING_RATE, Options, Order};

#[derive(Module, Debug)]
struct Net<B: Backend> {
    hidden: Vec<Linear<B>>,
    last: Linear<B>,
}

impl<B: Backend> Net<B> {
    fn new(job: Job, device: &B::Device) -> Self {
        let layer = |pair: &[usize]| LinearConfig::new(pair[0], pair[1]).init(device);
        let mut hidden: Vec<_> = job.sizes.windows(2).map(layer).collect();
        let last = hidden.pop().expect("the network has layers");
        Self { hidden, last }
    }

    fn forward(&self, mut x: Tensor<B, 2>) -> Tensor<B, 2> {
        for layer in &self.hidden {
            x = Relu::new().forward(layer.forward(x));
        }
        self.last.forward(x)
    }
}

fn run<B: AutodiffBackend, T: Element + From<f32>>(library: &str, options: Options) {
    let (job, device) = (options.job, B::Device::default());
    set_default_dtypes::<B>(&device, T::dtype(), DType::I64).expect("no tensor exists so far");
    let data = Data::<T>::new(job);
    let mut net = Net::<B>::new(job, &device);
    let mut optimizer = AdamConfig::new().init();

    let (mut order, mut loss) = (Order::new(job), 0.0);
    let mut clock = Clock::start();
    for _ in 0..=options.epochs {
        loss = 0.0;
        for batch in order.shuffled() {
            let (x, y) = data.gather(batch);
            let x = TensorData::new(x, [batch.len(), job.inputs()]);
            let y = TensorData::new(y, [batch.len(), job.outputs()]);
            let (x, y) = (Tensor::from_data(x, &device), Tensor::from_data(y, &device));
            let error = MseLoss::new().forward(net.forward(x), y, Reduction::Mean);
            let gradients = GradientsParams::from_grads(error.backward(), &net);
            net = optimizer.step(LEARNING_RATE, net, gradients);
            loss += error.into_scalar().elem::<f64>();
        }
        clock.lap();
    }
    assert_eq!(net.last.weight.val().dtype(), T::dtype());
    clock.report(library, options, job.mean(loss));
}

fn main() {
    let options = Options::from_args();
    match options.float {
        Float::F32 => {
            run::<Autodiff<NdArray<f32>>, f32>("burn-ndarray", options);
            run::<Autodiff<Flex>, f32>("burn-flex", options);
        }
        Float::F64 => {
            run::<Autodiff<NdArray<f64>>, f64>("burn-ndarray", options);
            run::<Autodiff<Flex>, f64>("burn-flex", options);
        }
    }
}
