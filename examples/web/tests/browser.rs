//! Compares files that the page saved with the crate's results. `test/page.mjs` writes the files to
//! the folder `PAINT_WEB_OUT`, and `.ci/web` runs both.

use std::path::{Path, PathBuf};
use std::{env, fs};

use feedforward::ModelFile;
use feedforward::simd::InstructionSet;

/// Tolerance for fused multiply-adds, whose differences add up over ten layers. It is a fortieth of
/// an 8-bit step, and about a hundred units in the last place of 1.0.
const FUSED: f32 = 1e-5;

fn folder() -> PathBuf {
    env::var_os("PAINT_WEB_OUT").expect("PAINT_WEB_OUT").into()
}

/// Returns predictions of the file's network at pixels of a 100 x 100 picture. docs/painting.md and
/// the notes in the file define the coordinates.
fn predict(file: &ModelFile<f32>, pixels: impl IntoIterator<Item = (u32, u32)>) -> Vec<f32> {
    let part = |n: u32| ((f64::from(n) + 0.5) / 100.0) as f32;
    let places: Vec<f32> = pixels
        .into_iter()
        .flat_map(|(row, column)| [part(row), part(column)])
        .collect();
    file.model.predict(&places).unwrap()
}

fn load(folder: &Path) -> ModelFile<f32> {
    let file = ModelFile::load(folder.join("painting.safetensors")).unwrap();
    assert_eq!(file.notes["rows"], "100");
    assert_eq!(file.notes["columns"], "100");
    file
}

/// This is a single test because the instruction set is global.
#[test]
#[ignore = "needs what the browser saved: .ci/web has it"]
fn the_saved_model_predicts_what_the_page_predicted() {
    let folder = folder();
    let file = load(&folder);
    let text = fs::read_to_string(folder.join("pixels.txt")).unwrap();
    let (mut places, mut colors): (Vec<(u32, u32)>, Vec<f32>) = Default::default();
    for line in text.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [row, column, rgb @ ..] = &words[..] else {
            panic!("a row, a column and a color, not {line}")
        };
        places.push((row.parse().unwrap(), column.parse().unwrap()));
        colors.extend(rgb.iter().map(|part| part.parse::<f32>().unwrap()));
    }
    assert_eq!(places.len(), 225);
    assert_eq!(colors.len(), 3 * 225);

    // Neither WebAssembly nor the portable set fuses, so the results are bit-identical.
    InstructionSet::Portable.activate().unwrap();
    let painting = image::open(folder.join("painting.png"))
        .unwrap()
        .into_rgb8();
    assert_eq!(painting.dimensions(), (100, 100));
    assert_eq!(predict(&file, places.clone()), colors);
    let all = (0..100).flat_map(|row| (0..100).map(move |column| (row, column)));
    let bytes: Vec<u8> = predict(&file, all)
        .into_iter()
        .map(|part| (part.clamp(0.0, 1.0) * 255.0).round() as u8)
        .collect();
    assert!(bytes == painting.into_raw(), "the saved painting");

    for set in InstructionSet::available() {
        set.activate().unwrap();
        let largest = predict(&file, places.clone())
            .iter()
            .zip(&colors)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        println!("{set}: at most {largest:e} from the browser's");
        assert!(largest <= FUSED, "{set}: {largest:e}");
    }
}
