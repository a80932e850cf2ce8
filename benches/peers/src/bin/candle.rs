use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{
    AdamW, Linear, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, linear, loss::mse,
};
use peers::{Clock, Data, Float, LEARNING_RATE, Options, Order};

fn forward(layers: &[Linear], x: &Tensor) -> Result<Tensor> {
    let (last, hidden) = layers.split_last().expect("the network has layers");
    let mut y = x.clone();
    for layer in hidden {
        y = layer.forward(&y)?.relu()?;
    }
    last.forward(&y)
}

fn main() -> Result<()> {
    let options = Options::from_args();
    let dtype = match options.float {
        Float::F32 => DType::F32,
        Float::F64 => DType::F64,
    };
    let (job, device) = (options.job, Device::Cpu);
    let data = Data::<f32>::new(job);
    let inputs =
        Tensor::from_vec(data.inputs, (job.samples, job.inputs()), &device)?.to_dtype(dtype)?;
    let targets =
        Tensor::from_vec(data.targets, (job.samples, job.outputs()), &device)?.to_dtype(dtype)?;

    let params = VarMap::new();
    let builder = VarBuilder::from_varmap(&params, dtype, &device);
    let layers = job.sizes.windows(2).enumerate();
    let layers = layers.map(|(i, pair)| linear(pair[0], pair[1], builder.pp(i)));
    let layers = layers.collect::<Result<Vec<_>>>()?;
    // Without weight decay, AdamW is Adam.
    let adam = ParamsAdamW {
        lr: LEARNING_RATE,
        weight_decay: 0.0,
        ..ParamsAdamW::default()
    };
    let mut optimizer = AdamW::new(params.all_vars(), adam)?;

    let (mut order, mut loss) = (Order::new(job), 0.0);
    let mut clock = Clock::start();
    for _ in 0..=options.epochs {
        loss = 0.0;
        for batch in order.shuffled() {
            let rows: Vec<u32> = batch.iter().map(|&i| i as u32).collect();
            let rows = Tensor::from_vec(rows, batch.len(), &device)?;
            let (x, y) = (
                inputs.index_select(&rows, 0)?,
                targets.index_select(&rows, 0)?,
            );
            let error = mse(&forward(&layers, &x)?, &y)?;
            optimizer.backward_step(&error)?;
            loss += error.to_dtype(DType::F64)?.to_scalar::<f64>()?;
        }
        clock.lap();
    }
    clock.report("candle", options, job.mean(loss));
    Ok(())
}
