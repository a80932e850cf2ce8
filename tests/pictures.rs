//! Pictures that `paint_logo` accepts, scales down or refuses.

use std::fs;
use std::path::Path;

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, Frame, GrayImage, ImageEncoder, ImageFormat};
use image::{GenericImageView, Rgb, RgbImage, Rgba, RgbaImage};
use support::decode::decode;

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
        (with(&[&chunk(*b"acTL", &[0, 0, 0, 1, 0, 0, 0, 0])]), ""),
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

const BLUE: [u8; 3] = [0, 0, 255];

/// Returns the color of the first pixel on a blue ground, and the notes.
fn first_pixel(bytes: &[u8]) -> ([u8; 3], String) {
    let (picture, notes) = decode(bytes, BLUE).unwrap();
    (picture.get_pixel(0, 0).0, notes.join(", "))
}

fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(&mut bytes);
    picture.write_with_encoder(encoder).unwrap();
    bytes
}

#[test]
fn every_kind_of_png_is_read_on_a_ground() {
    // A quarter of each transparent color is seen, and three quarters of the ground.
    let picture = DynamicImage::from(RgbaImage::from_pixel(2, 1, Rgba([200, 100, 40, 64])));
    let opaque = DynamicImage::from(picture.to_rgb8());
    let gray = opaque.to_luma8().get_pixel(0, 0).0[0];
    let (color, gray, clear) = ([200, 100, 40], [gray; 3], [50, 25, 201]);
    let clear_gray = [gray[0] / 4, gray[0] / 4, 191 + gray[0] / 4];
    for (picture, expected) in [
        (DynamicImage::from(opaque.to_rgb8()), color),
        (DynamicImage::from(opaque.to_luma8()), gray),
        (DynamicImage::from(opaque.to_rgb16()), color),
        (DynamicImage::from(opaque.to_luma16()), gray),
        (DynamicImage::from(picture.to_rgba8()), clear),
        (DynamicImage::from(picture.to_luma_alpha8()), clear_gray),
        (DynamicImage::from(picture.to_rgba16()), clear),
        (DynamicImage::from(picture.to_luma_alpha16()), clear_gray),
    ] {
        let (got, notes) = first_pixel(&png(&picture));
        let kind = picture.color();
        assert!(near(got, expected), "{kind:?}: {got:?}, {expected:?}");
        assert_eq!(notes, "", "{kind:?}");
    }
    // 16 bits are rounded, not cut.
    let dark = image::ImageBuffer::from_pixel(1, 1, image::Luma([200_u16]));
    assert_eq!(first_pixel(&png(&dark.into())).0, [1; 3]);
}

/// Returns `true` if colors differ by no more than rounding.
fn near(a: [u8; 3], b: [u8; 3]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 2)
}

/// Returns a PNG with a palette of an opaque, a half transparent and a transparent color.
fn palette_png(index: u8) -> Vec<u8> {
    let line = [0, index]; // without filter
    let (a, b) = (1 + u32::from(index), 2 + u32::from(index));
    let stored = [0x78, 1, 1, 2, 0, !2, !0, line[0], line[1]];
    let adler = (b << 16 | a).to_be_bytes();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(*b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 3, 0, 0, 0]),
        chunk(*b"PLTE", &[255, 0, 0, 255, 0, 0, 0, 255, 0]),
        chunk(*b"tRNS", &[255, 128, 0]),
        chunk(*b"IDAT", &[&stored[..], &adler].concat()),
        chunk(*b"IEND", &[]),
    ]
    .concat()
}

#[test]
fn palettes_and_animations_are_read() {
    let colors = [0, 1, 2].map(|index| first_pixel(&palette_png(index)).0);
    assert_eq!(colors, [[255, 0, 0], [128, 0, 127], BLUE]);

    let gif = |frames: &[Rgba<u8>]| {
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        for &color in frames {
            let frame = Frame::new(RgbaImage::from_pixel(3, 2, color));
            encoder.encode_frame(frame).unwrap();
        }
        drop(encoder);
        bytes
    };
    let (red, green) = (Rgba([255, 0, 0, 255]), Rgba([0, 255, 0, 255]));
    let nothing = String::new();
    assert_eq!(first_pixel(&gif(&[red])), ([255, 0, 0], nothing.clone()));
    assert_eq!(first_pixel(&gif(&[Rgba([9, 9, 9, 0])])), (BLUE, nothing));
    let three = gif(&[green, red, red]);
    let note = "only the first of 3 frames is used".to_string();
    assert_eq!(first_pixel(&three), ([0, 255, 0], note));
    for len in 0..three.len() / 3 {
        assert!(decode(&three[..len], BLUE).is_err(), "{len} bytes");
    }
    let (_, note) = first_pixel(&three[..three.len() * 2 / 3]);
    assert!(note.contains("cut or damaged after its first"), "{note}");
}

