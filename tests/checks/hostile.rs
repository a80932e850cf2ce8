//! Damaged and malicious files must cause an error and nothing worse.
//!
//! `FEEDFORWARD_MUTATIONS=1000000 cargo test --release -p checks --test hostile` tries this many
//! cases of each kind.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use feedforward::activation::{Identity, Maxout, Parametric, Tanh};
use feedforward::encoding::{
    self, Categories, Concat, Encoding, Fourier, Grid, GridSettings, Periodic, PeriodicSettings,
};
use feedforward::loss::SquaredError;
use feedforward::optimizer::Adam;
use feedforward::tabular::{Column, Table, Tabular, TabularModel};
use feedforward::{
    Error, Mlp, ModelFile, MultilabelClassifier, Samples, Scaler, Trainer, TrainerState,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

/// Number of cases for each kind of file, by default.
const CASES: u32 = 20_000;

fn trainer() -> Trainer<f32> {
    Trainer::new(SquaredError, Adam::new(0.01))
        .epochs(3)
        .batch_size(2)
}

fn net() -> Mlp<f32> {
    let builder = Mlp::builder(4)
        .hidden(3, Maxout { pieces: 2 })
        .hidden(3, Parametric(Tanh));
    builder.output(2, Identity).build().unwrap()
}

/// Returns a network behind this encoding.
fn encoded(encoding: impl Encoding<f32> + 'static) -> Mlp<f32> {
    let builder = Mlp::builder(encoding.inputs())
        .encoding(encoding)
        .hidden(3, Tanh);
    builder.output(2, Identity).build().unwrap()
}

fn grid() -> Grid {
    let settings = GridSettings {
        levels: 2,
        coarsest: 2,
        finest: 5,
        max_entries: 16,
        ..GridSettings::new(2)
    };
    Grid::new(settings).unwrap()
}

/// Returns encodings of one input each, side by side and inside another.
fn concat() -> Concat<f32> {
    let inner = Concat::new(vec![Arc::new(Fourier::new(1, 2, 1.0, 0).unwrap())]);
    Concat::new(vec![
        Arc::new(Periodic::new(PeriodicSettings::new(1)).unwrap()),
        Arc::new(inner.unwrap()),
        Arc::new(Categories::new(&[(3, 2)]).unwrap()),
        Arc::new(encoding::Identity::new(1).unwrap()),
    ])
    .unwrap()
}

/// Returns a file of each kind.
fn files() -> Vec<Vec<u8>> {
    let labels = ["no".to_string(), "yes".to_string()];
    let model = MultilabelClassifier::from_network(net(), labels).unwrap();
    let (x, y) = ([0.5; 12], [0.25; 6]);
    let mut trained = net();
    let mut state = trainer().init_state(&trained).unwrap();
    let samples = Samples::new(&x, &y);
    trainer()
        .resume(&mut trained, &mut state, &samples)
        .unwrap();
    vec![
        net().to_bytes().unwrap(),
        encoded(Fourier::new(2, 2, 1.0, 0).unwrap())
            .to_bytes()
            .unwrap(),
        encoded(grid()).to_bytes().unwrap(),
        encoded(concat()).to_bytes().unwrap(),
        ModelFile::new(net())
            .scaler(Scaler::from_parts([0.0; 4], [1.0; 4]).unwrap())
            .note("a", "b")
            .to_bytes()
            .unwrap(),
        model.to_bytes().unwrap(),
        state.to_bytes(&trainer(), &trained).unwrap(),
    ]
}

/// An allocator that counts the memory of each thread, and records the maximum.
struct Watched;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let live = LIVE.get() + bytes;
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}

// SAFETY: every call is passed on unchanged to the system's allocator. The default `realloc` calls
// these two methods, so that old and new memory count at the same time.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller upholds the system allocator's contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// Returns a call's result, and the maximum memory that it held.
fn peak<R>(call: impl FnOnce() -> R) -> (R, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let result = call();
    (result, (PEAK.get() - before) as usize)
}

/// Checks that reading takes at most 8 times the file's size plus 1 MB.
fn assert_sparing(what: &str, file: usize, peak: usize) {
    let most = 8 * file + (1 << 20);
    assert!(peak <= most, "{what}: {peak} bytes to read {file}");
}

/// Calls [`read`] and checks its memory.
fn read_sparingly(bytes: &[u8]) -> Vec<Mlp<f32>> {
    let (read, peak) = peak(|| read(bytes));
    assert_sparing("a file", bytes.len(), peak);
    read
}

type Way = fn(&[u8]) -> Result<Option<Mlp<f32>>, Error>;

