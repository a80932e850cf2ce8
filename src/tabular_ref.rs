//! Models of tables that borrow everything: no file, no allocation, no `Arc`.
//!
//! [`TabularRef`] is to a model of a table as [`MlpRef`](crate::MlpRef) is to a network. It holds
//! columns, networks and units in `static`s, and a row of cells becomes a prediction.
//! [`TabularModel::to_rust`](../tabular/struct.TabularModel.html#method.to_rust) writes it, with a
//! struct for rows and a function that predicts. So programs rarely name the types of this module.
//!
//! ```
//! use feedforward::tabular_ref::{ColumnSpec, FormSpec, Link, MemberSpec, ScaleSpec, TabularRef};
//! use feedforward::{LayerSpec, MlpRef, activation::Identity};
//!
//! // The price of a home: 100 + 2 · (area - 80), and 90 if nobody knows the area.
//! static LAYERS: [LayerSpec<f32>; 1] = [LayerSpec::new(1, &Identity)];
//! static MEMBERS: [MemberSpec; 1] = [MemberSpec {
//!     columns: &[ColumnSpec {
//!         cell: 0,
//!         form: FormSpec::Number {
//!             levels: None,
//!             scale: ScaleSpec::Linear { center: 80.0, factor: 0.05, missing: 80.0 },
//!             indicator: ScaleSpec::Linear { center: -1.0, factor: 0.5, missing: -1.0 },
//!         },
//!     }],
//!     net: MlpRef::constant(2, &LAYERS, &[4.0, -1.0, 0.0]),
//!     units: &[(100.0, 10.0)],
//!     weight: 1,
//! }];
//! static MODEL: TabularRef = TabularRef::constant(Link::Identity, &MEMBERS);
//!
//! let mut scratch = [0.0; MODEL.scratch_len()];
//! assert_eq!(MODEL.predict(&[85.0.into()], &mut scratch)?, [110.0]);
//! assert_eq!(MODEL.predict(&[None::<f64>.into()], &mut scratch)?, [90.0]);
//! # Ok::<(), feedforward::Error>(())
//! ```

mod calibrator;
mod link;
mod scale;
mod spec;
mod value;

pub use calibrator::Calibrator;
pub use link::Link;
pub use scale::ScaleSpec;
#[cfg(target_has_atomic = "ptr")]
pub(crate) use scale::{code_input, indicators, level_input, level_of, signed_ln, write_number};
pub use spec::{ColumnSpec, FormSpec, LevelsSpec, MemberSpec};
pub use value::Value;

use self::spec::{not_finite, number};
use crate::error::{Result, check_length};
use crate::math;

/// Model of a table that borrows its columns and networks.
///
/// The [module](self) shows one in a `static`.
#[derive(Clone, Copy, Debug)]
pub struct TabularRef<'a> {
    link: Link,
    members: &'a [MemberSpec<'a>],
    exposure: Option<usize>,
    calibrator: Option<Calibrator>,
}

