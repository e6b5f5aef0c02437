//! Images as inputs: decoded one at a time, resized to what the model takes, brought to 0 to 1 and normalized.
//!
//! Files come with a pull request and may be made to burst, so that their headers are looked at before anything is unpacked.
//! Orientation tags and colour profiles are ignored, transparency is dropped, more than 8 bits a channel are rounded to 8: what
//! common training pipelines do. Grey is the luma of Rec. 709. Resizing is bilinear, over the whole area that a pixel covers.

use std::io::Cursor;

use bytes::Bytes;
use half::bf16;
use half::f16;
use image::DynamicImage;
use image::ImageReader;
use image::Limits;
use image::imageops::FilterType;

use super::DatasetError;
use super::folder::Folder;
use crate::config::types::ImageConfig;
use crate::config::types::Resize;
use crate::model::inputs::is_batch;
use crate::model::onnx::shown::shown;
use crate::model::tensor::Dim;
use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;
use crate::model::tensor::TensorSpec;

/// The largest file, in bytes.
const MAX_FILE: u64 = 64_000_000;
/// The largest width or height.
const MAX_SIDE: u32 = 20_000;
/// The most pixels: a camera's best, and no more memory than 16 bytes for each.
const MAX_PIXELS: u64 = 64_000_000;
const MAX_ALLOC: u64 = MAX_PIXELS * 16;

/// How images of one folder become samples of one input.
#[derive(Debug)]
pub(super) struct Images {
    name: String,
    element: ElementType,
    layout: Layout,
    height: u32,
    width: u32,
    /// One of each for every channel.
    mean: Vec<f64>,
    std: Vec<f64>,
    resize: Resize,
}

/// Where an input has its channels, and whether it counts samples before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    batched: bool,
    channels_first: bool,
    channels: usize,
}

impl Images {
    /// Finds out how the images of `folder` become `spec`'s input. Its size comes from the model, from `given` (its whole shape, out of
    /// the config), or else from the `chosen` images, which must be equal then.
    pub(super) fn open(
        folder: &Folder,
        chosen: &[usize],
        spec: &TensorSpec,
        given: Option<&Vec<u64>>,
        config: &ImageConfig,
    ) -> Result<Self, DatasetError> {
        let refuse = |reason: String, hint: &str| folder.unusable_folder(reason, Some(hint));
        let takes = || format!("holds images, but input {} is {}", shown(&spec.name), spec.describe());
        let dims = open_dims(spec, given);
        let (layout, height, width) = layout(&dims).ok_or_else(|| {
            refuse(
                format!("{}, which is no [1, 3, height, width] or [1, height, width, 3]", takes()),
                "write the samples as `.npy` files or an `.npz` archive, preprocessed as the model needs them; where the model leaves \
                 its channels open, give the shape with `inputs`",
            )
        })?;
        if !(spec.element.is_float() || spec.element == ElementType::UInt8) {
            return Err(refuse(
                format!("{}: pixels are fed as floats or uint8", takes()),
                "write the samples as `.npy` files or an `.npz` archive",
            ));
        }
        if spec.element == ElementType::UInt8 && (config.mean.is_some() || config.std.is_some()) {
            return Err(refuse(
                format!("{}: `mean` and `std` need a float input", takes()),
                "remove them from the model's `dataset`: the model is fed the plain pixels, 0 to 255",
            ));
        }
        let (height, width) = match (height, width) {
            (Some(height), Some(width)) => (height, width),
            open => common_size(folder, chosen, spec, open)?,
        };
        let fits = |size: u64| u32::try_from(size).ok().filter(|size| (1..=MAX_SIDE).contains(size));
        let (Some(height), Some(width)) = (fits(height), fits(width)) else {
            return Err(refuse(
                format!("{}, which no image has", takes()),
                "check the model's `inputs`",
            ));
        };
        let per_channel = |values: &Option<Vec<f64>>, key: &str, default: f64| match values.as_deref() {
            None => Ok(vec![default; layout.channels]),
            Some([one]) => Ok(vec![*one; layout.channels]),
            Some(all) if all.len() == layout.channels => Ok(all.to_vec()),
            Some(all) => Err(refuse(
                format!("{}, and `{key}` lists {} numbers", takes(), all.len()),
                "give one number for all channels, or one a channel",
            )),
        };
        Ok(Self {
            name: spec.name.clone(),
            element: spec.element,
            layout,
            height,
            width,
            mean: per_channel(&config.mean, "mean", 0.0)?,
            std: per_channel(&config.std, "std", 1.0)?,
            resize: config.resize,
        })
    }