/// Every function that reads a file.
const WAYS: [Way; 7] = [
    |bytes| Mlp::from_bytes(bytes).map(Some),
    |bytes| Mlp::<f64>::from_bytes(bytes).map(|_| None),
    |bytes| ModelFile::from_bytes(bytes).map(|file| Some(file.model)),
    |bytes| {
        let read = MultilabelClassifier::<f32, String>::from_bytes(bytes);
        read.map(|model| Some(model.network().clone()))
    },
    |bytes| Mlp::from_state_dict(bytes, &["maxout(2)", "parametric(tanh)", "identity"]).map(Some),
    |bytes| {
        let layers = [("layers.2", "identity")];
        Mlp::from_state_dict_named(bytes, &layers, &["layers.0.weight"]).map(Some)
    },
    |bytes| {
        let mut trained = net();
        let mut state = TrainerState::from_bytes(bytes, &trainer(), &mut trained)?;
        let (x, y) = ([0.5; 12], [0.25; 6]);
        let longer = trainer().epochs(4);
        let _ = longer.resume(&mut trained, &mut state, &Samples::new(&x, &y));
        Ok(Some(trained))
    },
];

/// Reads bytes with every function. Networks that are accepted must predict and train.
fn read(bytes: &[u8]) -> Vec<Mlp<f32>> {
    let read = WAYS.iter().filter_map(|way| way(bytes).ok());
    read.flatten().collect()
}

/// A modification of a file.
#[derive(Clone, Debug)]
enum Mutation {
    FlipBit(usize, u8),
    SetByte(usize, u8),
    Truncate(usize),
    Append(Vec<u8>),
    Remove(usize, usize),
    Double(usize, usize),
    /// Replaces a number in the header.
    Number(usize, u64),
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len().max(1);
        match *self {
            _ if bytes.is_empty() => {}
            Self::FlipBit(at, bit) => bytes[at % len] ^= 1 << bit,
            Self::SetByte(at, byte) => bytes[at % len] = byte,
            Self::Truncate(at) => bytes.truncate(at % len),
            Self::Append(ref more) => bytes.extend(more),
            Self::Remove(at, count) => {
                bytes.drain(at % len..(at % len + count).min(len));
            }
            Self::Double(at, count) => {
                let part = bytes[at % len..(at % len + count).min(len)].to_vec();
                bytes.splice(at % len..at % len, part);
            }
            Self::Number(which, value) => replace_number(bytes, which, value),
        }
    }
}

/// Falsifies a size, and adjusts the header's own length.
fn replace_number(bytes: &mut Vec<u8>, which: usize, value: u64) {
    let Some(header) = bytes.get(8..) else { return };
    let is_digit = |at: usize| header.get(at).is_some_and(u8::is_ascii_digit);
    let starts: Vec<usize> = (1..header.len().min(4000))
        .filter(|&at| is_digit(at) && !is_digit(at - 1))
        .collect();
    let Some(&start) = starts.get(which % starts.len().max(1)) else {
        return;
    };
    let end = (start..header.len())
        .find(|&at| !is_digit(at))
        .unwrap_or(header.len());
    let text = value.to_string();
    bytes.splice(8 + start..8 + end, text.bytes());
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap_or_default());
    let length = length.wrapping_add((text.len() + start).wrapping_sub(end) as u64);
    bytes[..8].copy_from_slice(&length.to_le_bytes());
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = 0..usize::MAX / 2;
    prop_oneof![
        4 => (place.clone(), 0..8_u8).prop_map(|(at, bit)| Mutation::FlipBit(at, bit)),
        // Changes in the header are the most dangerous.
        4 => (0..600_usize, 0..8_u8).prop_map(|(at, bit)| Mutation::FlipBit(at, bit)),
        2 => (0..600_usize, any::<u8>()).prop_map(|(at, byte)| Mutation::SetByte(at, byte)),
        1 => place.clone().prop_map(Mutation::Truncate),
        1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Mutation::Append),
        1 => (place.clone(), 1..64_usize).prop_map(|(at, n)| Mutation::Remove(at, n)),
        1 => (place, 1..64_usize).prop_map(|(at, n)| Mutation::Double(at, n)),
        3 => (any::<usize>(), any::<u64>()).prop_map(|(which, n)| Mutation::Number(which, n)),
        3 => (any::<usize>(), 0..9_u64).prop_map(|(which, n)| Mutation::Number(which, n)),
    ]
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    prop::collection::vec(mutation(), 1..4)
}

