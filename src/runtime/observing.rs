//! What a worker learns of a session's outputs while it is fed one sample after the other, and how that crosses the pipe: numbers
//! that no longer grow, instead of the outputs themselves.

use std::io;

use serde::Deserialize;
use serde::Serialize;

use crate::model::tensor::ElementType;
use crate::stats::histogram::ChannelMaxima;
use crate::stats::histogram::Extremes;
use crate::stats::histogram::Histogram;

/// What is learned of one tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Its name.
    pub tensor: String,
    /// What about it.
    pub kind: WatchKind,
}

/// What is learned of a tensor's values, over all samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchKind {
    /// The least and the greatest.
    Extremes,
    /// How often which occur.
    Histogram,
    /// The largest magnitude of each channel.
    Channels {
        /// The channels' axis, counted from the end where negative.
        axis: i64,
    },
}

/// What was learned of one tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum Watched {
    /// To [`WatchKind::Extremes`].
    Extremes(Extremes),
    /// To [`WatchKind::Histogram`].
    Histogram(Histogram),
    /// To [`WatchKind::Channels`]; `None` where the tensor was never seen, has no such axis, or changes its number of channels.
    Channels(Option<Vec<f32>>),
}

/// The numbers of one watch, but for those in the payload. Floats are their bits, so that nothing is rounded on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WatchedHeader {
    Extremes(Bits),
    Histogram {
        exponent: i32,
        extremes: Bits,
        /// Counts in the payload.
        counts: u64,
    },
    Channels {
        /// Maxima in the payload.
        channels: Option<u64>,
    },
}

/// [`Extremes`] to the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bits {
    min: u32,
    max: u32,
    counted: u64,
    ignored: u64,
}

impl From<Extremes> for Bits {
    fn from(extremes: Extremes) -> Self {
        Self {
            min: extremes.min.to_bits(),
            max: extremes.max.to_bits(),
            counted: extremes.counted,
            ignored: extremes.ignored,
        }
    }
}

impl From<Bits> for Extremes {
    fn from(bits: Bits) -> Self {
        Self {
            min: f32::from_bits(bits.min),
            max: f32::from_bits(bits.max),
            counted: bits.counted,
            ignored: bits.ignored,
        }
    }
}

/// Learns of tensors that it is shown.
#[derive(Debug, Default)]
pub struct Observer {
    watches: Vec<(String, Tally)>,
    /// The tensor that is looked at, as 32-bit floats.
    values: Vec<f32>,
}

#[derive(Debug)]
enum Tally {
    Extremes(Extremes),
    Histogram(Box<Histogram>),
    Channels(ChannelMaxima),
}

impl Observer {
    /// Nothing seen yet.
    pub fn of(watches: Vec<Watch>) -> Self {
        let tally = |kind| match kind {
            WatchKind::Extremes => Tally::Extremes(Extremes::default()),
            WatchKind::Histogram => Tally::Histogram(Box::default()),
            WatchKind::Channels { axis } => Tally::Channels(ChannelMaxima::along(axis)),
        };
        Self {
            watches: watches
                .into_iter()
                .map(|watch| (watch.tensor, tally(watch.kind)))
                .collect(),
            values: Vec::new(),
        }
    }

    /// Looks at a tensor: packed little-endian elements, as many as `shape` says. What is not watched or holds no floats is passed over;
    /// 64-bit floats count as the nearest 32-bit ones.
    pub fn add(&mut self, tensor: &str, element: ElementType, shape: &[u64], data: &[u8]) {
        let mut watches = self.watches.iter_mut().filter(|(name, _)| name == tensor).peekable();
        if watches.peek().is_none() || !read(element, data, &mut self.values) {
            return;
        }
        for (_, tally) in watches {
            match tally {
                Tally::Extremes(extremes) => extremes.add(&self.values),
                Tally::Histogram(histogram) => histogram.add(&self.values),
                Tally::Channels(maxima) => maxima.add(&self.values, shape),
            }
        }
    }

    /// What was learned, an entry a watch.
    pub fn watched(&self) -> Vec<Watched> {
        let watches = self.watches.iter();
        watches
            .map(|(_, tally)| match tally {
                Tally::Extremes(extremes) => Watched::Extremes(*extremes),
                Tally::Histogram(histogram) => Watched::Histogram((**histogram).clone()),
                Tally::Channels(maxima) => Watched::Channels(maxima.maxima().map(<[f32]>::to_vec)),
            })
            .collect()
    }

    /// The same for the pipe.
    pub(super) fn pack(&self) -> (Vec<WatchedHeader>, Vec<u8>) {
        let mut data = Vec::new();
        let watches = self.watches.iter();
        let headers = watches
            .map(|(_, tally)| match tally {
                Tally::Extremes(extremes) => WatchedHeader::Extremes((*extremes).into()),
                Tally::Histogram(histogram) => {
                    let counts = histogram.counts();
                    data.extend(counts.iter().flat_map(|count| count.to_le_bytes()));
                    WatchedHeader::Histogram {
                        exponent: histogram.exponent(),
                        extremes: (*histogram.extremes()).into(),
                        counts: counts.len() as u64,
                    }
                }
                Tally::Channels(maxima) => {
                    let maxima = maxima.maxima();
                    let bytes = maxima.unwrap_or_default().iter().flat_map(|most| most.to_le_bytes());
                    data.extend(bytes);
                    WatchedHeader::Channels {
                        channels: maxima.map(|maxima| maxima.len() as u64),
                    }
                }
            })
            .collect();
        (headers, data)
    }
}

