//! Keeps the rules for English, links and names that a program can check.
//!
//! Each test checks one rule in the whole repository. It lists every finding as
//! `file:line: what: text`, so that an editor can jump to it.
//!
//! `cargo test --test words` runs them all.

mod code_blocks;
mod figures;
mod files;
mod finding;
mod glossary;
mod links;
mod markdown;
mod package;
mod paragraph;
mod prose;
mod retired;
mod tables;

use files::File;
use finding::{Finding, assert_none};

/// Checks one rule in each file for itself.
fn in_each_file(rule: fn(&File) -> Vec<Finding>) -> Vec<Finding> {
    files::all().iter().flat_map(rule).collect()
}

#[test]
fn paragraphs_open_with_their_subject() {
    assert_none(&in_each_file(prose::openings));
}

#[test]
fn lines_have_at_most_100_columns() {
    assert_none(&in_each_file(prose::lengths));
}

#[test]
fn sentences_have_at_most_25_words_and_one_colon() {
    assert_none(&in_each_file(prose::sentences));
}

#[test]
fn links_and_paths_lead_to_files_and_headings() {
    assert_none(&links::broken(files::all()));
}

#[test]
fn readme_leads_to_every_page() {
    assert_none(&links::unreachable(files::all()));
}

#[test]
fn packaged_pages_link_to_packaged_files() {
    assert_none(&package::links_out(files::all()));
}

#[test]
fn code_blocks_are_closed_named_and_compiled() {
    assert_none(&code_blocks::wrong(files::all()));
}

#[test]
fn figures_are_in_performance_md() {
    assert_none(&in_each_file(figures::outside));
}

#[test]
fn retired_words_never_occur() {
    assert_none(&in_each_file(retired::words));
}

#[test]
fn names_that_the_glossary_retired_never_occur() {
    assert_none(&glossary::retired(files::all()));
}
