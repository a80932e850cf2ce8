//! Every public type can be sent to and shared among threads, and one network can predict on many
//! threads at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use feedforward::activation::{Gelu, Identity, Maxout};
use feedforward::{
    Activation, ClassWeights, Classifier, Clip, DivergenceCause, Encoding, EncodingSpec, Epoch,
    Error, GradientWorkspace, History, Initializer, JacobianBlock, Layer, LayerLayout, LayerSpec,
    Layout, Loss, Mlp, MlpBuilder, MlpRef, ModelFile, MultilabelClassifier, Neuron, NeuronMut,
    Optimizer, Population, Position, Precision, Predictor, Regressor, Samples, Scaler, Schedule,
    Score, Shard, StopReason, Trainer, TrainerState, activation, calibration, conformal, encoding,
    explain, folds, gemm, init, loss, metrics, onnx, optimizer, quantize, rtneural, schedule,
    search, simd, tabular, tabular_ref, train,
};

/// Asserts at compile time that the types are `Send` and `Sync`, and lists them.
macro_rules! shared {
    ($($type:ty),* $(,)?) => {
        const LISTED: &[&str] = &[$(stringify!($type)),*];
        const _: () = {
            const fn check<T: Send + Sync + ?Sized>() {}
            $(check::<$type>();)*
        };
    };
}

