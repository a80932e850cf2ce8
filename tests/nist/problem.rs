//! Problems in NIST's text format, and their models.

use std::path::Path;

/// Value of a model for parameters and one row of predictors. It writes the derivatives, if asked.
pub type Model = fn(&[f64], &[f64], Option<&mut [f64]>) -> f64;

/// A problem with certified results.
pub struct Problem {
    pub name: String,
    pub model: Model,
    pub starts: [Vec<f64>; 2],
    pub certified: Vec<f64>,
    pub deviations: Vec<f64>,
    pub sum_of_squares: f64,
    pub residual_deviation: f64,
    pub responses: Vec<f64>,
    pub predictors: Vec<Vec<f64>>,
}

impl Problem {
    pub fn read(folder: &Path, name: &str, model: Model) -> Self {
        let path = folder.join(format!("{name}.dat"));
        let text = std::fs::read_to_string(&path).unwrap();
        let mut problem = Self {
            name: name.into(),
            model,
            starts: [Vec::new(), Vec::new()],
            certified: Vec::new(),
            deviations: Vec::new(),
            sum_of_squares: last_number(&text, "Residual Sum of Squares:"),
            residual_deviation: last_number(&text, "Residual Standard Deviation:"),
            responses: Vec::new(),
            predictors: Vec::new(),
        };
        let is_parameter = |line: &&str| {
            let mut words = line.split_whitespace();
            let first = words.next().unwrap_or_default();
            first.starts_with('b') && first[1..].parse::<u8>().is_ok() && words.next() == Some("=")
        };
        for line in text.lines().filter(is_parameter) {
            let numbers = numbers(&line[line.find('=').unwrap() + 1..]);
            problem.starts[0].push(numbers[0]);
            problem.starts[1].push(numbers[1]);
            problem.certified.push(numbers[2]);
            problem.deviations.push(numbers[3]);
        }
        let table = text.rfind("\nData:").unwrap() + 1;
        for line in text[table..]
            .lines()
            .skip(1)
            .filter(|line| !line.trim().is_empty())
        {
            let numbers = numbers(line);
            problem.responses.push(numbers[0]);
            problem.predictors.push(numbers[1..].to_vec());
        }
        let count = last_number(&text, "Number of Observations:") as usize;
        assert_eq!(problem.responses.len(), count, "{name}");
        if name == "Nelson" {
            problem.responses.iter_mut().for_each(|y| *y = y.ln());
        }
        problem
    }

    /// Writes residuals, and the Jacobian if asked.
    pub fn residuals(&self, p: &[f64], residuals: &mut [f64], jacobian: Option<&mut [f64]>) {
        let data = self.predictors.iter().zip(&self.responses);
        let Some(jacobian) = jacobian else {
            for (r, (x, y)) in residuals.iter_mut().zip(data) {
                *r = (self.model)(p, x, None) - y;
            }
            return;
        };
        let rows = jacobian.chunks_exact_mut(p.len());
        for ((r, row), (x, y)) in residuals.iter_mut().zip(rows).zip(data) {
            *r = (self.model)(p, x, Some(row)) - y;
        }
    }
}

/// Returns the number of correct digits, which certified numbers limit to 11.
pub fn digits(got: f64, certified: f64) -> f64 {
    let error = ((got - certified) / certified).abs();
    (-error.log10()).clamp(0.0, 11.0)
}

/// Returns the least number of correct digits.
pub fn least_digits(got: &[f64], certified: &[f64]) -> f64 {
    let pairs = got.iter().zip(certified);
    pairs
        .map(|(&got, &certified)| digits(got, certified))
        .fold(11.0, f64::min)
}

fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect()
}

fn last_number(text: &str, label: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(label)).unwrap();
    line[label.len()..].trim().parse().unwrap()
}
