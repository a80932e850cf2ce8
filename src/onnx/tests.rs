use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

mod quantized;
#[cfg(feature = "tabular")]
mod tables;

use super::proto::{self, Extent, Tensor, Value, ValueInfo};
use super::{Export, export};
use crate::activation::{self, Activation, Identity, Maxout, Parametric, Relu, Tanh};
use crate::encoding::{
    self, Categories, Concat, Encoding, Fourier, Grid, GridSettings, OneBlob, Periodic,
    PeriodicSettings, Positional, Scaled,
};
use crate::error::Error;
use crate::float::Float;
use crate::metrics::Link;
use crate::mlp::Mlp;
use crate::model::{Classifier, MultilabelClassifier, Regressor};
use crate::optimizer::Sgd;
use crate::train::Trainer;

/// Returns the model that [`export`] encodes.
fn read(model: &impl Export) -> proto::Model {
    model.outline().unwrap()
}

fn graph(model: &impl Export) -> proto::Graph {
    read(model).graph
}

fn operators(graph: &proto::Graph) -> Vec<&str> {
    graph.node.iter().map(|node| &*node.op_type).collect()
}

/// Returns name, type and extents. Extents of variable length are given by name.
fn shape(info: &ValueInfo) -> (String, i32, Vec<String>) {
    let extent = |dim: &Extent| match dim {
        Extent::Value(n) => n.to_string(),
        Extent::Param(name) => name.clone(),
    };
    let dims = info.shape.iter().map(extent);
    (info.name.clone(), info.elem_type, dims.collect())
}

fn shapes(infos: &[ValueInfo]) -> Vec<(String, i32, String)> {
    let joined = |info| {
        let (name, elem_type, dims) = shape(info);
        (name, elem_type, dims.join(" x "))
    };
    infos.iter().map(joined).collect()
}

fn is(name: &str, elem_type: i32, dims: &str) -> (String, i32, String) {
    (name.to_owned(), elem_type, dims.to_owned())
}

fn tensor<'a>(graph: &'a proto::Graph, name: &str) -> &'a Tensor {
    let mut found = graph.initializer.iter().filter(|t| t.name == name);
    found.next().unwrap()
}

/// Checks that every value is defined before its use, and that names are unique.
fn check_order(graph: &proto::Graph) {
    let mut known = BTreeSet::new();
    for info in &graph.input {
        assert!(known.insert(&info.name));
    }
    for tensor in &graph.initializer {
        assert!(known.insert(&tensor.name));
    }
    for node in &graph.node {
        assert!(node.input.iter().all(|name| known.contains(name)));
        assert!(known.insert(&node.output[0]));
    }
    assert!(graph.output.iter().all(|info| known.contains(&info.name)));
}

#[test]
fn the_model_holds_the_network_as_it_is() {
    fn check<T: Float>(elem_type: i32, raw: fn(&T) -> Vec<u8>) {
        let builder = Mlp::<T>::builder(3).hidden(5, Relu);
        let net = builder.output(2, Identity).seed(3).build().unwrap();
        let model = read(&net);
        assert_eq!(
            (model.ir_version, &*model.producer_name),
            (7, "feedforward")
        );
        assert_eq!(model.opset_import[0].version, 13);
        let facts = &model.metadata_props;
        let fact = |key| &*facts.iter().find(|fact| fact.key == key).unwrap().value;
        assert_eq!(fact("layer_sizes"), "3, 5, 2");
        assert_eq!(fact("activations"), "relu, identity");

        let graph = model.graph;
        assert_eq!(shapes(&graph.input), [is("x", elem_type, "batch x 3")]);
        assert_eq!(shapes(&graph.output), [is("y", elem_type, "batch x 2")]);
        assert_eq!(operators(&graph), ["Gemm", "Relu", "Gemm"]);
        check_order(&graph);
        for (index, layer) in net.layers().enumerate() {
            let weights = tensor(&graph, &format!("layer{index}.weights"));
            let dims = [layer.outputs(), layer.inputs()].map(|n| n as i64);
            assert_eq!((&*weights.dims, weights.data_type), (&dims[..], elem_type));
            assert!(weights.raw_data == layer.weights().iter().flat_map(raw).collect::<Vec<_>>());
            let bias = tensor(&graph, &format!("layer{index}.bias"));
            assert!(bias.raw_data == layer.bias().iter().flat_map(raw).collect::<Vec<_>>());
        }
        let gemm = &graph.node[0];
        assert_eq!(gemm.input, ["x", "layer0.weights", "layer0.bias"]);
        assert_eq!(
            (&*gemm.attribute[0].name, &gemm.attribute[0].value),
            ("transB", &Value::Int(1))
        );
    }
    check::<f32>(proto::FLOAT, |x| x.to_le_bytes().to_vec());
    check::<f64>(proto::DOUBLE, |x| x.to_le_bytes().to_vec());
}

