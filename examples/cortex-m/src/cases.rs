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
        [0.0; 3],
    ),
    (
        Row {
            area: Some(12.5),
            street: Some("Elm"),
            garden: None,
            state: Some("poor"),
        },
        [0.0; 3],
    ),
    (
        Row {
            area: Some(1e6),
            street: Some("Main Street"),
            garden: Some(false),
            state: Some("fair"),
        },
        [0.0; 3],
    ),
    (
        Row {
            area: None,
            street: None,
            garden: None,
            state: None,
        },
        [0.0; 3],
    ),
];
