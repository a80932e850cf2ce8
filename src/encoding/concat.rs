//! Several encodings side by side.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::{Encoding, nesting};
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, check_count, check_not_empty};
use crate::float::{Float, instantiate};
use crate::memory;
use crate::random::Rng;

/// Numbers of a member's inputs that are copied at a time.
const INPUTS: usize = 256;

/// Gradients of a member's outputs that are copied at a time.
const OUTPUTS: usize = 1024;

/// An encoding and its ranges in the whole.
#[derive(Clone)]
struct Member<T> {
    encoding: Arc<dyn Encoding<T>>,
    inputs: Range<usize>,
    outputs: Range<usize>,
    params: Range<usize>,
    parts: Range<usize>,
}

impl<T> Member<T> {
    /// Returns the numbers of consecutive samples whose inputs, and gradients of outputs, are
    /// copied together.
    fn group(&self) -> usize {
        let group = (INPUTS / self.inputs.len()).min(OUTPUTS / self.outputs.len());
        group.max(1)
    }
}

/// Several encodings side by side, each of which takes the next columns of the input.
///
/// The outputs of all members follow each other, and so do their parameters and constants:
///
/// ```text
/// y = encoding₀(x₀, ...), encoding₁(..., xₙ), ...
/// ```
///
/// Columns that need no encoding pass through an [`Identity`](super::Identity). Members can be
/// `Concat`s themselves.
///
/// ```
/// use std::sync::Arc;
/// use feedforward::{Mlp, activation::{Identity, Relu}};
/// use feedforward::encoding::{Categories, Concat, Periodic, PeriodicSettings};
///
/// // Two numeric columns, then one of five categories.
/// let concat = Concat::new(vec![
///     Arc::new(Periodic::new(PeriodicSettings::new(2))?),
///     Arc::new(Categories::new(&[(5, 3)])?),
/// ])?;
/// let net = Mlp::<f32>::builder(3).encoding(concat).hidden(16, Relu).output(1, Identity).build()?;
/// assert_eq!(net.layout().layers()[0].inputs, 2 * 4 + 3);
/// assert_eq!(net.predict(&[0.25, -0.5, 4.0])?.len(), 1);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "composite")]
#[doc(alias = "ColumnTransformer")]
#[doc(alias = "ModuleList")]
#[derive(Clone)]
pub struct Concat<T> {
    members: Vec<Member<T>>,
    /// Constants of the outermost `Concat` of a file, which nested ones share. Copies at each level
    /// would multiply the memory that a file takes.
    constants: Arc<Vec<T>>,
    own: Range<usize>,
}

impl<T: Float> Concat<T> {
    /// Puts these encodings side by side.
    ///
    /// # Errors
    /// Returns [`Error::Empty`] without encodings. Returns [`Error::TooLarge`] if a buffer cannot
    /// hold the outputs, the parameters or the constants.
    ///
    /// Returns [`Error::InvalidSetting`] if an encoding has no inputs or no outputs, or if files
    /// could not hold the name. It must have at most 65,536 bytes and 16 levels of parentheses. A
    /// custom encoding's name must not have unbalanced parentheses, a comma outside them, or space
    /// around it.
    pub fn new(encodings: Vec<Arc<dyn Encoding<T>>>) -> Result<Self> {
        let what = "constants of the encodings";
        let len = encodings
            .iter()
            .map(|encoding| encoding.constants().len())
            .fold(0, usize::saturating_add);
        let mut constants = Vec::new();
        memory::reserve(what, &mut constants, len)?;
        for encoding in &encodings {
            constants.extend_from_slice(encoding.constants());
        }
        Self::with_constants(encodings, Arc::new(constants), 0..len)
    }

