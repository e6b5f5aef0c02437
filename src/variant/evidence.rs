//! What must be learned from running a model before a pass can change it, and what was learned: plain data that is measured
//! elsewhere, and kept beside the variant so that it can be derived again without running anything.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::digest::Digest;

/// What a pass wants to know of a run of the model that it is about to change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// Tensors of the main graph to be observed, graph inputs among them; no two entries are equal.
    pub observations: Vec<Observation>,
    /// The choice of nodes to keep in float, where the pass wants it made by trying.
    pub search: Option<Search>,
    /// Inputs whose open dimensions must be settled, by name.
    pub shapes: Vec<String>,
}

impl Wanted {
    /// True where nothing must be known.
    pub fn is_empty(&self) -> bool {
        self.observations.is_empty() && self.search.is_none() && self.shapes.is_empty()
    }

    /// True where the model must be run.
    pub fn runs(&self) -> bool {
        !self.observations.is_empty() || self.search.is_some()
    }
}

/// One statistic of one floating-point tensor, over all samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The tensor's name in the main graph.
    pub tensor: String,
    /// What about it.
    pub statistic: Statistic,
}

/// What is learned of a tensor's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// The range to quantize it in.
    Range(Calibration),
    /// The largest magnitude in each channel: along that axis, counted from the end where negative.
    ChannelMaxima {
        /// The channels' axis.
        axis: i64,
    },
}

/// How a range is chosen among a tensor's values. Values beyond ±1e30 (masks) and NaN count in none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Calibration {
    /// The least and the greatest value.
    #[default]
    MinMax,
    /// Without the outermost values: 99.999 % of the magnitudes.
    Percentile,
    /// The range whose quantized histogram diverges least from the true one (Kullback–Leibler).
    Entropy,
    /// The range with the least mean squared error of quantization.
    Mse,
}

impl Calibration {
    /// Every method, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::MinMax, Self::Percentile, Self::Entropy, Self::Mse];

    /// Its name in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Self::MinMax => "minmax",
            Self::Percentile => "percentile",
            Self::Entropy => "entropy",
            Self::Mse => "mse",
        }
    }
}

/// A choice of nodes to be made by trying: the pass is applied again and again, each time keeping other nodes in float, until the
/// result is accurate enough and as fast as can be.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The least cosine similarity between the outputs of the result and of the model that is changed, on every output.
    pub min_cosine: f64,
    /// Groups of nodes that the pass would change, each kept in float as a whole or not at all, by the names that [`Evidence::in_float`]
    /// takes.
    pub groups: Vec<Vec<String>>,
}

/// What was learned: the answer to one [`Wanted`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Ranges by tensor.
    pub ranges: BTreeMap<String, Range>,
    /// Largest magnitudes of channels, by tensor.
    pub channels: BTreeMap<String, Vec<f32>>,
    /// Nodes to keep in float, with the reason for each.
    pub in_float: BTreeMap<String, String>,
    /// Shapes of inputs that the model leaves open.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shapes: BTreeMap<String, Vec<u64>>,
    /// The entry point that was run, where the model has several and it is not the first: which part of the model changes depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// The values that a tensor took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The least.
    pub min: f32,
    /// The greatest.
    pub max: f32,
}

impl Evidence {
    /// The digest of everything in it, to the bit.
    pub fn digest(&self) -> Digest {
        let mut hasher = crate::digest::Hasher::new();
        hasher.part(b"mlbuild evidence 1");
        for (tensor, range) in &self.ranges {
            hasher.part(tensor.as_bytes());
            hasher.part(&range.min.to_le_bytes());
            hasher.part(&range.max.to_le_bytes());
        }
        hasher.part(b"channels");
        for (tensor, maxima) in &self.channels {
            hasher.part(tensor.as_bytes());
            let bytes: Vec<u8> = maxima.iter().flat_map(|maximum| maximum.to_le_bytes()).collect();
            hasher.part(&bytes);
        }
        hasher.part(b"in float");
        for node in self.in_float.keys() {
            hasher.part(node.as_bytes());
        }
        // Evidence without any has the digest that it had before there were any.
        if !self.shapes.is_empty() {
            hasher.part(b"shapes");
        }
        for (input, shape) in &self.shapes {
            hasher.part(input.as_bytes());
            let sizes: Vec<u8> = shape.iter().flat_map(|size| size.to_le_bytes()).collect();
            hasher.part(&sizes);
        }
        if let Some(signature) = &self.signature {
            hasher.part(b"signature");
            hasher.part(signature.as_bytes());
        }
        hasher.finish()
    }
}
