//! Words that the rules forbid. The rules do not apply to this file.

/// Words that open no paragraph, list item, heading or comment.
pub const OPENINGS: [&str; 10] = [
    "What", "Where", "How", "Those", "That", "Whether", "Which", "The same", "Whoever", "Whatever",
];

/// Pages that may have times and ratios of speed.
pub const FIGURES_ALLOWED: [&str; 5] = [
    "docs/performance.md",
    "README.md",
    "examples/README.md",
    "benches/peers/README.md",
    "CHANGELOG.md",
];

pub const UNITS: [&str; 26] = [
    "ns",
    "µs",
    "μs",
    "us",
    "ms",
    "s",
    "dB",
    "GFLOP",
    "GFLOPS",
    "GFLOP/s",
    "nanosecond",
    "nanoseconds",
    "microsecond",
    "microseconds",
    "millisecond",
    "milliseconds",
    "second",
    "seconds",
    "minute",
    "minutes",
    "hour",
    "hours",
    "GB/s",
    "MB/s",
    "GiB/s",
    "MiB/s",
];

/// Numbers that a ratio of speed or a time may have as words.
pub const NUMBERS: [&str; 12] = [
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twenty", "hundred",
    "thousand",
];

/// Phrases of an old style, and their replacements. The glossary retires more.
pub const PHRASES: [(&str, &str); 21] = [
    ("so many", "n, or this many"),
    ("whoever", "the caller"),
    ("whatever", "regardless of"),
    ("go on", "continue, or resume"),
    ("goes on", "continues, or resumes"),
    ("going on", "continuing, or resuming"),
    ("went on", "continued, or resumed"),
    ("gone on", "continued, or resumed"),
    ("if told", "if set"),
    ("is told", "is given"),
    ("are told", "are given"),
    ("was told", "was given"),
    ("when told", "when set"),
    ("ours", "this crate's"),
    ("theirs", "the name of the other library"),
    ("put up with", "tolerate"),
    ("puts up with", "tolerates"),
    ("as it pleases", "in any order"),
    ("the house", "this crate"),
    ("this house", "this crate"),
    ("glue", "code between both"),
];

/// Words before "training" that make it a countable noun: use "training run".
pub const ARTICLES: [&str; 9] = [
    "a", "this", "one", "each", "every", "another", "long", "short", "whole",
];

/// Words before which "training" is no part of a compound such as "training step".
pub const AFTER_TRAINING: [&str; 24] = [
    "and", "as", "at", "by", "can", "ends", "for", "from", "goes", "has", "in", "is", "it", "of",
    "on", "or", "over", "stops", "that", "to", "was", "which", "while", "with",
];

/// Parts of words in British spelling, which occur in no American word, and in American.
pub const BRITISH: [(&str, &str); 25] = [
    ("colour", "color"),
    ("behaviour", "behavior"),
    ("neighbour", "neighbor"),
    ("favour", "favor"),
    ("labour", "labor"),
    ("honour", "honor"),
    ("labelled", "labeled"),
    ("labelling", "labeling"),
    ("modelled", "modeled"),
    ("modelling", "modeling"),
    ("cancelled", "canceled"),
    ("cancelling", "canceling"),
    ("travelled", "traveled"),
    ("travelling", "traveling"),
    ("licence", "license"),
    ("centred", "centered"),
    ("centre", "center"),
    ("centring", "centering"),
    ("sceptic", "skeptic"),
    ("catalogue", "catalog"),
    ("artefact", "artifact"),
    ("practise", "practice"),
    ("analysed", "analyzed"),
    ("analysing", "analyzing"),
    ("programme ", "program "),
];

/// Whole words in British spelling, and in American.
pub const BRITISH_WORDS: [(&str, &str); 10] = [
    ("grey", "gray"),
    ("greys", "grays"),
    ("metre", "meter"),
    ("metres", "meters"),
    ("litre", "liter"),
    ("fulfil", "fulfill"),
    ("fulfils", "fulfills"),
    ("analyse", "analyze"),
    ("whilst", "while"),
    ("amongst", "among"),
];

/// Stems that British spelling ends in "-ise", "-ised", "-iser", "-ising" or "-isation".
pub const ISE_STEMS: [&str; 32] = [
    "optim",
    "initial",
    "quant",
    "minim",
    "maxim",
    "normal",
    "regular",
    "vector",
    "serial",
    "factor",
    "summar",
    "recogn",
    "synchron",
    "parallel",
    "general",
    "special",
    "organ",
    "util",
    "standard",
    "random",
    "memor",
    "visual",
    "penal",
    "emphas",
    "real",
    "equal",
    "final",
    "discret",
    "linear",
    "stabil",
    "local",
    "character",
];