    /// Puts encodings side by side. All their constants are at `own`.
    pub(super) fn with_constants(
        encodings: Vec<Arc<dyn Encoding<T>>>,
        constants: Arc<Vec<T>>,
        own: Range<usize>,
    ) -> Result<Self> {
        check_not_empty("encodings", &encodings)?;
        let mut members = Vec::new();
        memory::reserve("encodings", &mut members, encodings.len())?;
        let (mut inputs, mut outputs, mut params, mut parts) = (0, 0, 0, 0);
        for encoding in encodings {
            check_count("inputs of an encoding", encoding.inputs())?;
            check_count("outputs of an encoding", encoding.outputs())?;
            nesting::check_member(&encoding.name())?;
            members.push(Member {
                inputs: next("inputs of the encodings", &mut inputs, encoding.inputs())?,
                outputs: next("outputs of the encodings", &mut outputs, encoding.outputs())?,
                params: next(
                    "parameters of the encodings",
                    &mut params,
                    encoding.params_len(),
                )?,
                parts: next("parts of the encodings", &mut parts, parts_of(&*encoding))?,
                encoding,
            });
        }
        let concat = Self {
            members,
            constants,
            own,
        };
        nesting::check(&concat.name())?;
        Ok(concat)
    }

    /// Returns the member with this part, and the part's index in that member.
    fn at(&self, part: usize) -> (&Member<T>, usize) {
        let behind = self.members.partition_point(|m| m.parts.start <= part);
        let member = &self.members[behind.saturating_sub(1)];
        (member, part - member.parts.start)
    }

    fn sizes(&self) -> (usize, usize) {
        let last = self.members.last();
        last.map_or((0, 0), |last| (last.inputs.end, last.outputs.end))
    }
}

/// Lists the members.
impl<T> fmt::Debug for Concat<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Concat ")?;
        let encodings = self.members.iter().map(|member| &member.encoding);
        f.debug_list().entries(encodings).finish()
    }
}

/// Returns the range of the next `len` numbers, and moves `end` behind it.
fn next(what: &'static str, end: &mut usize, len: usize) -> Result<Range<usize>> {
    let start = *end;
    *end = memory::product(what, &[start.saturating_add(len)])?;
    Ok(start..*end)
}

/// Returns the number of parts. The search takes few steps, because files may claim many parts.
fn parts_of<T: Float>(encoding: &dyn Encoding<T>) -> usize {
    let has = |part: usize| encoding.part_len(part).is_some();
    let mut step = 1_usize;
    while step < 1 << (usize::BITS - 2) && has(step - 1) {
        step *= 2;
    }
    // At most `step - 1` parts, of which half are certain.
    let mut count = 0;
    while step > 0 {
        if has(count + step - 1) {
            count += step;
        }
        step /= 2;
    }
    count
}

impl<T: Float> Encoding<T> for Concat<T> {
    fn inputs(&self) -> usize {
        self.sizes().0
    }

    fn outputs(&self) -> usize {
        self.sizes().1
    }

