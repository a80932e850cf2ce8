//! Macro and helper functions that define the built-ins.

use super::Activation;
use crate::math;

/// Implements [`Activation`] for a type from its formulas and describes it for the registry.
///
/// The head lists the names, the first of which [`name`](Activation::name) returns. It also states
/// the parameter with its type, default and [`Range`](super::range::Range). Without a default, the
/// bare name is an error, and [`all`](super::all) uses the example.
///
/// `derivative(y)` uses only y, so pre-activations need not be kept; `derivative(x, y)` uses both.
/// The parameter is a `T` in `value` and `derivative`, and has its own type in
/// `needs_pre_activation` and `gain`. `methods` overrides further methods of the trait.
///
/// Formulas consist of selects and arithmetic, without branches or calls, so that a loop over them
/// vectorizes. They must return the limit at infinities, and NaN for NaN.
///
/// In the expansion, a `let` with a given part shadows the `let` with its default.
macro_rules! activation {
    (
        $type:ident $((
            $parameter:ident: $kind:ident $(= $default:literal)? in $range:ident
            $(, example $example:literal)?
        ))? : $name:literal $(| $alias:literal)*;
        value($x:ident) = $value:expr;
        derivative($($saved:pat),+) = $derivative:expr;
        $(needs_pre_activation = $needs_pre_activation:expr;)?
        $(gain = $gain:expr;)?
        $(lower_clamp = $lower_clamp:expr;)?
        $(methods { $($methods:tt)* })?
    ) => {
        impl $type {
            pub(crate) const NAME: &'static str = $name;

            /// Returns the entry of the registry.
            #[cfg(target_has_atomic = "ptr")]
            // Helpers such as `ShortSine` are not in the registry.
            #[allow(dead_code, unused_variables)]
            pub(super) const fn entry<T: $crate::float::Float>(
            ) -> $crate::activation::registry::Entry<T> {
                use $crate::activation::registry::{Entry, Parameter};
                let parameter: Option<Parameter> = None;
                $(
                    let default: Option<f64> = None;
                    $(let default = Some($default as f64);)?
                    let example = [$($default as f64)? $($example)?][0];
                    let (symbol, range) = (stringify!($parameter), Self::RANGE);
                    let parameter = Some(Parameter { symbol, range, default, example });
                )?
                Entry {
                    name: Self::NAME,
                    aliases: &[$($alias),*],
                    parameter,
                    build: |x| alloc::sync::Arc::new($type { $($parameter: x as $kind)? }),
                }
            }

            $(
                const RANGE: $crate::activation::range::Range =
                    $crate::activation::range::Range::$range;

                /// Returns the activation with this parameter. The field states its range.
                pub const fn new($parameter: $kind) -> Self {
                    Self { $parameter }
                }
            )?
        }

        $($(
            impl Default for $type {
                #[doc = concat!(
                    "Returns the activation with `",
                    stringify!($parameter), "` = ", stringify!($default), "."
                )]
                fn default() -> Self {
                    Self::new($default)
                }
            }
        )?)?

        #[doc = concat!("Name: `", $name, "`" $(, ", also parsed: `", $alias, "`")*, ".")]
        // Not every formula uses all variables.
        #[allow(unused_variables, clippy::unnecessary_cast)]
        impl<T: $crate::float::Float> $crate::activation::Activation<T> for $type {
            #[inline(always)]
            fn value(&self, $x: T) -> T {
                $(let $parameter = T::from_f64(self.$parameter as f64);)?
                $value
            }

            #[inline(always)]
            fn derivative(&self, x: T, y: T) -> T {
                $(let $parameter = T::from_f64(self.$parameter as f64);)?
                let ($($saved,)+) = activation!(@saved x, y, $($saved),+);
                $derivative
            }

            fn needs_pre_activation(&self) -> bool {
                $(let $parameter = self.$parameter;)?
                let needs_pre_activation = [$(stringify!($saved)),+].len() > 1;
                $(let needs_pre_activation = $needs_pre_activation;)?
                needs_pre_activation
            }

            fn name(&self) -> alloc::borrow::Cow<'static, str> {
                let name = Self::NAME;
                $(let name = alloc::format!("{name}({})", self.$parameter);)?
                name.into()
            }

            fn gain(&self) -> f64 {
                $(let $parameter = self.$parameter;)?
                let gain = 1.0;
                $(let gain = $gain;)?
                gain
            }

            fn check(&self) -> $crate::error::Result<()> {
                $(
                    let what = concat!(stringify!($parameter), " of ", $name);
                    Self::RANGE.check::<T>(what, self.$parameter as f64)?;
                )?
                Ok(())
            }

            $(
                fn lower_clamp(&self) -> Option<T> {
                    Some($lower_clamp)
                }
            )?

            activation! { @slices $type $({ $($methods)* })? }
        }
    };

    (@saved $x:ident, $y:ident, $one:pat) => { ($y,) };
    (@saved $x:ident, $y:ident, $first:pat, $second:pat) => { ($x, $y) };

    (@slices $type:ident) => {
        fn apply(&self, z: &[T], y: &mut [T]) {
            $crate::float::instantiate! {
                fn apply<T>(activation: &$type, z: &[T], y: &mut [T]) {
                    $crate::activation::apply(activation, z, y);
                }
            }
            apply(self, z, y);
        }

        fn backprop(&self, z: &[T], y: &[T], dy: &[T], dz: &mut [T]) {
            $crate::float::instantiate! {
                fn backprop<T>(activation: &$type, z: &[T], y: &[T], dy: &[T], dz: &mut [T]) {
                    $crate::activation::backprop(activation, z, y, dy, dz);
                }
            }
            backprop(self, z, y, dy, dz);
        }
    };
    (@slices $type:ident { $($methods:tt)* }) => { $($methods)* };
}
pub(super) use activation;

/// Returns the larger of x and `low`. NaN stays NaN, unlike with `max`.
#[inline(always)]
pub(super) fn at_least<T: PartialOrd>(low: T, x: T) -> T {
    if x < low { low } else { x }
}

/// Returns the smaller of x and `high`. NaN stays NaN, unlike with `min`.
#[inline(always)]
pub(super) fn at_most<T: PartialOrd>(high: T, x: T) -> T {
    if x > high { high } else { x }
}

/// Limits x to [`low`, `high`]. NaN stays NaN.
#[inline(always)]
pub(super) fn clamp<T: PartialOrd>(low: T, high: T, x: T) -> T {
    at_most(high, at_least(low, x))
}

/// Returns 1 if the condition holds, else 0.
#[inline(always)]
pub(super) fn indicator<T: num_traits::Float>(condition: bool) -> T {
    if condition { T::one() } else { T::zero() }
}

/// Returns the gain 1 / √E[f(Z)²] for standard normal Z.
///
/// By the argument of He et al., 2015, [arXiv:1502.01852](https://arxiv.org/abs/1502.01852), it
/// keeps the second moment from layer to layer. Relatives of ReLU that have no published gain use
/// it. It is √2 for ReLU and 1 for SELU.
pub(super) fn moment_gain(f: &impl Activation<f64>) -> f64 {
    // The trapezoidal rule is nearly exact for functions that vanish at both ends.
    const STEP: f64 = 1.0 / 16.0;
    let moment: f64 = (-192..=192)
        .map(|i| {
            let z = f64::from(i) * STEP;
            let y = f.value(z);
            y * y * math::exp(-0.5 * z * z)
        })
        .sum();
    let normal = math::sqrt(core::f64::consts::TAU);
    1.0 / math::sqrt(moment * STEP / normal)
}
