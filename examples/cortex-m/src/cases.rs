/// Homes, and the probabilities of [`CLASSES`] that the model predicts on a PC with
/// `FEEDFORWARD_SIMD=portable`. One has a gap, one an unseen word, and one nothing but gaps.
pub static CASES: [(Row<'static>, [f64; 3]); 4] = [
    (
        Row {
            area: Some(85.0),
            street: Some("Oak"),
            garden: Some(true),
            state: Some("good"),
        },
        [0.004401984330136021, 0.9565741551301125, 0.03902386053975149],
    ),
    (
        Row {
            area: Some(12.5),
            street: Some("Elm"),
            garden: None,
            state: Some("poor"),
        },
        [0.9179902431774414, 0.07730429687855814, 0.004705459944000624],
    ),
    (
        Row {
            area: Some(1e6),
            street: Some("Main Street"),
            garden: Some(false),
            state: Some("fair"),
        },
        [0.1411347076196268, 0.16509867704974823, 0.6937666153306251],
    ),
    (
        Row {
            area: None,
            street: None,
            garden: None,
            state: None,
        },
        [0.010437862494858932, 0.011854741376080367, 0.9777073961290607],
    ),
];
