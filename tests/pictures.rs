//! Pictures that `paint_logo` accepts, scales down or refuses.

use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{GenericImageView, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

#[path = "common/programs.rs"]
mod programs;

use programs::{folder, output_of, paint, size};

#[test]
fn paint_logo_takes_tiny_pictures() {
    let folder = folder("tiny");
    for (columns, rows) in [(1, 1), (1, 3), (2, 1)] {
        let file = folder.join(format!("{columns}x{rows}.png"));
        let transparent = RgbaImage::from_pixel(columns, rows, Rgba([10, 20, 30, 0]));
        transparent.save(&file).unwrap();
        for input in ["raw", "centred"] {
            let flags = ["--input", input, "--image", file.to_str().unwrap()];
            output_of(&mut paint(&folder, &flags));
            assert_eq!(size(&folder.join("painting.png")), (columns, rows));
            let sheet = image::open(folder.join("sheet.png")).unwrap();
            let target = sheet.get_pixel(20, 20);
            assert_eq!(target, Rgba([255; 4]), "transparent is white");
        }
    }
}

#[test]
fn paint_logo_knows_a_picture_by_its_content() {
    let folder = folder("jpeg");
    let file = folder.join("misnamed.png");
    let picture = RgbImage::from_pixel(8, 5, Rgb([200, 30, 30]));
    picture.save_with_format(&file, ImageFormat::Jpeg).unwrap();
    output_of(&mut paint(&folder, &["--image", file.to_str().unwrap()]));
    assert_eq!(size(&folder.join("painting.png")), (8, 5));
}

/// Returns the output of `paint_logo` for a picture, after a minimal training run.
fn painted(folder: &Path, file: &Path) -> String {
    let flags = ["--epochs", "1", "--image", file.to_str().unwrap()];
    let mut command = programs::example("paint_logo");
    command
        .args(["--hidden", "4", "--input", "centred"])
        .args(flags);
    output_of(command.arg("--out").arg(folder))
}

/// Returns the one-line error with which it refuses a picture.
fn refused(folder: &Path, file: &Path, flags: &[&str]) -> String {
    let mut command = paint(folder, flags);
    let output = command.arg("--image").arg(file).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}

fn gradient(columns: u32, rows: u32) -> RgbImage {
    RgbImage::from_fn(columns, rows, |x, y| {
        Rgb([(x % 256) as u8, (y % 256) as u8, ((x * y) % 256) as u8])
    })
}

#[test]
fn large_pictures_are_scaled_down_and_the_program_says_so() {
    let folder = folder("large");
    for (columns, rows) in [(1000, 700), (600_000, 1), (1, 600_000)] {
        let file = folder.join(format!("{columns}x{rows}.png"));
        gradient(columns, rows).save(&file).unwrap();
        let output = painted(&folder, &file);
        let note = format!("scaled down from {rows} rows of {columns} pixels");
        assert!(output.contains(&note), "{output}");
        let (width, height) = size(&folder.join("painting.png"));
        let learned = width * height;
        assert!((500_000..=1 << 19).contains(&learned), "{width} x {height}");
        // The aspect ratio is kept to within a pixel of the shorter side.
        let ratio = |a: u32, b: u32| f64::from(a) / f64::from(b);
        let by = ratio(width, height) / ratio(columns, rows);
        assert!(
            height.min(width) == 1 || (0.99..1.01).contains(&by),
            "{width} x {height}"
        );
    }
    let file = folder.join("small.png");
    gradient(90, 60).save(&file).unwrap();
    let output = painted(&folder, &file);
    assert!(!output.contains("Note"), "{output}");
}

#[test]
fn a_jpeg_that_is_cut_is_refused() {
    let folder = folder("cut");
    let mut whole = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut whole, 90);
    gradient(64, 64).write_with_encoder(encoder).unwrap();
    let file = folder.join("cut.jpg");
    for part in [1, 3, 5, 7, 9] {
        fs::write(&file, &whole[..whole.len() * part / 10]).unwrap();
        let error = refused(&folder, &file, &[]);
        assert!(error.contains("cut.jpg"), "{error}");
    }
    fs::write(&file, &whole[..whole.len() - 2]).unwrap();
    let error = refused(&folder, &file, &[]);
    assert!(
        error.contains("the end of the picture is missing"),
        "{error}"
    );
    // Cameras append data to the picture, which must be ignored.
    let more = [&whole[..], b"more"].concat();
    for whole in [whole, more] {
        fs::write(&file, whole).unwrap();
        assert!(!painted(&folder, &file).contains("Note"));
    }
}

#[test]
fn what_is_ignored_of_a_picture_is_said() {
    let folder = folder("notes");
    let picture = gradient(8, 5);
    let mut plain = Vec::new();
    picture
        .write_with_encoder(PngEncoder::new(&mut plain))
        .unwrap();
    let with = |chunks: &[&[u8]]| {
        let (head, rest) = plain.split_at(8 + 25); // signature and header
        [head, &chunks.concat(), rest].concat()
    };
    let gamma = |gamma: u32| chunk(*b"gAMA", &gamma.to_be_bytes());
    let frames = chunk(*b"acTL", &[0, 0, 0, 3, 0, 0, 0, 0]);
    let profile = |text: &[u8]| {
        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_icc_profile(text.to_vec()).unwrap();
        picture.write_with_encoder(encoder).unwrap();
        bytes
    };
    let jpeg = |text: &[u8]| {
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new(&mut bytes);
        encoder.set_icc_profile(text.to_vec()).unwrap();
        picture.write_with_encoder(encoder).unwrap();
        bytes
    };
    let file = folder.join("picture");
    for (bytes, note) in [
        (plain.clone(), ""),
        (with(&[&gamma(45_455)]), ""),
        (with(&[&chunk(*b"sRGB", &[0]), &gamma(100_000)]), ""),
        (with(&[&gamma(100_000)]), "gamma of 1 is ignored"),
        (with(&[&frames]), "only the first of 3 frames"),
        (profile(b"Display P3"), "color profile is ignored"),
        (profile(b"sRGB IEC61966-2.1"), ""),
        (jpeg(b"Display P3"), "color profile is ignored"),
        (jpeg(b"\0s\0R\0G\0B\0 "), ""),
    ] {
        fs::write(&file, bytes).unwrap();
        let output = painted(&folder, &file);
        let notes: Vec<_> = output
            .lines()
            .filter(|line| line.starts_with("Note "))
            .collect();
        assert_eq!(
            notes.len(),
            usize::from(!note.is_empty()),
            "{note}: {output}"
        );
        assert!(notes.iter().all(|line| line.contains(note)), "{output}");
    }
}

/// Returns a chunk of a PNG file.
fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let content = [&kind[..], data].concat();
    let mut crc = u32::MAX;
    for &byte in &content {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
        }
    }
    let length = (data.len() as u32).to_be_bytes();
    [&length[..], &content, &(!crc).to_be_bytes()].concat()
}