    /// One image as the input takes it.
    pub(super) fn sample(&self, folder: &Folder, file: &str) -> Result<Tensor, DatasetError> {
        let image = decode(folder, file)?;
        let grey = self.layout.channels == 1;
        // Colours first, so that a palette is never blended.
        let image = if grey {
            DynamicImage::ImageLuma8(image.into_luma8())
        } else {
            DynamicImage::ImageRgb8(image.into_rgb8())
        };
        let image = if (image.width(), image.height()) == (self.width, self.height) {
            image
        } else {
            match self.resize {
                Resize::Stretch => image.resize_exact(self.width, self.height, FilterType::Triangle),
                Resize::Crop => image.resize_to_fill(self.width, self.height, FilterType::Triangle),
            }
        };
        let pixels = image.into_bytes();
        let channels = self.layout.channels;
        let area = self.width as usize * self.height as usize;
        let order: Vec<u8> = if self.layout.channels_first && channels > 1 {
            (0..channels)
                .flat_map(|channel| pixels.iter().skip(channel).step_by(channels).copied())
                .collect()
        } else {
            pixels
        };
        let channel_of = |index: usize| {
            if self.layout.channels_first {
                index / area
            } else {
                index % channels
            }
        };
        let data = self.encode(&order, channel_of);
        let (height, width, channels) = (u64::from(self.height), u64::from(self.width), channels as u64);
        let sample = if self.layout.channels_first {
            [channels, height, width]
        } else {
            [height, width, channels]
        };
        let batch = self.layout.batched.then_some(1);
        Ok(Tensor {
            name: self.name.clone(),
            element: self.element,
            shape: batch.into_iter().chain(sample).collect(),
            data,
        })
    }

    /// Bytes of pixels as elements of the input.
    fn encode(&self, pixels: &[u8], channel_of: impl Fn(usize) -> usize) -> Bytes {
        let values = || {
            pixels.iter().enumerate().map(|(index, pixel)| {
                let channel = channel_of(index);
                (f64::from(*pixel) / 255.0 - self.mean[channel]) / self.std[channel]
            })
        };
        match self.element {
            ElementType::Double => values().flat_map(f64::to_le_bytes).collect(),
            ElementType::Float16 => values().flat_map(|value| f16::from_f64(value).to_le_bytes()).collect(),
            ElementType::BFloat16 => values().flat_map(|value| bf16::from_f64(value).to_le_bytes()).collect(),
            ElementType::UInt8 => Bytes::copy_from_slice(pixels),
            _ => values().flat_map(|value| (value as f32).to_le_bytes()).collect(),
        }
    }
}

/// The input's dimensions, open ones as the config gives them.
fn open_dims(spec: &TensorSpec, given: Option<&Vec<u64>>) -> Vec<Dim> {
    let dims = super::shape::dims(spec, given, 0);
    let Some(given) = given.filter(|given| given.len() == dims.len()) else {
        return dims;
    };
    dims.into_iter()
        .zip(given)
        .enumerate()
        .map(|(axis, (dim, size))| match dim {
            Dim::Fixed(size) => Dim::Fixed(size),
            // However many samples are fed at once elsewhere, here it is one.
            dim if axis == 0 && is_batch(&dim, 0) && given.len() == 4 => dim,
            Dim::Symbol(_) | Dim::Unknown => Dim::Fixed(*size),
        })
        .collect()
}

/// Channels, height and width of an image input, where it is one; sizes that are still open are `None`.
fn layout(dims: &[Dim]) -> Option<(Layout, Option<u64>, Option<u64>)> {
    let (batched, image) = match dims {
        [batch, image @ ..] if image.len() == 3 => {
            let one = *batch == Dim::Fixed(1) || !matches!(batch, Dim::Fixed(_));
            (true, one.then_some(image)?)
        }
        image => (false, image),
    };
    let [first, second, third] = image else {
        return None;
    };
    let channels = |dim: &Dim| match dim {
        Dim::Fixed(1) => Some(1),
        Dim::Fixed(3) => Some(3),
        _ => None,
    };
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => Some(*size),
        Dim::Symbol(_) | Dim::Unknown => None,
    };
    let layout = |channels_first, channels| Layout {
        batched,
        channels_first,
        channels,
    };
    match (channels(first), channels(third)) {
        (Some(channels), _) => Some((layout(true, channels), size(second), size(third))),
        (None, Some(channels)) => Some((layout(false, channels), size(first), size(second))),
        (None, None) => None,
    }
}

