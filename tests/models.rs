//! Classifiers, regressors and model files: their guarantees beyond those of a network.

use std::fmt;
use std::sync::{Arc, Mutex};

use feedforward::activation::{self, Identity, Relu, Sigmoid, Tanh};
use feedforward::encoding::Positional;
use feedforward::loss::{
    BinaryCrossEntropy, Huber, PerOutput, Poisson, Smoothed, SoftmaxCrossEntropy, SquaredError,
};
use feedforward::metrics::{Link, R2, Score};
use feedforward::optimizer::{Adam, Sgd};
use feedforward::train::{Lbfgs, Validation};
use feedforward::{
    Activation, ClassWeights, Classifier, Error, Float, GradientWorkspace, Layer, Loss, Mlp,
    MlpBuilder, ModelFile, MultilabelClassifier, Regressor, Samples, Scaler, Trainer,
};

/// Returns a network of one layer that ignores its inputs and always returns these outputs.
fn constant<T: Float>(outputs: &[f64]) -> Mlp<T> {
    let bias: Vec<T> = outputs.iter().map(|&y| T::from_f64(y)).collect();
    let weights = vec![T::zero(); bias.len()];
    Mlp::from_layers(&[Layer::new(weights, bias, Identity).unwrap()]).unwrap()
}

fn builder<T: Float>() -> MlpBuilder<T> {
    Mlp::builder(1).hidden(6, Tanh).seed(1)
}

