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
        [0.09850703756466565, 0.556985584795535, 0.34450737763979944],
    ),
    (
        Row {
            area: Some(12.5),
            street: Some("Elm"),
            garden: None,
            state: Some("poor"),
        },
        [0.27613847200251174, 0.4395364368528428, 0.28432509114464544],
    ),
    (
        Row {
            area: Some(1e6),
            street: Some("Main Street"),
            garden: Some(false),
            state: Some("fair"),
        },
        [0.12960403198702383, 0.13255007215277342, 0.7378458958602028],
    ),
    (
        Row {
            area: None,
            street: None,
            garden: None,
            state: None,
        },
        [0.17076358533619188, 0.19322729696222765, 0.6360091177015805],
    ),
];