shared! {
    // The network and the models around it.
    Mlp<f32>,
    Mlp<f64>,
    MlpBuilder<f32>,
    MlpRef<'static, f32>,
    EncodingSpec<'static, f32>,
    quantize::Quantizer,
    quantize::QuantizedMlp,
    quantize::QuantizedMlpRef<'static>,
    quantize::WeightQuantizedMlp,
    quantize::WeightQuantizedMlpRef<'static>,
    quantize::QuantizedLayer<'static>,
    quantize::QuantizedInputs<'static>,
    quantize::QuantizedTable<'static>,
    quantize::QuantizedOutputs<'static>,
    quantize::QuantizationReport,
    quantize::QuantizationNoise,
    quantize::RangeRule,
    quantize::OutputForm,
    quantize::Rounding,
    quantize::Multiplier,
    onnx::Integers<'static>,
    onnx::Imported<f32>,
    onnx::ImportedModel<f32>,
    onnx::Importer,
    onnx::Label,
    rtneural::Imported<f32>,
    rtneural::ImportedModel<f32>,
    LayerSpec<'static, f32>,
    Population<f32>,
    Population<f64>,
    Predictor<f32>,
    Predictor<f64, Arc<Mlp<f64>>>,
    Predictor<f64, &'static Mlp<f64>>,
    GradientWorkspace<f32>,
    JacobianBlock<'static, f32>,
    Clip,
    Samples<'static, f32>,
    Shard,
    Layer<f32>,
    Layer<f32, &'static [f32]>,
    Neuron<f32>,
    NeuronMut<'static, f32>,
    Layout,
    LayerLayout,
    Scaler<f32>,
    Classifier<f32, String>,
    MultilabelClassifier<f32, String>,
    Regressor<f32>,
    ClassWeights,
    ModelFile<f32>,
    Precision,
    Error,
    DivergenceCause,
    Position,
    // Tables and their models.
    tabular::Calibration,
    tabular::Column<'static>,
    tabular::ColumnSettings,
    tabular::Waves,
    tabular::Columns,
    tabular::CsvReader,
    tabular::Importance,
    tabular::ImportanceSettings,
    tabular::Kind,
    tabular::Metric,
    tabular::Preset,
    tabular::Progress,
    tabular::Scaling,
    tabular::Scores,
    tabular::SearchResults,
    tabular::SearchSettings,
    tabular::Table<'static>,
    tabular::Tabular<'static>,
    tabular::TabularModel,
    tabular_ref::Calibrator,
    tabular_ref::ColumnSpec<'static>,
    tabular_ref::FormSpec<'static>,
    tabular_ref::LevelsSpec<'static>,
    tabular_ref::Link,
    tabular_ref::MemberSpec<'static>,
    tabular_ref::ScaleSpec<'static>,
    tabular_ref::TabularRef<'static>,
    tabular_ref::Value<'static>,
    // Training types.
    Trainer<f32>,
    TrainerState<f32>,
    History,
    Epoch,
    StopReason,
    folds::CrossValidation<Regressor<f32>>,
    folds::GroupKFold,
    folds::KFold,
    folds::ShuffleSplit,
    folds::Split,
    folds::StratifiedKFold,
    folds::TimeSeriesSplit,
    search::Halving,
    search::Setting,
    search::Settings,
    search::Space,
    search::Trial,
    search::Trials,
    train::TrainingEvent,
    train::Update,
    train::Hint,
    train::Order,
    train::Validation<f32>,
    train::TrainingRun<'static, f32>,
    train::Batches,
    train::Adaptive,
    train::ReduceOnPlateau,
    train::Lbfgs<f32>,
    train::LbfgsIteration,
    train::LbfgsOptions,
    train::LbfgsReport,
    train::LbfgsStop,
    train::Damping,
    train::Factorization,
    train::LeastSquaresIteration,
    train::LeastSquaresOptions,
    train::LeastSquaresReport,
    train::LeastSquaresStop,
    train::Evidence,
    train::GaussNewtonLoss,
    train::LevenbergMarquardt,
    train::LevenbergMarquardtReport,
    train::LevenbergMarquardtState,
    train::Scaling,
    optimizer::State<f32>,
    optimizer::UpdateContext<'static>,
    optimizer::Adadelta,
    optimizer::Adagrad,
    optimizer::Adam,
    optimizer::AdamW,
    optimizer::Adamax,
    optimizer::EpsilonForm,
    optimizer::Group,
    optimizer::ParamGroups<optimizer::Adam>,
    optimizer::Muon,
    optimizer::Nadam,
    optimizer::RmsProp,
    optimizer::Rprop,
    optimizer::Sgd,
    schedule::Progress,
    schedule::Constant,
    schedule::Linear,
    schedule::Cosine,
    schedule::CosineRestarts,
    schedule::CosineLog,
    schedule::FlatCosine,
    schedule::OneCycle,
    schedule::InverseScaling,
    schedule::StepDecay,
    schedule::ExponentialDecay,
    schedule::WarmUp,
    loss::LossRows<'static, f32>,
    loss::PerOutput<loss::Poisson>,
    loss::Smoothed<loss::BinaryCrossEntropy>,
    loss::SquaredError,
    loss::MeanSquaredError,
    loss::ScikitSquaredError,
    loss::MeanAbsoluteError,
    loss::Huber,
    loss::RelativeL2,
    loss::Poisson,
    loss::BinaryCrossEntropy,
    loss::SoftmaxCrossEntropy,
    loss::OutputKind,
    loss::Pinball,
    loss::GaussianNll,
    // Uncertainty.
    calibration::Quadratic,
    calibration::Temperature,
    conformal::ClassConformal<f32>,
    conformal::CrossConformal<f32>,
    conformal::QuantileConformal<f32>,
    conformal::SetScore,
    conformal::SplitConformal<f32>,
    explain::Attributions,
    explain::IntegratedGradients,
    explain::Quantity,
    metrics::Accuracy,
    metrics::SubsetAccuracy,
    metrics::AveragePrecision,
    metrics::BalancedAccuracy,
    metrics::Brier,
    metrics::F1,
    metrics::MatthewsCorrelation,
    metrics::Pinball,
    metrics::RocAuc,
    metrics::RocPoint,
    metrics::ClassScores,
    metrics::ConfusionMatrix<String>,
    metrics::Link,
    metrics::R2,
    // Components of networks, except other activations, whose trait requires both.
    activation::Parametric<activation::Relu>,
    encoding::Categories,
    encoding::Concat<f32>,
    encoding::Scaled<f32>,
    encoding::Fourier<f32>,
    encoding::Positional,
    encoding::OneBlob,
    encoding::Grid,
    encoding::GridSettings,
    encoding::Identity,
    encoding::Interpolation,
    encoding::Periodic,
    encoding::PeriodicSettings,
    init::LayerInfo<'static>,
    init::Zeros,
    init::Uniform,
    init::Orthogonal,
    init::GlorotUniform,
    init::GlorotNormal,
    init::HeUniform,
    init::HeNormal,
    init::LeCunUniform,
    init::LeCunNormal,
    init::ScikitLearn,
    init::Siren,
    gemm::MatRef<'static, f32>,
    gemm::MatMut<'static, f32>,
    simd::InstructionSet,
    // Traits that users implement.
    dyn Activation<f32>,
    dyn Encoding<f32>,
    dyn Initializer,
    dyn Loss<f32>,
    dyn Optimizer<f32>,
    dyn Schedule,
    dyn folds::Splitter,
    dyn Score<f32>,
}