fn message<V: fmt::Debug>(result: Result<V, Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn labels_keep_the_order_of_the_outputs() {
    fn check<T: Float>() {
        let x = [T::zero()];
        let labels = ["negative", "positive", "neutral"];
        let model = Classifier::from_network(constant::<T>(&[0.0, 2.0, 1.0]), labels).unwrap();
        assert_eq!(model.classes(), labels);
        assert_eq!(model.predict(&x).unwrap(), ["positive"]);
        let probabilities = model.predict_probability(&x).unwrap();
        assert!(probabilities[1] > probabilities[2] && probabilities[2] > probabilities[0]);
        let one_hot = [T::zero(), T::zero(), T::one()];
        assert_eq!(model.targets(&["neutral"]).unwrap(), one_hot);

        // A logit above 0 means the second of two classes.
        let model = Classifier::from_network(constant::<T>(&[1.0]), ["yes", "no"]).unwrap();
        assert_eq!(model.predict(&x).unwrap(), ["no"]);
        assert_eq!(
            model.targets(&["yes", "no"]).unwrap(),
            [T::zero(), T::one()]
        );

        let net = constant::<T>(&[1.0, -1.0, 1.0]);
        let many = MultilabelClassifier::from_network(net, ["c", "b", "a"]).unwrap();
        assert_eq!(many.predict(&x).unwrap(), [["c", "a"]]);
        assert_eq!(many.score(&x, &[["a", "c"]]).unwrap(), 1.0);

        // Classes taken from data are sorted.
        let model = Classifier::new(builder::<T>(), [3, 1, 2, 3, 1]).unwrap();
        assert_eq!(model.classes(), [1, 2, 3]);
        let many = MultilabelClassifier::new(builder::<T>(), ["b", "a", "b"]).unwrap();
        assert_eq!(many.classes(), ["a", "b"]);
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn a_label_of_two_outputs_is_an_error() {
    let expected =
        r#"labels: expected a different one for each class, got "a" for classes 0 and 2"#;
    let net = || constant::<f64>(&[0.0, 2.0, 1.0]);
    let error = message(Classifier::from_network(net(), ["a", "b", "a"]));
    assert_eq!(error, expected);
    let error = message(MultilabelClassifier::from_network(net(), ["a", "b", "a"]));
    assert_eq!(error, expected);
}

#[test]
fn labels_of_another_type_keep_the_order_of_the_outputs() {
    let model = Classifier::from_network(constant::<f64>(&[0.0, 2.0, 1.0]), [2_u32, 9, 10]);
    let bytes = model.unwrap().to_bytes().unwrap();
    let words = Classifier::<f64, String>::from_bytes(&bytes).unwrap();
    assert_eq!(words.classes(), ["2", "9", "10"]);
    assert_eq!(words.predict(&[0.0]).unwrap(), ["9"]);
    let again = Classifier::<f64, u32>::from_bytes(&words.to_bytes().unwrap()).unwrap();
    assert_eq!(again.classes(), [2, 9, 10]);

    // Different strings may parse to one number.
    let words = Classifier::from_network(constant::<f64>(&[0.0]), ["1", "01"]).unwrap();
    let error = message(Classifier::<f64, u32>::from_bytes(
        &words.to_bytes().unwrap(),
    ));
    assert!(error.contains("got 1 for classes 0 and 1"), "{error}");
}

/// Labels with equal display texts could not be told apart when the file is read.
#[test]
fn labels_that_are_displayed_alike_are_not_written() {
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Vague(u8);
    impl fmt::Display for Vague {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "about {}", self.0 / 10)
        }
    }
    let model = |labels| Classifier::new(builder::<f64>(), labels).unwrap();
    let error = message(model([Vague(1), Vague(12), Vague(2)]).to_bytes());
    assert!(error.contains("about 0"), "{error}");
    assert!(model([Vague(1), Vague(12), Vague(22)]).to_bytes().is_ok());
}

/// Only reading converts text to labels, so borrowed labels can be written.
#[test]
fn borrowed_labels_can_be_written() {
    let model = Classifier::new(builder::<f32>(), ["low", "high"]).unwrap();
    let read = Classifier::<f32, String>::from_bytes(&model.to_bytes().unwrap()).unwrap();
    assert_eq!(read.classes(), ["high", "low"]);
    let bytes = ModelFile::new(model)
        .note("by", "a test")
        .to_bytes()
        .unwrap();
    let read = ModelFile::<f32, Classifier<f32, String>>::from_bytes(&bytes).unwrap();
    assert_eq!(read.notes["by"], "a test");
    let model = MultilabelClassifier::new(builder::<f32>(), ["a", "b"]).unwrap();
    let read = MultilabelClassifier::<f32, char>::from_bytes(&model.to_bytes().unwrap()).unwrap();
    assert_eq!(read.classes(), ['a', 'b']);
}

/// Trains with each of the training methods, which must agree.
fn trained<T: Float>(
    activation: Arc<dyn Activation<T>>,
    outputs: usize,
    loss: &Arc<dyn Loss<T>>,
) -> Result<(), Error> {
    let net = Mlp::builder(1).output(outputs, activation).build().unwrap();
    let (x, y) = ([T::zero(), T::one()], vec![T::one(); 2 * outputs]);
    let samples = Samples::new(&x, &y);
    let by_trainer = Trainer::new(Arc::clone(loss), Sgd::new(1e-3)).epochs(1);
    let results = [
        by_trainer.fit(&mut net.clone(), &x, &y).map(drop),
        Lbfgs::new(Arc::clone(loss))
            .iterations(1)
            .fit(&mut net.clone(), &x, &y)
            .map(drop),
        GradientWorkspace::new(&net)
            .compute_samples(&net, &samples, &**loss)
            .map(drop),
        GradientWorkspace::new(&net)
            .evaluate_samples(&net, &samples, &**loss)
            .map(drop),
        GradientWorkspace::new(&net)
            .compute_each(&net, &samples, &**loss)
            .map(drop),
    ];
    for result in &results {
        assert_eq!(result.is_ok(), results[0].is_ok(), "{results:?}");
    }
    results.into_iter().next().unwrap()
}

/// A logit or logarithm can be any number, so the last activation's range must be unbounded.
#[test]
fn losses_refuse_activations_that_cannot_give_what_they_take() {
    fn check<T: Float>() {
        let unbounded = [
            "identity",
            "leaky_relu",
            "tanhshrink",
            "soft_shrink",
            "hard_shrink",
            "maxout",
            "glu",
            "swiglu",
        ];
        let losses: [Arc<dyn Loss<T>>; 7] = [
            Arc::new(BinaryCrossEntropy),
            Arc::new(SoftmaxCrossEntropy),
            Arc::new(Smoothed::new(BinaryCrossEntropy, 0.1)),
            Arc::new(Smoothed::new(SoftmaxCrossEntropy, 0.1)),
            Arc::new(PerOutput(BinaryCrossEntropy)),
            Arc::new(Arc::new(PerOutput(SoftmaxCrossEntropy))),
            Arc::new(Poisson),
        ];
        let mut allowed = 0;
        for activation in activation::all::<T>() {
            let name = activation.name().into_owned();
            let family = name.split('(').next().unwrap();
            for loss in &losses {
                let result = trained(Arc::clone(&activation), 2, loss);
                match result {
                    Ok(()) => {
                        assert!(unbounded.contains(&family), "{name} before {loss:?}");
                        allowed += 1;
                    }
                    Err(error) => {
                        assert!(!unbounded.contains(&family), "{name}: {error}");
                        let text = error.to_string();
                        assert!(
                            text.starts_with("activation of the output layer: "),
                            "{text}"
                        );
                        assert!(text.ends_with(&format!("got {name}")), "{text}");
                    }
                }
            }
            trained(activation, 2, &(Arc::new(SquaredError) as _)).unwrap();
        }
        assert_eq!(allowed, unbounded.len() * losses.len());
        let flat: Arc<dyn Activation<T>> = Arc::new(activation::LeakyRelu::new(0.0));
        assert!(trained(flat, 1, &losses[0]).is_err());
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn a_softmax_of_one_output_is_refused() {
    for loss in [
        Arc::new(SoftmaxCrossEntropy) as Arc<dyn Loss<f32>>,
        Arc::new(Smoothed::new(SoftmaxCrossEntropy, 0.1)),
        Arc::new(PerOutput(SoftmaxCrossEntropy)),
    ] {
        let error = message(trained(Arc::new(Identity), 1, &loss));
        assert!(
            error.starts_with("outputs under a softmax cross-entropy"),
            "{error}"
        );
    }
}

#[test]
fn models_refuse_losses_that_read_their_outputs_in_another_way() {
    let trainer = |loss: Arc<dyn Loss<f64>>| Trainer::new(loss, Adam::new(0.01)).epochs(1);
    let losses = || -> [Arc<dyn Loss<f64>>; 5] {
        [
            Arc::new(BinaryCrossEntropy),
            Arc::new(SoftmaxCrossEntropy),
            Arc::new(SquaredError),
            Arc::new(Huber::default()),
            Arc::new(Poisson),
        ]
    };
    let fits = |fit: &mut dyn FnMut(&Trainer<f64>) -> Result<(), Error>| {
        losses().map(|loss| match fit(&trainer(loss)) {
            Ok(()) => true,
            Err(error) => {
                let text = error.to_string();
                assert!(text.starts_with("loss of the trainer: expected "), "{text}");
                false
            }
        })
    };
    let x = [0.0, 1.0, 2.0];
    let mut two = Classifier::new(builder(), [0, 1]).unwrap();
    let mut state = trainer(two.loss()).init_state(two.network()).unwrap();
    let allowed = [true, false, false, false, false];
    assert_eq!(fits(&mut |t| two.fit(t, &x, &[0, 1, 0]).map(drop)), allowed);
    let mut once = |t: &Trainer<f64>| two.partial_fit(t, &mut state, &x, &[0, 1, 0]).map(drop);
    assert_eq!(fits(&mut once), allowed);
    let mut three = Classifier::new(builder(), [0, 1, 2]).unwrap();
    let mut fit = |t: &Trainer<f64>| three.fit(t, &x, &[0, 1, 2]).map(drop);
    assert_eq!(fits(&mut fit), [true, true, true, true, false]);
    let mut many = MultilabelClassifier::new(builder(), [0, 1, 2]).unwrap();
    let mut fit = |t: &Trainer<f64>| many.fit(t, &x, &[vec![], vec![1], vec![0, 2]]).map(drop);
    assert_eq!(fits(&mut fit), allowed);
    let regressor =
        |link| Regressor::new(builder().output(1, Identity).build().unwrap()).link(link);
    let mut identity = regressor(Link::Identity);
    let mut fit = |t: &Trainer<f64>| identity.fit(t, &x, &[1.0, 2.0, 3.0]).map(drop);
    assert_eq!(fits(&mut fit), [false, false, true, true, false]);
    let mut log = regressor(Link::Log);
    let mut fit = |t: &Trainer<f64>| log.fit(t, &x, &[1.0, 2.0, 3.0]).map(drop);
    assert_eq!(fits(&mut fit), [false, false, false, false, true]);
}

/// A custom loss declares no requirements, so none are checked.
#[test]
fn losses_of_ones_own_go_with_anything() {
    #[derive(Debug)]
    struct Own;
    impl Loss<f64> for Own {
        fn evaluate(&self, output: &[f64], target: &[f64], gradient: &mut [f64]) -> f64 {
            BinaryCrossEntropy.evaluate(output, target, gradient)
        }
    }
    let trainer = Trainer::new(Own, Adam::new(0.01)).epochs(1);
    let mut model = Classifier::new(builder(), [0, 1]).unwrap();
    model.fit(&trainer, &[0.0, 1.0], &[0, 1]).unwrap();
    let net = Mlp::builder(1).output(1, Sigmoid).build().unwrap();
    trainer
        .fit(&mut net.clone(), &[0.0, 1.0], &[0.0, 1.0])
        .unwrap();
}

#[test]
fn an_output_layer_is_not_replaced() {
    let expected = "output layer of the builder: expected none";
    let whole = || builder::<f64>().output(3, Relu);
    let error = message(Classifier::new(whole(), [1, 2, 3]));
    assert!(error.starts_with(expected), "{error}");
    let error = message(MultilabelClassifier::new(whole(), [1, 2, 3]));
    assert!(error.starts_with(expected), "{error}");
}

fn prices<T: Float>() -> (Vec<T>, Vec<T>) {
    let x = |i: u32| f64::from(i) / 20.0 - 1.0;
    let y = |i: u32| [17_000.0 + 3_000.0 * (3.0 * x(i)).sin(), 2e-6 * x(i)];
    let inputs = (0..40).map(|i| T::from_f64(x(i))).collect();
    (inputs, (0..40).flat_map(y).map(T::from_f64).collect())
}

#[test]
fn a_regressor_learns_targets_of_any_size() {
    fn check<T: Float>() {
        let (x, y) = prices::<T>();
        let net = Mlp::builder(1).hidden(16, Tanh).output(2, Identity).seed(3);
        let mut model = Regressor::new(net.build().unwrap());
        assert!(model.target_scaler().is_none());
        let trainer = Trainer::new(model.loss(), Adam::new(0.01))
            .epochs(300)
            .batch_size(10);
        model.fit(&trainer, &x, &y).unwrap();
        let score = model.score(&x, &y).unwrap();
        assert!(score > 0.99, "{score}");
        assert_eq!(
            model.target_scaler(),
            Some(&Scaler::standard(&y, 2).unwrap())
        );

        // Saving, and folding into the network, preserve the predictions.
        let read = Regressor::<T>::from_bytes(&model.to_bytes().unwrap()).unwrap();
        let predicted = model.predict(&x).unwrap();
        assert_eq!(read.predict(&x).unwrap(), predicted);
        assert_eq!(read.target_scaler(), model.target_scaler());
        let mut folded = model.network().clone();
        model
            .target_scaler()
            .unwrap()
            .fold_into_outputs(&mut folded)
            .unwrap();
        for (a, b) in folded.predict(&x).unwrap().iter().zip(&predicted) {
            assert!(
                (*a - *b).abs() <= T::from_f64(1e3) * T::epsilon() * (T::one() + b.abs()),
                "{a} {b}"
            );
        }
        // The network alone would return scaled targets.
        for error in [
            message(Mlp::<T>::from_bytes(&model.to_bytes().unwrap())),
            message(ModelFile::<T>::from_bytes(
                &ModelFile::new(model).to_bytes().unwrap(),
            )),
        ] {
            assert!(error.contains("Regressor"), "{error}");
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn targets_stay_as_they_are_where_scaling_has_no_meaning() {
    let (x, y) = ([0.0, 1.0, 2.0], [0.25, 0.5, 0.75]);
    let net = |activation: Arc<dyn Activation<f64>>| {
        Mlp::builder(1)
            .hidden(4, Tanh)
            .output(1, activation)
            .build()
            .unwrap()
    };
    for model in [
        Regressor::new(net(Arc::new(Sigmoid))),
        Regressor::new(net(Arc::new(Relu))),
        Regressor::new(net(Arc::new(Identity))).link(Link::Log),
        Regressor::new(net(Arc::new(Identity))).scale_targets(false),
    ] {
        let mut model = model;
        let trainer = Trainer::new(model.loss(), Adam::new(0.01)).epochs(3);
        let mut plain = model.network().clone();
        let history = trainer.fit(&mut plain, &x, &y).unwrap();
        assert_eq!(model.fit(&trainer, &x, &y).unwrap(), history);
        assert!(model.target_scaler().is_none());
        assert_eq!(model.network().params(), plain.params());
        // A model read from a file keeps its targets unscaled too.
        let mut read = Regressor::<f64>::from_bytes(&model.to_bytes().unwrap()).unwrap();
        read.fit(&trainer, &x, &y).unwrap();
        assert!(read.target_scaler().is_none());
    }
}

/// The scaler is learned in the first `fit`, from rows with nonzero weight, and is kept later.
#[test]
fn the_first_fit_decides_the_scale() {
    let net = || Mlp::<f64>::builder(1).output(1, Identity).build().unwrap();
    let mut model = Regressor::new(net());
    let trainer = Trainer::new(model.loss(), Sgd::new(0.1)).epochs(1);
    let (x, y) = ([0.0, 1.0, 2.0, 3.0], [100.0, 300.0, f64::NAN, 1e9]);
    let samples = Samples::new(&x, &y)
        .rows(&[0, 1, 1, 0, 3])
        .weights(&[1.0, 1.0, 1.0, 0.0]);
    let go_on = |_: &_, _: &_| std::ops::ControlFlow::Continue(());
    model.fit_with(&trainer, &samples, go_on).unwrap();
    let expected = Scaler::standard(&[100.0, 300.0], 1).unwrap();
    assert_eq!(model.target_scaler(), Some(&expected));
    model.fit(&trainer, &x[..2], &[1.0, 2.0]).unwrap();
    assert_eq!(model.target_scaler(), Some(&expected));

    // Bad input must not set the scaler.
    let mut model = Regressor::new(net());
    assert!(model.fit(&trainer, &x, &y).is_err());
    assert!(model.fit(&trainer, &x, &[1.0]).is_err());
    assert!(
        model
            .fit(&trainer.clone().epochs(0), &x[..2], &y[..2])
            .is_err()
    );
    assert!(model.target_scaler().is_none());
}

#[test]
fn validation_targets_are_scaled_as_those_of_training() {
    let (x, y) = ([0.0, 1.0, 2.0, 3.0], [1000.0, 3000.0, 2000.0, 4000.0]);
    let net = builder::<f64>().output(1, Identity).build().unwrap();
    let scaler = Scaler::standard(&y, 1).unwrap();
    let validated = |targets: Vec<f64>| {
        Trainer::new(SquaredError, Adam::new(0.01))
            .epochs(3)
            .validation(Validation::set([0.5, 1.5], targets).score(R2::default()))
    };
    let mut by_hand = net.clone();
    let targets = scaler.transform(&[1500.0, 2500.0]).unwrap();
    let y_scaled = scaler.transform(&y).unwrap();
    let expected = validated(targets).fit(&mut by_hand, &x, &y_scaled).unwrap();
    let mut model = Regressor::new(net);
    let history = model.fit(&validated(vec![1500.0, 2500.0]), &x, &y).unwrap();
    assert_eq!(history, expected);
    assert_eq!(model.network().params(), by_hand.params());
    let error = message(model.fit(&validated(vec![1500.0]), &x, &y));
    assert!(error.starts_with("validation targets: "), "{error}");
    let error = message(model.fit(&validated(vec![1500.0, f64::NAN]), &x, &y));
    assert!(
        error.contains("validation targets") && error.contains("row 1"),
        "{error}"
    );
}

#[test]
fn predictions_that_are_not_finite_are_errors() {
    fn check<T: Float>() {
        let x = [T::one(), T::one()];
        let large = T::max_value();
        let over = |outputs: usize| {
            let layer = Layer::new(vec![large; outputs], vec![large; outputs], Identity).unwrap();
            Mlp::from_layers(&[layer]).unwrap()
        };
        let is_overflow = |error| {
            let expected = Error::Overflow {
                what: "output",
                layer: 0,
                value: f64::INFINITY,
            };
            assert_eq!(error, expected);
        };
        is_overflow(over(2).predict(&x).unwrap_err());
        let three = Classifier::from_network(over(3), [0, 1, 2]).unwrap();
        is_overflow(three.predict(&x).unwrap_err());
        is_overflow(three.predict_probability(&x).unwrap_err());
        is_overflow(three.score(&x, &[0, 1]).unwrap_err());
        is_overflow(three.confusion(&x, &[0, 1]).unwrap_err());
        let many = MultilabelClassifier::from_network(over(3), [0, 1, 2]).unwrap();
        is_overflow(many.predict(&x).unwrap_err());
        is_overflow(many.score(&x, &[[0], [1]]).unwrap_err());
        is_overflow(ModelFile::new(over(1)).predict(&x).unwrap_err());

        // The logits are finite, but an exponential overflows.
        let mut counts = Regressor::new(constant::<T>(&[0.0, 800.0])).link(Link::Log);
        let error = counts.predict(&x).unwrap_err().to_string();
        assert_eq!(
            error,
            "predictions: expected finite numbers, got inf at row 0, column 1"
        );
        assert!(counts.score(&x, &[T::one(); 4]).is_err());
        *counts.network_mut() = constant(&[-800.0]);
        assert_eq!(counts.predict(&x).unwrap(), [T::zero(); 2]);

        // The difference of these finite logits overflows, so a probability is 0 and has no finite
        // logarithm.
        let net = constant::<T>(&[large.as_f64(), -large.as_f64(), 0.0]);
        let apart = Classifier::from_network(net, [0, 1, 2]).unwrap();
        let (zero, one) = (T::zero(), T::one());
        assert_eq!(
            apart.predict_probability(&x[..1]).unwrap(),
            [one, zero, zero]
        );
        let error = apart.predict_log_probability(&x).unwrap_err().to_string();
        assert!(error.starts_with("log probabilities: ") && error.contains("row 0, column 1"));
    }
    check::<f32>();
    check::<f64>();
}

/// A score that records the targets and weights that validation uses.
#[derive(Clone, Debug, Default)]
struct Spy(Arc<Mutex<Vec<Seen>>>);

type Seen = (Vec<f64>, Option<Vec<f64>>);

impl Score<f64> for Spy {
    fn score(&self, _: &[f64], targets: &[f64], _: usize, weights: Option<&[f64]>) -> f64 {
        let seen = (targets.to_vec(), weights.map(<[f64]>::to_vec));
        self.0.lock().unwrap().push(seen);
        0.0
    }
    fn name(&self) -> std::borrow::Cow<'static, str> {
        "spy".into()
    }
}

#[test]
fn stratified_false_is_obeyed() {
    let x: Vec<f64> = (0..100).map(f64::from).collect();
    let labels: Vec<usize> = (0..100).map(|i| usize::from(i % 10 == 0)).collect();
    let held_out = |stratified: Option<bool>, seed| {
        let spy = Spy::default();
        let trainer = Trainer::new(BinaryCrossEntropy, Adam::new(0.01))
            .epochs(1)
            .seed(seed);
        let split = Validation::split(0.2).score(spy.clone());
        let split = stratified.into_iter().fold(split, Validation::stratified);
        let mut model = Classifier::new(builder(), labels.iter().copied()).unwrap();
        model.fit(&trainer.validation(split), &x, &labels).unwrap();
        spy.0.lock().unwrap()[0].0.iter().sum::<f64>()
    };
    for seed in 0..5 {
        assert_eq!(held_out(None, seed), 2.0);
        assert_eq!(held_out(Some(true), seed), 2.0);
    }
    let mut counts = (0..5).map(|seed| held_out(Some(false), seed));
    assert!(counts.any(|count| count != 2.0));
}

/// A split stratified by classes equals one stratified by targets.
#[test]
fn classes_split_as_their_targets_do() {
    for classes in [2, 3, 7] {
        let x: Vec<f64> = (0..200).map(|i| f64::from(i) / 100.0).collect();
        let labels: Vec<usize> = (0..200).map(|i| (i * i + i / 3) % classes).collect();
        let mut model = Classifier::new(builder(), 0..classes).unwrap();
        let trainer = Trainer::new(model.loss(), Adam::new(0.01))
            .epochs(2)
            .validation(Validation::split(0.3).stratified(true));
        let mut net = model.network().clone();
        let targets = model.targets(&labels).unwrap();
        let history = trainer.fit(&mut net, &x, &targets).unwrap();
        assert_eq!(model.fit(&trainer, &x, &labels).unwrap(), history);
        assert_eq!(model.network().params(), net.params());
    }
}

#[test]
fn class_weights_apply_to_every_kind_of_validation() {
    let x: Vec<f64> = (0..12).map(f64::from).collect();
    let seen = |labels: &[usize], classes: usize, validation: Validation<f64>| {
        let spy = Spy::default();
        let validation = validation.score(spy.clone());
        let weights = (1..=classes).map(|k| k as f64).collect();
        let model = Classifier::new(builder(), 0..classes).unwrap();
        let mut model = model.class_weights(ClassWeights::Given(weights)).unwrap();
        let trainer = Trainer::new(model.loss(), Adam::new(0.01)).epochs(1);
        let trainer = trainer.validation(validation);
        model.fit(&trainer, &x, labels).unwrap();
        let (targets, weights) = spy.0.lock().unwrap()[0].clone();
        (targets, weights.unwrap())
    };
    for classes in [2, 3] {
        let labels: Vec<usize> = (0..12).map(|i| i % classes).collect();
        let model = Classifier::new(builder::<f64>(), 0..classes).unwrap();
        // Each validation sample has the weight of its class.
        let (targets, weights) = seen(&labels, classes, Validation::split(0.5));
        for (target, weight) in targets.chunks(targets.len() / weights.len()).zip(&weights) {
            let class = match target {
                [second] => *second as usize,
                row => row.iter().position(|&t| t == 1.0).unwrap(),
            };
            assert_eq!(*weight, class as f64 + 1.0);
        }
        let targets = model.targets(&[1, 0]).unwrap();
        let set = Validation::set([0.0, 1.0], targets.clone());
        assert_eq!(seen(&labels, classes, set).1, [2.0, 1.0]);
        let set = Validation::weighted_set([0.0, 1.0], targets, [3.0, 5.0]);
        assert_eq!(seen(&labels, classes, set).1, [6.0, 5.0]);
    }
}

/// In a minibatch of one sample, its own weight cancels. Dividing by the mean of all weights keeps
/// it.
#[test]
fn the_mean_weight_keeps_weights_in_small_minibatches() {
    let (x, y, weights) = (
        [1.0, 1.0, 1.0, 1.0],
        [1.0, 0.0, 0.0, 0.0],
        [9.0, 1.0, 1.0, 1.0],
    );
    let samples = Samples::new(&x, &y).weights(&weights);
    let net = Mlp::<f64>::builder(1).output(1, Identity).build().unwrap();
    let fit = |mean_weight, size| {
        let mut net = net.clone();
        let trainer = Trainer::new(SquaredError, Sgd::new(0.01))
            .epochs(400)
            .batch_size(size);
        let trainer = trainer.mean_weight(mean_weight);
        trainer
            .fit_with(&mut net, &samples, |_, _| {
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        net.predict(&[1.0]).unwrap()[0]
    };
    // The weighted mean of the targets is 9/12, and the plain mean is 1/4.
    let near = |a: f64, b: f64| assert!((a - b).abs() < 0.05, "{a} {b}");
    near(fit(false, 1), 0.25);
    near(fit(true, 1), 0.75);
    near(fit(true, 4), 0.75);
    assert_eq!(fit(true, 4), fit(false, 4));

    let mut gradient = GradientWorkspace::new(&net).mean_weight(3.0).unwrap();
    let first = Samples::new(&x[..1], &y[..1]).weights(&weights[..1]);
    let loss = gradient
        .compute_samples(&net, &first, &SquaredError)
        .unwrap();
    let own = GradientWorkspace::new(&net)
        .compute_samples(&net, &first, &SquaredError)
        .unwrap();
    assert!((loss - 3.0 * own).abs() < 1e-12);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(GradientWorkspace::new(&net).mean_weight(bad).is_err());
    }
}

#[test]
fn a_model_file_predicts_from_inputs_as_they_are() {
    let scaler = Scaler::from_parts([1.0], [4.0]).unwrap();
    let raw = [3.0, -1.0, 2.0];
    let prepared = scaler.transform(&raw).unwrap();
    let wide = || {
        let builder = Mlp::<f64>::builder(1).encoding(Positional::new(1, 2).unwrap());
        builder.hidden(5, Tanh).seed(4)
    };
    let net = wide().output(2, Identity).build().unwrap();
    let file = ModelFile::new(net).scaler(scaler.clone());
    assert_eq!(file.prepare(&raw).unwrap(), prepared);
    assert_eq!(
        file.predict(&raw).unwrap(),
        file.model.predict(&prepared).unwrap()
    );
    let error = message(file.predict(&[]));
    assert!(
        error.starts_with("inputs: expected one or more rows of 1 value"),
        "{error}"
    );
    let error = message(file.predict(&[0.0, f64::NAN]));
    assert!(
        error.starts_with("inputs: ") && error.contains("row 1"),
        "{error}"
    );

    let model = Classifier::new(wide(), ["a", "b", "c"]).unwrap();
    let labels: Vec<&str> = model.predict(&prepared).unwrap();
    let file = ModelFile::new(model).scaler(scaler.clone());
    assert_eq!(file.predict(&raw).unwrap(), labels);
    let many = MultilabelClassifier::new(wide(), ['a', 'b']).unwrap();
    let labels = many.predict(&prepared).unwrap();
    let file = ModelFile::new(many).scaler(scaler.clone());
    assert_eq!(file.predict(&raw).unwrap(), labels);
    let net = wide().output(1, Identity).build().unwrap();
    let counts = Regressor::new(net).link(Link::Log);
    let numbers = counts.predict(&prepared).unwrap();
    let file = ModelFile::new(counts).scaler(scaler);
    assert_eq!(file.predict(&raw).unwrap(), numbers);
    assert_eq!(
        ModelFile::new(builder::<f64>().output(1, Identity).build().unwrap())
            .prepare(&raw)
            .unwrap(),
        raw
    );

    // Parts that do not match are an error here too.
    let mut unfit = file;
    unfit.scaler = Some(Scaler::from_parts([0.0, 0.0], [1.0, 1.0]).unwrap());
    assert!(matches!(unfit.predict(&raw), Err(Error::Shape { .. })));
}

/// A model without its scaler would accept unscaled inputs.
#[test]
fn a_scaler_is_not_dropped_by_loading_the_model_alone() {
    fn around<M: feedforward::Model<f64>>(model: M, scaler: Scaler<f64>) -> Vec<u8> {
        ModelFile::new(model).scaler(scaler).to_bytes().unwrap()
    }
    let scaler = || Scaler::from_parts([1.0], [4.0]).unwrap();
    let refused = |error: Error| {
        let text = error.to_string();
        assert!(
            text.contains("scaler") && text.contains("ModelFile"),
            "{text}"
        );
    };
    let inputs = || Mlp::<f64>::builder(1);
    let net = || inputs().output(1, Identity).build().unwrap();
    let bytes = around(net(), scaler());
    refused(Mlp::<f64>::from_bytes(&bytes).unwrap_err());
    assert!(ModelFile::<f64>::from_bytes(&bytes).is_ok());
    let bytes = around(Regressor::new(net()), scaler());
    refused(Regressor::<f64>::from_bytes(&bytes).unwrap_err());
    refused(Mlp::<f64>::from_bytes(&bytes).unwrap_err());
    let bytes = around(Classifier::new(inputs(), [1, 2]).unwrap(), scaler());
    refused(Classifier::<f64, u8>::from_bytes(&bytes).unwrap_err());
    let many = MultilabelClassifier::new(inputs(), [1, 2]).unwrap();
    let bytes = around(many, scaler());
    refused(MultilabelClassifier::<f64, u8>::from_bytes(&bytes).unwrap_err());
    let noted = ModelFile::new(constant::<f64>(&[1.0])).note("by", "a test");
    assert!(Mlp::<f64>::from_bytes(&noted.to_bytes().unwrap()).is_ok());
}
