//! The axes of a value that have the samples and the features.

use alloc::vec::Vec;

use super::array::{Array, axes, is_float, positions};
use super::form::casts_to_float;
use super::messages::{Input, Node};

/// Axes of a value. All axes but two have the length 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) rank: usize,
    /// Axis of the samples, and their number if it is fixed.
    batch: Option<usize>,
    samples: Option<usize>,
    /// Axis of the features, or `None` if one feature has none.
    pub(super) features: Option<usize>,
    /// Number of features, if it is known.
    width: Option<usize>,
    /// Other axes have lengths, too.
    pub(super) is_grid: bool,
    /// The numbers are of an integer type.
    pub(super) is_integer: bool,
}

/// Axes of a node, and constants it needs.
pub(super) struct Operands<'s> {
    pub(super) layout: Layout,
    /// Constants by index of the input.
    pub(super) constants: [Option<&'s Array>; 3],
    pub(super) is_second: bool,
}

impl Layout {
    /// Returns the layout of rows.
    pub(super) fn rows(width: Option<usize>) -> Self {
        Self {
            rank: 2,
            batch: Some(0),
            samples: None,
            features: Some(1),
            width,
            is_grid: false,
            is_integer: false,
        }
    }

    /// Returns the layout of an input of the graph, which is one of rows if its shape is unknown.
    pub(super) fn of_input(input: &Input<'_>) -> Self {
        let length = |dim: Option<i64>| dim.and_then(|dim| usize::try_from(dim).ok());
        let is_integer = input.data_type != 0 && !is_float(input.data_type);
        match input.shape.as_deref() {
            None | Some([]) => Self {
                is_integer,
                ..Self::rows(None)
            },
            Some([width]) => Self {
                rank: 1,
                batch: None,
                samples: None,
                features: Some(0),
                width: length(*width),
                is_grid: false,
                is_integer,
            },
            Some([samples, middle @ .., width]) => Self {
                rank: middle.len() + 2,
                batch: Some(0),
                samples: length(*samples),
                features: Some(middle.len() + 1),
                width: length(*width),
                is_grid: middle.iter().any(|&dim| dim != Some(1)),
                is_integer,
            },
        }
    }

    /// Returns the position of an axis that may count from the end.
    pub(super) fn position(&self, axis: i64) -> Option<usize> {
        positions(&[axis], self.rank)?.pop()
    }

    /// Returns `true` if this axis has the features.
    pub(super) fn is_features(&self, axis: i64) -> bool {
        !self.is_grid && self.features.is_some() && self.position(axis) == self.features
    }

    /// Returns `true` if the features are on the last axis.
    pub(super) fn is_last(&self) -> bool {
        self.features == Some(self.rank.wrapping_sub(1))
    }

    /// Returns `true` if a softmax in front of version 13, of this axis and all behind it, is one
    /// of the features.
    pub(super) fn is_flat(&self, axis: i64) -> bool {
        let axis = self.position(axis);
        !self.is_grid && axis.is_some() && axis <= self.features && axis > self.batch
    }

    /// Removes an axis of length 1.
    fn without(mut self, axis: usize) -> Option<Self> {
        self.rank = self.rank.checked_sub(1)?;
        let shifted = |of: Option<usize>| match of {
            Some(of) if of == axis => None,
            Some(of) if of > axis => Some(of - 1),
            of => of,
        };
        if self.features == Some(axis) && self.width != Some(1) {
            return None;
        }
        (self.batch, self.features) = (shifted(self.batch), shifted(self.features));
        Some(self)
    }

    fn squeezed(self, axes: Option<Vec<i64>>) -> Option<Self> {
        if self.is_grid {
            return None;
        }
        let axes: Vec<usize> = match axes {
            Some(axes) => positions(&axes, self.rank)?,
            None => (0..self.rank)
                .filter(|&axis| {
                    let is_batch = self.batch == Some(axis) && self.samples != Some(1);
                    let is_features = self.features == Some(axis) && self.width != Some(1);
                    !is_batch && !is_features
                })
                .collect(),
        };
        axes.iter()
            .rev()
            .try_fold(self, |to, &axis| to.without(axis))
    }

    fn unsqueezed(mut self, axes: &[i64]) -> Option<Self> {
        for axis in positions(axes, self.rank + axes.len())? {
            let shifted = |of: usize| if of >= axis { of + 1 } else { of };
            self.rank += 1;
            (self.batch, self.features) = (self.batch.map(shifted), self.features.map(shifted));
        }
        Some(self)
    }

    /// Returns the layout behind a flatten of all axes but the first one.
    fn flattened(self) -> Option<Self> {
        let width = self.width.filter(|_| !self.is_grid);
        let samples = self.samples;
        match self.batch {
            Some(0) => Some(Self {
                samples,
                ..Self::rows(width)
            }),
            _ => None,
        }
    }

