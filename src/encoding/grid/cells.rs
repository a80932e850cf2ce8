//! Cells of a level around some samples, and the sums over their corners.

use super::{Grid, Interpolation, Level};
use crate::float::Float;
use crate::simd::{self, Op, Simd};

/// Number of samples that are located together, if there are several.
pub(super) const BLOCK: usize = 64;

/// Entries and weights of the `C` = 2^`D` corners of the cells around up to `B` samples of `D`
/// inputs.
pub(super) struct Cells<T, const D: usize, const C: usize, const B: usize> {
    samples: usize,
    /// Position in the cell, in each direction.
    position: [[T; B]; D],
    /// Indices of the entries, for each corner.
    entries: [[u32; B]; C],
    /// Weights, for each corner.
    weights: [[T; B]; C],
}

impl<T: Float, const D: usize, const C: usize, const B: usize> Cells<T, D, C, B> {
    pub(super) fn new() -> Self {
        Self {
            samples: 0,
            position: [[T::zero(); B]; D],
            entries: [[0; B]; C],
            weights: [[T::zero(); B]; C],
        }
    }

    /// Finds the cells around at most `B` samples.
    pub(super) fn locate(&mut self, grid: &Grid, level: &Level, inputs: &[T]) {
        self.samples = inputs.len() / D;
        simd::dispatch(Locate {
            cells: self,
            level,
            interpolation: grid.settings.interpolation,
            inputs,
        });
    }

    /// Writes the weighted means of entries to each row, from position `at`.
    #[inline(always)]
    pub(super) fn interpolate<const F: usize>(
        &self,
        params: &[T],
        outputs: &mut [T],
        stride: usize,
        at: usize,
    ) {
        let entries = params.as_chunks::<F>().0;
        let rows = outputs.chunks_mut(stride).take(B);
        for (s, row) in rows.take(self.samples).enumerate() {
            let mut sum = [T::zero(); F];
            for c in 0..C {
                let entry = &entries[self.entries[c][s] as usize];
                for (sum, &e) in sum.iter_mut().zip(entry) {
                    *sum += self.weights[c][s] * e;
                }
            }
            row[at..at + F].copy_from_slice(&sum);
        }
    }

    /// Adds the gradients of the entries, sample by sample, corner by corner.
    #[inline(always)]
    pub(super) fn scatter<const F: usize>(
        &self,
        dy: &[T],
        stride: usize,
        at: usize,
        gradient: &mut [T],
    ) {
        let gradient = gradient.as_chunks_mut::<F>().0;
        let rows = dy.chunks_exact(stride).take(B);
        for (s, row) in rows.take(self.samples).enumerate() {
            let dy: [T; F] = core::array::from_fn(|f| row[at + f]);
            for c in 0..C {
                let entry = &mut gradient[self.entries[c][s] as usize];
                for (g, &dy) in entry.iter_mut().zip(&dy) {
                    *g += self.weights[c][s] * dy;
                }
            }
        }
    }

    /// Adds the partial gradients of the entries to the total, and sets them to 0.
    #[inline(always)]
    pub(super) fn merge<const F: usize>(&self, partial: &mut [T], total: &mut [T]) {
        let partial = partial.as_chunks_mut::<F>().0;
        let total = total.as_chunks_mut::<F>().0;
        for entries in &self.entries {
            for &index in entries.iter().take(self.samples) {
                let partial = &mut partial[index as usize];
                for (total, partial) in total[index as usize].iter_mut().zip(partial) {
                    *total += *partial;
                    *partial = T::zero();
                }
            }
        }
    }

    /// Adds the gradients with respect to the inputs.
    pub(super) fn add_derivatives(
        &self,
        grid: &Grid,
        level: &Level,
        params: &[T],
        (inputs, dy, at): (&[T], &[T], usize),
        gradient: &mut [T],
    ) {
        let features = grid.settings.features;
        let stride = grid.settings.levels * features;
        let cells = T::from_u32(level.cells);
        for s in 0..self.samples {
            let dy = &dy[s * stride + at..][..features];
            for k in 0..D {
                let x = inputs[s * D + k];
                // A constant continues the outputs beyond the bounds.
                if !(x >= T::zero() && x <= T::one()) {
                    continue;
                }
                let derivative = cells * interpolation_derivative(grid, self.position[k][s]);
                for corner in 0..C {
                    let mut weight = if corner >> k & 1 == 1 {
                        derivative
                    } else {
                        -derivative
                    };
                    for other in (0..D).filter(|&other| other != k) {
                        let t = interpolated(grid.settings.interpolation, self.position[other][s]);
                        weight *= if corner >> other & 1 == 1 {
                            t
                        } else {
                            T::one() - t
                        };
                    }
                    let entry = &params[self.entries[corner][s] as usize * features..];
                    let product = entry.iter().zip(dy).map(|(&e, &dy)| e * dy);
                    gradient[s * D + k] += weight * product.sum::<T>();
                }
            }
        }
    }
}

