//! What each input of a model is for.

use serde::Deserialize;
use serde::Serialize;

/// What an input is for, which decides its free dimensions and its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Pictures, channels before height and width: evenly in [0, 1), or bytes.
    ImageChannelsFirst,
    /// Pictures, channels last.
    ImageChannelsLast,
    /// Ids of tokens, below the rows of the table that they index.
    TokenIds,
    /// Ids of categories, below the rows of the table that they index.
    CategoryIds,
    /// Which tokens or pixels count: ones, all of them.
    Mask,
    /// Which tokens are padding, or what is added to attention scores: zeros.
    ZeroMask,
    /// Which of two sentences a token belongs to: zeros, the first.
    TokenTypes,
    /// Where each token stands: counted up.
    Positions,
    /// Keys and values of tokens before: noise.
    Past,
    /// Whether the past is used: yes.
    UseCache,
    /// Sound: evenly in [−1, 1).
    Waveform,
    /// Logarithms of energies by frequency and time: noise around −5 with deviation 3.
    Spectrogram,
    /// Numbers of hertz: 16 000.
    SampleRate,
    /// How long the other input is.
    Length,
    /// Height and width of the picture.
    ImageSize,
    /// Numbers without a known meaning: noise around 0 with deviation 1, bits at random.
    Features,
    /// Nobody knows: zeros.
    Zeros,
}

impl Role {
    /// The words in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::ImageChannelsFirst => "image (NCHW)",
            Self::ImageChannelsLast => "image (NHWC)",
            Self::TokenIds => "token ids",
            Self::CategoryIds => "category ids",
            Self::Mask => "mask of ones",
            Self::ZeroMask => "mask of zeros",
            Self::TokenTypes => "token types",
            Self::Positions => "positions",
            Self::Past => "past keys and values",
            Self::UseCache => "cache switch",
            Self::Waveform => "waveform",
            Self::Spectrogram => "log-mel spectrogram",
            Self::SampleRate => "sample rate",
            Self::Length => "length",
            Self::ImageSize => "image size",
            Self::Features => "features",
            Self::Zeros => "zeros",
        }
    }
}
