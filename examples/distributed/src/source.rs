//! Sources of samples.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use crate::Result;

/// Samples with random access by row number.
pub trait Source {
    /// Returns the number of samples.
    fn samples(&self) -> usize;

    /// Returns the number of inputs and of targets of a sample.
    fn widths(&self) -> [usize; 2];

    /// Reads only these rows, row-major, and replaces the content of the buffers.
    fn read(&self, rows: &[usize], inputs: &mut Vec<f32>, targets: &mut Vec<f32>) -> Result<()>;
}

/// Samples in memory.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Inputs, row-major.
    pub inputs: Vec<f32>,
    /// Targets, row-major.
    pub targets: Vec<f32>,
    /// Number of columns of each.
    pub widths: [usize; 2],
}

impl Source for Memory {
    fn samples(&self) -> usize {
        self.inputs.len() / self.widths[0]
    }

    fn widths(&self) -> [usize; 2] {
        self.widths
    }

    fn read(&self, rows: &[usize], inputs: &mut Vec<f32>, targets: &mut Vec<f32>) -> Result<()> {
        let [x, y] = self.widths;
        inputs.clear();
        targets.clear();
        for &row in rows {
            inputs.extend_from_slice(&self.inputs[row * x..][..x]);
            targets.extend_from_slice(&self.targets[row * y..][..y]);
        }
        Ok(())
    }
}

/// Table in a safetensors file, of which only requested rows are read. It has two tensors of f32:
/// `inputs` `[samples x inputs]` and `targets` `[samples x outputs]`.
#[derive(Debug)]
pub struct Table {
    file: File,
    samples: usize,
    columns: [Columns; 2],
    read: AtomicU64,
}

/// Position of a tensor in the file.
#[derive(Clone, Copy, Debug)]
struct Columns {
    start: u64,
    width: usize,
}

/// Maximum length of a header. The format allows more, but two tensors need a few hundred bytes.
const MOST_HEADER: u64 = 1 << 20;

/// Number of bytes of a value.
const F32: usize = size_of::<f32>();

impl Table {
    /// Opens a file and reads its header.
    pub fn open(path: &Path) -> Result<Self> {
        Self::of(path).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    fn of(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let mut len = [0; 8];
        file.read_exact_at(&mut len, 0)?;
        let len = u64::from_le_bytes(len);
        if len > MOST_HEADER {
            return Err(format!("header: expected at most {MOST_HEADER} bytes, got {len}").into());
        }
        let mut header = vec![0; len as usize];
        file.read_exact_at(&mut header, 8)?;
        let header: Metadata = serde_json::from_slice(&header)?;
        let expected = 8 + len + header.data_len() as u64;
        let got = file.metadata()?.len();
        if got != expected {
            return Err(format!("file: expected {expected} bytes, got {got}").into());
        }
        let find = |name: &str| -> Result<(usize, Columns)> {
            let tensor = header
                .info(name)
                .ok_or_else(|| format!("no tensor {name}"))?;
            match (tensor.dtype, &tensor.shape[..]) {
                (Dtype::F32, &[samples, width]) if samples > 0 && width > 0 => {
                    let start = 8 + len + tensor.data_offsets.0 as u64;
                    Ok((samples, Columns { start, width }))
                }
                (dtype, shape) => {
                    let expected = "expected F32 [samples, columns], at least 1 of each";
                    Err(format!("tensor {name}: {expected}, got {dtype:?} {shape:?}").into())
                }
            }
        };
        let ((samples, inputs), (others, targets)) = (find("inputs")?, find("targets")?);
        if samples != others {
            return Err(format!("targets: expected {samples} rows, got {others}").into());
        }
        Ok(Self {
            file,
            samples,
            columns: [inputs, targets],
            read: AtomicU64::new(0),
        })
    }

    /// Returns the number of bytes of samples read so far.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes of all samples.
    pub fn bytes(&self) -> u64 {
        let [x, y] = self.widths();
        (self.samples * (x + y) * F32) as u64
    }

    /// Loads all samples, for a single process that has enough memory.
    pub fn load(&self) -> Result<Memory> {
        let rows: Vec<usize> = (0..self.samples).collect();
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        self.read(&rows, &mut inputs, &mut targets)?;
        Ok(Memory {
            inputs,
            targets,
            widths: self.widths(),
        })
    }

    /// Appends `count` rows from `first` on.
    fn append(
        &self,
        columns: Columns,
        first: usize,
        count: usize,
        to: &mut Vec<f32>,
    ) -> Result<()> {
        let row = columns.width * F32;
        let mut bytes = vec![0; count * row];
        let at = columns.start + first as u64 * row as u64;
        self.file.read_exact_at(&mut bytes, at)?;
        self.read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let (numbers, _) = bytes.as_chunks::<F32>();
        to.extend(numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)));
        Ok(())
    }
}

