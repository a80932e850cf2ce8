//! Waves of learned frequencies.

use alloc::borrow::Cow;
use alloc::format;
use core::f64::consts::{PI, TAU};

use rand::RngExt;

use super::{Encoding, assert_outputs, check_outputs};
use crate::error::{Error, Result, check_range};
use crate::float::{Float, instantiate};
use crate::random::Rng;
use crate::{math, memory, random};

mod waves;

/// Maximum number of frequencies and of outputs for each input.
const MOST: usize = 1 << 16;

/// Range of the standard deviation of the initial frequencies.
const LEAST_SIGMA: f64 = 1e-6;
const MOST_SIGMA: f64 = 1e6;

/// Settings of a [`Periodic`] encoding. The defaults are those of RealMLP.
///
/// ```
/// use feedforward::encoding::{Encoding, Periodic, PeriodicSettings};
///
/// let settings = PeriodicSettings { sigma: 0.5, ..PeriodicSettings::new(3) };
/// let periodic = Periodic::new(settings)?;
/// assert_eq!(Encoding::<f32>::outputs(&periodic), 3 * 4);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PeriodicSettings {
    /// Number of inputs.
    pub inputs: usize,
    /// Number of frequencies for each input. Range: 1 to 2^16. Default: 16.
    pub frequencies: usize,
    /// Number of outputs for each input, of which the last is the input itself. Range: 2 to 2^16.
    /// Default: 4.
    pub width: usize,
    /// Standard deviation of the initial frequencies. Range: 10^-6 to 10^6. Default: 0.1.
    pub sigma: f64,
}

impl PeriodicSettings {
    /// Returns the default settings for this many inputs.
    pub const fn new(inputs: usize) -> Self {
        Self {
            inputs,
            frequencies: 16,
            width: 4,
            sigma: 0.1,
        }
    }
}

/// Waves of learned frequencies for each input, mixed by a learned linear map, and the input.
///
/// Each input x has its own frequencies w₁ and phases b₁, both vectors of length `frequencies`, and
/// its own matrix W₂ and vector b₂. Its `width` outputs are
///
/// ```text
/// y = W₂ cos(2π w₁ x + b₁) + b₂,   x
/// ```
///
/// A network learns irregular functions of numeric columns more easily from these outputs. This
/// form is the PBLD embedding (periodic, bias, linear, DenseNet) of RealMLP (Holzmüller et al.,
/// 2024, [arXiv:2407.04491](https://arxiv.org/abs/2407.04491)). It follows Gorishniy et al., 2022,
/// [arXiv:2203.05556](https://arxiv.org/abs/2203.05556), whose PLR embedding has both sine and
/// cosine without a phase, and ReLU after the map.
///
/// Initially w₁ is normal with standard deviation σ (`sigma`), and b₁ is uniform in ±π. W₂ and b₂
/// are uniform in ±1/√`frequencies`.
///
/// Inputs should be scaled first, for example by a [`Scaler`](crate::Scaler). σ controls the
/// detail; tuned values mostly lie between 0.01 and 10. The parameters of an input are w₁, b₁, W₂,
/// row-major `[(width - 1) x frequencies]`, and b₂.
///
/// ```
/// use feedforward::{Mlp, Trainer, activation::{Identity, Relu}, loss::SquaredError};
/// use feedforward::{encoding::{Periodic, PeriodicSettings}, optimizer::Adam};
///
/// let x: Vec<f32> = (0..200).map(|i| i as f32 / 100.0 - 1.0).collect();
/// let y: Vec<f32> = x.iter().map(|x| if (x * 10.0).sin() > 0.0 { 1.0 } else { 0.0 }).collect();
/// let periodic = Periodic::new(PeriodicSettings { sigma: 1.0, ..PeriodicSettings::new(1) })?;
/// let mut net = Mlp::builder(1).encoding(periodic).hidden(16, Relu).output(1, Identity).build()?;
/// let trainer = Trainer::new(SquaredError, Adam::new(0.02)).epochs(300);
/// let history = trainer.fit(&mut net, &x, &y)?;
/// assert!(history.loss() < 0.02);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "PLR")]
#[doc(alias = "PBLD")]
#[doc(alias = "numerical_embedding")]
#[doc(alias = "PeriodicEmbeddings")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Periodic {
    settings: PeriodicSettings,
}

