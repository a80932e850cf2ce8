//! From the outputs of a graph to a model.

use alloc::format;
use alloc::vec::Vec;

use super::chain::{Chain, chain};
use super::messages::Model;
use super::patterns::Patterns;
use super::regression::{Regression, regression};
use super::source::Source;
use super::tail::{Head, Kind};
use super::wire::malformed;
use super::{Imported, ImportedModel, Label, ML_DOMAIN, build, labels};
use crate::error::Result;
use crate::float::Float;
use crate::model::{Classifier, MultilabelClassifier};

/// Newest operator sets whose operators are known to mean what this crate reads.
const NEWEST: i64 = 25;
const NEWEST_ML: i64 = 5;

/// Checks that the operators mean what this crate reads.
pub(super) fn check_opsets(model: &Model<'_>) -> Result<()> {
    let (version, ml) = (model.opset(""), model.opset(ML_DOMAIN));
    if version > NEWEST || ml > NEWEST_ML || (version < 1 && ml < 1) {
        let problem = format!(
            "expected operator set 1 to {NEWEST}, and up to {NEWEST_ML} of {ML_DOMAIN}, got \
             {version} and {ml}"
        );
        return Err(malformed(problem));
    }
    Ok(())
}

/// Meaning of the outputs of a graph.
pub(super) struct Outline<'a> {
    kind: ModelKind,
    logits: &'a str,
    labels: Option<Vec<Label>>,
    /// Labels that this crate cannot read.
    unknown: Option<&'a str>,
    has_logarithms: bool,
    regression: Option<Regression<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ModelKind {
    Network,
    Classes,
    /// One logit for two classes.
    Pair,
    Labels,
}

/// Returns the meaning of outputs of the same logits. Models of this crate name their classes and
/// link.
pub(super) fn outline<'a>(
    source: &Source<'a>,
    heads: &[Head<'a>],
    classes: Option<&'a str>,
    link: Option<&str>,
) -> Result<Outline<'a>> {
    let has = |kind| heads.iter().any(|head| head.kind == kind);
    let is_argmax = heads.iter().any(|head| head.is_argmax);
    let is_binary = heads.iter().any(|head| head.threshold.is_some());
    let is_named = heads.iter().any(|head| head.labels.is_some());
    let kind = if has(Kind::Pair) {
        ModelKind::Pair
    } else if has(Kind::Softmax) || is_argmax {
        ModelKind::Classes
    } else if is_binary || is_named && has(Kind::Sigmoid) {
        ModelKind::Labels
    } else if is_named {
        ModelKind::Classes
    } else {
        ModelKind::Network
    };
    check_heads(source, heads)?;
    let [head, ..] = heads else {
        return Err(malformed("it has no output"));
    };
    let numbers = link.filter(|_| kind == ModelKind::Network);
    let regression = numbers.and_then(|link| regression(source, head.output, link));
    let logits = match (&regression, kind) {
        (Some(regression), _) => regression.outputs,
        // A sigmoid of numbers is an activation.
        (None, ModelKind::Network) => head.output,
        (None, _) => head.logits,
    };
    let labels = heads.iter().find_map(|head| head.labels.clone());
    let named = classes.map(|classes| (classes, labels::parse(classes)));
    Ok(Outline {
        kind,
        logits,
        unknown: named
            .as_ref()
            .filter(|(_, labels)| labels.is_none())
            .map(|(text, _)| *text),
        labels: labels.or_else(|| named.and_then(|(_, labels)| labels)),
        has_logarithms: heads.iter().any(|head| head.is_logarithm),
        regression,
    })
}

/// Checks that outputs of the same logits belong to one model.
fn check_heads(source: &Source<'_>, heads: &[Head<'_>]) -> Result<()> {
    let several = |problem| Err(source.several(problem));
    let mut labels = heads.iter().filter_map(|head| head.labels.as_ref());
    let first = labels.next();
    if labels.any(|labels| Some(labels) != first) {
        return several("have different labels");
    }
    let is_argmax = heads.iter().any(|head| head.is_argmax);
    let is_binary = heads.iter().any(|head| head.threshold.is_some());
    let has = |kind| {
        heads
            .iter()
            .any(|head| head.kind == kind && !head.is_argmax)
    };
    let is_softmax = has(Kind::Softmax) || is_argmax;
    let has_values = heads
        .iter()
        .any(|head| head.kind == Kind::Values && !head.is_decision());
    let has_sigmoid = has(Kind::Sigmoid) || is_binary;
    if has_sigmoid && (is_softmax || has_values && heads.len() > 1 && !is_binary) {
        return several("are several functions of the same logits");
    }
    Ok(())
}