/// Returns the weight of the upper vertex at position t.
#[inline(always)]
fn interpolated<T: Float>(interpolation: Interpolation, t: T) -> T {
    match interpolation {
        Interpolation::Linear => t,
        Interpolation::Smoothstep => t * t * (T::from_f64(3.0) - (t + t)),
    }
}

/// Returns the derivative of the weight of the upper vertex at position t.
fn interpolation_derivative<T: Float>(grid: &Grid, t: T) -> T {
    match grid.settings.interpolation {
        Interpolation::Linear => T::one(),
        Interpolation::Smoothstep => T::from_f64(6.0) * t * (T::one() - t),
    }
}

/// Returns the integer part of a position, which is at least 0 and at most 2^20.
///
/// Unlike a conversion to an integer and back, it compiles to vector code.
#[inline(always)]
fn floor<T: Float>(position: T) -> T {
    let nearest = (position + T::SHIFT) - T::SHIFT;
    if nearest > position {
        nearest - T::one()
    } else {
        nearest
    }
}

struct Locate<'a, T, const D: usize, const C: usize, const B: usize> {
    cells: &'a mut Cells<T, D, C, B>,
    level: &'a Level,
    interpolation: Interpolation,
    inputs: &'a [T],
}

impl<T: Float, const D: usize, const C: usize, const B: usize> Op for Locate<'_, T, D, C, B> {
    type Output = ();

    // Loops over whole blocks of constant length vectorize. Samples that are missing lie at 0.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { cells, level, .. } = self;
        let (n, last) = (T::from_u32(level.cells), T::from_u32(level.cells - 1));
        let mut x = [[T::zero(); B]; D];
        for (s, row) in self.inputs.chunks_exact(D).take(B).enumerate() {
            for k in 0..D {
                x[k][s] = row[k];
            }
        }
        // Products of each direction's index and its factor, for the lower vertex.
        let mut index = [[0_u32; B]; D];
        // Weights of the upper vertex in each direction.
        let mut upper = [[T::zero(); B]; D];
        let factors = level.factors();
        for k in 0..D {
            for s in 0..B {
                let position = x[k][s].max(T::zero()).min(T::one()) * n;
                let cell = floor(position).min(last);
                let t = position - cell;
                cells.position[k][s] = t;
                upper[k][s] = interpolated(self.interpolation, t);
                index[k][s] = (cell + T::SHIFT).integer().wrapping_mul(factors[k]);
            }
        }
        let mask = if level.is_hashed {
            level.entries - 1
        } else {
            u32::MAX
        };
        for c in 0..C {
            let step: [u32; D] = core::array::from_fn(|k| factors[k] * (c >> k & 1) as u32);
            for s in 0..B {
                let mut weight = T::one();
                let (mut hash, mut sum) = (0, 0_u32);
                for k in 0..D {
                    let i = index[k][s].wrapping_add(step[k]);
                    (hash, sum) = (hash ^ i, sum.wrapping_add(i));
                    let t = upper[k][s];
                    weight *= if c >> k & 1 == 1 { t } else { T::one() - t };
                }
                cells.weights[c][s] = weight;
                cells.entries[c][s] = if level.is_hashed { hash & mask } else { sum };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_have_a_cell() {
        fn check<T: Float>(near: impl Fn(T) -> [T; 2]) {
            for cell in (0..2000).chain((1 << 20) - 2000..=1 << 20) {
                let whole = T::from_u32(cell);
                let [below, above] = near(whole);
                for position in [whole, above, whole + T::from_f64(0.5)] {
                    assert_eq!(floor(position), whole, "{position}");
                }
                if cell > 0 {
                    assert_eq!(floor(below), T::from_u32(cell - 1), "{below}");
                }
                assert_eq!((whole + T::SHIFT).integer(), cell);
            }
        }
        check(|x: f32| [x.next_down(), x.next_up()]);
        check(|x: f64| [x.next_down(), x.next_up()]);
    }
}
