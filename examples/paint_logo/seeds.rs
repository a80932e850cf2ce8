//! Statistics of one training setup over several seeds.

use crate::flags::Flags;
use crate::painter::Result;
use crate::picture::{Picture, psnr_between};
use crate::training::{Recording, Training};

/// Prints a line for each seed, then the medians.
pub fn run(flags: &Flags, count: u32, picture: &Picture) -> Result<()> {
    println!("seed    epochs        loss   PSNR, dB   seconds   last/first epoch");
    let mut rows = Vec::new();
    for run in 0..count {
        let seed = flags.seed.wrapping_add(run.into());
        let flags = flags.with_seed(seed);
        let mut training = Training::new(&flags, picture)?;
        let outcome = training.run(Recording::End, &format!("seed {seed}: "))?;
        let painting = training
            .canvas
            .paint(&training.net, training.canvas.size())?;
        let last = &outcome.records[outcome.records.len() - 1];
        let row = [
            last.epochs,
            outcome.loss(),
            psnr_between(&painting, picture.image())?,
            outcome.seconds,
            outcome.slowdown(),
        ];
        print_row(&seed.to_string(), &row);
        rows.push(row);
    }
    let medians: [f64; 5] = std::array::from_fn(|column| {
        let mut values: Vec<f64> = rows.iter().map(|row| row[column]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    });
    print_row("median", &medians);
    Ok(())
}

fn print_row(name: &str, [epochs, loss, psnr, seconds, slowdown]: &[f64; 5]) {
    println!(
        "{name:<6}  {epochs:>6.1}  {loss:>10.4e}  {psnr:>9.2}  {seconds:>8.3}  {slowdown:>17.2}"
    );
}
