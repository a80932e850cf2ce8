//! Teaches a picture to a network, as `paint_logo` does by default, on the ranks that `mpirun`
//! starts.

use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Parser;
use distributed::{Checkpoints, Reduction, Result, Source, Training, hash, run_ranks};
use feedforward::activation::{Identity, Relu};
use feedforward::encoding::Fourier;
use feedforward::loss::ScikitSquaredError;
use feedforward::optimizer::Muon;
use feedforward::schedule::Cosine;
use feedforward::{Mlp, Trainer};
use mpi::topology::SimpleCommunicator;
use mpi::traits::Communicator;

use canvas::Canvas;
use flags::Flags;
use painter::{COLORS, PLACE};
use picture::Picture;

#[macro_use]
#[path = "../../../../common/say.rs"]
mod say;

#[path = "../../../../paint_logo/canvas.rs"]
#[allow(dead_code)] // paint_logo uses more of it
mod canvas;
#[path = "../../../../support/src/decode.rs"]
mod decode;
mod flags;
#[path = "../../../../paint_logo/picture.rs"]
#[allow(dead_code)] // paint_logo reads more kinds of pictures
mod picture;

/// Items that paint_logo's modules expect of a program.
mod painter {
    pub use distributed::Result;

    /// Number of coordinates of a place: row and column.
    pub const PLACE: usize = 2;

    /// Number of parts of a color: red, green and blue.
    pub const COLORS: usize = 3;
}

/// Pixels of a picture, line by line. A rank encodes only the requested ones.
struct Pixels<'a> {
    picture: &'a Picture,
    canvas: &'a Canvas,
}

impl Source for Pixels<'_> {
    fn samples(&self) -> usize {
        self.picture.image().pixels().len()
    }

    fn widths(&self) -> [usize; 2] {
        [PLACE, COLORS]
    }

    fn read(&self, rows: &[usize], inputs: &mut Vec<f32>, targets: &mut Vec<f32>) -> Result<()> {
        let columns = self.picture.image().width();
        let places = rows
            .iter()
            .map(|&row| (row as u32 / columns, row as u32 % columns));
        *inputs = self.canvas.inputs(
            places
                .clone()
                .map(|(row, column)| (row.into(), column.into())),
        );
        targets.clear();
        targets.extend(places.flat_map(|(row, column)| self.picture.color(row, column)));
        Ok(())
    }
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    run_ranks(|world| paint(&flags, world))
}

fn training(flags: &Flags) -> Training {
    let muon = Muon {
        weight_decay: 0.1,
        ..Muon::new(flags.learning_rate)
    };
    Training {
        trainer: Trainer::new(ScikitSquaredError, muon)
            .schedule(Cosine::default())
            .batch_size(flags.batch)
            .seed(flags.seed)
            .epochs(flags.epochs),
        reduction: if flags.allreduce {
            Reduction::AllReduce
        } else {
            Reduction::Ordered
        },
        threads: flags.threads,
        checkpoints: flags
            .checkpoint
            .clone()
            .map(|path| Checkpoints { path, every: 0 }),
    }
}

fn paint(flags: &Flags, world: &SimpleCommunicator) -> Result<()> {
    let first = world.rank() == 0;
    if first {
        picture::prepare_folder(&flags.out)?;
    }
    let picture = Picture::load(flags.image.as_deref(), [255; 3])?;
    let canvas = Canvas::new(picture.image().dimensions(), flags)?;
    let sample = picture.sample(&canvas);
    let pixels = Pixels {
        picture: &picture,
        canvas: &canvas,
    };
    let fourier = Fourier::new(PLACE, flags.frequencies, flags.sigma, flags.seed)?;
    let mut net = Mlp::builder(PLACE)
        .encoding(fourier)
        .hidden_layers(9, 100, Relu)
        .output(COLORS, Identity)
        .seed(flags.seed)
        .build()?;
    if first {
        let (name, ranks) = (picture.name(), world.size());
        println!("{name}: {} pixels, {ranks} ranks", pixels.samples());
    }
    training(flags).run(world, &mut net, &pixels, |epoch, net| {
        if first && !flags.quiet {
            let psnr = sample.psnr(net)?;
            println!(
                "epoch={} loss={:.4e} psnr={psnr:.2}",
                epoch.number, epoch.loss
            );
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if first {
        let painting = canvas.paint(&net, canvas.enlarged())?;
        let files = ["painting.png", "model.safetensors"].map(|name| flags.out.join(name));
        painting.save(&files[0])?;
        canvas.with_network(&net).save(&files[1])?;
        say::wrote(&files);
        println!("hash={:016x}", hash(net.params()));
    }
    Ok(())
}
