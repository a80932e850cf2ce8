//! A training's checkpoints as files.

use std::path::{Path, PathBuf};

use super::Trainer;
use super::state::TrainerState;
use crate::atomic_file;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::mlp::Mlp;
use crate::storage;

/// Where a trainer writes its checkpoints, and after how many epochs.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints {
    path: PathBuf,
    every: usize,
}

impl Checkpoints {
    pub(super) fn check(&self) -> Result<()> {
        match self.every {
            0 => Err(Error::invalid_setting(
                "epochs between checkpoints",
                "at least 1",
                0,
            )),
            _ => Ok(()),
        }
    }
}

impl<T: Float> Trainer<T> {
    /// Writes a checkpoint to this file after every `every` epochs and when training ends. The file
    /// is whole at any moment: the last checkpoint, or the one before. Training does not begin
    /// if the file could not be written: [`fit`](Self::fit) then returns [`Error::Io`] at once.
    ///
    /// A process that was killed goes on from there with the same bits as if it had not been:
    ///
    /// ```
    /// use feedforward::{Mlp, Samples, Trainer, activation::{Identity, Tanh}};
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
    ///     trainer.load_checkpoint(&mut net, &path)?
    /// } else {
    ///     trainer.start(&net)?
    /// };
    /// trainer.resume(&mut net, &mut state, &samples)?;
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn checkpoint(mut self, path: impl Into<PathBuf>, every: usize) -> Self {
        let path = path.into();
        self.checkpoints = Some(Checkpoints { path, every });
        self
    }

    /// Writes a training to a file, to go on from with [`load_checkpoint`](Self::load_checkpoint).
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written, and as [`checkpoint_bytes`](Self::checkpoint_bytes).
    pub fn save_checkpoint(
        &self,
        net: &Mlp<T>,
        state: &TrainerState<T>,
        path: impl AsRef<Path>,
    ) -> Result<()> {
        atomic_file::write(path.as_ref(), &self.checkpoint_bytes(net, state)?)
    }

    /// Reads a training from a file, as
    /// [`load_checkpoint_bytes`](Self::load_checkpoint_bytes) does.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, and as
    /// [`load_checkpoint_bytes`](Self::load_checkpoint_bytes).
    pub fn load_checkpoint(
        &self,
        net: &mut Mlp<T>,
        path: impl AsRef<Path>,
    ) -> Result<TrainerState<T>> {
        let path = path.as_ref();
        let read = self.load_checkpoint_bytes(net, &storage::load(path)?);
        read.map_err(|error| error.in_file(path))
    }

    /// Checks, before hours of training, that checkpoints can be written where they are wanted.
    pub(super) fn try_checkpoint_path(&self) -> Result<()> {
        let wanted = self.checkpoints.as_ref();
        wanted.map_or(Ok(()), |wanted| atomic_file::check_writable(&wanted.path))
    }

    /// Writes a checkpoint if one is wanted now.
    pub(super) fn write_checkpoint(
        &self,
        net: &Mlp<T>,
        state: &TrainerState<T>,
        ended: bool,
    ) -> Result<()> {
        match &self.checkpoints {
            Some(Checkpoints { path, every })
                if ended || state.progress.epoch.is_multiple_of(*every) =>
            {
                self.save_checkpoint(net, state, path)
            }
            _ => Ok(()),
        }
    }
}
