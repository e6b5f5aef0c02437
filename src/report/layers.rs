//! What each layer costs and saves when it alone is quantized: for people and for programs.

use serde::Serialize;

use crate::measure::accuracy::Accuracy;
use crate::report::clean;
use crate::report::constraints::columns;
use crate::report::optimized::cosine;
use crate::units::Bytes;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// The longest bar, in characters.
const BAR: f64 = 20.0;

/// One layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The node's name, or its output's where it has none.
    pub node: String,
    /// Its operator.
    pub op_type: String,
    /// The cosine similarity of the model's outputs with this layer in integers, and without; `null` where it does not run.
    pub cosine: Option<f64>,
    /// The signal-to-noise ratio of the outputs in decibels; `null` where they are equal to the last bit, or it does not run.
    pub snr_db: Option<f64>,
    /// The largest absolute error of an output.
    pub max_abs_error: Option<f64>,
    /// The bytes that it saves; less than 0 where it costs some.
    pub saved_bytes: i64,
    /// Why there are no figures.
    pub failed: Option<String>,
}

/// All layers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Layers {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The model.
    pub model: String,
    /// Its build, where it is one.
    pub build: Option<String>,
    /// How layers were quantized.
    pub method: String,
    /// What ranges were found on.
    pub calibration: String,
    /// Samples that outputs were compared on.
    pub samples: usize,
    /// True where they were real ones.
    pub is_real: bool,
    /// Layers, those that cost most first.
    pub layers: Vec<Row>,
    /// How many there are; more than are listed where the run was interrupted.
    pub planned: usize,
    /// The outputs with all of them in integers; `null` where that does not run.
    pub whole: Option<Accuracy>,
    /// Bytes of the model, and with all of them in integers.
    pub sizes: (u64, u64),
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Sorts rows: what fails first, then what costs most.
pub fn sort(rows: &mut [Row]) {
    let rank = |row: &Row| match (&row.failed, row.snr_db) {
        (Some(_), _) => f64::NEG_INFINITY,
        (None, snr) => snr.unwrap_or(f64::INFINITY),
    };
    rows.sort_by(|one, other| rank(one).total_cmp(&rank(other)));
}

/// For people; `most` layers at most.
pub fn text(found: &Layers, most: usize) -> String {
    let kind = if found.is_real { "samples" } else { "made-up samples" };
    let mut text = format!(
        "{}: each layer alone in {}, outputs compared on {} {kind}\n\n",
        clean::sentence(&found.model, clean::NAME_LENGTH),
        found.method,
        found.samples
    );
    let worst = found.layers.iter().filter_map(noise).fold(0.0, f64::max);
    let rows = found.layers.iter().take(most).map(|row| {
        let figures = match &row.failed {
            Some(reason) => [clean::sentence(reason, 80), String::new()],
            None => [
                row.cosine.map_or_else(|| "–".to_owned(), cosine),
                row.snr_db
                    .map_or_else(|| "exact".to_owned(), |snr| format!("{snr:.1} dB")),
            ],
        };
        let [cosine, snr] = figures;
        vec![
            clean::line(&row.node, 60),
            clean::line(&row.op_type, 30),
            cosine,
            snr,
            saved(row.saved_bytes),
            noise(row).map(|noise| bar(noise, worst)).unwrap_or_default(),
        ]
    });
    text.push_str(&columns(
        &["layer, costliest first", "operator", "cosine", "SNR", "saves", "error"],
        rows,
    ));
    text.push('\n');
    let hidden = found.layers.len().saturating_sub(most);
    if hidden > 0 {
        text.push_str(&format!("and {hidden} more; `--limit` shows them\n"));
    }
    if found.layers.len() < found.planned {
        text.push_str(&format!(
            "interrupted: {} of {} layers were tried\n",
            found.layers.len(),
            found.planned
        ));
    }
    let (before, after) = found.sizes;
    if let Some(whole) = &found.whole {
        text.push_str(&format!(
            "\nall of them: cosine {}{}, {} → {}\n",
            cosine(whole.cosine),
            whole
                .snr_db
                .map_or_else(String::new, |snr| format!(", SNR {snr:.1} dB")),
            Bytes(before),
            Bytes(after)
        ));
    }
    text
}

/// The amplitude of the error, relative to the outputs.
fn noise(row: &Row) -> Option<f64> {
    row.snr_db.map(|snr| 10_f64.powf(-snr / 20.0))
}

fn bar(noise: f64, worst: f64) -> String {
    let length = (BAR * noise / worst.max(f64::MIN_POSITIVE)).round().clamp(0.0, BAR);
    "█".repeat(length as usize)
}

fn saved(bytes: i64) -> String {
    let amount = Bytes(bytes.unsigned_abs());
    if bytes < 0 {
        format!("−{amount}")
    } else {
        amount.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(node: &str, snr_db: Option<f64>, failed: Option<&str>) -> Row {
        Row {
            node: node.to_owned(),
            op_type: "Conv".to_owned(),
            cosine: failed.is_none().then_some(0.9991),
            snr_db,
            max_abs_error: Some(0.1),
            saved_bytes: if node == "c" { -40 } else { 12_000 },
            failed: failed.map(str::to_owned),
        }
    }

    #[test]
    fn the_costliest_comes_first() {
        let mut layers = vec![
            row("c", None, None),
            row("a", Some(40.0), None),
            row("b", Some(20.0), None),
            row("d", None, Some("no kernel")),
        ];
        sort(&mut layers);
        let found = Layers {
            schema: SCHEMA,
            model: "m.onnx".to_owned(),
            build: None,
            method: "int8-static".to_owned(),
            calibration: "128 samples".to_owned(),
            samples: 8,
            is_real: false,
            layers,
            planned: 5,
            whole: None,
            sizes: (100, 30),
            warnings: Vec::new(),
        };
        insta::assert_snapshot!(text(&found, 3), @r"
        m.onnx: each layer alone in int8-static, outputs compared on 8 made-up samples

        layer, costliest first  operator  cosine     SNR      saves    error
        d                       Conv      no kernel           12.0 KB
        b                       Conv      0.9991     20.0 dB  12.0 KB  ████████████████████
        a                       Conv      0.9991     40.0 dB  12.0 KB  ██
        and 1 more; `--limit` shows them
        interrupted: 4 of 5 layers were tried
        ");
    }
}