fn runner() -> TestRunner {
    let wanted = std::env::var("FEEDFORWARD_MUTATIONS").ok();
    let cases = wanted.map_or(CASES, |cases| cases.parse().expect("a number of cases"));
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
}

#[test]
fn damage_is_told_and_nothing_panics() {
    for file in files() {
        let intact = read(&file);
        assert!(!intact.is_empty());
        let run = runner().run(&mutations(), |mutations| {
            let mut bytes = file.clone();
            for mutation in &mutations {
                mutation.apply(&mut bytes);
            }
            for net in read_sparingly(&bytes) {
                prop_assert!(net.params().iter().all(|p| p.is_finite()));
                // Shifted bytes can be numbers so large that a sum overflows.
                let predicted = net.predict(&vec![0.5; net.inputs()]);
                let overflow = matches!(predicted, Err(Error::Overflow { .. }));
                prop_assert!(predicted.is_ok() || overflow);
            }
            // A file with this crate's description is either unchanged or an error.
            if let Ok(net) = Mlp::<f32>::from_bytes(&bytes) {
                let same = Mlp::<f32>::from_bytes(&file).unwrap();
                prop_assert_eq!(net.params(), same.params());
                prop_assert!(net.is_shaped_like(&same));
            }
            Ok(())
        });
        run.unwrap();
    }
}

#[test]
fn every_bit_that_is_flipped_is_noticed() {
    let file = net().to_bytes().unwrap();
    let whole = net();
    for bit in 0..8 * file.len() {
        let mut bytes = file.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(net) = Mlp::<f32>::from_bytes(&bytes) {
            // A space between JSON tokens may become another whitespace character.
            assert_eq!(net.params(), whole.params(), "bit {bit}");
            assert!(net.is_shaped_like(&whole), "bit {bit}");
        }
    }
    for length in 0..file.len() {
        assert!(
            Mlp::<f32>::from_bytes(&file[..length]).is_err(),
            "{length} bytes"
        );
    }
}

/// Start of a description. The checksum covers the rest.
const CHECKSUM: &str = "{\"checksum\":\"0000000000000000\",";

/// The parts of a safetensors file.
struct Parts {
    tensors: Map<String, Value>,
    /// The text after the checksum.
    description: String,
    data: Vec<u8>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let mut tensors: Map<String, Value> =
            serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let metadata = tensors.remove("__metadata__").unwrap();
        let description = metadata["feedforward"].as_str().unwrap();
        Self {
            tensors,
            description: description[CHECKSUM.len()..].to_string(),
            data: bytes[8 + length..].to_vec(),
        }
    }

    /// Assembles the file with a matching checksum, as an attacker would.
    fn signed(&self) -> Option<Vec<u8>> {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for &byte in bytes {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
        };
        add(self.description.as_bytes());
        // Both the map and the checksum are sorted by name.
        for (name, tensor) in &self.tensors {
            let list = |key: &str| -> Option<Vec<usize>> {
                tensor[key]
                    .as_array()?
                    .iter()
                    .map(|n| Some(n.as_u64()? as usize))
                    .collect()
            };
            let offsets = list("data_offsets")?;
            add(format!("{name}{:?}{}", list("shape")?, tensor["dtype"].as_str()?).as_bytes());
            add(self.data.get(*offsets.first()?..*offsets.get(1)?)?);
        }
        let begin = CHECKSUM.replace("0000000000000000", &format!("{hash:016x}"));
        let text = begin + &self.description;
        let mut header = self.tensors.clone();
        header.insert("__metadata__".into(), json!({ "feedforward": text }));
        let header = Value::Object(header).to_string();
        Some(with_header(&header, &self.data))
    }
}

/// Returns a file with this header and these tensors.
fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn a_lie_with_a_right_checksum_does_no_harm() {
    for file in files() {
        let parts = Parts::of(&file);
        let again = parts.signed().unwrap();
        let network = |bytes| {
            let labeled = MultilabelClassifier::<f32, String>::from_bytes(bytes);
            let labeled = labeled.map(|model| model.network().clone());
            labeled.or_else(|_| ModelFile::from_bytes(bytes).map(|file| file.model))
        };
        let own = network(&again).expect("the test signs as the crate does");
        let written = network(&file).unwrap();
        assert_eq!(own.params(), written.params());
        let signed = std::cell::Cell::new(0);
        let run = runner().run(&(mutations(), mutations()), |(of_text, of_data)| {
            let mut parts = Parts::of(&file);
            let mut text = parts.description.clone().into_bytes();
            for mutation in &of_text {
                match mutation {
                    // Here the number is in the description instead of the header.
                    Mutation::Number(which, value) => {
                        let mut padded = vec![0; 8];
                        padded.extend(&text);
                        replace_number(&mut padded, *which, *value);
                        text = padded.split_off(8);
                    }
                    other => other.apply(&mut text),
                }
            }
            if let Mutation::FlipBit(..) | Mutation::SetByte(..) = of_data[0] {
                of_data[0].apply(&mut parts.data);
            }
            parts.description = String::from_utf8_lossy(&text).into_owned();
            if let Some(bytes) = parts.signed() {
                signed.set(signed.get() + 1);
                for net in read_sparingly(&bytes) {
                    prop_assert!(net.params().iter().all(|p| p.is_finite()));
                }
            }
            Ok(())
        });
        run.unwrap();
        assert!(signed.get() > 100, "only {} could be signed", signed.get());
    }
}

