//! Checkpoint files.

use std::path::{Path, PathBuf};

use crate::atomic_file;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::float::Float;
use crate::mlp::Mlp;
use crate::storage;
use crate::train::{Trainer, TrainerState};

impl<T: Float> Trainer<T> {
    /// Writes a checkpoint to this file after every `every` epochs and at the end of training.
    ///
    /// The file is complete at any moment: it holds either the latest checkpoint or the previous
    /// one. If the file cannot be written, [`fit`](Self::fit) returns [`Error::Io`] before it
    /// trains.
    ///
    /// A process that was killed resumes from the checkpoint, with bit-identical results:
    ///
    /// ```
    /// use feedforward::{Mlp, Samples, Trainer, TrainerState, activation::{Identity, Tanh}};
    /// use feedforward::{loss::SquaredError, optimizer::Adam};
    ///
    /// # let folder = std::env::temp_dir().join(format!("feedforward-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # let path = folder.join("training.safetensors");
    /// let (x, y) = ([0.0, 0.5, 1.0], [0.0, 0.25, 1.0]);
    /// let samples = Samples::new(&x, &y);
    /// let mut net = Mlp::<f64>::builder(1).hidden(8, Tanh).output(1, Identity).build()?;
    /// let trainer = Trainer::new(SquaredError, Adam::new(0.01)).checkpoint(&path, 10);
    ///
    /// let mut state = if path.exists() {
    ///     TrainerState::load(&path, &trainer, &mut net)?
    /// } else {
    ///     trainer.init_state(&net)?
    /// };
    /// trainer.resume(&mut net, &mut state, &samples)?;
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn checkpoint(mut self, path: impl Into<PathBuf>, every: usize) -> Self {
        self.checkpoints = Some((path.into(), every));
        self
    }

    /// Writes a checkpoint if one is due.
    pub(in crate::train) fn write_checkpoint(
        &self,
        net: &Mlp<T>,
        state: &TrainerState<T>,
        ended: bool,
    ) -> Result<()> {
        match &self.checkpoints {
            Some((path, every)) if ended || state.epochs().is_multiple_of(*every) => {
                state.save(self, net, path)
            }
            _ => Ok(()),
        }
    }
}

impl<T: Float> TrainerState<T> {
    /// Writes a checkpoint to a file, for [`load`](Self::load).
    ///
    /// The file is complete at any moment: it holds either its old content or the new checkpoint.
    ///
    /// # Errors
    /// - [`Error::Io`] if the file cannot be written
    /// - The errors of [`to_bytes`](Self::to_bytes)
    pub fn save(&self, trainer: &Trainer<T>, net: &Mlp<T>, path: impl AsRef<Path>) -> Result<()> {
        atomic_file::write(path.as_ref(), &self.to_bytes(trainer, net)?)
    }

    /// Reads a checkpoint from a file, as [`from_bytes`](Self::from_bytes) does.
    ///
    /// # Errors
    /// - [`Error::Io`] if the file cannot be read
    /// - [`Error::File`] with the path and an error of [`from_bytes`](Self::from_bytes)
    pub fn load(path: impl AsRef<Path>, trainer: &Trainer<T>, net: &mut Mlp<T>) -> Result<Self> {
        let path = path.as_ref();
        let read = Self::from_bytes(&storage::load(path)?, trainer, net);
        read.map_err(|error| error.in_file(path))
    }
}