impl Periodic {
    /// Creates the encoding.
    ///
    /// # Errors
    /// Returns [`Error::InvalidSetting`] if a setting is outside its range. Returns
    /// [`Error::TooLarge`] if a buffer cannot hold the outputs or the parameters.
    pub fn new(settings: PeriodicSettings) -> Result<Self> {
        let setting = |what, least: usize, got: usize| {
            if (least..=MOST).contains(&got) {
                return Ok(());
            }
            let expected = format!("{least} to {MOST}");
            Err(Error::invalid_setting(what, expected, got))
        };
        setting("frequencies", 1, settings.frequencies)?;
        setting("width of a periodic encoding", 2, settings.width)?;
        check_range(
            "sigma",
            settings.sigma,
            LEAST_SIGMA..=MOST_SIGMA,
            "1e-6 to 1e6",
        )?;
        check_outputs(settings.inputs, settings.width)?;
        let periodic = Self { settings };
        let what = "parameters of the encoding";
        memory::product(what, &[settings.inputs, periodic.part()])?;
        Ok(periodic)
    }

    /// Creates the encoding of a `static` or `const`. A setting outside its range does not compile:
    ///
    /// ```compile_fail
    /// use feedforward::encoding::{Periodic, PeriodicSettings};
    ///
    /// const NARROW: PeriodicSettings = PeriodicSettings { width: 1, ..PeriodicSettings::new(2) };
    /// static PERIODIC: Periodic = Periodic::constant(NARROW);
    /// ```
    ///
    /// # Panics
    /// Panics where [`new`](Self::new) returns an error. Call this function in constants only.
    pub const fn constant(settings: PeriodicSettings) -> Self {
        let (frequencies, width) = (settings.frequencies, settings.width);
        assert!(
            frequencies >= 1 && frequencies <= MOST,
            "frequencies must be 1 to 2^16"
        );
        assert!(
            width >= 2 && width <= MOST,
            "the width of a periodic encoding must be 2 to 2^16"
        );
        assert!(
            settings.sigma >= LEAST_SIGMA && settings.sigma <= MOST_SIGMA,
            "sigma must be 1e-6 to 1e6"
        );
        assert_outputs(settings.inputs, width);
        let periodic = Self { settings };
        let params_len = settings.inputs.saturating_mul(periodic.part());
        assert!(
            params_len <= memory::MOST,
            "too many parameters of the encoding"
        );
        periodic
    }

    /// Returns the settings.
    pub fn settings(&self) -> &PeriodicSettings {
        &self.settings
    }

    /// Returns the number of parameters of an input.
    const fn part(&self) -> usize {
        let (frequencies, mixed) = (self.settings.frequencies, self.settings.width - 1);
        2 * frequencies + mixed * (frequencies + 1)
    }
}

impl<T: Float> Encoding<T> for Periodic {
    fn inputs(&self) -> usize {
        self.settings.inputs
    }

    fn outputs(&self) -> usize {
        self.settings.inputs * self.settings.width
    }

    fn name(&self) -> Cow<'static, str> {
        let PeriodicSettings {
            inputs,
            frequencies,
            width,
            sigma,
        } = self.settings;
        format!(
            "periodic(inputs={inputs}, frequencies={frequencies}, width={width}, sigma={sigma:?})"
        )
        .into()
    }

    fn part_len(&self, part: usize) -> Option<usize> {
        (part < self.settings.inputs).then(|| self.part())
    }

    fn params_len(&self) -> usize {
        self.settings.inputs * self.part()
    }

    fn initialize(&self, rng: &mut Rng, params: &mut [f64]) {
        let PeriodicSettings {
            frequencies, sigma, ..
        } = self.settings;
        let bound = 1.0 / math::sqrt(frequencies as f64);
        for part in params.chunks_exact_mut(self.part()) {
            let (rates, rest) = part.split_at_mut(frequencies);
            let (phases, map) = rest.split_at_mut(frequencies);
            rates.fill_with(|| sigma * random::normal(rng));
            for (values, bound) in [(phases, PI), (map, bound)] {
                values.fill_with(|| bound * (2.0 * rng.random::<f64>() - 1.0));
            }
        }
    }

    fn encode_sample(&self, params: &[T], inputs: &[T], outputs: &mut [T]) {
        waves::encode(self, params, inputs, outputs, outputs.len());
    }

    fn encode_samples(&self, params: &[T], inputs: &[T], outputs: &mut [T], stride: usize) {
        waves::encode(self, params, inputs, outputs, stride);
    }

    fn add_gradient(&self, part: usize, params: &[T], x: &[T], dy: &[T], gradient: &mut [T]) {
        waves::add_gradient(self, part, params, x, dy, gradient);
    }

    fn add_input_gradient(&self, params: &[T], inputs: &[T], dy: &[T], gradient: &mut [T]) {
        waves::add_input_gradient(self, params, inputs, dy, gradient);
    }
}
