//! Models as Rust source.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::column::Kind;
use super::member::Member;
use super::model::TabularModel;
use super::target::Task;
use crate::error::{Error, Result, bounded};
use crate::tabular_ref::Calibrator;

impl TabularModel {
    /// Returns this model as Rust source, for programs without files and allocations.
    ///
    /// The source has three public items:
    ///
    /// - `struct Row` has a field for each column. Fields have type `Option<f64>`, `Option<&str>`
    ///   or `Option<bool>`, and the exposure of counts is a `f64`. Names are those of the columns
    ///   in lower case, with `_` for other characters than ASCII letters and digits.
    /// - `fn predict(row: &Row) -> feedforward::Result<[f64; N]>` returns the numbers of
    ///   [`predict`](Self::predict), or the probabilities of
    ///   [`predict_probability`](Self::predict_probability). They are bit-identical on the same
    ///   instruction set, also for missing cells and unseen words. A microcontroller has the bits
    ///   of [`InstructionSet::Portable`](crate::simd::InstructionSet).
    /// - `static CLASSES: [&str; N]` has the classes. For other models it is `TARGETS`.
    ///
    /// The program needs this crate with the feature `tabular`, and without default features.
    /// A build script writes the source to `OUT_DIR`, and the program includes it in a module:
    ///
    /// ```text
    /// mod price {
    ///     include!(concat!(env!("OUT_DIR"), "/price.rs"));
    /// }
    /// ```
    ///
    /// ```
    /// use feedforward::tabular::{Column, Table, Tabular};
    ///
    /// let table = Table::new()
    ///     .with("Floor area", Column::numbers(0..60))?
    ///     .with("type", Column::words((0..60).map(|i| ["house", "flat"][i % 2])))?
    ///     .with("price", Column::numbers((0..60).map(|i| 3 * i)))?;
    /// let model = Tabular::regressor(&table, "price").folds(1).epochs(5).hidden(&[4]).fit()?;
    /// let source = model.to_rust()?;
    /// assert!(source.contains("    pub floor_area: Option<f64>,"));
    /// assert!(source.contains("    pub type_: Option<&'a str>,"));
    /// assert!(source.contains("pub fn predict(row: &Row<'_>) -> feedforward::Result<[f64; 1]>"));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::UnknownName`] if an activation or encoding is not one of this crate's.
    /// - [`Error::Incompatible`] if networks of a file have columns of one name and different
    ///   kinds.
    pub fn to_rust(&self) -> Result<String> {
        let fields = self.fields()?;
        let mut source = row(&fields);
        let outputs = self.target.outputs();
        let (names, what, list) = match self.target.task {
            Task::Classes => (&self.target.classes, "probabilities", "CLASSES"),
            Task::Labels => (&self.target.names, "probabilities", "TARGETS"),
            Task::Numbers | Task::Logarithms => (&self.target.names, "numbers", "TARGETS"),
            Task::Counts => (&self.target.names, "expected counts", "TARGETS"),
        };
        let lifetime = if has_words(&fields) { "<'_>" } else { "" };
        let mut cells = String::new();
        for Field { ident, .. } in &fields {
            let _ = writeln!(cells, "        Value::from(row.{ident}),");
        }
        let _ = write!(
            source,
            "
/// Names of the {what} that `predict` returns.
#[rustfmt::skip]
#[allow(dead_code)]
pub static {list}: [&str; {outputs}] = {names:?};

/// Predicts the {what} of [`{list}`], and allocates nothing.
///
/// # Errors
/// Returns `NotFinite` for a number that is infinite or too large, and `Overflow` if an output of a
/// network is not finite.
#[allow(dead_code)]
pub fn predict(row: &Row{lifetime}) -> feedforward::Result<[f64; {outputs}]> {{
    use feedforward::tabular_ref::Value;
    let cells = [
{cells}    ];
    MODEL.predict(&cells, &mut [0.0; MODEL.scratch_len()])
}}
"
        );
        source += &self.statics(&fields)?;
        Ok(source)
    }

