use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{
    AdamW, Linear, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, linear, loss::mse,
};
use peers::{BATCH, Clock, Data, Float, INPUTS, LEARNING_RATE, OUTPUTS};
use peers::{Options, Order, SAMPLES, SIZES};

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
    let device = Device::Cpu;
    let Data { inputs, targets } = Data::<f32>::new();
    let inputs = Tensor::from_vec(inputs, (SAMPLES, INPUTS), &device)?.to_dtype(dtype)?;
    let targets = Tensor::from_vec(targets, (SAMPLES, OUTPUTS), &device)?.to_dtype(dtype)?;

    let params = VarMap::new();
    let builder = VarBuilder::from_varmap(&params, dtype, &device);
    let layers = SIZES.windows(2).enumerate();
    let layers = layers.map(|(i, pair)| linear(pair[0], pair[1], builder.pp(i)));
    let layers = layers.collect::<Result<Vec<_>>>()?;
    // Without weight decay, AdamW is Adam.
    let adam = ParamsAdamW {
        lr: LEARNING_RATE,
        weight_decay: 0.0,
        ..ParamsAdamW::default()
    };
    let mut optimizer = AdamW::new(params.all_vars(), adam)?;

    let (mut order, mut loss) = (Order::new(), 0.0);
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
    clock.report("candle", options, loss * BATCH as f64 / SAMPLES as f64);
    Ok(())
}