#[test]
fn a_parametric_activation_ends_with_three_operators() {
    let builder = Mlp::<f32>::builder(3).hidden(5, Parametric(Relu));
    let mut net = builder.output(2, Identity).build().unwrap();
    let alphas = [1.0, 0.5, -2.0, 0.0, 1.5];
    net.layer_mut(0)
        .unwrap()
        .alpha_mut()
        .copy_from_slice(&alphas);
    let graph = graph(&net);
    check_order(&graph);
    let expected = ["Gemm", "Relu", "Sub", "Mul", "Add", "Gemm"];
    assert_eq!(operators(&graph), expected);
    let alpha = tensor(&graph, "layer0.alpha");
    assert_eq!(alpha.dims, [5]);
    let raw: Vec<u8> = alphas.iter().flat_map(|a: &f32| a.to_le_bytes()).collect();
    assert!(alpha.raw_data == raw);
    let [gemm, relu, sub, mul, add, _] = &graph.node[..] else {
        panic!("{:?}", operators(&graph));
    };
    let (z, f) = (&gemm.output[0], &relu.output[0]);
    assert_eq!(sub.input, [f.clone(), z.clone()]);
    assert_eq!(mul.input, [sub.output[0].clone(), alpha.name.clone()]);
    assert_eq!(add.input, [z.clone(), mul.output[0].clone()]);
}

