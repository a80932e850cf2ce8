//! Settings of a recipe by name, and the default space to search them in.

use alloc::string::ToString;
use alloc::vec;

use super::columns::Waves;
use super::recipe::Tabular;
use super::settings::{HIDDEN, Metric, Preset};
use super::target::Task;
use crate::activation;
use crate::error::{Error, Result, bounded};
use crate::search::{Settings, Space};

/// Names of settings.
const NAMES: [&str; 9] = [
    "learning_rate",
    "dropout",
    "weight_decay",
    "smoothing",
    "layers",
    "width",
    "activation",
    "waves",
    "batch_size",
];

/// Maximum number of hidden layers.
const MOST_LAYERS: usize = 1024;

impl Tabular<'_> {
    /// Sets these settings, for example those of the best trial of a [search](Self::search), or of
    /// another sampler.
    ///
    /// | name | value | default |
    /// |---|---|---|
    /// | `learning_rate` | [`learning_rate`](Self::learning_rate) | that of the preset |
    /// | `dropout` | probability in [0, 1), falls to 0 by [`FlatCosine`] | 0, "Full" 0.15 |
    /// | `weight_decay` | 0 or above, falls like dropout | 0, "Full" 0.02 |
    /// | `smoothing` | of classes, 0 to 1 | 0.1 for [`Metric::Accuracy`], or 0 |
    /// | `layers` | number of hidden layers, 1 to 1024 | 3 |
    /// | `width` | size of each hidden layer | 256 |
    /// | `activation` | a name for [`activation::parse`] | `selu` for classes, or `mish` |
    /// | `waves` | deviation of the [waves](super::ColumnSettings::waves), or 0 for none | that of the preset |
    /// | `batch_size` | [`batch_size`](Self::batch_size) | that of the preset |
    ///
    /// "Full" is [`Preset::Full`].
    ///
    /// [`FlatCosine`]: crate::schedule::FlatCosine
    ///
    /// This function drives the recipe by any sampler: a random one, a grid, or that of another
    /// crate. `examples/sampler` does so with the crate `optimizer`.
    ///
    /// ```
    /// use feedforward::search::Settings;
    /// use feedforward::tabular::{Column, Table, Tabular};
    ///
    /// let table = Table::new()
    ///     .with("size", Column::numbers(0..60))?
    ///     .with("price", Column::numbers((0..60).map(|size| 10 + 2 * size)))?;
    /// let recipe = Tabular::regressor(&table, "price").epochs(20).folds(1);
    /// let score = |settings: &Settings| -> feedforward::Result<f64> {
    ///     let model = recipe.clone().set(settings)?.fit()?;
    ///     Ok(model.scores()[0].get("r2").unwrap_or(f64::NAN))
    /// };
    /// let settings = Settings::new().with("width", 16).with("learning_rate", 0.1);
    /// assert!(score(&settings)? > 0.9);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::UnknownName`] for another name, or an unknown activation.
    /// - [`Error::InvalidSetting`] for a value that is no number or no name, and for a number of
    ///   layers out of its range. [`fit`](Self::fit) finds other values that are out of range.
    pub fn set(mut self, settings: &Settings) -> Result<Self> {
        for (name, _) in settings.iter() {
            match name {
                "learning_rate" => self.recipe.learning_rate = Some(settings.number(name)?),
                "dropout" => self.recipe.dropout = Some(settings.number(name)?),
                "weight_decay" => self.recipe.weight_decay = Some(settings.number(name)?),
                "smoothing" => self.recipe.smoothing = Some(settings.number(name)?),
                "batch_size" => self.recipe.batch_size = Some(settings.count(name)?),
                "activation" => {
                    let activation = activation::parse(settings.name(name)?)?;
                    self.recipe.activation = Some(activation);
                }
                "waves" => {
                    self.recipe.columns.waves = match settings.number(name)? {
                        0.0 => Waves::Off,
                        sigma => Waves::Sigma(sigma),
                    }
                }
                "layers" => {
                    let layers = settings.count(name)?;
                    if !(1..=MOST_LAYERS).contains(&layers) {
                        return Err(Error::invalid_setting("layers", "1 to 1024", layers));
                    }
                    let width = self.recipe.hidden.first().copied();
                    self.recipe.hidden = vec![width.unwrap_or(HIDDEN[0]); layers];
                }
                "width" => self.recipe.hidden.fill(settings.count(name)?),
                _ => {
                    return Err(Error::UnknownName {
                        what: "setting of a recipe",
                        known: NAMES.join(", "),
                        got: bounded(name.to_string()),
                    });
                }
            }
        }
        Ok(self)
    }

    /// Returns the default space of a [search](Self::search) for this recipe. It follows those of
    /// RealMLP and TabArena (Erickson et al., 2025,
    /// [arXiv:2506.16791](https://arxiv.org/abs/2506.16791)).
    ///
    /// | name | range | if |
    /// |---|---|---|
    /// | `learning_rate` | log-uniform, 0.02 to 0.3 | not set |
    /// | `dropout` | uniform, 0 to 0.5 | always |
    /// | `weight_decay` | log-uniform, 0.001 to 0.05 | always |
    /// | `smoothing` | uniform, 0 to 0.1 | classes by [`Metric::Accuracy`] |
    /// | `layers` | 2 to 4 | sizes not set |
    /// | `width` | 128, 256 or 384 | sizes not set |
    /// | `activation` | `mish`, `selu` or `relu` | not set, and not [`Preset::Full`] |
    /// | `waves` | log-uniform, 0.05 to 5 | the preset has waves, and they are not set |
    ///
    /// To change a range, remove the parameter and add it again:
    ///
    /// ```
    /// use feedforward::tabular::{Table, Tabular};
    ///
    /// let table = Table::new();
    /// let space = Tabular::regressor(&table, "price").space()?;
    /// let space = space.without("width")?.choice("width", [64, 128])?;
    /// assert_eq!(space.names().last(), Some("width"));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// None so far.
    pub fn space(&self) -> Result<Space> {
        let recipe = &self.recipe;
        let mut space = Space::new();
        if recipe.learning_rate.is_none() {
            space = space.log_uniform("learning_rate", 0.02, 0.3)?;
        }
        space = space
            .uniform("dropout", 0.0, 0.5)?
            .log_uniform("weight_decay", 0.001, 0.05)?;
        let is_accuracy = recipe.metric.unwrap_or_default() == Metric::Accuracy;
        if self.target.task == Task::Classes && is_accuracy {
            space = space.uniform("smoothing", 0.0, 0.1)?;
        }
        if recipe.hidden == HIDDEN {
            space = space
                .integer("layers", 2, 4)?
                .choice("width", [128, 256, 384])?;
        }
        if recipe.activation.is_none() && recipe.preset != Preset::Full {
            space = space.choice("activation", ["mish", "selu", "relu"])?;
        }
        let waves = recipe.columns.waves;
        if waves != Waves::Off && waves == recipe.preset.columns().waves {
            space = space.log_uniform("waves", 0.05, 5.0)?;
        }
        Ok(space)
    }
}
