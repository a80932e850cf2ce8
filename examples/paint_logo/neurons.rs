//! The maps that the neurons of a network have learned, layer by layer.

use std::path::Path;

use feedforward::{Encoding, Layer, Mlp};
use image::{Rgb, RgbImage, imageops};
use support::maps::{self, Block, Map, Spread, Values};
use support::plot;

use crate::canvas::Canvas;
use crate::painter::Result;

/// Longer side of the map of a neuron and of a color, and the minimum of the shorter side.
const SIDE: u32 = 64;
const COLOR_SIDE: u32 = 136;
const LEAST_SIDE: u32 = 8;

/// Maximum number of neurons in a layer, so that memory suffices.
const MOST_NEURONS: usize = 1 << 14;

/// Maximum number of layers to show, and the number of rows that they divide.
const MOST_LAYERS: usize = 14;
const ROWS: usize = 14;

/// Maximum number of rows of a layer.
const MOST_ROWS: usize = 3;

/// Checks that the layers are not too large to show.
pub fn check(net: &Mlp<f32>) -> Result<()> {
    let encoded = net.encoding().map_or(0, Encoding::outputs);
    let widths = net.layers().map(|layer| layer.outputs()).chain([encoded]);
    match widths.max().filter(|&widest| widest > MOST_NEURONS) {
        Some(widest) => {
            let expected = format!("expected layers of at most {MOST_NEURONS} neurons");
            Err(format!("--neurons: {expected}, got {widest}").into())
        }
        None => Ok(()),
    }
}

/// Writes the maps of a network, with the picture it has learned if that is known.
pub fn save(
    path: &Path,
    net: &Mlp<f32>,
    canvas: &Canvas,
    picture: Option<&RgbImage>,
) -> Result<()> {
    let size = size_of_maps(canvas, SIDE);
    let mut values = canvas.inputs_of(size, 0..size.1, 1);
    let mut blocks = vec![heading(), inputs(net, &values, size)];
    if let Some(encoding) = net.encoding() {
        values = encoding.encode(&net.params()[net.layout().encoding()], &values)?;
        blocks.push(encoded(&**encoding, &values, size));
    }
    let layers: Vec<_> = net.layers().collect();
    let hidden = layers.len() - 1;
    let shown = hidden.min(MOST_LAYERS);
    let rows = (ROWS / shown.max(1)).clamp(1, MOST_ROWS);
    let most = rows * maps::per_row(size.0);
    // The first and the last layer, and layers at equal distances between them.
    let chosen = |index: usize| match shown {
        0 | 1 => index == 0,
        _ => (0..shown).any(|place| place * (hidden - 1) / (shown - 1) == index),
    };
    for (index, pair) in layers.windows(2).enumerate() {
        values = Mlp::from_layers(&pair[..1])?.predict(&values)?;
        if chosen(index) {
            blocks.push(layer(net, index, pair, &values, size, most));
        }
    }
    blocks.push(output(net, canvas, picture)?);
    plot::save(&maps::sheet(&blocks)?, path)
}

/// Returns width and height of maps whose longer side is `side`.
fn size_of_maps(canvas: &Canvas, side: u32) -> (u32, u32) {
    let (columns, rows) = canvas.size();
    let longest = u64::from(columns.max(rows));
    let part = |n: u32| (u64::from(n) * u64::from(side) / longest) as u32;
    (part(columns).max(LEAST_SIDE), part(rows).max(LEAST_SIDE))
}

fn heading() -> Block {
    Block {
        title: "The picture as each neuron sees it".into(),
        notes: vec![
            "Each map is the output of one neuron at every place of the picture. Black is the lowest \
             output of that neuron,"
                .into(),
            "white its highest. The neurons with the greatest effect on the next layer come first.".into(),
        ],
        maps: Vec::new(),
    }
}

/// Returns the map of a neuron.
fn map(values: &Values<'_>, neuron: usize, spread: &Spread) -> Map {
    Map {
        image: values.map(neuron, spread),
        caption: String::new(),
        bar: None,
    }
}

/// Returns the block of row and column.
fn inputs(net: &Mlp<f32>, values: &[f32], size: (u32, u32)) -> Block {
    let values = Values {
        all: values,
        neurons: net.inputs(),
        size,
    };
    let maps = values.spreads();
    let maps = maps.iter().zip(["row", "column"]).enumerate();
    let maps = maps.map(|(input, (spread, name))| Map {
        caption: name.into(),
        ..map(&values, input, spread)
    });
    Block {
        title: "Inputs: row and column".into(),
        notes: vec!["The network gets nothing else. All other maps are made of these two.".into()],
        maps: maps.collect(),
    }
}