#[test]
fn models_of_wide_tables_are_read_sparingly() {
    // The network is tiny, so the description is most of the file.
    let column = |at: usize| Column::words((0..40).map(move |row| format!("{}", (row + at) % 40)));
    let table = Table::new().with("y", Column::numbers(0..40)).unwrap();
    let table = (0..400).fold(table, |table, at| {
        table.with(format!("{at}"), column(at)).unwrap()
    });
    let model = Tabular::regressor(&table, "y").hidden(&[]).epochs(1).fit();
    let file = model.unwrap().to_bytes().unwrap();
    let (read, peak) = peak(|| TabularModel::from_bytes(&file));
    read.unwrap();
    assert_sparing("a wide table", file.len(), peak);

    // Words that a stranger has added to the last tensor.
    for bytes in [100_000, 10_000_000] {
        let mut parts = Parts::of(&file);
        let tensor = &parts.tensors["members.4.columns"];
        let begin = tensor["data_offsets"][0].as_u64().unwrap() as usize;
        let text = String::from_utf8(parts.data.split_off(begin)).unwrap();
        for is_padded in [false, true] {
            let words = repeated(bytes, |_| r#""""#.to_string());
            let words = format!("\"words\":[{words},");
            let mut text = text.replacen("\"words\":[", &words, 1);
            if is_padded {
                text.push_str(&" ".repeat(16 * bytes / 3));
            }
            let mut parts = Parts {
                tensors: parts.tensors.clone(),
                description: parts.description.clone(),
                data: parts.data.clone(),
            };
            let end = begin + text.len();
            parts.data.extend(text.bytes());
            let tensor = &mut parts.tensors["members.4.columns"];
            tensor["data_offsets"] = json!([begin, end]);
            tensor["shape"] = json!([text.len()]);
            let file = parts.signed().unwrap();
            let (read, peak) = self::peak(|| TabularModel::from_bytes(&file));
            let error = read.unwrap_err().to_string();
            let expected = if is_padded {
                "twice"
            } else {
                "values and keys"
            };
            assert!(error.contains(expected), "{error}");
            assert_sparing("words", file.len(), peak);
        }
    }
}

/// Numbers of a calibrator and scores of held-out rows, which a stranger has changed.
#[test]
fn classifiers_of_tables_are_checked() {
    let words = (0..60).map(|row| ["a", "b", "c"][row % 3]);
    let table = Table::new().with("x", Column::numbers(0..60)).unwrap();
    let table = table.with("class", Column::words(words)).unwrap();
    let model = Tabular::classifier(&table, "class").folds(2).hidden(&[2]);
    let file = model.epochs(1).fit().unwrap().to_bytes().unwrap();
    TabularModel::from_bytes(&Parts::of(&file).signed().unwrap()).unwrap();

    let scores = "members.1.class_scores";
    for (tensor, index, number, expected) in [
        ("calibrator", 0, 0.0, "temperature"),
        ("calibrator", 0, f64::NAN, "temperature"),
        ("calibrator", 0, f64::INFINITY, "temperature"),
        ("calibrator", 1, 1.0, "mixing"),
        ("calibrator", 1, f64::NAN, "mixing"),
        (scores, 0, 3.0, "held-out row"),
        (scores, 0, 0.5, "held-out row"),
        (scores, 0, -1.0, "held-out row"),
        (scores, 0, 1e300, "held-out row"),
        (scores, 0, f64::NAN, "held-out row"),
        (scores, 30, -1.0, "held-out row"),
        (scores, 60, f64::NAN, "held-out row"),
        (scores, 30, 1e9, "not sorted"),
        (scores, 60, 1e9, "not sorted"),
    ] {
        let mut parts = Parts::of(&file);
        let begin = parts.tensors[tensor]["data_offsets"][0].as_u64().unwrap();
        let begin = begin as usize + 8 * index;
        parts.data[begin..][..8].copy_from_slice(&number.to_le_bytes());
        let (read, peak) = peak(|| TabularModel::from_bytes(&parts.signed().unwrap()));
        let error = read.unwrap_err().to_string();
        assert!(error.contains(expected), "{tensor} {number}: {error}");
        assert_sparing(tensor, file.len(), peak);
    }
    for (from, to, expected) in [
        (
            r#""calibrator":"temperature""#,
            r#""calibrator":"quadratic""#,
            "calibrator",
        ),
        (
            r#""calibrator":"temperature""#,
            r#""calibrator":"isotonic""#,
            "calibrator",
        ),
        (
            r#""calibrator":"temperature""#,
            r#""calibrated":"temperature""#,
            "calibrator",
        ),
        (
            r#""task":"classes""#,
            r#""task":"labels""#,
            "contradicts itself",
        ),
    ] {
        let mut parts = Parts::of(&file);
        assert!(parts.description.contains(from));
        parts.description = parts.description.replacen(from, to, 1);
        let error = TabularModel::from_bytes(&parts.signed().unwrap()).unwrap_err();
        assert!(error.to_string().contains(expected), "{to}: {error}");
    }
    let mut parts = Parts::of(&file);
    parts.tensors.remove(scores).unwrap();
    // The format allows no gap, so the last tensor fills it.
    assert!(TabularModel::from_bytes(&parts.signed().unwrap()).is_err());
}

/// Returns a text of about this many bytes, made of numbered parts.
fn repeated(bytes: usize, piece: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(bytes + 100);
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        if number > 0 {
            text.push(',');
        }
        text.push_str(&piece(number));
    }
    text
}

