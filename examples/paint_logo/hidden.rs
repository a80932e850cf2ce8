//! The maps of a hidden layer: the output of each neuron at every place of the picture.

use feedforward::{Encoding, Layer, Mlp};
use image::RgbImage;

use crate::canvas::Canvas;
use crate::painter::Result;
use crate::values::{Spread, Values};

/// Longer side of the map of a neuron, and the minimum of the shorter side.
pub const SIDE: u32 = 64;
const LEAST_SIDE: u32 = 8;

/// Maximum number of neurons in a layer, so that memory suffices.
const MOST_NEURONS: usize = 1 << 14;

/// Maximum number of layers to show.
pub const MOST_LAYERS: usize = 14;

/// Hidden layer with the maps of its neurons.
#[derive(Debug)]
pub struct Hidden {
    pub title: String,
    /// Explains what the neurons do.
    pub note: String,
    /// The neurons shown, first those with the greatest effect on the next layer.
    pub neurons: Vec<Neuron>,
}

/// Neuron and its map.
#[derive(Debug)]
pub struct Neuron {
    #[allow(dead_code)] // only the page in the browser has it
    pub index: usize,
    #[allow(dead_code)] // only the page in the browser has it
    pub spread: Spread,
    pub map: RgbImage,
    /// Color that the output layer reads from a neuron of the last hidden layer.
    pub color: Option<[u8; 3]>,
}

/// Checks that the layers are not too large to show.
pub fn check(net: &Mlp<f32>) -> Result<()> {
    let encoded = net.encoding().map_or(0, Encoding::outputs);
    let widths = net.layers().map(|layer| layer.outputs()).chain([encoded]);
    match widths.max().filter(|&widest| widest > MOST_NEURONS) {
        Some(widest) => {
            Err(format!("expected layers of at most {MOST_NEURONS} neurons, got {widest}").into())
        }
        None => Ok(()),
    }
}

/// Returns width and height of maps whose longer side is `side`.
pub fn size_of_maps(canvas: &Canvas, side: u32) -> (u32, u32) {
    let (columns, rows) = canvas.size();
    let longest = u64::from(columns.max(rows));
    let part = |n: u32| (u64::from(n) * u64::from(side) / longest) as u32;
    (part(columns).max(LEAST_SIDE), part(rows).max(LEAST_SIDE))
}

/// Returns the hidden layers to show: the first and the last one, and layers at equal distances
/// between them.
pub fn shown_layers(hidden: usize) -> Vec<usize> {
    match hidden.min(MOST_LAYERS) {
        0 => Vec::new(),
        1 => vec![0],
        shown => (0..shown)
            .map(|place| place * (hidden - 1) / (shown - 1))
            .collect(),
    }
}

/// Returns a hidden layer, the first one of a pair of layers, from the outputs of its neurons.
/// Shows at most `most` neurons. Neurons that are equal everywhere fill the last row of `in_row`,
/// as examples.
pub fn layer(
    net: &Mlp<f32>,
    index: usize,
    pair: &[Layer<f32, &[f32]>],
    values: Values<'_>,
    most: usize,
    in_row: usize,
) -> Hidden {
    let (hidden, reader) = (net.depth() - 1, &pair[1]);
    let is_last = index + 1 == hidden;
    let neurons = values.neurons;
    let spreads = values.spreads();
    let effects: Vec<_> = (spreads.iter().zip(norms(reader)))
        .map(|(spread, norm)| spread.deviation * norm)
        .collect();
    let (mut order, plain): (Vec<_>, Vec<_>) =
        (0..neurons).partition(|&neuron| !spreads[neuron].is_constant());
    order.sort_by(|&a, &b| effects[b].total_cmp(&effects[a]));
    order.truncate(most);
    let shown = order.len();
    let examples = shown.max(1).next_multiple_of(in_row) - shown;
    order.extend(plain.iter().take(examples));
    let of_all = if shown + plain.len() < neurons {
        format!(", the strongest {shown} shown")
    } else {
        String::new()
    };
    let without_use = match (plain.len(), order.len() - shown) {
        (0, _) => String::new(),
        (count, 0) => format!(", {count} equal everywhere (not shown)"),
        (count, examples) if examples == count => format!(", {count} equal everywhere (plain)"),
        (count, examples) => format!(", {count} equal everywhere (plain, {examples} shown)"),
    };
    Hidden {
        title: format!(
            "Layer {} of {hidden}: {neurons} neurons{of_all}{without_use}",
            index + 1
        ),
        note: match index {
            0 => first_note(net, &pair[0].activation().name()),
            _ => combined_note(net, index, is_last),
        },
        neurons: (order.iter())
            .map(|&index| Neuron {
                index,
                spread: spreads[index],
                map: values.map(index, &spreads[index]),
                color: (is_last && !spreads[index].is_constant()).then(|| color_of(index, reader)),
            })
            .collect(),
    }
}

/// Explains the first hidden layer.
fn first_note(net: &Mlp<f32>, activation: &str) -> String {
    let encoding = net.encoding().map(Encoding::name);
    let form = match encoding {
        Some(name) if name.starts_with("grid") => {
            "adds up the grid's maps. They are learned, so patterns of the picture appear at once"
        }
        Some(_) => "adds up waves to ripples, stripes and spots",
        None => match activation.split('(').next() {
            Some("relu" | "leaky_relu") => {
                "folds the picture along one straight line: flat on one side, a slope on the other"
            }
            Some("sine") => "is a wave in one direction",
            Some("gaussian") => "is a bright stripe along one straight line",
            _ => "changes along one direction only: a soft edge along a straight line",
        },
    };
    format!("Each neuron {form}.")
}

/// Explains a hidden layer behind others.
fn combined_note(net: &Mlp<f32>, index: usize, is_last: bool) -> String {
    let is_simple = net.encoding().is_none();
    let form = match (is_last, index, is_simple) {
        (true, _, _) => ": whole areas and edges of the picture, ready to be mixed to colors",
        (_, 1, true) => ": straight lines become corners, strips and simple areas",
        (_, 2, true) => ": areas get more corners, and come closer to shapes of the picture",
        (_, 1, false) => ": shapes of the picture begin to stand out",
        _ => "",
    };
    format!("Each neuron combines the maps of layer {index}{form}.")
}

/// Returns the norm of the weights that read each input of a layer.
fn norms(layer: &Layer<f32, &[f32]>) -> Vec<f64> {
    let column = |input: usize| layer.weights()[input..].iter().step_by(layer.inputs());
    let square = |&weight: &f32| f64::from(weight) * f64::from(weight);
    (0..layer.inputs())
        .map(|input| column(input).map(square).sum::<f64>().sqrt())
        .collect()
}

/// Returns the color in which an output layer reads an input: gray adds nothing to a part.
fn color_of(input: usize, output: &Layer<f32, &[f32]>) -> [u8; 3] {
    let rows = output.weights().len() / output.inputs();
    let pieces = rows / output.outputs();
    let weight = |part: usize| output.weights()[part * pieces * output.inputs() + input];
    let weights = [0, 1, 2].map(weight);
    let largest = weights.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
    weights.map(|weight| {
        if largest > 0.0 {
            (127.5 + 127.5 * weight / largest).round() as u8
        } else {
            128
        }
    })
}