/// Builds the model of a graph.
pub(super) fn assemble<T: Float>(
    source: &Source<'_>,
    patterns: &Patterns<T>,
    outline: Outline<'_>,
) -> Result<Imported<T>> {
    let chain = chain(
        source,
        patterns,
        outline.logits,
        outline.kind == ModelKind::Network,
    )?;
    check_shape(source, &chain)?;
    let width = chain.outputs();
    if outline.kind == ModelKind::Classes && width == Some(1) {
        let last = chain.steps.last().map_or("", |step| &step.title);
        return Err(malformed(format!(
            "{last}: one logit of a softmax or an ArgMax, which need two or more; export the \
             network up to this node"
        )));
    }
    let is_two = outline.kind == ModelKind::Classes && width == Some(2);
    if let (ModelKind::Pair, Some(width @ 2..)) = (outline.kind, width) {
        let last = chain.steps.last().map_or("", |step| &step.title);
        return Err(malformed(format!(
            "{last}: {width} logits p of probabilities 1 - p and p side by side, where a classifier \
             of two classes has one; export the network up to this node"
        )));
    }
    let skipped: Vec<_> = chain.skipped.iter().copied().collect();
    let is_half = chain.is_half;
    let mut built = build::build(chain, is_two)?;
    if !skipped.is_empty() {
        let operators = skipped.join(", ");
        built
            .notes
            .push(format!("operators without an effect: {operators}"));
    }
    if is_half {
        let note = "the model rounds values to f16 or bf16 between its layers, which is left out";
        built.notes.push(note.into());
    }
    if let Some(labels) = outline.unknown {
        let labels = crate::error::bounded(labels.into());
        built.notes.push(format!(
            "its labels are neither whole numbers nor texts, so classes are numbered: {labels}"
        ));
    }
    if outline.has_logarithms {
        let note = "the outputs are logarithms of probabilities, and predict_probability returns \
                    probabilities";
        built.notes.push(note.into());
    }
    let outputs = match outline.kind {
        // One logit for both classes.
        ModelKind::Pair => 2,
        _ if is_two => 2,
        _ => built.net.outputs(),
    };
    let labels = match outline.labels {
        Some(labels) => labels,
        None => (0..outputs as i64).map(Label::Integer).collect(),
    };
    let model = match outline.kind {
        ModelKind::Network => match outline.regression {
            Some(regression) => ImportedModel::Regressor(regression.model(built.net)?),
            None => ImportedModel::Network(built.net),
        },
        ModelKind::Labels => {
            ImportedModel::Multilabel(MultilabelClassifier::from_network(built.net, labels)?)
        }
        ModelKind::Classes | ModelKind::Pair => {
            ImportedModel::Classifier(Classifier::from_network(built.net, labels)?)
        }
    };
    Ok(Imported {
        model,
        scaler: built.scaler,
        notes: built.notes,
    })
}

/// Checks that the input has no dimensions beside those of samples and features.
fn check_shape<T>(source: &Source<'_>, chain: &Chain<'_, T>) -> Result<()> {
    let inputs = source.graph.inputs.iter();
    let mut shapes = inputs.filter(|input| input.name == chain.input);
    let shape = shapes.find_map(|input| input.shape.as_ref());
    let first = chain.steps.first();
    let is_flattened = first.is_some_and(|first| {
        source
            .layout(first.input)
            .is_some_and(|layout| !layout.is_grid)
    });
    match shape.map(|shape| &shape[..]) {
        Some([_, middle @ .., _]) if !is_flattened && middle.iter().any(|n| *n != Some(1)) => {
            let (input, dimensions) = (chain.input, middle.len() + 2);
            let first = chain.steps.first().map_or("", |step| &step.title);
            let problem = format!(
                "{first}: expected an input of [samples, features], got {dimensions} dimensions of \
                 {input:?}"
            );
            Err(malformed(problem))
        }
        _ => Ok(()),
    }
}