/// This test fails for a new activation without operators.
#[test]
fn every_activation_is_exported() {
    fn check<T: Float>() {
        for f in activation::all::<T>() {
            let name = f.name();
            let net = Mlp::<T>::builder(2).output(3, f).build().unwrap();
            let graph = graph(&net);
            check_order(&graph);
            assert_eq!(graph.node[0].op_type, "Gemm");
            assert_eq!(graph.node.len() == 1, name == "identity", "{name}");
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn pieces_are_gathered() {
    let net = Mlp::<f32>::builder(2).output(3, Maxout::new(4));
    let graph = graph(&net.build().unwrap());
    assert_eq!(operators(&graph), ["Gemm", "Reshape", "ReduceMax"]);
    assert_eq!(tensor(&graph, "layer0.weights").dims, [12, 2]);
    let shape = [-1i64, 3, 4].map(i64::to_le_bytes).concat();
    assert_eq!(tensor(&graph, "[-1, 3, 4]").raw_data, shape);
    let setting = &graph.node[2].attribute;
    let values = [&setting[0].value, &setting[1].value];
    assert_eq!(values, [&Value::Ints(vec![2]), &Value::Int(0)]);
}

/// Returns the model of an encoding in front of a layer.
fn encoded(encoding: impl Encoding<f32> + 'static) -> proto::Model {
    let builder = Mlp::<f32>::builder(encoding.inputs()).encoding(encoding);
    let net = builder.output(3, Maxout::new(2)).build().unwrap();
    let model = read(&net);
    check_order(&model.graph);
    let fact = |fact: &&proto::StringStringEntry| fact.key == "encoding";
    let found = model.metadata_props.iter().find(fact).unwrap();
    assert_eq!(found.value, net.encoding().unwrap().name());
    model
}

#[test]
fn encodings_are_exported() {
    let layer = ["Gemm", "Reshape", "ReduceMax"];
    let fourier = Fourier::new(2, 5, 1.0, 0).unwrap();
    let graph = encoded(fourier.clone()).graph;
    assert_eq!(shapes(&graph.input), [is("x", proto::FLOAT, "batch x 2")]);
    let own = ["Gemm", "Cos", "Sin", "Concat"];
    assert_eq!(operators(&graph), [&own[..], &layer].concat());
    let directions = tensor(&graph, "encoding.directions");
    assert_eq!(directions.dims, [5, 2]);
    let raw = fourier.directions().iter().flat_map(|d| d.to_le_bytes());
    assert_eq!(directions.raw_data, raw.collect::<Vec<_>>());

    let graph = encoded(Positional::new(2, 3).unwrap()).graph;
    let own = ["Unsqueeze", "Mul", "Sin", "Cos", "Concat", "Reshape"];
    assert_eq!(operators(&graph), [&own[..], &layer].concat());
    assert_eq!(tensor(&graph, "encoding.frequencies").dims, [3, 1]);

    let graph = encoded(OneBlob::new(2, 6).unwrap()).graph;
    assert!(operators(&graph).contains(&"Erf"));
    assert_eq!(tensor(&graph, "encoding.edges").dims, [7]);

    let scaled = Scaled::new(encoding::Identity::new(2).unwrap()).unwrap();
    let graph = encoded(scaled.clone()).graph;
    assert_eq!(operators(&graph), [&["Mul"][..], &layer].concat());
    assert_eq!(tensor(&graph, "encoding.scale1").dims, [2]);
    let graph = encoded(Scaled::new(scaled).unwrap()).graph;
    assert_eq!(operators(&graph), [&["Mul", "Mul"][..], &layer].concat());
    let graph = encoded(Scaled::new(Positional::new(2, 3).unwrap()).unwrap()).graph;
    assert_eq!(operators(&graph)[5..7], ["Reshape", "Mul"]);
    assert_eq!(tensor(&graph, "encoding.scale1").dims, [12]);
}

#[test]
fn encodings_of_tables_are_exported() {
    let layer = ["Gemm", "Reshape", "ReduceMax"];
    let graph = encoded(Categories::new(&[(7, 3), (1, 2)]).unwrap()).graph;
    let indices = ["Floor", "Max", "Min", "Equal", "Where", "Cast"];
    let vectors = ["Gather", "Gather", "Reshape", "Gather", "Gather", "Reshape"];
    let own = [&indices[..], &vectors, &["Concat"]].concat();
    assert_eq!(operators(&graph), [&own[..], &layer].concat());
    assert_eq!(tensor(&graph, "encoding.unknown").dims, [2]);
    assert_eq!(tensor(&graph, "encoding.table0").dims, [8, 3]);
    assert_eq!(tensor(&graph, "encoding.table1").dims, [2, 2]);

    let periodic = Periodic::new(PeriodicSettings::new(3)).unwrap();
    let graph = encoded(periodic).graph;
    let waves = ["Unsqueeze", "Mul", "Add", "Cos"];
    let own = [&waves[..], &["MatMul", "Add", "Concat", "Reshape"]].concat();
    assert_eq!(operators(&graph), [&own[..], &layer].concat());
    assert_eq!(tensor(&graph, "encoding.rates").dims, [3, 1, 16]);
    assert_eq!(tensor(&graph, "encoding.map").dims, [3, 16, 3]);

    let identity = encoding::Identity::new(2).unwrap();
    assert_eq!(operators(&encoded(identity).graph), layer);

    let inner = Concat::new(vec![Arc::new(identity), Arc::new(periodic)]);
    let outer = Concat::new(vec![Arc::new(identity), Arc::new(inner.unwrap())]);
    let graph = encoded(outer.unwrap()).graph;
    let own = [
        &["Slice"; 3][..],
        &waves,
        &["MatMul", "Add", "Concat", "Reshape", "Concat"],
    ];
    assert_eq!(operators(&graph), [&own.concat()[..], &layer].concat());
    assert_eq!(tensor(&graph, "encoding.member2.rates").dims, [3, 1, 16]);
}

#[test]
fn only_a_hashed_grid_needs_a_later_operator_set() {
    let settings = GridSettings {
        levels: 2,
        coarsest: 2,
        finest: 5,
        ..GridSettings::new(3)
    };
    // Levels of 27 and of 216 vertices.
    for (max_entries, hashed, entries) in [(256, 0, [27, 216]), (64, 1, [27, 64])] {
        let grid = Grid::new(GridSettings {
            max_entries,
            ..settings
        });
        let model = encoded(grid.unwrap());
        let versions = if hashed == 0 { (7, 13) } else { (8, 18) };
        let set = model.opset_import[0].version;
        assert_eq!((model.ir_version, set), versions);
        let graph = model.graph;
        let count = |name| operators(&graph).iter().filter(|op| **op == name).count();
        assert_eq!((count("Mod"), count("BitwiseXor")), (hashed, 6 * hashed));
        for (level, entries) in entries.into_iter().enumerate() {
            let table = tensor(&graph, &format!("encoding.level{level}.entries"));
            assert_eq!(table.dims, [entries, 2]);
        }
        // From version 18 on, the axes of `ReduceMax` are an input.
        let last = graph.node.last().unwrap();
        let axes = last.attribute.iter().any(|setting| setting.name == "axes");
        assert_eq!((last.input.len(), axes), (1 + hashed, hashed == 0));
    }
}

/// An encoding of a user's own.
#[derive(Debug)]
struct Own;

impl Encoding<f32> for Own {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        2
    }
    fn name(&self) -> Cow<'static, str> {
        "positional(inputs=1, octaves=1)".into()
    }
    fn encode_sample(&self, _: &[f32], _: &[f32], _: &mut [f32]) {}
    fn add_input_gradient(&self, _: &[f32], _: &[f32], _: &[f32], _: &mut [f32]) {}
}

#[test]
fn an_encoding_of_a_users_own_is_refused() {
    let builder = Mlp::<f32>::builder(1).encoding(Own);
    let error = export(&builder.output(1, Identity).build().unwrap()).unwrap_err();
    let text = "encoding that can be written as ONNX";
    assert!(
        matches!(&error, Error::UnknownName { what, .. } if *what == text),
        "{error}"
    );
    assert!(error.to_string().contains("grid"), "{error}");
}

#[test]
fn equal_constants_are_one() {
    let builder = Mlp::<f64>::builder(2).hidden(3, activation::Sigmoid);
    let net = builder.output(1, activation::Sigmoid).build().unwrap();
    let graph = graph(&net);
    let ones = graph.initializer.iter().filter(|t| t.name == "1.0");
    assert_eq!(ones.count(), 1);
    assert_eq!(tensor(&graph, "1.0").raw_data, 1f64.to_le_bytes());
}

#[test]
fn heads_give_labels_and_probabilities() {
    let builder = || Mlp::<f32>::builder(2).hidden(3, Tanh);
    let two = graph(&Classifier::new(builder(), ["no", "yes"]).unwrap());
    let outputs = [
        is("label", proto::INT64, "batch"),
        is("probabilities", proto::FLOAT, "batch x 2"),
    ];
    assert_eq!(shapes(&two.output), outputs);
    check_order(&two);

    let many = read(&Classifier::new(builder(), ['a', 'b', 'c']).unwrap());
    let classes = many
        .metadata_props
        .iter()
        .find(|fact| fact.key == "classes");
    assert_eq!(classes.unwrap().value, "['a', 'b', 'c']");
    let many = many.graph;
    assert_eq!(
        shapes(&many.output)[1],
        is("probabilities", proto::FLOAT, "batch x 3")
    );
    assert_eq!(
        operators(&many),
        ["Gemm", "Tanh", "Gemm", "ArgMax", "Softmax"]
    );
    check_order(&many);

    let any = graph(&MultilabelClassifier::new(builder(), [1, 2, 3, 4]).unwrap());
    let outputs = [
        is("labels", proto::INT64, "batch x 4"),
        is("probabilities", proto::FLOAT, "batch x 4"),
    ];
    assert_eq!(shapes(&any.output), outputs);
    check_order(&any);

    let net = builder().output(1, Identity).build().unwrap();
    let counts = graph(&Regressor::new(net).link(Link::Log));
    assert_eq!(operators(&counts), ["Gemm", "Tanh", "Gemm", "Exp"]);
    assert_eq!(counts.output[0].name, "y");
    check_order(&counts);

    // Scaled targets must be converted back to their own unit.
    let net = builder().output(1, Identity).build().unwrap();
    let mut prices = Regressor::new(net);
    let trainer = Trainer::new(prices.loss(), Sgd::new(0.1)).epochs(1);
    let inputs = vec![0.5; 2 * prices.network().inputs()];
    prices.fit(&trainer, &inputs, &[100.0, 300.0]).unwrap();
    let prices = graph(&prices);
    assert_eq!(operators(&prices), ["Gemm", "Tanh", "Gemm", "Mul", "Add"]);
    let numbers = |name: &str| {
        let found = prices.initializer.iter().find(|t| t.name.ends_with(name));
        let bytes = found.unwrap().raw_data.as_chunks::<4>().0.to_vec();
        bytes
            .into_iter()
            .map(f32::from_le_bytes)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (numbers("scales"), numbers("offsets")),
        (vec![100.0], vec![200.0])
    );
    check_order(&prices);
}

#[derive(Debug)]
struct Custom(&'static str);

impl<T: Float> Activation<T> for Custom {
    fn value(&self, x: T) -> T {
        x
    }
    fn derivative(&self, _: T, _: T) -> T {
        T::one()
    }
    fn name(&self) -> Cow<'static, str> {
        self.0.into()
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    // Unknown names, and known ones with a parameter or number of pieces that they do not have.
    for name in [
        "wavelet",
        "relu(1)",
        "elu",
        "elu(x)",
        "elu(inf)",
        "elu(1",
        "glu",
        "maxout(2)",
    ] {
        let net = Mlp::<f32>::builder(1)
            .output(1, Custom(name))
            .build()
            .unwrap();
        let error = export(&net).unwrap_err();
        assert!(
            matches!(&error, Error::UnknownName { got, .. } if got == name),
            "{error}"
        );
        assert!(error.to_string().contains("leaky_relu"), "{error}");
    }

    let mut net = Mlp::<f32>::builder(1).output(1, Identity).build().unwrap();
    net.params_mut()[0] = f32::NAN;
    assert!(matches!(export(&net), Err(Error::NotFinite { .. })));

    let mut model = Classifier::new(Mlp::<f32>::builder(1), [1, 2, 3]).unwrap();
    *model.network_mut() = Mlp::builder(1).output(2, Identity).build().unwrap();
    assert!(matches!(export(&model), Err(Error::Shape { .. })));
}
