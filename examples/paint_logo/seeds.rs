//! Statistics of one training setup over several seeds.

use crate::flags::Flags;
use crate::painter::Result;
use crate::picture::{Picture, psnr_between};
use crate::training::{Recording, Training};

/// Prints a line for each seed, then the medians.
pub fn run(flags: &Flags, count: u32, picture: &Picture) -> Result<()> {
    if flags.seed.checked_add((count - 1).into()).is_none() {
        let most = u64::MAX;
        return Err(format!("--seed, --seeds: expected seeds of at most {most}, got more").into());
    }
    println!("seed    epochs        loss   PSNR, dB   seconds   last/first epoch");
    let mut rows = Vec::new();
    for run in 0..count {
        let seed = flags.seed + u64::from(run);
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
        let (below, above) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        f64::midpoint(below, above)
    });
    print_row("median", &medians);
    Ok(())
}

fn print_row(name: &str, [epochs, loss, psnr, seconds, slowdown]: &[f64; 5]) {
    println!(
        "{name:<6}  {epochs:>6.1}  {loss:>10.4e}  {psnr:>9.2}  {seconds:>8.3}  {slowdown:>17.2}"
    );
}