    /// Returns the cells of a row: the columns of all networks, and the exposure.
    fn fields(&self) -> Result<Vec<Field<'_>>> {
        let (mut fields, mut taken) = (Vec::<Field<'_>>::new(), BTreeSet::new());
        let columns = self.members.iter().flat_map(|m| m.columns.columns());
        let columns = columns.map(|(name, kind)| (name, kind, false));
        let exposure = self.target.exposure.iter();
        let exposure = exposure.map(|name| (&**name, Kind::Numbers, true));
        for (name, kind, is_exposure) in columns.chain(exposure) {
            match fields.iter_mut().find(|field| field.name == name) {
                Some(field) if field.kind == kind => field.is_exposure |= is_exposure,
                Some(field) => {
                    return Err(Error::incompatible(
                        "kind of a column",
                        format!("{} as in another network", field.kind),
                        format!("{kind} in {:?}", bounded(name.into())),
                    ));
                }
                None => fields.push(Field {
                    name,
                    ident: ident(name, &mut taken),
                    kind,
                    is_exposure,
                }),
            }
        }
        Ok(fields)
    }

    /// Returns the `static` of the model.
    fn statics(&self, fields: &[Field<'_>]) -> Result<String> {
        let cell = |name: &str| fields.iter().position(|field| field.name == name);
        let mut members = String::new();
        for Member {
            columns,
            net,
            scaler,
            weight,
            ..
        } in &self.members
        {
            let columns = columns.rust_specs(|name| cell(name).unwrap_or_default());
            let units = scaler.iter().flat_map(|scaler| {
                let units = scaler.offsets().iter().zip(scaler.scales());
                units.map(|(offset, scale)| format!("({}, {})", number(*offset), number(*scale)))
            });
            let units = units.collect::<Vec<_>>().join(", ");
            let net = net.rust_expression()?;
            let _ = write!(
                members,
                "MemberSpec {{
columns: &[
{columns}],
net: {net},
units: &[{units}],
weight: {weight},
}},
"
            );
        }
        let count = self.members.len();
        let link = self.target.task.link();
        let exposure = fields.iter().position(|field| field.is_exposure);
        let exposure = exposure.map_or(String::new(), |cell| format!(".exposure({cell})"));
        let calibrator = self.calibrator().map_or(String::new(), rust_calibrator);
        Ok(format!(
            "
#[rustfmt::skip]
#[allow(unused_imports, clippy::approx_constant, clippy::unreadable_literal)]
static MODEL: feedforward::tabular_ref::TabularRef<'static> = {{
use feedforward::calibration::{{Quadratic, Temperature}};
use feedforward::tabular_ref::{{Calibrator, ColumnSpec, FormSpec, LevelsSpec, Link, MemberSpec}};
use feedforward::tabular_ref::{{ScaleSpec, TabularRef}};
static MEMBERS: [MemberSpec<'static>; {count}] = [
{members}];
TabularRef::constant(Link::{link:?}, &MEMBERS){exposure}{calibrator}
}};
"
        ))
    }
}

/// Returns the call that adds a calibrator to a model.
fn rust_calibrator(calibrator: &Calibrator) -> String {
    let calibrator = match calibrator {
        Calibrator::Temperature(of) => {
            let (temperature, mixing) = (of.temperature(), of.mixing());
            format!("Temperature(Temperature::constant({temperature:?}, {mixing:?}))")
        }
        Calibrator::Quadratic(of) => {
            let (coefficients, mixing) = (of.coefficients(), of.mixing());
            format!("Quadratic(Quadratic::constant({coefficients:?}, {mixing:?}))")
        }
    };
    format!("\n    .calibrated(Calibrator::{calibrator})")
}

/// A field of a row.
struct Field<'a> {
    /// Name of the column.
    name: &'a str,
    ident: String,
    kind: Kind,
    is_exposure: bool,
}