impl<'a> TabularRef<'a> {
    /// Creates the model of a `static` or `const`. Its predictions are the mean over the networks
    /// of their outputs in the units of the target, after this map.
    ///
    /// # Panics
    /// Panics without networks, or if a network has no weight. Panics if the columns of a network
    /// have another number of inputs than the network. Panics if networks have different numbers of
    /// outputs or units. Call this function in constants only.
    pub const fn constant(link: Link, members: &'a [MemberSpec<'a>]) -> Self {
        assert!(!members.is_empty(), "a model needs a network");
        let (outputs, mut index) = (members[0].net.outputs(), 0);
        while index < members.len() {
            let member = &members[index];
            assert!(member.weight > 0, "a network needs a weight above 0");
            assert!(
                member.inputs() == member.net.inputs(),
                "the number of inputs of the columns is not that of the network"
            );
            assert!(
                member.net.outputs() == outputs,
                "networks have different numbers of outputs"
            );
            assert!(
                member.units.is_empty() || member.units.len() == outputs,
                "the number of units is not that of the outputs"
            );
            index += 1;
        }
        Self {
            link,
            members,
            exposure: None,
            calibrator: None,
        }
    }

    /// Multiplies predictions by the number in this cell, as counts need.
    pub const fn exposure(self, cell: usize) -> Self {
        Self {
            exposure: Some(cell),
            ..self
        }
    }

    /// Corrects the mean of the probabilities of classes.
    ///
    /// # Panics
    /// Panics unless predictions are probabilities of at least two classes, and of two classes for
    /// [`Calibrator::Quadratic`].
    pub const fn calibrated(self, calibrator: Calibrator) -> Self {
        assert!(
            matches!(self.link, Link::Softmax) && self.outputs() >= 2,
            "calibration needs probabilities of at least two classes"
        );
        assert!(
            matches!(calibrator, Calibrator::Temperature(_)) || self.outputs() == 2,
            "quadratic calibration needs two classes"
        );
        Self {
            calibrator: Some(calibrator),
            ..self
        }
    }

    /// Returns the number of cells in a row.
    pub const fn cells(&self) -> usize {
        let mut cells = match self.exposure {
            None => 0,
            Some(cell) => cell + 1,
        };
        let mut member = 0;
        while member < self.members.len() {
            let (columns, mut column) = (self.members[member].columns, 0);
            while column < columns.len() {
                if columns[column].cell >= cells {
                    cells = columns[column].cell + 1;
                }
                column += 1;
            }
            member += 1;
        }
        cells
    }

    /// Returns the number of predicted numbers or probabilities.
    pub const fn outputs(&self) -> usize {
        self.members[0].net.outputs()
    }

    /// Returns the length of the scratch array that [`predict`](Self::predict) needs.
    pub const fn scratch_len(&self) -> usize {
        let (mut longest, mut index) = (0, 0);
        while index < self.members.len() {
            let net = &self.members[index].net;
            let len = net.inputs() + net.scratch_len();
            if len > longest {
                longest = len;
            }
            index += 1;
        }
        longest
    }

    /// Returns the predicted numbers, or the probabilities of classes or labels, without
    /// allocation. The previous contents of `scratch` do not matter.
    ///
    /// They are bit-identical to those of `TabularModel` on the same instruction set.
    ///
    /// # Errors
    /// - [`Error::Length`](crate::Error::Length) unless there are as many
    ///   [`cells`](Self::cells) and [`outputs`](Self::outputs) as the model has, or if `scratch` is
    ///   shorter than [`scratch_len`](Self::scratch_len).
    /// - [`Error::NotFinite`](crate::Error::NotFinite) with the index of a cell whose number is
    ///   infinite, or too large after scaling. Also unless an exposure is a finite number above 0,
    ///   which has a finite logarithm. With the index of a prediction that is too large.
    /// - [`Error::Overflow`](crate::Error::Overflow) if an output of a network is not finite.
    /// - [`Error::InvalidSetting`](crate::Error::InvalidSetting) if a cell has a word instead of a
    ///   number, or a number instead of a word. The message of this error is allocated.
    pub fn predict<const OUTPUTS: usize>(
        &self,
        cells: &[Value<'_>],
        scratch: &mut [f32],
    ) -> Result<[f64; OUTPUTS]> {
        check_length("cells", cells, self.cells())?;
        let mut means = [0.0; OUTPUTS];
        check_length("outputs", &means, self.outputs())?;
        let needed = self.scratch_len();
        let available = needed.min(scratch.len());
        let scratch = &mut scratch[..available];
        check_length("scratch", scratch, needed)?;
        let mut total = 0.0;
        for member in self.members {
            let mut values: [f64; OUTPUTS] = member.outputs(cells, scratch)?;
            self.link.apply(&mut values);
            let weight = f64::from(member.weight);
            total += weight;
            add_to_mean(&mut means, &values, total / weight);
        }
        if let Some(cell) = self.exposure {
            let exposure = number(cell, cells[cell])?;
            let logarithm = math::ln(exposure);
            if !logarithm.is_finite() {
                return Err(not_finite("logarithm of the exposure", cell, logarithm));
            }
            for mean in &mut means {
                *mean *= exposure;
            }
        }
        if let Some(output) = means.iter().position(|mean| !mean.is_finite()) {
            return Err(not_finite("predictions", output, means[output]));
        }
        if let Some(calibrator) = &self.calibrator {
            calibrator.apply_row(&mut means);
        }
        Ok(means)
    }
}

/// Adds values to means, in which all values so far, with these, count this many times as much.
pub(crate) fn add_to_mean(means: &mut [f64], values: &[f64], count: f64) {
    // The mean of equal numbers is exact, and that of large ones does not overflow.
    for (mean, &value) in means.iter_mut().zip(values) {
        *mean += value / count - *mean / count;
    }
}

/// Returns an output of a network in its unit, which is an offset and a scale. Logits have none.
pub(crate) fn restored(unit: Option<(f64, f64)>, z: f32) -> f64 {
    let z = f64::from(z);
    let Some((offset, scale)) = unit else {
        return z;
    };
    let y = z * scale + offset;
    if y.is_finite() {
        y
    } else {
        // The sum may be finite although the product is not.
        (z * (scale / 4.0) + offset / 4.0) * 4.0
    }
}
