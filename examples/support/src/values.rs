//! Values of neurons over a picture, and their maps.

use image::{Rgb, RgbImage};

/// Color of values that are equal everywhere.
const PLAIN: [u8; 3] = [186, 192, 204];

/// Number of shades of gray. With 256, the file would be half as large again.
const SHADES: f64 = 32.0;

/// Values of neurons over a picture, one column for each neuron.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// The values, row-major `[pixels x neurons]`.
    pub all: &'a [f32],
    /// Number of neurons.
    pub neurons: usize,
    /// Width and height of the picture.
    pub size: (u32, u32),
}

impl Values<'_> {
    /// Returns the minimum, the maximum and the standard deviation of each neuron.
    pub fn spreads(&self) -> Vec<Spread> {
        let pixels = self.all.len() as f64 / self.neurons as f64;
        let each = |neuron| {
            let mut spread = Spread {
                low: f32::INFINITY,
                high: f32::NEG_INFINITY,
                deviation: 0.0,
            };
            let of_neuron = || self.all[neuron..].iter().step_by(self.neurons);
            let mean = of_neuron().map(|&y| f64::from(y)).sum::<f64>() / pixels;
            for &y in of_neuron() {
                spread.low = spread.low.min(y);
                spread.high = spread.high.max(y);
                spread.deviation += (f64::from(y) - mean).powi(2);
            }
            spread.deviation = (spread.deviation / pixels).sqrt();
            spread
        };
        (0..self.neurons).map(each).collect()
    }

    /// Returns the map of a neuron: black is its minimum, white its maximum. A neuron that is equal
    /// everywhere has a plain map.
    pub fn map(&self, neuron: usize, spread: &Spread) -> RgbImage {
        if spread.is_constant() {
            return RgbImage::from_pixel(self.size.0, self.size.1, Rgb(PLAIN));
        }
        // The difference of two large numbers may overflow in single precision.
        let low = f64::from(spread.low);
        let range = f64::from(spread.high) - low;
        let of_neuron = self.all[neuron..].iter().step_by(self.neurons);
        let shades = of_neuron.flat_map(|&y| {
            let part = (f64::from(y) - low) / range;
            [((SHADES - 1.0) * part).round() * 255.0 / (SHADES - 1.0); 3].map(|shade| shade as u8)
        });
        RgbImage::from_raw(self.size.0, self.size.1, shades.collect()).unwrap_or_default()
    }
}

/// Range of a neuron's values.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Minimum.
    pub low: f32,
    /// Maximum.
    pub high: f32,
    /// Standard deviation.
    pub deviation: f64,
}

impl Spread {
    /// Returns `true` if all values are equal, or differ by no more than rounding.
    pub fn is_constant(&self) -> bool {
        let largest = f64::from(self.low.abs().max(self.high.abs()));
        f64::from(self.high) - f64::from(self.low) <= 1e-6 * largest
    }
}
