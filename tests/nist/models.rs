//! The models of NIST's problems, with their derivatives.

use super::problem::Model;

/// All problems in `tests/fixtures/nist`.
pub const MODELS: &[(&str, Model)] = &[
    ("BoxBOD", saturation),
    ("Chwirut1", ultrasound),
    ("Chwirut2", ultrasound),
    ("DanWood", power),
    ("Eckerle4", normal),
    ("Gauss1", peaks),
    ("Gauss2", peaks),
    ("Kirby2", quadratics),
    ("Lanczos1", exponentials),
    ("Lanczos3", exponentials),
    ("MGH09", kowalik),
    ("MGH10", meyer),
    ("Misra1a", saturation),
    ("Misra1b", misra_b),
    ("Misra1d", misra_d),
    ("Nelson", nelson),
    ("Rat42", logistic),
    ("Rat43", richards),
];

fn write<const N: usize>(to: Option<&mut [f64]>, derivatives: [f64; N]) {
    if let Some(to) = to {
        to.copy_from_slice(&derivatives);
    }
}

pub fn saturation(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let e = (-b[1] * x[0]).exp();
    write(d, [1.0 - e, b[0] * x[0] * e]);
    b[0] * (1.0 - e)
}

pub fn ultrasound(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let below = b[1] + b[2] * x[0];
    let y = (-b[0] * x[0]).exp() / below;
    write(d, [-x[0] * y, -y / below, -x[0] * y / below]);
    y
}

pub fn power(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let power = x[0].powf(b[1]);
    write(d, [power, b[0] * power * x[0].ln()]);
    b[0] * power
}

pub fn normal(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let z = (x[0] - b[2]) / b[1];
    let e = (-0.5 * z * z).exp() / b[1];
    write(d, [e, b[0] * e * (z * z - 1.0) / b[1], b[0] * e * z / b[1]]);
    b[0] * e
}

pub fn peaks(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let x = x[0];
    let decay = (-b[1] * x).exp();
    let (z1, z2) = ((x - b[3]) / b[4], (x - b[6]) / b[7]);
    let (e1, e2) = ((-z1 * z1).exp(), (-z2 * z2).exp());
    let (p1, p2) = (2.0 * b[2] * e1 * z1 / b[4], 2.0 * b[5] * e2 * z2 / b[7]);
    write(
        d,
        [decay, -b[0] * x * decay, e1, p1, p1 * z1, e2, p2, p2 * z2],
    );
    b[0] * decay + b[2] * e1 + b[5] * e2
}

pub fn quadratics(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let x = x[0];
    let below = 1.0 + x * (b[3] + x * b[4]);
    let y = (b[0] + x * (b[1] + x * b[2])) / below;
    let f = 1.0 / below;
    write(d, [f, x * f, x * x * f, -x * y * f, -x * x * y * f]);
    y
}

pub fn exponentials(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let x = x[0];
    let e = [1, 3, 5].map(|i| (-b[i] * x).exp());
    let times = [0, 1, 2].map(|i| -x * b[2 * i] * e[i]);
    write(d, [e[0], times[0], e[1], times[1], e[2], times[2]]);
    b[0] * e[0] + b[2] * e[1] + b[4] * e[2]
}

pub fn kowalik(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let x = x[0];
    let (above, below) = (x * x + x * b[1], x * x + x * b[2] + b[3]);
    let y = b[0] * above / below;
    write(
        d,
        [above / below, b[0] * x / below, -x * y / below, -y / below],
    );
    y
}

pub fn meyer(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let sum = x[0] + b[2];
    let e = (b[1] / sum).exp();
    let y = b[0] * e;
    write(d, [e, y / sum, -y * b[1] / (sum * sum)]);
    y
}

pub fn misra_b(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let base = 1.0 + b[1] * x[0] / 2.0;
    let share = 1.0 - 1.0 / (base * base);
    write(d, [share, b[0] * x[0] / (base * base * base)]);
    b[0] * share
}

pub fn misra_d(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let base = 1.0 + b[1] * x[0];
    write(d, [b[1] * x[0] / base, b[0] * x[0] / (base * base)]);
    b[0] * b[1] * x[0] / base
}

/// Model of the response's logarithm.
pub fn nelson(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let e = (-b[2] * x[1]).exp();
    write(d, [1.0, -x[0] * e, b[1] * x[0] * x[1] * e]);
    b[0] - b[1] * x[0] * e
}

pub fn logistic(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let e = (b[1] - b[2] * x[0]).exp();
    let share = 1.0 / (1.0 + e);
    let slope = b[0] * e * share * share;
    write(d, [share, -slope, x[0] * slope]);
    b[0] * share
}

pub fn richards(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let e = (b[1] - b[2] * x[0]).exp();
    let share = (1.0 + e).powf(-1.0 / b[3]);
    let y = b[0] * share;
    let slope = y / b[3] * e / (1.0 + e);
    write(
        d,
        [share, -slope, x[0] * slope, y * e.ln_1p() / (b[3] * b[3])],
    );
    y
}

pub fn two_exponentials(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let x = x[0];
    let (e, f) = ((-b[3] * x).exp(), (-b[4] * x).exp());
    write(d, [1.0, e, f, -x * b[1] * e, -x * b[2] * f]);
    b[0] + b[1] * e + b[2] * f
}

pub fn magnetization(b: &[f64], x: &[f64], d: Option<&mut [f64]>) -> f64 {
    let sum = b[1] + x[0];
    let power = sum.powf(-1.0 / b[2]);
    let y = b[0] * power;
    write(d, [power, -y / (b[2] * sum), y * sum.ln() / (b[2] * b[2])]);
    y
}
