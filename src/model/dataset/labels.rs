//! Labels of a folder's samples: folders of classes, `labels.csv` or `labels.npy`.

use std::collections::BTreeMap;

use super::DatasetError;
use super::convert;
use super::folder::Folder;
use super::npy;
use crate::model::onnx::shown::shown;
use crate::model::tensor::ElementType;

/// The largest file of labels that is read, in bytes.
const MAX_BYTES: u64 = 64_000_000;

/// The labels of the `chosen` samples; `None` where the folder has none.
pub(super) fn labels(folder: &Folder, chosen: &[usize]) -> Result<Option<Vec<i64>>, DatasetError> {
    let Some(file) = &folder.labels else {
        let classes: Option<Vec<i64>> = chosen
            .iter()
            .map(|index| i64::try_from(folder.samples[*index].class?).ok())
            .collect();
        return Ok(classes);
    };
    if file.to_ascii_lowercase().ends_with(".npy") {
        from_array(folder, file, chosen).map(Some)
    } else {
        from_table(folder, file, chosen).map(Some)
    }
}

/// Lines of `file,label`; the first may be a heading.
fn from_table(folder: &Folder, file: &str, chosen: &[usize]) -> Result<Vec<i64>, DatasetError> {
    const FORM: &str = "write one line a sample, its file and the number of its class: `0001.png,3`";
    let bytes = folder.read(file, MAX_BYTES)?;
    let text =
        String::from_utf8(bytes).map_err(|_| folder.unusable(file, "is not a text in UTF-8".to_owned(), Some(FORM)))?;
    let mut known: BTreeMap<&str, i64> = BTreeMap::new();
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let pair = line.rsplit_once([',', ';', '\t']);
        let Some((name, label)) = pair.map(|(name, label)| (unquoted(name), unquoted(label))) else {
            let reason = format!("has no label on line {}", index + 1);
            return Err(folder.unusable(file, reason, Some(FORM)));
        };
        let label: i64 = match label.parse() {
            Ok(label) => label,
            // A heading.
            Err(_) if index == 0 => continue,
            Err(_) => {
                let reason = format!(
                    "has the label {} on line {}, but labels are integers",
                    shown(label),
                    index + 1
                );
                return Err(folder.unusable(file, reason, Some(FORM)));
            }
        };
        let name = name.strip_prefix("./").unwrap_or(name);
        if known.insert(name, label).is_some_and(|before| before != label) {
            let reason = format!("gives {} two different labels", shown(name));
            return Err(folder.unusable(file, reason, None));
        }
    }
    chosen
        .iter()
        .map(|index| {
            let name = folder.samples[*index].name.as_str();
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            known.get(name).or_else(|| known.get(stem)).copied().ok_or_else(|| {
                let reason = format!("has no label for {}", shown(name));
                folder.unusable(file, reason, Some(FORM))
            })
        })
        .collect()
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches('"')
}

/// One integer a sample, in the order of their names.
fn from_array(folder: &Folder, file: &str, chosen: &[usize]) -> Result<Vec<i64>, DatasetError> {
    let bytes = folder.read(file, MAX_BYTES)?;
    let broken = |reason: String| folder.unusable(file, reason, Some("save it with `numpy.save(path, labels)`"));
    let (header, data) =
        npy::array(&mut bytes.as_slice(), MAX_BYTES).map_err(|reason| broken(format!("cannot be used: {reason}")))?;
    if header.shape.is_empty() || header.shape.iter().skip(1).any(|size| *size != 1) {
        return Err(folder.unusable(
            file,
            format!("has the shape {:?}, but labels are one number a sample", header.shape),
            Some("turn one-hot labels into class numbers with `labels.argmax(axis=1)`"),
        ));
    }
    let samples = folder.samples.len() as u64;
    if header.shape[0] != samples {
        return Err(folder.unusable(
            file,
            format!(
                "holds {} labels, but the number of samples in the folder is {samples}",
                header.shape[0]
            ),
            Some("labels stand in the order of the samples' names, sorted as text"),
        ));
    }
    let data = convert::elements(data.into(), header.element, ElementType::Int64)
        .map_err(|_| broken(format!("holds {}, but labels are integers", header.describe())))?;
    let all = data.as_chunks::<8>().0;
    Ok(chosen
        .iter()
        .filter_map(|index| all.get(*index).map(|bytes| i64::from_le_bytes(*bytes)))
        .collect())
}
