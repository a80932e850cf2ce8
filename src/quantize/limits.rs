//! Activations that limit their argument.

use crate::activation::Activation;

/// A number whose function values tell whether an activation limits its argument.
const FAR: f32 = f32::MAX;

/// Returns `true` if f(c · z) = c · f(z) for c > 0, of a function that limits its argument.
pub(super) fn is_homogeneous([low, high]: [f64; 2]) -> bool {
    let far = f64::from(FAR);
    [0.0, -far].contains(&low) && [0.0, far].contains(&high)
}

/// Returns `[low, high]` if f(z) = z.clamp(low, high) in and around this range.
pub(super) fn limits(f: &dyn Activation<f32>, [low, high]: [f64; 2]) -> Option<[f64; 2]> {
    let limits = [f.value(-FAR), f.value(FAR)];
    let reach = (high - low).max(high.abs()).max(low.abs()).max(1.0) as f32;
    let is_limit = (-1000..=1000).all(|step| {
        let z = reach * step as f32 / 1000.0;
        let y = f.value(z);
        y == z.max(limits[0]).min(limits[1])
    });
    let is_number = limits.iter().all(|limit| !limit.is_nan());
    (is_limit && is_number).then_some(limits.map(f64::from))
}
