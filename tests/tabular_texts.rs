//! Numbers and names that the example about tables prints and draws.

#![allow(dead_code)] // the program uses the rest

#[path = "../examples/tabular/labels.rs"]
mod labels;
#[path = "../examples/tabular/written.rs"]
mod written;

use labels::{LABELS, Scale, at_step, of_logarithm, short, shortened};

#[test]
fn numbers_have_readable_lengths() {
    assert_eq!(written::score(0.5, 4), "0.5000");
    assert_eq!(written::score(3e-12, 4), "3.0000e-12");
    assert_eq!(written::score(1e300, 6), "1.000000e300");
    assert_eq!(written::score(0.0, 4), "0.0000");
    assert_eq!(written::score(f64::NAN, 4), "NaN");
    assert_eq!(written::mean(0.9, 1e-5), "0.9000 ± 0.0000");
    assert_eq!(written::mean(2e-9, 1e-10), "2.0000e-9 ± 1.0000e-10");
    assert_eq!(written::rounded(1.0 / 3.0), "0.3333333333");
    assert_eq!(written::rounded(-1.25e300), "-1.25e300");
    assert_eq!(written::rounded(1_700_000_000.0), "1700000000");
    assert_eq!(written::number(0.1), "0.1");
    assert_eq!(written::count(1, "class", "classes"), "1 class");
    assert_eq!(written::count(0, "class", "classes"), "0 classes");
    assert_eq!(
        [short(0.0), short(12345.0), short(1e-40)],
        ["0", "12.3k", "1.0e-40"]
    );
}

#[test]
fn labels_of_an_axis_differ() {
    for (low, high) in [
        (0.0, 1.0),
        (2.4801, 2.4809),
        (2.480_000_01, 2.480_000_09),
        (1.7e9, 1.7e9 + 30.0),
        (-1e-40, 3e-40),
        (-1e300, 1e300),
        (9_800.0, 10_400.0),
        (-5.000_001, -5.0),
    ] {
        let scale = Scale::of((low, high), false);
        let (first, last) = (scale.apply(low), scale.apply(high));
        let step = (last - first) / LABELS as f64;
        assert!(step > 1e-4 && step < 1e12, "{low} to {high}: {step}");
        let mut texts: Vec<_> = (0..=LABELS)
            .map(|at| at_step(first + at as f64 * step, step))
            .collect();
        assert!(texts.iter().all(|text| text.len() < 10), "{texts:?}");
        texts.dedup();
        assert_eq!(texts.len(), LABELS + 1, "{low} to {high}: {texts:?}");
    }
    let scale = Scale::of((1.7e9 + 5.0, 1.7e9 + 30.0), false);
    assert_eq!(scale.describe("true"), "true - 1700000000");
    assert_eq!(scale.apply(1.7e9 + 5.0), 5.0);
    let scale = Scale::of((2.479_999_99, 2.480_000_09), false);
    assert_eq!(scale.describe("true"), "true - 2.48, in 1e-8");
    assert_eq!(Scale::of((0.0, 3e-40), false).describe("y"), "y, in 1e-40");
    assert_eq!(Scale::of((0.0, 30.0), false).describe("y"), "y");
    // Axes of logarithms.
    assert_eq!(
        [of_logarithm(3.4, 0.5), of_logarithm(-9.0, 0.5)],
        ["2500", "1.0e-9"]
    );
    let close = [3.4, 3.401, 3.402].map(|x| of_logarithm(x, 0.001));
    assert!(close[0] != close[1] && close[1] != close[2], "{close:?}");
}

#[test]
fn short_names_differ() {
    let names = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_string()).collect();
        shortened(&names, 7)
    };
    assert_eq!(names(&["yes", "two\nlines"]), ["yes", "two…nes"]);
    assert_eq!(names(&["a\nb\tc"]), ["a b c"]);
    assert_eq!(
        names(&["of the red kind", "of the blue kind", "other"]),
        ["…red ki", "…blue k", "other"]
    );
    // No letters that fit are enough.
    let long = ["aaaaaaaaaaaa", "aaaaaaaaaaa", "b"];
    let short = names(&long);
    assert!(short[0] != short[1], "{short:?}");
}