fn has_words(fields: &[Field<'_>]) -> bool {
    let is_word = |field: &Field<'_>| matches!(field.kind, Kind::Words | Kind::Levels);
    fields.iter().any(is_word)
}

/// Returns the struct of a row.
fn row(fields: &[Field<'_>]) -> String {
    let lifetime = if has_words(fields) { "<'a>" } else { "" };
    let mut source = format!(
        "\
/// Row of a table. `Row::default()` has only missing cells.
///
/// Generated by `TabularModel::to_rust`. Do not edit it; train the model and generate it again.
#[rustfmt::skip]
#[allow(dead_code)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row{lifetime} {{
"
    );
    for field in fields {
        let type_ = match field.kind {
            Kind::Numbers if field.is_exposure => "f64",
            Kind::Numbers => "Option<f64>",
            Kind::Booleans => "Option<bool>",
            Kind::Words | Kind::Levels => "Option<&'a str>",
        };
        // Between backquotes, rustdoc finds neither links nor tags.
        let name = format!("{:?}", bounded(field.name.into())).replace('`', "'");
        let what = if field.is_exposure {
            "Exposure, a number above 0"
        } else {
            "Cell"
        };
        let ident = &field.ident;
        let _ = writeln!(
            source,
            "    /// {what}: column `{name}`.\n    pub {ident}: {type_},"
        );
    }
    source + "}\n"
}

/// Keywords of Rust, also reserved ones.
const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "union",
];

/// Returns the name of a column's field, in ASCII. It differs from all that are taken.
fn ident(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut ident = String::new();
    let mut before = '_';
    for c in name.chars() {
        let starts_word = c.is_ascii_uppercase() && before.is_ascii_lowercase();
        let is_gap = starts_word || !c.is_ascii_alphanumeric();
        if is_gap && !ident.ends_with('_') && !ident.is_empty() {
            ident.push('_');
        }
        if c.is_ascii_alphanumeric() {
            ident.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    let mut ident = String::from(ident.trim_end_matches('_'));
    if ident.is_empty() {
        ident += "column";
    }
    if ident.starts_with(|c: char| c.is_ascii_digit()) {
        ident.insert_str(0, "column_");
    }
    let first = if KEYWORDS.contains(&&*ident) {
        format!("{ident}_")
    } else {
        ident.clone()
    };
    let numbered = (2..).map(|number: usize| format!("{ident}_{number}"));
    let mut names = core::iter::once(first).chain(numbered);
    let distinct = names.find(|name| taken.insert(name.clone()));
    distinct.unwrap_or(ident)
}

/// Returns a number as an expression that has its bits.
pub(super) fn number(x: f64) -> String {
    match x {
        _ if x.is_finite() => format!("{x:?}"),
        _ if x.is_nan() => "f64::NAN".into(),
        _ if x > 0.0 => "f64::INFINITY".into(),
        _ => "f64::NEG_INFINITY".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_names_of_rust() {
        for (name, expected) in [
            ("area", "area"),
            ("Floor area (m²)", "floor_area_m"),
            ("MedInc", "med_inc"),
            ("PM2.5", "pm2_5"),
            ("ID", "id"),
            ("__a--b__", "a_b"),
            ("2nd", "column_2nd"),
            ("type", "type_"),
            ("Self", "self_"),
            ("", "column"),
            ("面積", "column"),
            ("a\"b\n", "a_b"),
        ] {
            assert_eq!(ident(name, &mut BTreeSet::new()), expected, "{name}");
        }
    }

    #[test]
    fn fields_have_different_names() {
        let mut taken = BTreeSet::new();
        let names = ["a b", "a_b_2", "A B", "a-b", "type", "Type", "", "_"];
        let fields = names.map(|name| ident(name, &mut taken));
        let expected = [
            "a_b", "a_b_2", "a_b_3", "a_b_4", "type_", "type_2", "column", "column_2",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn every_number_is_an_expression() {
        assert_eq!(number(-0.0), "-0.0");
        assert_eq!(number(5e-324), "5e-324");
        assert_eq!(number(f64::NEG_INFINITY), "f64::NEG_INFINITY");
        assert_eq!(number(f64::NAN), "f64::NAN");
    }
}