/// What [`Observer::pack`] packed. The far side ran somebody's model, so that nothing is taken for granted.
pub(super) fn unpack(headers: Vec<WatchedHeader>, data: &[u8]) -> io::Result<Vec<Watched>> {
    let malformed = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut rest = data;
    let mut take = |count: u64, width: usize| -> io::Result<&[u8]> {
        let length = usize::try_from(count).ok().and_then(|count| count.checked_mul(width));
        let (taken, left) = length
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| malformed("what was observed reaches beyond the payload"))?;
        rest = left;
        Ok(taken)
    };
    let mut watched = Vec::with_capacity(headers.len());
    for header in headers {
        watched.push(match header {
            WatchedHeader::Extremes(extremes) => Watched::Extremes(extremes.into()),
            WatchedHeader::Histogram {
                exponent,
                extremes,
                counts,
            } => {
                let bytes = take(counts, 8)?.as_chunks().0;
                let counts: Vec<u64> = bytes.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
                let histogram = Histogram::from_parts(exponent, extremes.into(), &counts);
                Watched::Histogram(histogram.ok_or_else(|| malformed("what was observed is no histogram"))?)
            }
            WatchedHeader::Channels { channels } => {
                let maxima = channels.map(|count| take(count, 4)).transpose()?;
                let floats = |bytes: &[u8]| {
                    bytes
                        .as_chunks()
                        .0
                        .iter()
                        .map(|bytes| f32::from_le_bytes(*bytes))
                        .collect()
                };
                Watched::Channels(maxima.map(floats))
            }
        });
    }
    if rest.is_empty() {
        Ok(watched)
    } else {
        Err(malformed("the payload is longer than what was observed"))
    }
}

/// Reads floating-point elements into `values`; false for other types.
fn read(element: ElementType, data: &[u8], values: &mut Vec<f32>) -> bool {
    values.clear();
    match element {
        ElementType::Float => values.extend(data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes))),
        ElementType::Double => values.extend(data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32)),
        ElementType::Float16 => {
            values.extend(
                data.as_chunks()
                    .0
                    .iter()
                    .map(|bytes| half::f16::from_le_bytes(*bytes).to_f32()),
            );
        }
        ElementType::BFloat16 => {
            values.extend(
                data.as_chunks()
                    .0
                    .iter()
                    .map(|bytes| half::bf16::from_le_bytes(*bytes).to_f32()),
            );
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observer() -> Observer {
        let watch = |tensor: &str, kind| Watch {
            tensor: tensor.to_owned(),
            kind,
        };
        let mut observer = Observer::of(vec![
            watch("x", WatchKind::Extremes),
            watch("x", WatchKind::Histogram),
            watch("y", WatchKind::Histogram),
            watch("x", WatchKind::Channels { axis: 1 }),
            watch("x", WatchKind::Channels { axis: 7 }),
            watch("empty", WatchKind::Extremes),
        ]);
        let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        observer.add("x", ElementType::Float, &[1, 2, 2], &bytes(&[1.0, -3.0, f32::NAN, 0.1]));
        observer.add("x", ElementType::Float, &[1, 2, 2], &bytes(&[0.0, 2.0, 9.0, -3.4e38]));
        observer.add("unwatched", ElementType::Float, &[1], &bytes(&[1.0]));
        observer.add("y", ElementType::Int64, &[1], &1_i64.to_le_bytes());
        observer
    }

    #[test]
    fn what_was_seen_survives_the_way() {
        let observer = observer();
        let watched = observer.watched();
        let (headers, data) = observer.pack();
        let json = serde_json::to_string(&headers).unwrap();
        assert_eq!(unpack(serde_json::from_str(&json).unwrap(), &data).unwrap(), watched);
        let Watched::Extremes(extremes) = &watched[0] else {
            panic!("{watched:?}");
        };
        assert_eq!(
            (extremes.range(), extremes.counted, extremes.ignored),
            (Some((-3.0, 9.0)), 6, 2)
        );
        assert_eq!(watched[3], Watched::Channels(Some(vec![3.0, 9.0])));
        assert_eq!(watched[4], Watched::Channels(None));
        assert!(matches!(&watched[2], Watched::Histogram(nothing) if nothing.extremes().range().is_none()));
        assert_eq!(watched[5], Watched::Extremes(Extremes::default()));
    }

    #[test]
    fn what_is_kept_does_not_grow_with_samples() {
        let mut observer = observer();
        let before = observer.pack().1.len();
        let data: Vec<u8> = (0..4000).flat_map(|value| (value as f32).to_le_bytes()).collect();
        for _ in 0..50 {
            observer.add("x", ElementType::Float, &[1, 2, 2000], &data);
        }
        assert_eq!(observer.pack().1.len(), before);
        assert!(observer.values.capacity() < 2 * 4000);
    }

    #[test]
    fn claims_without_data_are_refused() {
        let (headers, data) = observer().pack();
        assert!(unpack(headers.clone(), &data[1..]).is_err());
        assert!(unpack(headers[..1].to_vec(), &data).is_err());
        let lie = WatchedHeader::Channels {
            channels: Some(u64::MAX),
        };
        assert!(unpack(vec![lie], &data).is_err());
    }

    #[test]
    fn all_widths_of_floats_are_read() {
        let mut values = Vec::new();
        assert!(read(ElementType::Double, &1.5_f64.to_le_bytes(), &mut values) && values == [1.5]);
        assert!(
            read(
                ElementType::Float16,
                &half::f16::from_f32(1.5).to_le_bytes(),
                &mut values
            ) && values == [1.5]
        );
        assert!(
            read(
                ElementType::BFloat16,
                &half::bf16::from_f32(1.5).to_le_bytes(),
                &mut values
            ) && values == [1.5]
        );
        assert!(!read(ElementType::UInt8, &[1], &mut values));
    }
}
