//! Adaptive quadrature of gradients along a path, on which the integral's sum is known.

use alloc::vec::Vec;

use crate::error::Result;

/// A function on [0, 1] whose sum of components is the derivative of a known function.
pub(super) trait Integrand {
    /// Returns the number of components.
    fn width(&self) -> usize;

    /// Appends the values of the known function at these places.
    fn values(&mut self, places: &[f64], values: &mut Vec<f64>) -> Result<()>;

    /// Appends the components at these places, row-major `[places x width]`.
    fn gradients(&mut self, places: &[f64], gradients: &mut Vec<f64>) -> Result<()>;
}

/// Limits of the error and the work.
pub(super) struct Limits {
    /// Error of the integral relative to the difference of the known function.
    pub(super) tolerance: f64,
    /// Maximum number of gradients.
    pub(super) gradients: usize,
    /// Relative rounding error of values and gradients.
    pub(super) rounding: f64,
}

/// Kronrod's points on [-1, 1], which include those of Gauss, and the weights of both rules.
const POINTS: [(f64, f64, f64); 7] = [
    (-0.960_491_268_708_020_3, 0.104_656_226_026_467_27, 0.0),
    (
        -0.774_596_669_241_483_4,
        0.268_488_089_868_333_44,
        5.0 / 9.0,
    ),
    (-0.434_243_749_346_802_55, 0.401_397_414_775_962_2, 0.0),
    (0.0, 0.450_916_538_658_474_15, 8.0 / 9.0),
    (0.434_243_749_346_802_55, 0.401_397_414_775_962_2, 0.0),
    (0.774_596_669_241_483_4, 0.268_488_089_868_333_44, 5.0 / 9.0),
    (0.960_491_268_708_020_3, 0.104_656_226_026_467_27, 0.0),
];

/// Number of parts whose gradients are computed together.
const TOGETHER: usize = 16;

/// Rounding errors of a sum, in units of those of its values.
const ROUNDING: f64 = 64.0;

/// A part of the path, and the known function at its ends.
#[derive(Clone, Copy)]
struct Part {
    ends: [f64; 2],
    values: [f64; 2],
}

impl Part {
    fn length(&self) -> f64 {
        self.ends[1] - self.ends[0]
    }

    fn difference(&self) -> f64 {
        self.values[1] - self.values[0]
    }

    /// Returns the place of a point.
    fn place(&self, point: f64) -> f64 {
        self.ends[0] + 0.5 * (1.0 + point) * self.length()
    }

    /// Returns where to divide the part, from the rates at all points.
    ///
    /// The largest step between two rates may be a kink. Lines through the rates on both sides,
    /// and the difference, then tell its place: neither side has a kink. Otherwise, the place is
    /// the middle.
    fn division(&self, rates: &[f64; 7]) -> f64 {
        let [start, end] = self.ends;
        let places = POINTS.map(|(point, ..)| self.place(point));
        let step = |at: usize| (rates[at + 1] - rates[at]).abs();
        let kink = (1..6).fold(0, |best, at| if step(at) > step(best) { at } else { best });
        // The line through a point next to the kink and the one behind it, if there is one.
        let line = |near: usize, far: usize| {
            let (x, y) = (places[near], rates[near]);
            let change = if near == far {
                0.0
            } else {
                (y - rates[far]) / (x - places[far])
            };
            move |t: f64| y + change * (t - x)
        };
        let left = line(kink, kink.saturating_sub(1));
        let right = line(kink + 1, (kink + 2).min(6));
        let mut place = 0.5 * (places[kink] + places[kink + 1]);
        // Newton's method. The first step is exact if both sides are constant.
        for _ in 0..3 {
            let before = (place - start) * left(0.5 * (start + place));
            let after = (end - place) * right(0.5 * (place + end));
            place -= (before + after - self.difference()) / (left(place) - right(place));
        }
        if (places[kink]..places[kink + 1]).contains(&place) {
            place
        } else {
            self.place(0.0)
        }
    }
}