/// The size of all chosen images, where the model takes any.
fn common_size(
    folder: &Folder,
    chosen: &[usize],
    spec: &TensorSpec,
    (height, width): (Option<u64>, Option<u64>),
) -> Result<(u64, u64), DatasetError> {
    let mut common: Option<(&str, (u32, u32))> = None;
    for index in chosen {
        let file = folder.samples[*index].files[0].as_str();
        let size = size_of(folder, file, &folder.read(file, MAX_FILE)?)?;
        match common {
            Some((other, expected)) if expected != size => {
                return Err(folder.unusable(
                    file,
                    format!(
                        "is {} × {} pixels and {} is {} × {}, but input {} leaves its size open: {}",
                        size.0,
                        size.1,
                        shown(other),
                        expected.0,
                        expected.1,
                        shown(&spec.name),
                        spec.describe()
                    ),
                    Some("give the size that you serve with the model's `inputs` in .mlbuild.yml, and all images are resized to it"),
                ));
            }
            Some(_) => {}
            None => common = Some((file, size)),
        }
    }
    let (found_width, found_height) = common.map(|(_, size)| size).unwrap_or_default();
    Ok((
        height.unwrap_or(u64::from(found_height)),
        width.unwrap_or(u64::from(found_width)),
    ))
}

/// Width and height by the image's header, within the caps.
fn size_of(folder: &Folder, file: &str, bytes: &[u8]) -> Result<(u32, u32), DatasetError> {
    let (width, height) = reader(folder, file, bytes)?
        .into_dimensions()
        .map_err(|error| corrupt(folder, file, &error.to_string()))?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(corrupt(folder, file, "it has no pixels"));
    }
    if width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS {
        return Err(folder.unusable(
            file,
            format!(
                "is refused: it has {width} × {height} pixels; at most {} megapixels are unpacked, and {MAX_SIDE} a side",
                MAX_PIXELS / 1_000_000
            ),
            Some("scale it down: the model sees it at the size of its input anyway"),
        ));
    }
    Ok((width, height))
}

fn decode(folder: &Folder, file: &str) -> Result<DynamicImage, DatasetError> {
    let bytes = folder.read(file, MAX_FILE)?;
    size_of(folder, file, &bytes)?;
    reader(folder, file, &bytes)?
        .decode()
        .map_err(|error| corrupt(folder, file, &error.to_string()))
}

fn reader<'a>(folder: &Folder, file: &str, bytes: &'a [u8]) -> Result<ImageReader<Cursor<&'a [u8]>>, DatasetError> {
    // By its content: a name may lie.
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| corrupt(folder, file, &error.to_string()))?;
    if reader.format().is_none() {
        let what = if bytes.is_empty() {
            "it is empty"
        } else {
            "its content is no image of a known kind"
        };
        return Err(corrupt(folder, file, what));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    Ok(reader)
}

fn corrupt(folder: &Folder, file: &str, reason: &str) -> DatasetError {
    folder.unusable(
        file,
        format!("cannot be read as an image: {reason}"),
        Some("replace it, or remove it from the dataset; JPEG, PNG, BMP and WebP are read"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout_of(text: &[&str]) -> Option<(Layout, Option<u64>, Option<u64>)> {
        let dims: Vec<Dim> = text
            .iter()
            .map(|dim| dim.parse().map_or_else(|_| Dim::Symbol((*dim).to_owned()), Dim::Fixed))
            .collect();
        layout(&dims)
    }

    #[test]
    fn channels_stand_first_or_last() {
        let of = |batched, channels_first, channels| Layout {
            batched,
            channels_first,
            channels,
        };
        for (dims, expected) in [
            (
                &["batch", "3", "224", "200"] as &[&str],
                Some((of(true, true, 3), Some(224), Some(200))),
            ),
            (
                &["1", "224", "200", "3"],
                Some((of(true, false, 3), Some(224), Some(200))),
            ),
            (&["1", "28", "28"], Some((of(false, true, 1), Some(28), Some(28)))),
            (&["n", "1", "h", "w"], Some((of(true, true, 1), None, None))),
            (&["n", "h", "w", "3"], Some((of(true, false, 3), None, None))),
            (&["8", "3", "32", "32"], None),
            (&["n", "64"], None),
            (&["n", "4", "32", "32"], None),
            (&["n", "c", "h", "w"], None),
            (&[], None),
        ] {
            assert_eq!(layout_of(dims), expected, "{dims:?}");
        }
    }
}
