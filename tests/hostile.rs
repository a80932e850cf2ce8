//! Files that somebody damaged, by accident or on purpose: an error, and nothing worse.
//!
//! `FEEDFORWARD_MUTATIONS=1000000 cargo test --release --test hostile` tries as many of each kind.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use feedforward::activation::{Identity, Maxout, Tanh};
use feedforward::encoding::Fourier;
use feedforward::loss::SquaredError;
use feedforward::optimizer::Adam;
use feedforward::{Mlp, ModelFile, MultilabelClassifier, Samples, Scaler, Trainer};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

/// Cases of each kind of file, unless the environment says otherwise.
const CASES: u32 = 20_000;

fn trainer() -> Trainer<f32> {
    Trainer::new(SquaredError, Adam::new(0.01))
        .epochs(3)
        .batch_size(2)
}

fn net() -> Mlp<f32> {
    let builder = Mlp::builder(4)
        .hidden(3, Maxout { pieces: 2 })
        .hidden(3, Tanh);
    builder.output(2, Identity).build().unwrap()
}

/// A file of each kind.
fn files() -> Vec<Vec<u8>> {
    let labels = ["no".to_string(), "yes".to_string()];
    let model = MultilabelClassifier::from_network(net(), labels).unwrap();
    let (x, y) = ([0.5; 12], [0.25; 6]);
    let mut trained = net();
    let mut state = trainer().start(&trained).unwrap();
    let samples = Samples::new(&x, &y);
    trainer()
        .resume(&mut trained, &mut state, &samples)
        .unwrap();
    vec![
        net().to_bytes().unwrap(),
        ModelFile::new(net())
            .encoding(Fourier::new(3, 2, 1.0, 0).unwrap())
            .scaler(Scaler::from_parts([0.0; 3], [1.0; 3]).unwrap())
            .note("a", "b")
            .to_bytes()
            .unwrap(),
        model.to_bytes().unwrap(),
        trainer().checkpoint_bytes(&trained, &state).unwrap(),
    ]
}

/// Remembers the largest piece of memory that this thread asked for.
struct Watched;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// [`read`], in pieces of memory no larger than a small multiple of the file's size warrants.
fn read_sparingly(bytes: &[u8]) -> Vec<Mlp<f32>> {
    LARGEST.with(|largest| largest.set(0));
    let read = read(bytes);
    let largest = LARGEST.with(Cell::get);
    let most = 8 * bytes.len() + (1 << 16); // what a small training takes, too
    assert!(
        largest <= most,
        "{largest} bytes at once for {}",
        bytes.len()
    );
    read
}

/// Reads it in every way there is. What is accepted must be good: it predicts and trains.
fn read(bytes: &[u8]) -> Vec<Mlp<f32>> {
    let mut read = Vec::new();
    read.extend(Mlp::from_bytes(bytes));
    read.extend(Mlp::<f64>::from_bytes(bytes).map(|_| net()));
    read.extend(ModelFile::from_bytes(bytes).map(|file| file.model));
    let classifier = MultilabelClassifier::<f32, String>::from_bytes(bytes);
    read.extend(classifier.map(|model| model.network().clone()));
    read.extend(Mlp::from_state_dict(
        bytes,
        &["maxout(2)", "tanh", "identity"],
    ));
    let mut trained = net();
    if let Ok(mut state) = trainer().load_checkpoint_bytes(&mut trained, bytes) {
        let (x, y) = ([0.5; 12], [0.25; 6]);
        let longer = trainer().epochs(4);
        let _ = longer.resume(&mut trained, &mut state, &Samples::new(&x, &y));
        read.push(trained);
    }
    read
}

/// What can be done to a file.
#[derive(Clone, Debug)]
enum Mutation {
    FlipBit(usize, u8),
    SetByte(usize, u8),
    Truncate(usize),
    Append(Vec<u8>),
    Remove(usize, usize),
    Double(usize, usize),
    /// Replaces a number in the header by another one.
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

/// Lies about a size, and about the header's own length accordingly.
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
        // Headers are where the danger is.
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
                prop_assert!(net.predict(&vec![0.5; net.inputs()]).is_ok());
            }
            // What has our description is either what we wrote or an error.
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
            // Between the words of JSON, a space may become another.
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

/// A safetensors file taken apart.
struct Parts {
    tensors: Map<String, Value>,
    description: String,
    data: Vec<u8>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let mut tensors: Map<String, Value> =
            serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let metadata = tensors.remove("__metadata__").unwrap();
        Self {
            tensors,
            description: metadata["feedforward"].as_str().unwrap().to_string(),
            data: bytes[8 + length..].to_vec(),
        }
    }

    /// The file again, with the checksum that belongs to what it now says, as somebody who means
    /// harm would make it.
    fn signed(&self) -> Option<Vec<u8>> {
        let mut description: Map<String, Value> = serde_json::from_str(&self.description).ok()?;
        description.remove("checksum");
        let text = Value::Object(description.clone()).to_string();
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for &byte in bytes {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
        };
        add(text.as_bytes());
        // Sorted by name, as the map is.
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
        description.insert("checksum".into(), format!("{hash:016x}").into());
        let mut header = self.tensors.clone();
        let text = Value::Object(description).to_string();
        header.insert("__metadata__".into(), json!({ "feedforward": text }));
        let header = Value::Object(header).to_string();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.extend(&self.data);
        Some(bytes)
    }
}

#[test]
fn a_lie_with_a_right_checksum_does_no_harm() {
    for file in files() {
        let parts = Parts::of(&file);
        let again = parts.signed().unwrap();
        let network = |bytes| {
            let labelled = MultilabelClassifier::<f32, String>::from_bytes(bytes);
            let labelled = labelled.map(|model| model.network().clone());
            labelled.or_else(|_| ModelFile::from_bytes(bytes).map(|file| file.model))
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
                    // A number of the description instead of the header.
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
        assert!(signed.get() > 100, "only {} were JSON at all", signed.get());
    }
}
