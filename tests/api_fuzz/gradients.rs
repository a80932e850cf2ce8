//! Gradients and optimizers in hand-written code.

use feedforward::optimizer::State;
use feedforward::{Clip, GradientWorkspace, Mlp, MlpRef, Shard};

use crate::case::{Case, Number, bits, finite, readable, seen};
use crate::data::{Data, length, values};
use crate::nets;
use crate::pieces;

/// Returns a gradient workspace for a network, with odd settings.
fn made<T: Number>(case: &mut Case, net: &Mlp<T>) -> Option<GradientWorkspace<T>> {
    let mut gradient = GradientWorkspace::new(net);
    let random = &mut case.random;
    if random.percent(30) {
        let lambda = random.setting(&[0.0, 1e-3, 1.0]);
        say!(case, "gradient.l2({lambda:e})");
        gradient = seen(gradient.l2(lambda))?;
    }
    let random = &mut case.random;
    if random.percent(20) {
        let clip = clip(case);
        say!(case, "gradient.clip({clip:?})");
        gradient = seen(gradient.clip(clip))?;
    }
    let random = &mut case.random;
    if random.percent(20) {
        let (rate, seed) = (random.setting(&[0.0, 0.2, 0.9]), random.next());
        say!(case, "gradient.dropout({rate:e}, {seed})");
        gradient = seen(gradient.dropout(rate, seed))?;
    }
    let random = &mut case.random;
    if random.percent(20) {
        gradient.set_updates(random.pick(&[0, 1, u64::MAX - 1]));
    }
    if random.percent(10) {
        let count = random.count(&[1, 2, 3]);
        say!(case, "gradient.threads({count})");
        gradient = seen(gradient.threads(count))?;
    }
    if case.random.percent(30) {
        gradient = gradient.with_input_gradient();
    }
    Some(gradient)
}

pub fn clip(case: &mut Case) -> Clip {
    let bound = case.random.setting(&[1e-3, 1.0, 10.0]);
    if case.random.percent(50) {
        Clip::Norm(bound)
    } else {
        Clip::Value(bound)
    }
}

/// Computes gradients, with the workspace's own network or another one.
pub fn compute<T: Number>(case: &mut Case, net: &Mlp<T>) {
    let other = if case.random.odd() {
        nets::usual(case)
    } else {
        net.clone()
    };
    say!(case, "gradient = GradientWorkspace::new(&net)");
    let Some(mut gradient) = made(case, &other) else {
        return;
    };
    let loss = pieces::loss::<T>(case);
    for _ in 0..case.random.between(1, 5) {
        let data = Data::new(case, net);
        let before = gradient.clone();
        match case.random.below(8) {
            0 | 1 => {
                say!(case, "gradient.compute_samples(&net, &samples, &{loss:?})");
                let mut again = before.clone();
                let result = gradient.compute_samples(net, &data.samples(), &*loss);
                judge(&result, &gradient);
                let repeated = again.compute_samples(net, &data.samples(), &*loss);
                assert_eq!(format!("{result:?}"), format!("{repeated:?}"));
                assert_eq!(bits(gradient.values()), bits(again.values()));
                if let Some(mut two) = seen(before.threads(2)).filter(|_| result.is_ok()) {
                    let shared = two.compute_samples(net, &data.samples(), &*loss);
                    assert_eq!(result, shared, "the loss differs by two threads");
                    let differ = bits(gradient.values()) != bits(two.values());
                    assert!(!differ, "the gradient differs by two threads");
                }
            }
            2 => {
                say!(case, "gradient.evaluate_samples(&net, &samples, &{loss:?})");
                let result = gradient.evaluate_samples(net, &data.samples(), &*loss);
                assert!(result.as_ref().map_or(true, |loss| loss.is_finite()));
                seen(result);
                say!(case, "gradient.partial_gradients()");
                let sums = gradient.partial_gradients().count();
                assert_eq!(sums, before.partial_gradients().count());
            }
            3 => {
                say!(case, "gradient.jacobian(&net, inputs)");
                let result = gradient.jacobian(net, &data.inputs);
                assert!(result.as_ref().map_or(true, |values| finite(values)));
                seen(result.map(<[T]>::len));
            }
            4 => {
                say!(case, "gradient.compute_each(&net, &samples, &{loss:?})");
                let result = gradient.compute_each(net, &data.samples(), &*loss);
                if let Ok((losses, each)) = &result {
                    assert!(finite(losses) && finite(each));
                }
                seen(result.map(|(losses, _)| losses.len()));
            }
            5 => parameter_jacobian(case, net, &data.inputs, &mut gradient),
            6 => borrowed_jacobian(case, net, &data.inputs, &mut gradient),
            _ => shards(case, net, &data, &mut gradient),
        }
    }
}

/// Compares a whole Jacobian by the parameters with its blocks.
fn parameter_jacobian<T: Number>(
    case: &mut Case,
    net: &Mlp<T>,
    inputs: &[T],
    gradient: &mut GradientWorkspace<T>,
) {
    // Memory is bounded, and a Jacobian has many numbers.
    let samples = (1 << 19) / net.params().len() / net.outputs();
    if samples == 0 {
        return;
    }
    let inputs = &inputs[..inputs.len().min(samples * net.inputs())];
    say!(
        case,
        "gradient.parameter_jacobian(&net, {} inputs)",
        inputs.len()
    );
    let whole = gradient.parameter_jacobian(net, inputs).map(bits);
    say!(case, "gradient.for_each_jacobian_block(&net, inputs, ...)");
    let mut blocks = Vec::new();
    let visited = gradient.for_each_jacobian_block(net, inputs, |block| {
        assert!(finite(block.jacobian) && finite(block.outputs));
        blocks.extend(bits(block.jacobian));
        Ok(())
    });
    if let Some(whole) = seen(whole) {
        assert!(visited.is_ok() && blocks == whole);
    } else {
        assert!(visited.is_err());
    }
}