/// JPEG of 16 x 8 pixels with the inks (0, 200, 200, 40) of 255, as Pillow 13.0.0 wrote it:
/// `Image.new("CMYK", (16, 8), (0, 200, 200, 40)).save(file, quality=60, optimize=True)`.
const CMYK: &str = "ffd8ffee000e41646f626500640000000000ffdb0043000d090a0b0a080d0b0a0b0e0e0d0f\
    13201513121213271c1e17202e2931302e292d2c333a4a3e333646372c2d405741464c4e525352323e5a615a50604a\
    51524fffc000140800080010044311004d11005911004b1100ffc400160001010100000000000000000000000000000\
    607ffc40014100100000000000000000000000000000000ffda000e0443004d0059004b00003f00d3924925b003ffd9";

#[test]
fn inks_become_colors() {
    let byte = |at: usize| u8::from_str_radix(&CMYK[at..at + 2], 16).unwrap();
    let mut bytes: Vec<u8> = (0..CMYK.len()).step_by(2).map(byte).collect();
    let note = "its CMYK inks are converted to colors without their profile";
    // Pillow reads these colors.
    let (got, notes) = first_pixel(&bytes);
    assert!(near(got, [216, 47, 47]) && notes == note, "{got:?} {notes}");
    // With another byte in Adobe's segment, the inks are stored as luminance and chrominance.
    bytes[17] = 2;
    let (got, notes) = first_pixel(&bytes);
    assert!(near(got, [86, 0, 109]) && notes == note, "{got:?} {notes}");
}

#[test]
fn cameras_turn_pictures() {
    let mut plain = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut plain, 95);
    gradient(32, 16).write_with_encoder(encoder).unwrap();
    let flat = image::load_from_memory(&plain).unwrap();
    for tag in 1..=8 {
        let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([tag, 0, 0, 0, 0, 0, 0]);
        let len = (exif.len() as u16 + 2).to_be_bytes();
        let turned = [&plain[..2], &[0xff, 0xe1], &len, &exif, &plain[2..]].concat();
        let mut expected = flat.clone();
        expected.apply_orientation(Orientation::from_exif(tag).unwrap());
        let (got, _) = decode(&turned, BLUE).unwrap();
        assert!(got == expected.to_rgb8(), "orientation {tag}");

        // A PNG has the tag in a chunk, in either order of bytes. A damaged tag turns nothing.
        let plain = png(&flat);
        let (head, rest) = plain.split_at(8 + 25); // signature and header
        let little = [
            b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(),
            &[tag, 0, 0, 0],
        ];
        for exif in [&exif[6..], &little.concat()] {
            let turned = [head, &chunk(*b"eXIf", exif), rest].concat();
            let (got, _) = decode(&turned, BLUE).unwrap();
            assert!(got == expected.to_rgb8(), "orientation {tag}");
        }
        for len in 0..17 {
            let turned = [head, &chunk(*b"eXIf", &exif[6..6 + len]), rest].concat();
            assert!(decode(&turned, BLUE).unwrap().0 == flat.to_rgb8());
        }
    }
}

#[test]
fn other_formats_are_refused_by_name() {
    for (bytes, name) in [
        (&b"RIFF\x10\0\0\0WEBPVP8 "[..], "WebP"),
        (b"BM\0\0\0\0\0\0\0\0", "Bmp"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"", "no PNG, JPEG or GIF"),
    ] {
        let error = decode(bytes, BLUE).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        assert!(error.contains("PNG, JPEG or GIF"), "{error}");
    }
    // 8192 x 4097 pixels, one row too many.
    let mut header = palette_png(0);
    let size = [
        &8192_u32.to_be_bytes()[..],
        &4097_u32.to_be_bytes(),
        &[8, 3, 0, 0, 0],
    ]
    .concat();
    header.splice(8..33, chunk(*b"IHDR", &size));
    let error = decode(&header, BLUE).unwrap_err().to_string();
    assert!(error.contains("33554432 pixels, got 33562624"), "{error}");
}

#[test]
fn a_camera_picture_is_learned_on_the_chosen_ground() {
    let folder = folder("camera");
    let file = folder.join("large.png");
    // 24 million pixels.
    GrayImage::new(6000, 4000).save(&file).unwrap();
    let output = painted(&folder, &file);
    let note = "scaled down from 4000 rows of 6000 pixels";
    assert!(output.contains(note), "{output}");

    let file = folder.join("clear.png");
    RgbaImage::new(3, 2).save(&file).unwrap();
    for (color, ground) in [
        ("black", [0, 0, 0]),
        ("gray", [128, 128, 128]),
        ("white", [255, 255, 255]),
        ("#Ff8001", [255, 128, 1]),
    ] {
        let flags = ["--ground", color, "--image", file.to_str().unwrap()];
        output_of(&mut paint(&folder, &flags));
        let sheet = image::open(folder.join("sheet.png")).unwrap().to_rgb8();
        assert_eq!(sheet.get_pixel(20, 20).0, ground, "{color}");
    }
    for color in ["", "red", "#", "#12345", "#1234567", "#+1+1+1", "#12345é"] {
        let output = paint(&folder, &["--ground", color]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && error.contains("#ff8000"),
            "{error}"
        );
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