/// Encodes a number in three characters, so that many short names differ.
fn name(number: usize) -> String {
    let digit = |n: usize| char::from(b'#' + (n % 57) as u8);
    [number, number / 57, number / 57 / 57]
        .map(digit)
        .into_iter()
        .collect()
}

/// Returns headers in which one part has this many bytes.
fn grown_headers(bytes: usize) -> Vec<(&'static str, String)> {
    let list = |item: &str| repeated(bytes, |_| item.to_string());
    let many = |piece: &dyn Fn(usize) -> String| format!("{{{}}}", repeated(bytes, piece));
    let tensor = |name: &str, shape: &str| {
        format!(r#"{{"{name}":{{"dtype":"U8","shape":{shape},"data_offsets":[0,0]}}}}"#)
    };
    let metadata = |text: &str| format!(r#"{{"__metadata__":{{"feedforward":"{text}"}}}}"#);
    vec![
        (
            "tensors",
            many(&|n| {
                format!(
                    r#""{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#,
                    name(n)
                )
            }),
        ),
        (
            "layers' tensors",
            many(&|n| format!(r#""{n}.weight":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#)),
        ),
        (
            "escaped tensors",
            many(&|n| {
                format!(
                    r#""\t{}":{{"dtype":"U8","shape":[],"data_offsets":[{n},{}]}}"#,
                    name(n),
                    n + 1
                )
            }),
        ),
        (
            "tensors as lists",
            many(&|n| format!(r#""{}":["U8",[],[0,0]]"#, name(n))),
        ),
        ("dimensions", tensor("a", &format!("[{}]", list("1")))),
        (
            "tensors of many dimensions",
            many(&|n| {
                let shape = ["0"; 64].join(",");
                format!(r#""{n}":["U8",[{shape}],[0,0]]"#)
            }),
        ),
        ("a name", tensor(&"n".repeat(bytes), "[0]")),
        (
            "a name of numbers",
            tensor(&format!("{}.weight", "1.".repeat(bytes / 2)), "[0]"),
        ),
        ("an escaped name", tensor(&r"\n".repeat(bytes / 2), "[0]")),
        (
            "an unknown type",
            format!(r#"{{"a":{{"dtype":"{}"}}}}"#, "U".repeat(bytes)),
        ),
        (
            "unknown fields",
            format!(r#"{{"a":{{{}}}}}"#, list(r#""":0"#)),
        ),
        ("nesting", format!(r#"{{"a":{{"b":{}"#, "[".repeat(bytes))),
        (
            "metadata",
            format!(r#"{{"__metadata__":{{{}}}}}"#, list(r#""":"""#)),
        ),
        (
            "a description that is a list",
            metadata(&format!("[{}]", list(r#"{\"\":0}"#))),
        ),
        (
            "a description of values",
            metadata(&format!("{{{}}}", list(r#"\"\":0"#))),
        ),
        ("a description of letters", metadata(&"d".repeat(bytes))),
        (
            "nesting in the description",
            metadata(&format!(r#"{{\"version\":{}"#, "[".repeat(bytes))),
        ),
        (
            "a version",
            metadata(&format!(r#"{{\"version\":[{}]}}"#, list("1"))),
        ),
    ]
}

/// Returns files of this crate in which one part of the description has this many bytes.
fn grown_descriptions(bytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    let list = |item: &str| format!("[{}]", repeated(bytes, |_| item.to_string()));
    let text = |letter: &str| format!("\"{}\"", letter.repeat(bytes / letter.len()));
    let notes = |piece: &dyn Fn(usize) -> String| format!("{{{}}}", repeated(bytes, piece));
    let files = files();
    let [_, _, encoded, concat, model, classifier, checkpoint] = &files[..] else {
        unreachable!("seven kinds of files")
    };
    let layer = r#"{"activation":"parametric(tanh)","outputs":3,"pieces":1}"#;
    let name_of_concat = &*self::concat().name();
    [
        ("labels", classifier, r#"["no","yes"]"#, list(r#""""#)),
        ("labels that differ", classifier, r#"["no","yes"]"#, {
            format!("[{}]", repeated(bytes, |n| format!("\"{}\"", name(n))))
        }),
        ("a label", classifier, r#""yes""#, text("y")),
        ("an escaped label", classifier, r#""yes""#, text(r"\n")),
        ("layers", classifier, layer, {
            repeated(bytes, |_| layer.to_string())
        }),
        (
            "layers as lists",
            classifier,
            layer,
            repeated(bytes, |_| r#"["a",1]"#.to_string()),
        ),
        (
            "an activation",
            classifier,
            r#""parametric(tanh)""#,
            text("t"),
        ),
        (
            "a kind",
            classifier,
            r#""multilabel classifier""#,
            text("k"),
        ),
        (
            "notes",
            model,
            r#"{"a":"b"}"#,
            notes(&|n| format!(r#""{}":"""#, name(n))),
        ),
        ("a note", model, r#""b""#, text("b")),
        (
            "an activation inside another",
            classifier,
            r#""parametric(tanh)""#,
            format!("\"{})\"", "parametric(".repeat(bytes / 11)),
        ),
        ("an escaped note", model, r#""b""#, text(r"\u0041")),
        (
            "an encoding",
            encoded,
            r#""grid("#,
            format!("\"{}(", "g".repeat(bytes)),
        ),
        ("nested encodings", concat, r#""concat("#, {
            format!("\"{}", "concat(".repeat(bytes / 7))
        }),
        ("members", concat, name_of_concat, {
            // As many as a name may have.
            let members = repeated(bytes.min(58_000), |_| "identity(inputs=1)".to_string());
            let zeros = "0 ".repeat(members.matches(')').count());
            format!("concat({members}, constants={zeros})")
        }),
        ("columns", concat, name_of_concat, {
            let ones = "1 ".repeat(4096);
            format!("categories(categories={ones}, widths={ones}, initial=1.0)")
        }),
        (
            "a scaler",
            model,
            r#""scaler":4"#,
            format!(r#""scaler":{}"#, list("4")),
        ),
        ("settings", checkpoint, r#""trainer":{"#, {
            format!(
                r#""trainer":{{{},"#,
                repeated(bytes, |n| format!(r#""{}":"""#, name(n)))
            )
        }),
        (
            "a setting",
            checkpoint,
            r#""seed":"0""#,
            format!(r#""seed":{}"#, text("0")),
        ),
        ("a state", checkpoint, r#""state":{"#, {
            let states = repeated(bytes, |_| r#""":0"#.to_string());
            format!(r#""state":{{{states},"#)
        }),
    ]
    .into_iter()
    .map(|(what, file, from, to)| {
        let mut parts = Parts::of(file);
        assert!(parts.description.contains(from), "{}", parts.description);
        parts.description = parts.description.replacen(from, &to, 1);
        (what, parts.signed().unwrap())
    })
    .collect()
}

#[test]
fn memory_is_bounded_by_the_size_of_a_file_whatever_grows() {
    // Larger files take longer, so they are not read with every function.
    for (bytes, step) in [(1_000_000, 1), (30_000_000, 6)] {
        let headers = grown_headers(bytes).into_iter();
        let headers = headers.map(|(what, header)| (what, with_header(&header, &[])));
        for (what, file) in headers.chain(grown_descriptions(bytes)) {
            for way in WAYS.iter().step_by(step) {
                let (read, peak) = peak(|| way(&file));
                assert_sparing(what, file.len(), peak);
                let error = read.err().map_or(String::new(), |error| error.to_string());
                assert!(error.len() < 1200, "{what}: {} bytes", error.len());
            }
        }
    }
}

#[test]
fn large_files_of_all_kinds_are_read_within_the_same_bounds() {
    let deep = Mlp::<f32>::builder(1).hidden_layers(20_000, 1, Tanh);
    let deep = deep.output(1, Identity).build().unwrap();
    let wide = Mlp::<f32>::builder(1)
        .output(60_000, Identity)
        .build()
        .unwrap();
    let labels = (0..60_000).map(|label| label.to_string());
    let labels = MultilabelClassifier::from_network(wide.clone(), labels).unwrap();
    let named = (0..12_000).fold(ModelFile::new(net()), |file, n| {
        file.note(format!("note {n}"), "a few words")
    });
    let long = ModelFile::new(net()).note("text", "\"\n".repeat(1_000_000));
    let files = [
        deep.to_bytes(),
        wide.to_bytes(),
        labels.to_bytes(),
        named.to_bytes(),
        long.to_bytes(),
    ];
    for (index, file) in files.into_iter().enumerate() {
        let file = file.unwrap();
        let (read, peak) = peak(|| {
            let single = Mlp::<f32>::from_bytes(&file).unwrap();
            drop(ModelFile::<f64>::from_bytes(&file).unwrap());
            let labels = MultilabelClassifier::<f32, u32>::from_bytes(&file);
            assert_eq!(labels.is_ok(), index == 2, "{labels:.100?}");
            single
        });
        assert!(read.predict(&vec![0.5; read.inputs()]).is_ok());
        assert_sparing(&format!("file {index}"), file.len(), peak);
    }

    // Widening from f16 to f64 takes four times the bytes, the maximum.
    let data = vec![0; 2_000_000];
    let header = r#"{"weight":{"dtype":"F16","shape":[1000,1000],"data_offsets":[0,2000000]}}"#;
    let file = with_header(header, &data);
    let (read, peak) = peak(|| Mlp::<f64>::from_state_dict(&file, &["identity"]));
    assert_eq!(read.unwrap().outputs(), 1000);
    assert_sparing("halves", file.len(), peak);
}

/// A batch normalization is folded in f64, which takes more memory than its numbers of 16 bits.
#[test]
fn normalizations_of_a_state_dict_are_read_within_the_same_bounds() {
    for (rows, columns) in [(1000, 1000), (200_000, 1)] {
        let norm = ["weight", "bias", "running_mean", "running_var"];
        let norm = norm.map(|part| (format!("1.{part}"), format!("[{rows}]"), rows));
        let weight = (
            "0.weight".to_owned(),
            format!("[{rows},{columns}]"),
            rows * columns,
        );
        let mut begin = 0;
        let entries = [weight].into_iter().chain(norm).map(|(name, shape, len)| {
            let end = begin + 2 * len;
            let place = format!("\"data_offsets\":[{begin},{end}]");
            begin = end;
            format!("\"{name}\":{{\"dtype\":\"F16\",\"shape\":{shape},{place}}}")
        });
        let entries: Vec<_> = entries.collect();
        let header = format!("{{{}}}", entries.join(","));
        let file = with_header(&header, &vec![0; begin]);
        let entries = ["batch_norm -> identity"];
        let (read, peak) = peak(|| Mlp::<f64>::from_state_dict(&file, &entries));
        assert_eq!(read.unwrap().outputs(), rows);
        assert_sparing("a normalization", file.len(), peak);
    }
}

#[test]
fn what_is_not_finite_is_refused_by_name() {
    for file in files() {
        let parts = Parts::of(&file);
        for (tensor, place) in &parts.tensors {
            let begin = place["data_offsets"][0].as_u64().unwrap() as usize;
            if tensor.starts_with("history") || place["shape"] == json!([0]) {
                continue;
            }
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut parts = Parts::of(&file);
                parts.data[begin..begin + 4].copy_from_slice(&bad.to_le_bytes());
                let bytes = parts.signed().unwrap();
                if tensor.starts_with("layers") {
                    let error = ModelFile::<f32>::from_bytes(&bytes).unwrap_err();
                    assert!(
                        matches!(error, Error::NotFinite { .. }),
                        "{tensor}: {error}"
                    );
                }
                let mut net = net();
                let (error, what) = match tensor.split_once('.') {
                    Some(("state", what)) => {
                        let error = TrainerState::from_bytes(&bytes, &trainer(), &mut net);
                        (error.err(), what)
                    }
                    _ => (ModelFile::<f32>::from_bytes(&bytes).err(), ""),
                };
                let error = error.expect(tensor).to_string();
                assert!(error.contains(what), "{tensor}: {error}");
            }
        }
    }
}

#[test]
fn tensors_that_the_description_does_not_tell_of_are_refused() {
    for file in files() {
        for name in ["extra", "layers.7.weight", "layers.0.scale", "state.extra"] {
            let mut parts = Parts::of(&file);
            let end = parts.data.len();
            let place = json!({"dtype": "F32", "shape": [1], "data_offsets": [end, end + 4]});
            parts.tensors.insert(name.into(), place);
            parts.data.extend([0; 4]);
            let bytes = parts.signed().unwrap();
            // Extra tensors of a checkpoint concern only resumed training runs.
            let told = name == "state.extra" && parts.description.contains("\"state\"");
            match ModelFile::<f32>::from_bytes(&bytes) {
                Ok(_) => assert!(told, "{name}"),
                Err(error) => assert!(error.to_string().contains(name), "{error}"),
            }
            let error = TrainerState::from_bytes(&bytes, &trainer(), &mut net());
            assert!(error.is_err(), "{name}");
        }
    }
}

/// Descriptions of checkpoints that another version wrote.
#[test]
fn a_checkpoint_may_lack_what_has_a_default() {
    let file = files().pop().unwrap();
    let read = |from: &str, to: &str| {
        let mut parts = Parts::of(&file);
        assert!(parts.description.contains(from), "{}", parts.description);
        parts.description = parts.description.replacen(from, to, 1);
        TrainerState::from_bytes(&parts.signed().unwrap(), &trainer(), &mut net())
    };
    for (from, to) in [
        (",\"finished\":false", ""),
        (",\"cooldown\":0", ""),
        ("\"mean_weight\":\"false\",", ""),
        (",\"optimizer.epsilon\":\"1e-8\"", ""),
    ] {
        let state = read(from, to);
        assert!(state.is_ok(), "{from}: {:?}", state.err());
    }
    for (from, to, what) in [
        ("\"finished\"", "\"later\":1,\"finished\"", "later"),
        ("\"cooldown\":0", "\"later\":1,\"cooldown\":0", "later"),
        (
            "\"mean_weight\":\"false\"",
            "\"mean_weight\":\"true\"",
            "mean_weight",
        ),
        ("\"seed\"", "\"seek\":\"1\",\"seed\"", "seek"),
    ] {
        let error = read(from, to).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
}

/// JSON of RTNeural has numbers of any length, so its bound is larger.
#[test]
fn json_of_rtneural_is_read_in_proportion_to_its_size() {
    let many = |item: &str, count: usize| vec![item; count].join(",");
    let dense = |inputs: usize, kernel: &str, bias: &str, outputs: usize| {
        format!(
            r#"{{"in_shape":[{inputs}],"layers":[{{"type":"dense","shape":[{outputs}],"weights":[{kernel},{bias}]}}]}}"#
        )
    };
    let n = 300_000;
    let layers = |layer: &str| format!(r#"{{"in_shape":[1],"layers":[{}]}}"#, many(layer, n / 10));
    let texts = [
        dense(
            1,
            &format!("[[{}]]", many("1", n)),
            &format!("[{}]", many("0", n)),
            n,
        ),
        dense(n, &format!("[{}]", many("[1]", n)), "[0]", 1),
        dense(
            500,
            &format!("[{}]", many(&format!("[{}]", many("1", 600)), 500)),
            &format!("[{}]", many("0", 600)),
            600,
        ),
        dense(1, &many("[", n), "[]", 1),
        layers(r#"{"type":"dense","shape":[1],"weights":[[[1]]]}"#),
        layers(r#"{"type":"unknown"}"#),
        layers(r#"{"type":"activation","shape":[1]}"#),
        format!(r#"{{"in_shape":[{}],"layers":[]}}"#, many("1", n)),
        format!(r#"{{"in_shape":[1],"x":[{}],"layers":[]}}"#, many("1", n)),
    ];
    for (index, text) in texts.iter().enumerate() {
        let (read, peak) = peak(|| feedforward::rtneural::import::<f64>(text.as_bytes()).is_ok());
        let times = peak as f64 / text.len() as f64;
        println!(
            "text {index}: read {read}, {times:.1} times its {} bytes",
            text.len()
        );
        assert!(
            peak <= 24 * text.len() + (1 << 20),
            "text {index}: {times:.1} times"
        );
    }
}
