/// Integers for nine numbers, and those that the network in int8 predicts.
pub static CASES: [(i8, i32); 9] = [
    (-128, 2204091),
    (-98, 46943714),
    (-67, 68429327),
    (-37, 53701217),
    (-6, 7748489),
    (24, -37580601),
    (55, -63935716),
    (85, -60398919),
    (116, -20195622),
];
