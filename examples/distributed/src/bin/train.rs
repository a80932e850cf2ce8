//! Trains a network on a table of samples, on as many ranks as `mpirun` starts, or with
//! `--single` by `Trainer::fit` in one process; prints a hash of its parameters.

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

/// Trains a network on a table of samples: on all ranks that mpirun started, each of which reads its
/// part, or in one process that has all of them in memory.
#[derive(Debug, Parser)]
#[command(name = "train")]
struct Flags {
    /// The table: safetensors with F32 `inputs` and `targets`, as `dataset` writes one
    data: PathBuf,

    /// Train in this process alone, by `Trainer::fit`, without MPI
    #[arg(long)]
    single: bool,

    /// Add gradients up by MPI's own all-reduce, whose bits depend on the number of ranks
    #[arg(long, conflicts_with = "single")]
    allreduce: bool,

    /// Samples in a minibatch
    #[arg(long, value_name = "N", default_value_t = 1600)]
    batch: usize,

    /// Passes over the table
    #[arg(long, value_name = "N", default_value_t = 10)]
    epochs: usize,

    /// Neurons in each of two hidden layers
    #[arg(long, value_name = "N", default_value_t = 64)]
    hidden: usize,

    /// Neighbouring rows that are shuffled, and read, together
    #[arg(long, value_name = "N", default_value_t = 16)]
    block: usize,

    /// Where initial weights and the order of the samples come from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Threads of each rank
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// Keep the state of the training in this file, and go on from it if it is there
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// Updates from one checkpoint to the next, beside those after each epoch; 0: none
    #[arg(long, value_name = "N", default_value_t = 0)]
    every: u64,

    /// Write the trained network to this file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

impl Flags {
    /// Everything that decides bits: of all settings a few that a share could get wrong.
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
        }
        println!("hash={:016x}", hash(net.params()));
        Ok(())
    }
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    if !flags.single {
        return run_ranks("train", |world| shared(&flags, world));
    }
    match alone(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("train: {error}");
            ExitCode::FAILURE
        }
    }
}

fn report(epoch: &Epoch) {
    println!("epoch={} loss={:.9e}", epoch.number, epoch.loss);
}

fn alone(flags: &Flags) -> Result<()> {
    let all = Table::open(&flags.data)?.load()?;
    let mut net = flags.network(all.widths)?;
    let mut trainer = flags.trainer();
    let Some(path) = &flags.checkpoint else {
        for epoch in trainer.fit(&mut net, &all.inputs, &all.targets)?.epochs {
            report(&epoch);
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
        event.epoch().into_iter().for_each(report);
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
            report(epoch);
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

/// A number of each rank.
fn gather(world: &SimpleCommunicator, number: u64) -> Vec<u64> {
    let mut all = vec![0_u64; world.size() as usize];
    world.all_gather_into(&number, &mut all[..]);
    all
}
