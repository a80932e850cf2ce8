//! Tests of the page's functions without a page.

use feedforward::{Mlp, ModelFile};
use image::RgbaImage;
use paint_web::painting::Painting;

const SMALL: [&str; 2] = ["--hidden=16x2", "--epochs=30"];

fn picture() -> RgbaImage {
    RgbaImage::from_fn(20, 10, |x, y| {
        image::Rgba([
            (12 * x) as u8,
            (25 * y) as u8,
            128,
            if x < 15 { 255 } else { 0 },
        ])
    })
}

fn painting(flags: &[&str]) -> Painting {
    Painting::new(flags.iter().copied(), picture()).unwrap()
}

fn to_the_end(painting: &mut Painting, updates: usize) -> (usize, f64) {
    let (mut done, mut losses) = (0, 0.0);
    loop {
        let slice = painting.train(updates).unwrap();
        assert!(slice.updates <= updates);
        done += slice.updates;
        losses += slice.losses;
        if slice.is_over {
            return (done, losses);
        }
    }
}

#[test]
fn slices_of_any_length_train_the_same_network() {
    let batch = [SMALL[0], SMALL[1], "--batch=64"];
    let (mut a, mut b) = (painting(&batch), painting(&batch));
    assert_eq!(to_the_end(&mut a, 7).0, 30 * 4);
    to_the_end(&mut b, 1);
    assert_eq!(a.model().unwrap(), b.model().unwrap());
    assert_eq!(a.pixels_seen(), 30 * 200);
}

#[test]
fn it_learns_and_can_restart() {
    let mut painting = painting(&["--hidden=32x2", "--epochs=100"]);
    let before = painting.paint().unwrap().1;
    to_the_end(&mut painting, 10);
    let after = painting.paint().unwrap().1;
    assert!(after > before + 10.0, "{before} dB, {after} dB");
    assert!(painting.train(10).unwrap().is_over);

    painting.restart().unwrap();
    assert!(!painting.train(10).unwrap().is_over);
    to_the_end(&mut painting, 10);
    assert_eq!(painting.pixels_seen(), 2 * 100 * 200);
    assert!(painting.paint().unwrap().1 > after);
}

#[test]
fn the_painting_is_what_the_network_predicts_on_white_ground() {
    let mut painting = painting(&SMALL);
    to_the_end(&mut painting, 100);
    let (image, _) = painting.paint().unwrap();
    assert_eq!(image.dimensions(), (20, 10));
    for (column, row) in [(0, 0), (19, 9), (7, 3)] {
        let [painted, meant] = painting.pixel(row, column).unwrap();
        let bytes = |color: &[f32]| {
            let byte = |&part: &f32| (part.clamp(0.0, 1.0) * 255.0).round() as u8;
            color.iter().map(byte).collect::<Vec<_>>()
        };
        assert_eq!(bytes(&painted), image.get_pixel(column, row).0);
        let white = [255; 3];
        let color = picture().get_pixel(column, row).0;
        let expected = if column < 15 { &color[..3] } else { &white };
        assert_eq!(bytes(&meant), expected);
    }
    let error = painting.pixel(10, 0).unwrap_err().to_string();
    assert_eq!(error, "a picture of 10 rows of 20 pixels has no (10, 0)");
}

#[test]
fn the_model_is_a_file_of_the_network_and_its_canvas() {
    let painting = painting(&SMALL);
    let file: ModelFile<f32, Mlp<f32>> = ModelFile::from_bytes(&painting.model().unwrap()).unwrap();
    assert_eq!(file.model.params().len(), painting.parameters());
    assert_eq!(
        (&*file.notes["rows"], &*file.notes["columns"]),
        ("10", "20")
    );
    assert!(file.model.encoding().is_some());
}

#[test]
fn neurons_of_a_hidden_layer_have_maps() {
    let mut painting = painting(&SMALL);
    to_the_end(&mut painting, 100);
    let model = painting.model().unwrap();
    assert_eq!(
        (painting.hidden(), painting.layers()),
        (2, vec![(0, 16), (1, 16)])
    );
    assert_eq!(painting.encoding().unwrap().0, "grid");
    for index in [0, 1] {
        let layer = painting.neurons(index).unwrap();
        let title = format!("Layer {} of 2: 16 neurons", index + 1);
        assert!(layer.title.starts_with(&title), "{}", layer.title);
        assert!(layer.note.starts_with("Each neuron "), "{}", layer.note);
        let mut indices: Vec<_> = layer.neurons.iter().map(|neuron| neuron.index).collect();
        indices.sort_unstable();
        assert_eq!(indices, (0..16).collect::<Vec<_>>(), "each neuron once");
        for neuron in &layer.neurons {
            assert_eq!(neuron.map.dimensions(), (64, 32));
            let (plain, last) = (neuron.spread.is_constant(), index == 1);
            assert_eq!(neuron.color.is_some(), last && !plain);
            let shades: Vec<_> = neuron.map.pixels().map(|pixel| pixel.0[0]).collect();
            let range = (shades.iter().min(), shades.iter().max());
            assert_eq!(range == (Some(&0), Some(&255)), !plain);
        }
        assert!(
            layer
                .neurons
                .iter()
                .any(|neuron| !neuron.spread.is_constant())
        );
    }
    assert_eq!(painting.model().unwrap(), model, "a look changes nothing");
    let error = painting.neurons(2).unwrap_err().to_string();
    assert_eq!(error, "expected a hidden layer below 2, got 2");
}

#[test]
fn many_layers_and_neurons_are_shown_in_part() {
    let deep = painting(&["--preset=tutorial", "--hidden=4x40"]);
    let indices: Vec<_> = deep.layers().iter().map(|&(index, _)| index).collect();
    assert_eq!((indices.len(), indices[0], indices[13]), (14, 0, 39));
    assert_eq!(deep.encoding(), None);
    let wide = painting(&["--preset=tutorial", "--hidden=200"]);
    let layer = wide.neurons(0).unwrap();
    assert!(layer.neurons.len() <= 128);
    assert!(
        layer.title.contains("200 neurons, the strongest"),
        "{}",
        layer.title
    );
    let too_wide = painting(&["--preset=tutorial", "--hidden=20000"]);
    assert_eq!(too_wide.layers(), []);
    let error = too_wide.neurons(0).unwrap_err().to_string();
    assert_eq!(error, "expected layers of at most 16384 neurons, got 20000");
}

#[test]
fn errors_name_the_problem() {
    let refused = |flag: &str| {
        let error = Painting::new([flag], picture()).unwrap_err();
        error.to_string()
    };
    assert!(refused("--hidden=none").contains("--hidden"));
    assert!(refused("--hidden=100000x9").contains("parameters"));
    assert!(refused("--sigma=-1").contains("--sigma"));
    assert!(refused("--seconds=3").contains("no clock"));
    assert!(refused("--color").contains("--color"));
    assert!(refused("--learning-rate=-1").contains("learning rate"));

    let mut painting = painting(&["--preset=tutorial", "--learning-rate=1e30"]);
    let error = loop {
        match painting.train(10) {
            Ok(slice) => assert!(!slice.is_over, "it must diverge"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("diverged"), "{error}");
}
