//! The maps that the neurons of a network have learned, layer by layer.

use std::path::Path;

use feedforward::{Encoding, Mlp};
use image::{Rgb, RgbImage, imageops};
use support::maps::{self, Block, Map};
use support::plot;

use crate::canvas::Canvas;
use crate::hidden::{self, Hidden, MOST_LAYERS, SIDE, size_of_maps};
use crate::painter::Result;
use crate::values::{Spread, Values};

/// Longer side of the map of a color.
const COLOR_SIDE: u32 = 136;

/// Number of rows that the layers divide.
const ROWS: usize = MOST_LAYERS;

/// Maximum number of rows of a layer.
const MOST_ROWS: usize = 3;

/// Checks that the layers are not too large to show.
pub fn check(net: &Mlp<f32>) -> Result<()> {
    hidden::check(net).map_err(|error| format!("--neurons: {error}").into())
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
    let shown = hidden::shown_layers(layers.len() - 1);
    let rows = (ROWS / shown.len().max(1)).clamp(1, MOST_ROWS);
    let in_row = maps::per_row(size.0);
    for (index, pair) in layers.windows(2).enumerate() {
        values = Mlp::from_layers(&pair[..1])?.predict(&values)?;
        if shown.contains(&index) {
            let values = Values {
                all: &values,
                neurons: pair[0].outputs(),
                size,
            };
            let layer = hidden::layer(net, index, pair, values, rows * in_row, in_row);
            blocks.push(block(layer));
        }
    }
    blocks.push(output(net, canvas, picture)?);
    plot::save(&maps::sheet(&blocks)?, path)
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

/// Returns the block of a hidden layer.
fn block(layer: Hidden) -> Block {
    let mut notes = vec![layer.note];
    if layer.neurons.iter().any(|neuron| neuron.color.is_some()) {
        notes.push(
            "The bar below a map is the color that the neuron adds where its map is white. A dark bar \
             takes light away."
                .into(),
        );
    }
    let maps = layer.neurons.into_iter().map(|neuron| Map {
        image: neuron.map,
        caption: String::new(),
        bar: neuron.color,
    });
    Block {
        title: layer.title,
        notes,
        maps: maps.collect(),
    }
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