fn parse(file: &Path) -> syn::File {
    syn::parse_file(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn is_public(visibility: &syn::Visibility) -> bool {
    matches!(visibility, syn::Visibility::Public(_))
}

/// Returns the names of the public structs and enums that a file defines.
fn types(file: &syn::File) -> Vec<String> {
    let name = |item: &syn::Item| match item {
        syn::Item::Struct(item) if is_public(&item.vis) => Some(item.ident.to_string()),
        syn::Item::Enum(item) if is_public(&item.vis) => Some(item.ident.to_string()),
        _ => None,
    };
    file.items.iter().filter_map(name).collect()
}

/// Returns a file's re-exports, as (first part of the path, name).
fn exports(file: &syn::File) -> Vec<(String, String)> {
    fn leaves(tree: &syn::UseTree, names: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => leaves(&path.tree, names),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
            syn::UseTree::Name(name) => names.push(name.ident.to_string()),
            syn::UseTree::Rename(_) | syn::UseTree::Glob(_) => panic!("name what is exported"),
        }
    }
    fn paths(tree: &syn::UseTree) -> Vec<&syn::UsePath> {
        match tree {
            syn::UseTree::Group(group) => group.items.iter().flat_map(paths).collect(),
            syn::UseTree::Path(path) => vec![path],
            _ => Vec::new(),
        }
    }
    let mut all = Vec::new();
    for item in &file.items {
        let syn::Item::Use(item) = item else { continue };
        if is_public(&item.vis) {
            for path in paths(&item.tree) {
                let mut names = Vec::new();
                leaves(&path.tree, &mut names);
                all.extend(names.into_iter().map(|name| (path.ident.to_string(), name)));
            }
        }
    }
    all
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let files = entries.flat_map(|entry| match entry.unwrap().path() {
        path if path.is_dir() => sources(&path),
        path if path.extension().is_some_and(|e| e == "rs") => vec![path],
        _ => Vec::new(),
    });
    files.collect()
}

/// Every public struct and enum must be in the list above, as `module::Type` with the module at the
/// crate's root.
#[test]
fn every_public_type_is_asserted() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src");
    let root = parse(&src.join("lib.rs"));
    let at_root = exports(&root);
    let mut public = BTreeSet::new();
    for item in &root.items {
        let syn::Item::Mod(module) = item else {
            continue;
        };
        let name = module.ident.to_string();
        let (file, folder) = (src.join(format!("{name}.rs")), src.join(&name));
        let mut files = if folder.is_dir() {
            sources(&folder)
        } else {
            Vec::new()
        };
        let own = if file.exists() {
            file
        } else {
            folder.join("mod.rs")
        };
        if !own.exists() {
            continue; // the inline module `pages`
        }
        files.push(own.clone());
        let defined: BTreeSet<_> = files.iter().flat_map(|f| types(&parse(f))).collect();
        let own = parse(&own);
        let mut visible: Vec<_> = at_root
            .iter()
            .filter(|(from, _)| *from == name)
            .cloned()
            .collect();
        if is_public(&module.vis) {
            visible.extend(exports(&own));
            visible.extend(types(&own).into_iter().map(|ty| (name.clone(), ty)));
        }
        let visible = visible.into_iter().filter(|(_, ty)| defined.contains(ty));
        public.extend(visible.map(|(_, ty)| format!("{name}::{ty}")));
    }
    let listed = LISTED.iter().map(|listed| {
        let path = listed.split('<').next().unwrap().replace(' ', "");
        let module = at_root.iter().find(|(_, name)| *name == path);
        module.map_or(path.clone(), |(module, name)| format!("{module}::{name}"))
    });
    let listed: BTreeSet<_> = listed.filter(|path| !path.starts_with("dyn")).collect();
    let missing: Vec<_> = public.difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "not asserted to be Send and Sync: {missing:?}"
    );
    // An unknown type means that the search above is broken.
    let unknown: Vec<_> = listed.difference(&public).collect();
    assert!(
        unknown.is_empty(),
        "not found among the sources: {unknown:?}"
    );
    assert!(public.len() > 100);
}

