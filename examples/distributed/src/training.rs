//! The training loop, which runs on all ranks.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use feedforward::train::TrainingRun;
use feedforward::{Epoch, GradientWorkspace, Mlp, Samples, Trainer, TrainerState};
use mpi::Threading;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};

use crate::{Reducer, Reduction, Result, Source};

/// Settings of a shared training run.
#[derive(Clone, Debug)]
pub struct Training {
    /// Trainer, with all settings that decide bits.
    pub trainer: Trainer<f32>,
    /// Way of adding gradients up.
    pub reduction: Reduction,
    /// Number of threads per rank. It decides no bits.
    pub threads: usize,
    /// Checkpoints to write, and to resume from.
    pub checkpoints: Option<Checkpoints>,
}

/// Checkpoint file, which the first rank writes, and reads at the start if it exists.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    /// Path of the file.
    pub path: PathBuf,
    /// Number of updates between checkpoints. Each epoch ends with a checkpoint too.
    pub every: u64,
}

/// Result of a training run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// State to resume from, with the history.
    pub state: TrainerState<f32>,
    /// Number of bytes of gradients that this rank sent, with `Reduction::Ordered`.
    pub bytes_sent: u64,
}

impl Training {
    /// Trains the network, from the checkpoint if it exists, and calls `on_epoch` after each epoch.
    /// All ranks must call this with equal settings, networks and samples. `on_epoch` must break on
    /// all ranks or on none, because a rank that continues alone waits forever.
    pub fn run(
        &self,
        world: &SimpleCommunicator,
        net: &mut Mlp<f32>,
        source: &dyn Source,
        mut on_epoch: impl FnMut(&Epoch, &Mlp<f32>) -> Result<ControlFlow<()>>,
    ) -> Result<Outcome> {
        let Self { trainer, .. } = self;
        let mut state = self.start(world, net)?;
        let mut gradient = trainer.workspace(net)?.threads(self.threads)?;
        let mut reducer = Reducer::new(world, self.reduction, net.params().len());
        let mut run = trainer.start_run(net, &mut state, source.samples())?;
        let mut rows_read = (Vec::new(), Vec::new());
        // Ranks with different samples would wait for each other in different steps.
        let params = run.network().params().len();
        let facts = [run.batches_per_epoch(), source.samples(), params];
        agree(world, "samples", &facts.map(|fact| fact as u64))?;
        while run.stopped_by().is_none() {
            while run.batch().is_some() {
                self.step(
                    &mut run,
                    source,
                    &mut rows_read,
                    &mut gradient,
                    &mut reducer,
                )?;
                self.keep(world, &run, false)?;
            }
            let epoch = run.end_epoch(None)?;
            agree(world, "parameters", &[hash(run.network().params())])?;
            self.keep(world, &run, true)?;
            if on_epoch(&epoch, run.network())?.is_break() {
                break;
            }
        }
        run.finish()?;
        Ok(Outcome {
            bytes_sent: reducer.bytes_sent(),
            state,
        })
    }

    /// Returns the initial state. The first rank reads the checkpoint for all.
    fn start(&self, world: &SimpleCommunicator, net: &mut Mlp<f32>) -> Result<TrainerState<f32>> {
        let Some(Checkpoints { path, .. }) = &self.checkpoints else {
            return Ok(self.trainer.init_state(net)?);
        };
        let explain = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let mut bytes = Vec::new();
        if world.rank() == 0 && path.exists() {
            bytes = std::fs::read(path).map_err(|error| explain(&error))?;
        }
        let first = world.process_at_rank(0);
        let mut len = bytes.len() as u64;
        first.broadcast_into(&mut len);
        bytes.resize(len as usize, 0);
        // MPI counts in 32 bits, so large checkpoints are sent in parts.
        for piece in bytes.chunks_mut(1 << 30) {
            first.broadcast_into(piece);
        }
        if bytes.is_empty() {
            return Ok(self.trainer.init_state(net)?);
        }
        let state = TrainerState::from_bytes(&bytes, &self.trainer, net);
        Ok(state.map_err(|error| explain(&error))?)
    }

    /// Makes one update. Each rank reads and computes its shard of the next rows.
    fn step(
        &self,
        run: &mut TrainingRun<'_, f32>,
        source: &dyn Source,
        (inputs, targets): &mut (Vec<f32>, Vec<f32>),
        gradient: &mut GradientWorkspace<f32>,
        reducer: &mut Reducer<'_>,
    ) -> Result<()> {
        let (net, rows) = (run.network(), run.batch().unwrap_or_default());
        let shard = reducer.shard(rows.len())?;
        source.read(&rows[shard.rows()], inputs, targets)?;
        gradient.set_updates(run.state().progress().step);
        let samples = Samples::new(inputs, targets);
        gradient.compute_shard(net, &samples, &shard, self.trainer.loss())?;
        let summed = reducer.add_up(gradient, rows.len())?;
        let loss = gradient.finish_reduction(net, summed.gradient, summed.loss, &shard)?;
        run.apply(loss, gradient.values())?;
        Ok(())
    }

    /// Writes a checkpoint if one is due.
    fn keep(
        &self,
        world: &SimpleCommunicator,
        run: &TrainingRun<'_, f32>,
        epoch_is_over: bool,
    ) -> Result<()> {
        let (net, state) = (run.network(), run.state());
        match &self.checkpoints {
            Some(Checkpoints { path, every })
                if world.rank() == 0
                    && (epoch_is_over
                        || *every > 0 && state.optimizer().updates().is_multiple_of(*every)) =>
            {
                Ok(state.save(&self.trainer, net, path)?)
            }
            _ => Ok(()),
        }
    }
}

/// Checks that all ranks have equal numbers. Machines that compute other bits, or read other files,
/// would drift apart unnoticed.
fn agree(world: &SimpleCommunicator, what: &str, numbers: &[u64]) -> Result<()> {
    let mut all = vec![0_u64; numbers.len() * world.size() as usize];
    world.all_gather_into(numbers, &mut all[..]);
    match all
        .chunks_exact(numbers.len())
        .position(|other| other != &all[..numbers.len()])
    {
        None => Ok(()),
        Some(rank) => Err(format!("{what}: ranks 0 and {rank} differ").into()),
    }
}

/// Runs `work` on every rank. An error on any rank ends the job.
pub fn run_ranks(work: impl FnOnce(&SimpleCommunicator) -> Result<()>) -> ExitCode {
    let Some((universe, _)) = mpi::initialize_with_threading(Threading::Funneled) else {
        eprintln!("error: MPI cannot be initialized");
        return ExitCode::FAILURE;
    };
    // A rank that unwinds would wait for the others in MPI_Finalize.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    let world = universe.world();
    if let Err(error) = work(&world) {
        eprintln!("error: rank {}: {error}", world.rank());
        world.abort(1);
    }
    ExitCode::SUCCESS
}

/// Returns a hash of the bits of all parameters (FNV-1a, 64 bits).
pub fn hash(params: &[f32]) -> u64 {
    let bytes = params.iter().flat_map(|x| x.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