    /// Returns the names of all members, and their numbers of constants.
    fn name(&self) -> Cow<'static, str> {
        let (mut names, mut counts) = (String::new(), Vec::new());
        for member in &self.members {
            names += &member.encoding.name();
            names += ", ";
            counts.push(member.encoding.constants().len().to_string());
        }
        format!("concat({names}constants={})", counts.join(" ")).into()
    }

    fn constants(&self) -> &[T] {
        &self.constants[self.own.clone()]
    }

    fn part_len(&self, part: usize) -> Option<usize> {
        let (member, part) = self.at(part);
        member.encoding.part_len(part)
    }

    fn params_len(&self) -> usize {
        self.members.last().map_or(0, |last| last.params.end)
    }

    fn initialize(&self, rng: &mut Rng, params: &mut [f64]) {
        for member in &self.members {
            let params = &mut params[member.params.clone()];
            member.encoding.initialize(rng, params);
        }
    }

    fn encode_sample(&self, params: &[T], inputs: &[T], outputs: &mut [T]) {
        for member in &self.members {
            let params = &params[member.params.clone()];
            let inputs = &inputs[member.inputs.clone()];
            let outputs = &mut outputs[member.outputs.clone()];
            member.encoding.encode_sample(params, inputs, outputs);
        }
    }

    fn encode_samples(&self, params: &[T], inputs: &[T], outputs: &mut [T], stride: usize) {
        let (width, mut copy) = (self.inputs(), [T::zero(); INPUTS]);
        for member in &self.members {
            let params = &params[member.params.clone()];
            let group = member.group();
            let groups = inputs.chunks(group * width);
            for (inputs, outputs) in groups.zip(outputs.chunks_mut(group * stride)) {
                let inputs = columns(inputs, width, &member.inputs, &mut copy);
                let outputs = &mut outputs[member.outputs.start..];
                let encoding = &member.encoding;
                encoding.encode_samples(params, inputs, outputs, stride);
            }
        }
    }

    fn add_gradient(&self, part: usize, params: &[T], x: &[T], dy: &[T], gradient: &mut [T]) {
        let ((inputs, outputs), (member, part)) = (self.sizes(), self.at(part));
        let (mut x_copy, mut dy_copy) = ([T::zero(); INPUTS], [T::zero(); OUTPUTS]);
        let params = &params[member.params.clone()];
        let group = member.group();
        for (x, dy) in x.chunks(group * inputs).zip(dy.chunks(group * outputs)) {
            let x = columns(x, inputs, &member.inputs, &mut x_copy);
            let dy = columns(dy, outputs, &member.outputs, &mut dy_copy);
            let encoding = &member.encoding;
            encoding.add_gradient(part, params, x, dy, gradient);
        }
    }

    fn add_input_gradient(&self, params: &[T], x: &[T], dy: &[T], gradient: &mut [T]) {
        let (inputs, outputs) = self.sizes();
        let (mut x_copy, mut dy_copy) = ([T::zero(); INPUTS], [T::zero(); OUTPUTS]);
        let mut sum_copy = [T::zero(); INPUTS];
        for member in &self.members {
            let (params, group) = (&params[member.params.clone()], member.group());
            let groups = x.chunks(group * inputs).zip(dy.chunks(group * outputs));
            for ((x, dy), gradient) in groups.zip(gradient.chunks_mut(group * inputs)) {
                let x = columns(x, inputs, &member.inputs, &mut x_copy);
                let dy = columns(dy, outputs, &member.outputs, &mut dy_copy);
                let encoding = &member.encoding;
                if gradient.len() == inputs {
                    let gradient = &mut gradient[member.inputs.clone()];
                    encoding.add_input_gradient(params, x, dy, gradient);
                    continue;
                }
                let sum = &mut sum_copy[..x.len()];
                gather(
                    gradient,
                    inputs,
                    member.inputs.start,
                    member.inputs.len(),
                    sum,
                );
                encoding.add_input_gradient(params, x, dy, sum);
                scatter(
                    gradient,
                    inputs,
                    member.inputs.start,
                    member.inputs.len(),
                    sum,
                );
            }
        }
    }

    fn has_input_gradient(&self, input: usize) -> bool {
        let mut members = self.members.iter();
        let member = members.find(|member| member.inputs.contains(&input));
        member.is_none_or(|m| m.encoding.has_input_gradient(input - m.inputs.start))
    }

    fn merge_gradient(&self, part: usize, inputs: &[T], partial: &mut [T], total: &mut [T]) {
        let (width, (member, part)) = (self.inputs(), self.at(part));
        // A pass over a small part is faster than copies of inputs.
        if total.len() <= 16 * (inputs.len() / width) {
            return super::merge(partial, total);
        }
        let mut copy = [T::zero(); INPUTS];
        for inputs in inputs.chunks(member.group() * width) {
            let inputs = columns(inputs, width, &member.inputs, &mut copy);
            let encoding = &member.encoding;
            encoding.merge_gradient(part, inputs, partial, total);
        }
    }
}

/// Returns these columns of rows of a width, row-major without gaps. Several rows are copied.
fn columns<'a, T: Float>(
    rows: &'a [T],
    width: usize,
    columns: &Range<usize>,
    copy: &'a mut [T],
) -> &'a [T] {
    if rows.len() == width {
        return &rows[columns.clone()];
    }
    let copy = &mut copy[..rows.len() / width * columns.len()];
    gather(rows, width, columns.start, columns.len(), copy);
    copy
}

instantiate! {
    /// Copies `len` columns of rows of a width.
    fn gather<T>(rows: &[T], width: usize, start: usize, len: usize, to: &mut [T]) {
        for (row, to) in rows.chunks_exact(width).zip(to.chunks_exact_mut(len)) {
            to.copy_from_slice(&row[start..start + len]);
        }
    }
}

instantiate! {
    /// Copies `len` columns back into rows of a width.
    fn scatter<T>(rows: &mut [T], width: usize, start: usize, len: usize, from: &[T]) {
        for (row, from) in rows.chunks_exact_mut(width).zip(from.chunks_exact(len)) {
            row[start..start + len].copy_from_slice(from);
        }
    }
}