const THREADS: usize = 8;

fn network() -> Mlp<f32> {
    let hidden = Mlp::builder(3).hidden(33, Gelu).hidden(20, Maxout::new(2));
    hidden.output(2, Identity).seed(3).build().unwrap()
}

fn inputs() -> Vec<f32> {
    (0..3 * 400).map(|i| (i as f32 * 0.37).sin()).collect()
}

/// Predicts repeatedly, sample by sample and in batches, with the thread's own predictor.
fn predict(mut predictor: Predictor<f32, impl std::borrow::Borrow<Mlp<f32>>>) -> Vec<f32> {
    let inputs = inputs();
    let mut outputs = vec![0.0; 2 * 400];
    for batch in [1, 7, 400, 1] {
        outputs.fill(f32::NAN);
        for (x, y) in inputs.chunks(3 * batch).zip(outputs.chunks_mut(2 * batch)) {
            predictor.predict_into(x, y).unwrap();
        }
    }
    outputs
}

#[test]
fn threads_share_one_network_by_arc() {
    let net = Arc::new(network());
    let expected = net.predict(&inputs()).unwrap();
    let threads = [(); THREADS].map(|()| {
        let predictor = Predictor::new(Arc::clone(&net)).unwrap();
        thread::spawn(move || predict(predictor))
    });
    for thread in threads {
        assert_eq!(thread.join().unwrap(), expected);
    }
}

#[test]
fn threads_borrow_one_network() {
    let net = network();
    let expected = net.predict(&inputs()).unwrap();
    thread::scope(|scope| {
        let threads =
            [(); THREADS].map(|()| scope.spawn(|| predict(Predictor::new(&net).unwrap())));
        for thread in threads {
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
}

/// A predictor can move to another thread while its clone stays in use.
#[test]
fn predictors_move_and_are_cloned() {
    let net = network();
    let expected = net.predict(&inputs()).unwrap();
    let predictor = Predictor::new(net).unwrap();
    let clone = predictor.clone();
    let other = thread::spawn(move || predict(clone));
    assert_eq!(predict(predictor), expected);
    assert_eq!(other.join().unwrap(), expected);
}

/// Concurrent training runs do not affect each other.
#[test]
fn threads_differentiate_one_network() {
    let net = network();
    let (inputs, targets) = (inputs(), vec![0.5; 2 * 400]);
    let gradient = || {
        let mut gradient = GradientWorkspace::new(&net);
        gradient
            .compute(&net, &inputs, &targets, &loss::SquaredError)
            .unwrap();
        gradient.values().to_vec()
    };
    let expected = gradient();
    thread::scope(|scope| {
        let threads = [(); THREADS].map(|()| scope.spawn(gradient));
        for thread in threads {
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
}

static PARAMS: [f32; 3 * 5 + 5] = [0.25; 20];
static LAYERS: [LayerSpec<f32>; 1] = [LayerSpec::new(5, &activation::Tanh)];
static NET: MlpRef<f32> = MlpRef::constant(3, &LAYERS, &PARAMS);

/// A network in flash is shared directly. Each thread has its own scratch buffer.
#[test]
fn threads_share_a_static_network() {
    let predict = || {
        let (mut outputs, mut scratch) = ([0.0; 5 * 400], [0.0; NET.scratch_len()]);
        NET.predict_into(&inputs(), &mut outputs, &mut scratch)
            .unwrap();
        outputs
    };
    let expected = predict();
    let threads = [(); THREADS].map(|()| thread::spawn(predict));
    for thread in threads {
        assert_eq!(thread.join().unwrap(), expected);
    }
}
