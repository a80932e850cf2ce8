//! Trains a network on a table of samples, and prints a hash of its parameters. `mpirun` starts the
//! ranks. With `--single`, one process trains by `Trainer::fit`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use distributed::{
    Checkpoints, Reduction, Result, Source, Stretches, Table, Training, hash, run_ranks,
};
use feedforward::activation::{Identity, Tanh};
use feedforward::loss::SquaredError;
use feedforward::optimizer::Muon;
use feedforward::schedule::Cosine;
use feedforward::train::Order;
use feedforward::{Clip, Epoch, Mlp, Samples, Trainer, TrainerState};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};

#[macro_use]
#[path = "../../../common/say.rs"]
mod say;

/// Trains a network on a table of samples. Each rank that mpirun starts reads its part of the
/// table. With `--single`, one process has the whole table in memory.
#[derive(Debug, Parser)]
#[command(name = "train")]
struct Flags {
    /// Table in the safetensors format with F32 `inputs` and `targets`, as `dataset` writes it
    data: PathBuf,

    /// Train in one process, by `Trainer::fit`, without MPI
    #[arg(long)]
    single: bool,

    /// Add gradients up by MPI's all-reduce, with bits that depend on the number of ranks
    #[arg(long, conflicts_with = "single")]
    allreduce: bool,

    /// Number of samples in a minibatch
    #[arg(long, value_name = "N", default_value_t = 1600)]
    batch: usize,

    /// Number of epochs
    #[arg(long, value_name = "N", default_value_t = 10)]
    epochs: usize,

    /// Number of neurons in each of two hidden layers
    #[arg(long, value_name = "N", default_value_t = 64)]
    hidden: usize,

    /// Number of neighboring rows that are shuffled and read together
    #[arg(long, value_name = "N", default_value_t = 16)]
    block: usize,

    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Number of threads per rank
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// Keep the state of the training run in this file, and resume from it if it exists
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// Also write a checkpoint every N updates, not only after each epoch, unless N is 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    every: u64,

    /// Write the trained network to this file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// Print no progress
    #[arg(long)]
    quiet: bool,
}

impl Flags {
    /// Builds the trainer, with the settings that a wrong division of the work would disturb.
    fn trainer(&self) -> Trainer<f32> {
        let stretches = Stretches {
            batch: self.batch,
            block: self.block,
            seed: self.seed,
        };
        Trainer::new(SquaredError, Muon::new(0.02))
            .schedule(Cosine::default())
            .batch_size(self.batch)
            .order(Order::custom(move |epoch, rows| {
                stretches.arrange(epoch, rows);
            }))
            .seed(self.seed)
            .l2(1e-3)
            .clip(Clip::Norm(1.0))
            .dropout(0.05)
            .epochs(self.epochs)
            .threads(self.threads)
    }

    fn network(&self, [inputs, outputs]: [usize; 2]) -> Result<Mlp<f32>> {
        let builder = Mlp::builder(inputs).hidden_layers(2, self.hidden, Tanh);
        Ok(builder.output(outputs, Identity).seed(self.seed).build()?)
    }

    fn finish(&self, net: &Mlp<f32>) -> Result<()> {
        if let Some(path) = &self.save {
            net.save(path)?;
            say::wrote(&[path]);
        }
        println!("hash={:016x}", hash(net.params()));
        Ok(())
    }
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    if !flags.single {
        return run_ranks(|world| shared(&flags, world));
    }
    match alone(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

fn report(flags: &Flags, epoch: &Epoch) {
    if !flags.quiet {
        println!("epoch={} loss={:.9e}", epoch.number, epoch.loss);
    }
}

fn alone(flags: &Flags) -> Result<()> {
    let all = Table::open(&flags.data)?.load()?;
    let mut net = flags.network(all.widths)?;
    let mut trainer = flags.trainer();
    let Some(path) = &flags.checkpoint else {
        for epoch in trainer.fit(&mut net, &all.inputs, &all.targets)?.epochs {
            report(flags, &epoch);
        }
        return flags.finish(&net);
    };
    let mut state = if path.exists() {
        TrainerState::load(path, &trainer, &mut net)?
    } else {
        trainer.init_state(&net)?
    };
    trainer = trainer.checkpoint(path, 1);
    let samples = Samples::new(&all.inputs, &all.targets);
    trainer.resume_with(&mut net, &mut state, &samples, |event, _| {
        event
            .epoch()
            .into_iter()
            .for_each(|epoch| report(flags, epoch));
        ControlFlow::Continue(())
    })?;
    flags.finish(&net)
}

fn shared(flags: &Flags, world: &SimpleCommunicator) -> Result<()> {
    let table = Table::open(&flags.data)?;
    let mut net = flags.network(table.widths())?;
    let training = Training {
        trainer: flags.trainer(),
        reduction: if flags.allreduce {
            Reduction::AllReduce
        } else {
            Reduction::Ordered
        },
        threads: flags.threads,
        checkpoints: flags.checkpoint.as_ref().map(|path| Checkpoints {
            path: path.clone(),
            every: flags.every,
        }),
    };
    let first = world.rank() == 0;
    if first {
        println!("ranks={} samples={}", world.size(), table.samples());
    }
    let outcome = training.run(world, &mut net, &table, |epoch, _| {
        if first {
            report(flags, epoch);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let read = gather(world, table.bytes_read());
    let sent = gather(world, outcome.bytes_sent);
    if first {
        let updates = outcome.state.optimizer().updates();
        println!(
            "parameters={} updates={updates} bytes={}",
            net.params().len(),
            table.bytes()
        );
        println!("read={read:?}");
        println!("sent={sent:?}");
        flags.finish(&net)?;
    }
    Ok(())
}

/// Gathers a number from each rank.
fn gather(world: &SimpleCommunicator, number: u64) -> Vec<u64> {
    let mut all = vec![0_u64; world.size() as usize];
    world.all_gather_into(&number, &mut all[..]);
    all
}
