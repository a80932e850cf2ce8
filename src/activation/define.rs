//! What the definitions of the built-ins share.

use super::Activation;
use crate::math;

/// Implements [`Activation`] for a type, from its formulas.
///
/// `derivative(y)` sees nothing but y, so the type needs no input; `derivative(x, y)` sees
/// both. In them the parameter is a `T`, in `needs_input` and `gain` an `f64`; its range is one
/// of [`Range`](super::range::Range), by which networks are checked and names read. Formulas are
/// selects and arithmetic without branches or calls, so that a loop over them vectorises;
/// they must give what the limit is at infinities, and NaN for NaN. `methods` overrides
/// further methods of the trait.
macro_rules! activation {
    (
        $type:ident $(($parameter:ident $(= $default:literal)? in $range:ident))? : $name:literal;
        value($x:ident) = $value:expr;
        derivative($($saved:pat),+) = $derivative:expr;
        $(needs_input = $needs_input:expr;)?
        $(gain = $gain:expr;)?
        $(lower_clamp = $lower_clamp:expr;)?
        $(methods { $($methods:tt)* })?
    ) => {
        impl $type {
            pub(crate) const NAME: &'static str = $name;

            $(
                pub(super) const RANGE: $crate::activation::range::Range =
                    $crate::activation::range::Range::$range;

                /// With this parameter; see the field for what it may be.
                pub const fn new($parameter: f64) -> Self {
                    Self { $parameter }
                }
            )?
        }

        $($(
            impl Default for $type {
                #[doc = concat!("`", stringify!($parameter), "` = ", stringify!($default), ".")]
                fn default() -> Self {
                    Self::new($default)
                }
            }
        )?)?

        impl<T: $crate::float::Float> $crate::activation::Activation<T> for $type {
            #[inline(always)]
            fn value(&self, $x: T) -> T {
                $(let $parameter = T::from_f64(self.$parameter);)?
                $value
            }

            activation! { @derivative ($($parameter)?) ($($saved),+) $derivative }
            activation! { @slices $type $({ $($methods)* })? }
            activation! { @needs_input ($($parameter)?) ($($saved),+) $($needs_input)? }
            activation! { @name $($parameter)? }
            activation! { @gain ($($parameter)?) $($gain)? }
            activation! { @check $name $($parameter)? }

            $(
                fn lower_clamp(&self) -> Option<T> {
                    Some($lower_clamp)
                }
            )?
        }
    };

    (@derivative ($($parameter:ident)?) ($y:pat) $derivative:expr) => {
        activation! { @derivative ($($parameter)?) (_, $y) $derivative }
    };
    (@derivative ($($parameter:ident)?) ($x:pat, $y:pat) $derivative:expr) => {
        #[inline(always)]
        #[allow(unused_variables)]
        fn derivative(&self, $x: T, $y: T) -> T {
            $(let $parameter = T::from_f64(self.$parameter);)?
            $derivative
        }
    };

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

    (@needs_input ($($parameter:ident)?) ($y:pat)) => {
        fn needs_input(&self) -> bool {
            false
        }
    };
    (@needs_input ($($parameter:ident)?) ($x:pat, $y:pat)) => {};
    (@needs_input ($parameter:ident) ($x:pat, $y:pat) $needs_input:expr) => {
        fn needs_input(&self) -> bool {
            let $parameter = self.$parameter;
            $needs_input
        }
    };

    (@gain ($($parameter:ident)?)) => {};
    (@gain ($($parameter:ident)?) $gain:expr) => {
        fn gain(&self) -> f64 {
            $(let $parameter = self.$parameter;)?
            $gain
        }
    };

    (@check $name:literal) => {};
    (@check $name:literal $parameter:ident) => {
        fn check(&self) -> $crate::error::Result<()> {
            let what = concat!(stringify!($parameter), " of ", $name);
            Self::RANGE.check::<T>(what, self.$parameter)
        }
    };

    (@name) => {
        fn name(&self) -> alloc::borrow::Cow<'static, str> {
            Self::NAME.into()
        }
    };
    (@name $parameter:ident) => {
        fn name(&self) -> alloc::borrow::Cow<'static, str> {
            alloc::format!("{}({})", Self::NAME, self.$parameter).into()
        }
    };
}
pub(super) use activation;

/// x, but not below `low`; NaN stays, unlike with `max`.
#[inline(always)]
pub(super) fn at_least<T: PartialOrd>(low: T, x: T) -> T {
    if x < low { low } else { x }
}

/// x, but not above `high`; NaN stays, unlike with `min`.
#[inline(always)]
pub(super) fn at_most<T: PartialOrd>(high: T, x: T) -> T {
    if x > high { high } else { x }
}

/// x, brought between `low` and `high`; NaN stays.
#[inline(always)]
pub(super) fn clamp<T: PartialOrd>(low: T, high: T, x: T) -> T {
    at_most(high, at_least(low, x))
}

/// `T`'s one where the condition holds, else its zero.
#[inline(always)]
pub(super) fn indicator<T: num_traits::Float>(condition: bool) -> T {
    if condition { T::one() } else { T::zero() }
}

/// 1 / sqrt(E[f(Z)²]) for standard normal Z: the gain that keeps the second moment from
/// layer to layer, by He's argument (He et al., 2015), for the relatives of ReLU that it
/// was not computed for. For ReLU itself it is sqrt(2), for SELU 1.
pub(super) fn moment_gain(f: &impl Activation<f64>) -> f64 {
    // The trapezoidal rule is nearly exact for what vanishes at both ends.
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
