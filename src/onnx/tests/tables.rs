use super::*;
use crate::onnx::tabular::names::Names;
use crate::tabular::{Column, Kind, Table, Tabular, TabularModel};

/// Returns a table with columns of each kind.
fn table() -> Table<'static> {
    let rows = 0..40_u32;
    let numbers = |factor: u32| Column::numbers(rows.clone().map(|i| i * factor % 11));
    let word = |i: u32| ["gas", "oil", "wood"][i as usize % 3];
    let level = |i: u32| (!i.is_multiple_of(4)).then_some(["low", "high"][i as usize % 2]);
    let levels = Column::levels(rows.clone().map(level), ["low", "high"]);
    Table::new()
        .with("area", numbers(3))
        .and_then(|table| table.with("heating", Column::words(rows.clone().map(word))))
        .and_then(|table| table.with("garden", Column::booleans(rows.clone().map(|i| i % 2 == 0))))
        .and_then(|table| table.with("floor", levels?))
        .and_then(|table| table.with("years", numbers(2)))
        .and_then(|table| table.with("price", numbers(7)))
        .unwrap()
}

fn small(recipe: Tabular<'_>) -> TabularModel {
    recipe.folds(2).epochs(1).hidden(&[4]).fit().unwrap()
}

fn count(graph: &proto::Graph, operator: &str) -> usize {
    let operators = operators(graph).into_iter();
    operators.filter(|name| *name == operator).count()
}

#[test]
fn each_column_is_an_input() {
    let table = table();
    let model = read(&small(Tabular::regressor(&table, "price")));
    let versions = model.opset_import.iter();
    let versions: Vec<_> = versions.map(|set| (&*set.domain, set.version)).collect();
    assert_eq!(versions, [("", 13), ("ai.onnx.ml", 2)]);
    let inputs = [
        is("area", proto::DOUBLE, "batch x 1"),
        is("heating", proto::TEXT, "batch x 1"),
        is("garden", proto::TEXT, "batch x 1"),
        is("floor", proto::TEXT, "batch x 1"),
        is("years", proto::DOUBLE, "batch x 1"),
    ];
    assert_eq!(shapes(&model.graph.input), inputs);
    let output = is("prediction", proto::DOUBLE, "batch x 1");
    assert_eq!(shapes(&model.graph.output), [output]);
    check_order(&model.graph);
    // Words are found once for all networks.
    assert_eq!(count(&model.graph, "LabelEncoder"), 3);
    let facts = &model.metadata_props;
    let fact = |key| &*facts.iter().find(|fact| fact.key == key).unwrap().value;
    assert_eq!((fact("networks"), fact("targets")), ("2", "[\"price\"]"));
    assert!(fact("columns").starts_with("[(\"area\", \"numbers\"), (\"heating\", \"words\")"));
    assert!(!facts.iter().any(|fact| fact.key == "classes"));

    let exposed = Table::new().with("area", Column::numbers(1..41)).unwrap();
    let table = ["years", "price"].iter().fold(exposed, |all, name| {
        all.with(*name, table.column(name).unwrap().clone())
            .unwrap()
    });
    let model = read(&small(Tabular::counts(&table, "price").exposure("area")));
    let names: Vec<_> = model.graph.input.iter().map(|input| &*input.name).collect();
    assert_eq!(names, ["years", "area"]);
    // Numbers need no operators for words.
    assert_eq!(
        (
            count(&model.graph, "LabelEncoder"),
            model.opset_import.len()
        ),
        (0, 1)
    );
}

#[test]
fn classes_have_names() {
    let table = table();
    let model = read(&small(Tabular::classifier(&table, "heating")));
    let outputs = [
        is("label", proto::TEXT, "batch"),
        is("probabilities", proto::DOUBLE, "batch x 3"),
    ];
    assert_eq!(shapes(&model.graph.output), outputs);
    check_order(&model.graph);
    let named = |node: &&proto::Node| node.output[0] == "label";
    let node = model.graph.node.iter().find(named).unwrap();
    let classes = ["gas", "oil", "wood"].map(ToOwned::to_owned).to_vec();
    assert_eq!(node.domain, "ai.onnx.ml");
    assert_eq!(node.attribute[1].value, Value::Texts(classes));
    assert_eq!(node.attribute[2].value, Value::Text(String::new()));
    let classes = |fact: &&proto::StringStringEntry| fact.key == "classes";
    let fact = model.metadata_props.iter().find(classes).unwrap();
    assert_eq!(fact.value, "[\"gas\", \"oil\", \"wood\"]");

    let labels = Tabular::labels(&table, ["garden"]);
    let graph = graph(&small(labels));
    let output = is("probabilities", proto::DOUBLE, "batch x 1");
    assert_eq!(shapes(&graph.output), [output]);
}

#[test]
fn the_number_of_operators_does_not_depend_on_that_of_columns() {
    let operators = |columns: usize| {
        let numbers = |column: usize| {
            let cells = (0..40).map(move |i| (i * (column + 2) % 37) as f64);
            (format!("{column}"), Column::numbers(cells))
        };
        let all = (0..columns).map(numbers);
        let table = all.fold(Table::new(), |table, (name, column)| {
            table.with(name, column).unwrap()
        });
        let target = Column::numbers(0..40);
        let table = table.with("y", target).unwrap();
        let settings = crate::tabular::ColumnSettings {
            waves: crate::tabular::Waves::Off,
            ..Default::default()
        };
        let recipe = Tabular::regressor(&table, "y").columns(settings);
        graph(&small(recipe)).node.len()
    };
    assert_eq!(operators(3), operators(30));
}

#[test]
fn no_name_of_a_column_is_that_of_another_value() {
    let names = [
        "",
        "prediction",
        "prediction (2)",
        "0.0",
        "network0.layer0.Gemm",
        "network0.layer0.Gemm_",
        "network0.layer0.weights",
        "columns.IsNaN",
    ];
    let columns = (0..).zip(names).map(|(at, name): (u32, _)| {
        let numbers = Column::numbers((0..40).map(|i| i * (at + 2) % 11));
        (name, numbers)
    });
    let table = columns.fold(Table::new(), |table, (name, column)| {
        table.with(name, column).unwrap()
    });
    let table = table.with("y", Column::numbers(0..40)).unwrap();
    let graph = graph(&small(Tabular::regressor(&table, "y")));
    check_order(&graph);
    let inputs: Vec<_> = graph.input.iter().map(|input| &*input.name).collect();
    assert_eq!(inputs[0], "unnamed");
    assert_eq!(inputs[1..], names[1..]);
    assert_eq!(graph.output[0].name, "prediction (3)");
}

#[test]
fn models_that_cannot_be_written_are_refused() {
    let table = table();
    let recipe = Tabular::regressor(&table, "price").activation(Custom("wavelet"));
    let error = export(&small(recipe)).unwrap_err();
    assert!(
        matches!(&error, Error::UnknownName { got, .. } if got == "wavelet"),
        "{error}"
    );
    let both = [
        ("a", Kind::Words),
        ("a", Kind::Booleans),
        ("b", Kind::Numbers),
    ];
    assert!(Names::new(both.into_iter()).is_ok());
    let both = [("a", Kind::Words), ("a", Kind::Numbers)];
    let error = Names::new(both.into_iter()).unwrap_err();
    assert!(
        matches!(&error, Error::Column { .. }) && error.to_string().contains("\"a\""),
        "{error}"
    );
}