impl Source for Table {
    fn samples(&self) -> usize {
        self.samples
    }

    fn widths(&self) -> [usize; 2] {
        self.columns.map(|columns| columns.width)
    }

    fn read(&self, rows: &[usize], inputs: &mut Vec<f32>, targets: &mut Vec<f32>) -> Result<()> {
        inputs.clear();
        targets.clear();
        // Neighboring rows are read together.
        for run in rows.chunk_by(|&a, &b| a + 1 == b) {
            self.append(self.columns[0], run[0], run.len(), inputs)?;
            self.append(self.columns[1], run[0], run.len(), targets)?;
        }
        Ok(())
    }
}

/// Writes a table file. `fill` writes the inputs of each sample, by its number, and in a second
/// pass the targets.
pub fn write_table(
    path: &Path,
    samples: usize,
    widths: [usize; 2],
    mut fill: impl FnMut(Part, usize, &mut [f32]),
) -> Result<()> {
    let [x, y] = widths.map(|width| samples * width * F32);
    let header = serde_json::json!({
        "inputs": {"dtype": "F32", "shape": [samples, widths[0]], "data_offsets": [0, x]},
        "targets": {"dtype": "F32", "shape": [samples, widths[1]], "data_offsets": [x, x + y]},
    });
    let mut header = header.to_string();
    // Spaces align the values that follow.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let explain = |error| format!("{}: {error}", path.display());
    let mut file = BufWriter::new(File::create(path).map_err(explain)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    for (part, width) in [Part::Inputs, Part::Targets].into_iter().zip(widths) {
        let mut row = vec![0.0; width];
        for sample in 0..samples {
            fill(part, sample, &mut row);
            for number in &row {
                file.write_all(&number.to_le_bytes())?;
            }
        }
    }
    file.flush().map_err(|error| explain(error).into())
}

/// Part of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Inputs of the network.
    Inputs,
    /// Targets of the network.
    Targets,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(part: Part, sample: usize, row: &mut [f32]) {
        let first = if part == Part::Inputs { 0.0 } else { 0.5 };
        for (column, x) in row.iter_mut().enumerate() {
            *x = first + sample as f32 + column as f32 * 1000.0;
        }
    }

    #[test]
    fn rows_are_read_alone_and_bad_files_are_errors() {
        let folder = std::env::temp_dir().join(format!("distributed-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("table.safetensors");
        write_table(&path, 100, [3, 2], fill).unwrap();
        let table = Table::open(&path).unwrap();
        assert_eq!((table.samples(), table.widths()), (100, [3, 2]));
        let (mut x, mut y) = (Vec::new(), Vec::new());
        let rows = [7, 8, 9, 99, 0];
        table.read(&rows, &mut x, &mut y).unwrap();
        assert_eq!(table.bytes_read(), 5 * 5 * 4);
        let (mut other_x, mut other_y) = (vec![1.0], vec![1.0]);
        let all = table.load().unwrap();
        all.read(&rows, &mut other_x, &mut other_y).unwrap();
        assert_eq!((&x, &y), (&other_x, &other_y));
        assert_eq!(x[..4], [7.0, 1007.0, 2007.0, 8.0]);
        assert_eq!(y[8..], [0.5, 1000.5]);
        assert!(table.read(&[100], &mut x, &mut y).is_err());

        let bytes = std::fs::read(&path).unwrap();
        let mut long = bytes.clone();
        long.push(0);
        let other = String::from_utf8_lossy(&bytes[8..]).replace("targets", "TARGETS");
        let other = [&bytes[..8], &other.as_bytes()[..=other.find('}').unwrap()]].concat();
        for bad in [&bytes[..5], &bytes[..200], &long, &[255; 64], &other] {
            std::fs::write(&path, bad).unwrap();
            let error = Table::open(&path).unwrap_err().to_string();
            assert!(error.contains("table.safetensors: "), "{error}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