    /// Returns the layout of another shape, unless it mixes samples and features.
    fn reshaped(self, shape: &[f64]) -> Option<Self> {
        if self.is_grid || self.width.is_none() {
            // The layer behind it checks the number of features.
            let width = match *shape {
                [0.0 | -1.0, width] if width >= 1.0 => Some(width as usize),
                [0.0, -1.0] => None,
                [samples, -1.0] if Some(samples as usize) == self.samples => None,
                [samples, width] if Some(samples as usize) == self.samples && width >= 1.0 => {
                    Some(width as usize)
                }
                _ => return None,
            };
            return Some(Self {
                width,
                ..self.flattened()?
            });
        }
        let width = self.width?;
        let is_one = self.samples == Some(1) || self.batch.is_none();
        // The lengths without that of the samples, and `None` where it is to be computed.
        let (mut batch, mut lengths) = (None, Vec::new());
        for (index, &dim) in shape.iter().enumerate() {
            let is_batch = self.batch == Some(index);
            lengths.push(match dim as i64 {
                0 if self.features == Some(index) => Some(width),
                0 if index >= self.rank => return None,
                -1 => None,
                dim if is_batch && (dim == 0 || Some(dim as usize) == self.samples) => {
                    batch = Some(index);
                    Some(1)
                }
                0 => Some(1),
                dim => Some(usize::try_from(dim).ok()?),
            });
        }
        let open = lengths.iter().position(Option::is_none);
        let known = lengths
            .iter()
            .flatten()
            .fold(1_usize, |a, &b| a.saturating_mul(b));
        if let Some(open) = open {
            if batch.is_none() && known == width && !is_one {
                batch = Some(open);
                lengths[open] = Some(1);
            } else if (batch.is_some() || is_one) && known != 0 && width % known == 0 {
                lengths[open] = Some(width / known);
            } else {
                return None;
            }
        }
        let long = |length: &Option<usize>| *length != Some(1);
        let first = lengths.iter().position(long);
        let is_single = lengths.iter().filter(|length| long(length)).count() <= 1;
        let is_whole = first.map_or(1, |at| lengths[at].unwrap_or(0)) == width;
        let features = match first {
            Some(at) => Some(at),
            None => (0..lengths.len()).rev().find(|&at| Some(at) != batch),
        };
        let is_ordered = is_one || first.is_none() || batch < first;
        let has_samples = is_one || batch.is_some();
        (is_single && is_whole && is_ordered && has_samples).then_some(Self {
            rank: lengths.len(),
            batch,
            features,
            ..self
        })
    }
}

/// Returns the layout of a node's first output. `None` stands for one that mixes samples and
/// features.
pub(super) fn behind(node: &Node<'_>, operands: &Operands<'_>) -> Option<Layout> {
    let Operands {
        layout,
        constants,
        is_second,
    } = *operands;
    let other = constants[usize::from(!is_second)];
    let same = Some(layout);
    if node.is_ml("ArrayFeatureExtractor") {
        // Labels of indices, or picked features.
        return Some(match (is_second, other) {
            (true, _) => Layout {
                batch: Some(1),
                features: Some(0),
                ..Layout::rows(Some(1))
            },
            (false, Some(indices)) => Layout {
                width: Some(indices.values.len()),
                ..layout
            },
            (false, None) => Layout {
                width: None,
                ..layout
            },
        });
    }
    if !matches!(node.domain, "" | "ai.onnx") {
        return same;
    }
    let axis = node.integer("axis");
    match node.operator {
        "Gemm" | "MatMul" => {
            let dims = other.map_or(&[][..], |weights| &weights.dims[..]);
            let is_transposed = node.integer("transB").unwrap_or(0) != 0;
            let width = match *dims {
                [outputs, _] if is_transposed => Some(outputs),
                [_, outputs] => Some(outputs),
                _ => None,
            };
            Some(Layout { width, ..layout })
        }
        "Squeeze" => {
            if node.input(1).is_some() && constants[1].is_none() {
                return None;
            }
            layout.squeezed(axes(node, constants[1]))
        }
        "Unsqueeze" => layout.unsqueezed(&axes(node, constants[1])?),
        "Flatten" => match axis {
            None | Some(1) => layout.flattened(),
            _ => None,
        },
        "Reshape" => match (constants[1], node.find("shape")) {
            (Some(shape), _) => layout.reshaped(&shape.values),
            (None, Some(shape)) => {
                let shape = shape.integers.iter().map(|&dim| dim as f64);
                layout.reshaped(&shape.collect::<Vec<_>>())
            }
            (None, None) => None,
        },
        "ArgMax" => {
            let layout = Layout {
                width: Some(1),
                ..layout
            };
            match (node.integer("keepdims"), layout.features) {
                (Some(0), Some(axis)) => layout.without(axis),
                _ => Some(layout),
            }
        }
        "Gather" => {
            let indices = other?;
            let layout = Layout {
                width: Some(indices.values.len()),
                ..layout
            };
            match (indices.dims.len(), layout.features) {
                (1, _) => Some(layout),
                (0, Some(axis)) => layout.without(axis),
                _ => None,
            }
        }
        "Add" | "Sub" | "Mul" | "Div" | "Min" | "Max" | "Pow" | "PRelu"
            if other.is_some_and(|other| other.dims.len() > layout.rank) =>
        {
            None
        }
        "Cast" => Some(Layout {
            is_integer: layout.is_integer && !casts_to_float(node),
            ..layout
        }),
        "Concat" | "Slice" | "Split" => Some(Layout {
            width: None,
            ..layout
        }),
        _ => same,
    }
}