/// Returns the block of the encoding's outputs, at most two rows of them.
fn encoded(encoding: &dyn Encoding<f32>, values: &[f32], size: (u32, u32)) -> Block {
    let count = encoding.outputs();
    let values = Values {
        all: values,
        neurons: count,
        size,
    };
    let spreads = values.spreads();
    let shown = count.min(2 * maps::per_row(size.0));
    let maps: Vec<_> = (0..shown)
        .map(|place| place * count / shown)
        .map(|output| map(&values, output, &spreads[output]))
        .collect();
    let of_all = if shown < count {
        format!(", {shown} of them shown")
    } else {
        String::new()
    };
    let levels = (0..).take_while(|&part| encoding.part_len(part).is_some());
    let (title, note) = match levels.count() {
        0 => (
            format!("Encoding: {count} sines and cosines{of_all}"),
            "Fixed waves of row and column in random directions, wide and narrow ones.",
        ),
        levels => (
            format!(
                "Grid: {levels} levels, {} numbers at each vertex{of_all}",
                count / levels
            ),
            "Learned numbers at the vertices, interpolated between them. From left to right, the cells \
             become finer.",
        ),
    };
    Block {
        title,
        notes: vec![note.into()],
        maps,
    }
}

/// Returns the block of a hidden layer, the first one of a pair of layers.
fn layer(
    net: &Mlp<f32>,
    index: usize,
    pair: &[Layer<f32, &[f32]>],
    values: &[f32],
    size: (u32, u32),
    most: usize,
) -> Block {
    let (hidden, next) = (net.depth() - 1, &pair[1]);
    let is_last = index + 1 == hidden;
    let neurons = pair[0].outputs();
    let values = Values {
        all: values,
        neurons,
        size,
    };
    let spreads = values.spreads();
    let effects: Vec<_> = (spreads.iter().zip(norms(next)))
        .map(|(spread, norm)| spread.deviation * norm)
        .collect();
    let (mut order, plain): (Vec<_>, Vec<_>) =
        (0..neurons).partition(|&neuron| !spreads[neuron].is_constant());
    order.sort_by(|&a, &b| effects[b].total_cmp(&effects[a]));
    order.truncate(most);
    // Neurons that are equal everywhere fill the last row, as examples.
    let (shown, in_row) = (order.len(), maps::per_row(size.0));
    let examples = shown.max(1).next_multiple_of(in_row) - shown;
    order.extend(plain.iter().take(examples));
    let maps = order.iter().map(|&neuron| Map {
        bar: (is_last && !spreads[neuron].is_constant()).then(|| color_of(neuron, next)),
        ..map(&values, neuron, &spreads[neuron])
    });
    let of_all = if shown + plain.len() < neurons {
        format!(", the strongest {shown} shown")
    } else {
        String::new()
    };
    let without_use = match plain.len() {
        0 => String::new(),
        count if order.len() > shown => format!(", {count} equal everywhere (plain)"),
        count => format!(", {count} equal everywhere"),
    };
    let title = format!(
        "Layer {} of {hidden}: {neurons} neurons{of_all}{without_use}",
        index + 1
    );
    let mut notes = vec![match index {
        0 => first_note(net, &pair[0].activation().name()),
        _ => combined_note(net, index, is_last),
    }];
    if is_last && shown > 0 {
        notes.push(
            "The bar below a map is the color that the neuron adds where its map is white. A dark bar \
             takes light away."
                .into(),
        );
    }
    Block {
        title,
        notes,
        maps: maps.collect(),
    }
}

/// Explains the first hidden layer.
fn first_note(net: &Mlp<f32>, activation: &str) -> String {
    let encoding = net.encoding().map(Encoding::name);
    let form = match encoding {
        Some(name) if name.starts_with("grid") => {
            "adds up the grid's maps. They are learned, so patterns of the picture appear at once"
        }
        Some(_) => "adds up the waves above to ripples, stripes and spots",
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

/// Returns the block of red, green, blue and the painting.
fn output(net: &Mlp<f32>, canvas: &Canvas, picture: Option<&RgbImage>) -> Result<Block> {
    let size = size_of_maps(canvas, COLOR_SIDE);
    let painting = canvas.paint(net, size)?;
    let mut maps = Vec::new();
    for (part, name) in ["red", "green", "blue"].into_iter().enumerate() {
        let image = RgbImage::from_fn(size.0, size.1, |x, y| {
            let mut color = [0; 3];
            color[part] = painting.get_pixel(x, y).0[part];
            Rgb(color)
        });
        maps.push((image, name));
    }
    maps.push((painting, "the painting"));
    if let Some(picture) = picture {
        let filter = imageops::FilterType::Triangle;
        let picture = imageops::resize(picture, size.0, size.1, filter);
        maps.push((picture, "the picture"));
    }
    let maps = maps.into_iter().map(|(image, caption)| Map {
        image,
        caption: caption.into(),
        bar: None,
    });
    let hidden = net.depth() - 1;
    let sources = match hidden {
        0 => "the inputs".into(),
        _ => format!("the maps of layer {hidden}"),
    };
    Ok(Block {
        title: "Output: red, green and blue".into(),
        notes: vec![format!(
            "Each color is a weighted sum of {sources}. Together they are the painting."
        )],
        maps: maps.collect(),
    })
}
