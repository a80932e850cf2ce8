//! Exports for JavaScript: functions of numbers, and one buffer for all other data.

#![allow(unsafe_code)] // only exported names are unsafe

use std::cell::RefCell;
use std::panic;

use image::RgbaImage;

use crate::hidden::Hidden;
use crate::painter::Result;
use crate::painting::Painting;
use crate::values::Spread;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static PAINTING: RefCell<Option<Painting>> = const { RefCell::new(None) };
}

/// Resizes the buffer for the caller to write to, and returns its address.
#[unsafe(no_mangle)]
pub extern "C" fn buffer(length: usize) -> *mut u8 {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        buffer.resize(length, 0);
        buffer.as_mut_ptr()
    })
}

/// Returns the address of the buffer, for reading.
#[unsafe(no_mangle)]
pub extern "C" fn address() -> *const u8 {
    BUFFER.with_borrow(Vec::as_ptr)
}

/// Returns the length of the buffer.
#[unsafe(no_mangle)]
pub extern "C" fn length() -> usize {
    BUFFER.with_borrow(Vec::len)
}

/// Starts a training run. The first `flags` bytes of the buffer are command-line flags, separated
/// by newlines. The other bytes are the picture: red, green, blue and alpha. Answers with JSON.
#[unsafe(no_mangle)]
pub extern "C" fn start(flags: usize, width: u32, height: u32) -> bool {
    panic::set_hook(Box::new(|info| {
        BUFFER.with(|buffer| {
            if let Ok(mut buffer) = buffer.try_borrow_mut() {
                *buffer = info.to_string().into_bytes();
            }
        });
    }));
    answer(|| {
        let mut words = BUFFER.take();
        let pixels = words.split_off(flags.min(words.len()));
        let words = String::from_utf8(words)?;
        let picture = RgbaImage::from_raw(width, height, pixels).ok_or("too few pixels")?;
        let painting = Painting::new(words.lines(), picture)?;
        let json = network(&painting);
        PAINTING.set(Some(painting));
        Ok(json.into_bytes())
    })
}

/// Trains for at most `updates` updates. Answers with JSON.
#[unsafe(no_mangle)]
pub extern "C" fn train(updates: usize) -> bool {
    answer_with(|painting| {
        let slice = painting.train(updates)?;
        let json = format!(
            r#"{{"updates":{},"losses":{:?},"over":{},"pixels":{}}}"#,
            slice.updates,
            slice.losses,
            slice.is_over,
            painting.pixels_seen(),
        );
        Ok(json.into_bytes())
    })
}

/// Starts another training run, from the current network.
#[unsafe(no_mangle)]
pub extern "C" fn restart() -> bool {
    answer_with(|painting| painting.restart().map(|()| Vec::new()))
}

/// Answers with the PSNR as a 64-bit float, then the painting: red, green, blue and alpha.
#[unsafe(no_mangle)]
pub extern "C" fn paint() -> bool {
    answer_with(|painting| {
        let (image, psnr) = painting.paint()?;
        let mut bytes = psnr.to_le_bytes().to_vec();
        bytes.extend(
            image
                .pixels()
                .flat_map(|&image::Rgb([r, g, b])| [r, g, b, 255]),
        );
        Ok(bytes)
    })
}

/// Answers with a pixel of the painting and of the picture, as 32-bit floats.
#[unsafe(no_mangle)]
pub extern "C" fn pixel(row: u32, column: u32) -> bool {
    answer_with(|painting| {
        let numbers = painting.pixel(row, column)?.concat();
        Ok(numbers.into_iter().flat_map(f32::to_le_bytes).collect())
    })
}

/// Answers with a hidden layer: the length of a JSON text as a 32-bit integer, the text, and a map
/// of each neuron. A map has red, green, blue and alpha.
#[unsafe(no_mangle)]
pub extern "C" fn neurons(layer: usize) -> bool {
    answer_with(|painting| {
        let layer = painting.neurons(layer)?;
        let json = description(&layer);
        let mut bytes = (json.len() as u32).to_le_bytes().to_vec();
        bytes.extend(json.into_bytes());
        let pixels = layer.neurons.iter().flat_map(|neuron| neuron.map.pixels());
        bytes.extend(pixels.flat_map(|&image::Rgb([r, g, b])| [r, g, b, 255]));
        Ok(bytes)
    })
}

/// Answers with the model file of the trained network.
#[unsafe(no_mangle)]
pub extern "C" fn model() -> bool {
    answer_with(|painting| painting.model())
}

/// Describes the network in JSON.
fn network(painting: &Painting) -> String {
    let encoding = match painting.encoding() {
        Some((kind, outputs)) => format!("[{kind:?},{outputs}]"),
        None => "null".into(),
    };
    let layers = painting.layers().into_iter();
    let layers: Vec<_> = layers.map(|(index, neurons)| [index, neurons]).collect();
    format!(
        r#"{{"parameters":{},"encoding":{encoding},"hidden":{},"layers":{layers:?}}}"#,
        painting.parameters(),
        painting.hidden(),
    )
}

/// Describes a hidden layer in JSON. Its texts are plain ASCII, which Rust quotes as JSON does.
fn description(layer: &Hidden) -> String {
    let size = layer
        .neurons
        .first()
        .map_or((0, 0), |neuron| neuron.map.dimensions());
    let neurons = layer.neurons.iter().map(|neuron| {
        let color = match neuron.color {
            Some(color) => format!("{color:?}"),
            None => "null".into(),
        };
        let plain = neuron.spread.is_constant();
        let (index, Spread { low, high, .. }) = (neuron.index, neuron.spread);
        format!(
            r#"{{"index":{index},"low":{low:?},"high":{high:?},"plain":{plain},"color":{color}}}"#
        )
    });
    format!(
        r#"{{"title":{:?},"note":{:?},"width":{},"height":{},"neurons":[{}]}}"#,
        layer.title,
        layer.note,
        size.0,
        size.1,
        neurons.collect::<Vec<_>>().join(","),
    )
}

fn answer_with(work: impl FnOnce(&mut Painting) -> Result<Vec<u8>>) -> bool {
    // An empty buffer means that memory ran out, an error without a message.
    BUFFER.take();
    answer(|| {
        PAINTING.with_borrow_mut(|painting| work(painting.as_mut().ok_or("nothing to paint yet")?))
    })
}

/// Puts the answer into the buffer and returns `true`, or puts an error message there and returns
/// `false`.
fn answer(work: impl FnOnce() -> Result<Vec<u8>>) -> bool {
    let result = work();
    let is_good = result.is_ok();
    BUFFER.set(result.unwrap_or_else(|error| error.to_string().into_bytes()));
    is_good
}