/// Compares the Jacobian of a borrowed network with that of the workspace.
fn borrowed_jacobian<T: Number>(
    case: &mut Case,
    net: &Mlp<T>,
    inputs: &[T],
    gradient: &mut GradientWorkspace<T>,
) {
    let view = MlpRef::from(net);
    let random = &mut case.random;
    let rows = inputs.len() / net.inputs();
    let room = length(random, rows * net.outputs() * net.inputs());
    let scratch = length(random, view.jacobian_scratch_len());
    say!(
        case,
        "view.jacobian_into(inputs, {room} values, {scratch} values)"
    );
    let (mut jacobian, mut scratch) = (vec![T::zero(); room], vec![T::zero(); scratch]);
    let done = view.jacobian_into(inputs, &mut jacobian, &mut scratch);
    if seen(done).is_none() {
        return;
    }
    assert!(finite(&jacobian));
    if let Some(expected) = seen(gradient.jacobian(net, inputs).map(bits)) {
        assert_eq!(bits(&jacobian), expected);
    }
}

fn judge<T: Number>(result: &feedforward::Result<f64>, gradient: &GradientWorkspace<T>) {
    match result {
        Ok(loss) => {
            assert!(loss.is_finite(), "a loss of {loss}");
            assert!(finite(gradient.values()), "a gradient that is not finite");
            assert!(gradient.input_gradient().is_none_or(finite));
            assert!(gradient.max_abs().is_finite());
        }
        Err(error) => readable(error),
    }
}

/// Checks that the shards of a minibatch add up to the whole.
fn shards<T: Number>(
    case: &mut Case,
    net: &Mlp<T>,
    data: &Data<T>,
    gradient: &mut GradientWorkspace<T>,
) {
    let samples = data.inputs.len() / net.inputs();
    let random = &mut case.random;
    let rows = random.count(&[samples]);
    let count = random.count(&[1, 2, 3]);
    let index = random.count(&[0, 0, 1]);
    let by_chunks = random.percent(50);
    say!(
        case,
        "Shard::of_{}({rows}, {index}, {count})",
        if by_chunks { "chunks" } else { "rows" }
    );
    let shard = if by_chunks {
        Shard::of_chunks(rows, index, count)
    } else {
        Shard::of_rows(rows, index, count)
    };
    let Some(mut shard) = seen(shard) else { return };
    let pieces: usize = shard.chunk_rows().map(|rows| rows.len()).sum();
    assert_eq!(pieces, shard.rows().len());
    assert!(shard.rows().end <= rows);
    if case.random.percent(20) {
        let total = case.random.setting(&[1.0, 7.0]);
        say!(case, "shard.with_total_weight({total:e})");
        match seen(shard.with_total_weight(total)) {
            Some(with_total_weight) => shard = with_total_weight,
            None => return,
        }
    }
    let loss = pieces::loss::<T>(case);
    let mut part = data.clone();
    part.rows = None;
    let take = |values: &[T], width: usize| {
        let at = |row: usize| row.saturating_mul(width).min(values.len());
        values[at(shard.rows().start)..at(shard.rows().end)].to_vec()
    };
    if !case.random.odd() {
        part.inputs = take(&data.inputs, net.inputs());
        part.targets = take(&data.targets, net.outputs());
        part.weights = data.weights.as_deref().map(|weights| take(weights, 1));
    }
    say!(
        case,
        "gradient.compute_shard(&net, &the shard's rows, &shard, &{loss:?})"
    );
    let done = gradient.compute_shard(net, &part.samples(), &shard, &*loss);
    if seen(done).is_none() {
        return;
    }
    assert_eq!(gradient.partial_gradients().len(), shard.chunks().len());
    let mut sum = vec![T::zero(); net.params().len()];
    let mut loss_sum = 0.0;
    for (chunk, loss) in gradient.partial_gradients() {
        sum.iter_mut().zip(chunk).for_each(|(sum, &x)| *sum += x);
        loss_sum += loss;
    }
    let len = length(&mut case.random, sum.len());
    sum.resize(len, T::zero());
    if case.random.odd() {
        loss_sum = case.random.setting(&[0.0]);
    }
    say!(
        case,
        "gradient.finish_reduction(&net, {len} values, {loss_sum:e}, &shard)"
    );
    let finished = gradient.finish_reduction(net, &sum, loss_sum, &shard);
    judge(&finished, gradient);
}

/// Uses an optimizer's state without a trainer.
pub fn state<T: Number>(case: &mut Case, net: &mut Mlp<T>) {
    let optimizer = pieces::optimizer::<T>(case);
    if seen(optimizer.check()).is_none() {
        return; // a trainer would refuse it too
    }
    say!(case, "State::new(&{optimizer:?}, net.layout())");
    let Some(mut state) = seen(State::new(&*optimizer, net.layout())) else {
        return;
    };
    for _ in 0..case.random.between(1, 4) {
        let random = &mut case.random;
        let rate = random.setting(&[1e-3, 0.1]);
        let len = length(random, net.params().len());
        let gradient: Vec<T> = values(random, len);
        let optimizer = if random.odd() {
            pieces::optimizer(case)
        } else {
            optimizer.clone()
        };
        if optimizer.check().is_err() {
            return;
        }
        say!(
            case,
            "state.update(&{optimizer:?}, {rate:e}, net.params_mut(), {len} values)"
        );
        seen(state.update(&*optimizer, rate, net.params_mut(), &gradient));
    }
}
