//! Modules as they are generated, for the lints and for a benchmark.