/// Adds the integral of each component, and returns the known function at both ends.
pub(super) fn integrate(
    integrand: &mut impl Integrand,
    limits: &Limits,
    sums: &mut [f64],
) -> Result<[f64; 2]> {
    let width = integrand.width();
    let mut values = Vec::new();
    integrand.values(&[0.0, 1.0], &mut values)?;
    let ends = [values[0], values[1]];
    let whole = Part {
        ends: [0.0, 1.0],
        values: ends,
    };
    let mut error_left = limits.tolerance * whole.difference().abs();
    let (mut open, mut used) = (Vec::from([whole]), 0);
    let (mut places, mut gradients) = (Vec::new(), Vec::new());
    while !open.is_empty() {
        // Half of the error is kept for parts to come.
        let each = error_left / (2.0 * open.len() as f64);
        used += POINTS.len() * open.len();
        let (mut divided, mut divisions) = (Vec::new(), Vec::new());
        for parts in open.chunks(TOGETHER) {
            places.clear();
            gradients.clear();
            let points = |part: &Part| POINTS.map(|(point, ..)| part.place(point));
            places.extend(parts.iter().flat_map(points));
            integrand.gradients(&places, &mut gradients)?;
            for (part, rows) in parts.iter().zip(gradients.chunks(POINTS.len() * width)) {
                let estimate = Estimate::of(part, rows, width);
                let largest = part.values[0].abs().max(part.values[1].abs());
                let rounding = ROUNDING * limits.rounding * (largest + estimate.magnitude);
                // Both halves of this part and of all divided ones cost gradients.
                let cost = 2 * POINTS.len() * (divided.len() + 1);
                let is_final = estimate.error <= each.max(rounding)
                    || used + cost > limits.gradients
                    || part.length() < 8.0 * limits.rounding;
                if is_final {
                    let half = 0.5 * part.length();
                    for ((_, weight, _), row) in POINTS.iter().zip(rows.chunks(width)) {
                        add(sums, half * weight, row);
                    }
                    error_left -= estimate.error.min(each);
                } else {
                    divided.push(*part);
                    divisions.push(part.division(&estimate.rates));
                }
            }
        }
        values.clear();
        if !divisions.is_empty() {
            integrand.values(&divisions, &mut values)?;
        }
        open.clear();
        for ((part, &place), &value) in divided.iter().zip(&divisions).zip(&values) {
            let ([start, end], [first, last]) = (part.ends, part.values);
            open.push(Part {
                ends: [start, place],
                values: [first, value],
            });
            open.push(Part {
                ends: [place, end],
                values: [value, last],
            });
        }
    }
    Ok(ends)
}

fn add(sums: &mut [f64], factor: f64, row: &[f64]) {
    for (sum, x) in sums.iter_mut().zip(row) {
        *sum += factor * x;
    }
}

/// Estimated error over a part.
struct Estimate {
    error: f64,
    /// Sum of the integrals' magnitudes.
    magnitude: f64,
    /// Derivative of the known function at each point.
    rates: [f64; 7],
}

impl Estimate {
    fn of(part: &Part, rows: &[f64], width: usize) -> Self {
        let mut rates = [0.0; 7];
        for (rate, row) in rates.iter_mut().zip(rows.chunks(width)) {
            *rate = row.iter().sum();
        }
        let (mut sum, mut disagreement, mut magnitude) = (0.0, 0.0, 0.0);
        for component in 0..width {
            let (mut kronrod, mut gauss) = (0.0, 0.0);
            for (index, (_, weight, weight_of_gauss)) in POINTS.iter().enumerate() {
                let x = rows[index * width + component];
                kronrod += weight * x;
                gauss += weight_of_gauss * x;
            }
            sum += kronrod;
            disagreement += f64::abs(kronrod - gauss);
            magnitude += f64::abs(kronrod);
        }
        let half = 0.5 * part.length();
        let gap = f64::abs(half * sum - part.difference());
        Self {
            error: gap.max(half * disagreement),
            magnitude: half * magnitude,
            rates,
        }
    }
}
