//! Integers that stand for other numbers, as those numbers: `(integer − zero point) × scale`.

use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;
use crate::model::tflite::schema;
use crate::model::tflite::schema::TensorType;

/// How a tensor's integers are to be read: by one scale, or by one for each index along an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    scales: Vec<f32>,
    /// One for each scale, or one for all; empty where it is 0.
    zero_points: Vec<i64>,
    axis: usize,
}

impl Scale {
    /// The scale of `tensor`; `None` of one that has none, that has one by blocks, or that this tool cannot read.
    pub(super) fn of(tensor: &schema::Tensor) -> Option<Self> {
        let is_integer = matches!(
            tensor.r#type,
            TensorType::INT8 | TensorType::UINT8 | TensorType::INT16 | TensorType::INT32
        );
        let parameters = tensor.quantization.as_ref().filter(|_| is_integer)?;
        let (scales, zero_points) = (parameters.scale(), parameters.zero_point());
        let fits = zero_points.len() <= 1 || zero_points.len() == scales.len();
        let sound = scales.iter().all(|scale| scale.is_finite() && *scale > 0.0);
        if scales.is_empty() || parameters.details.is_some() || !fits || !sound {
            return None;
        }
        Some(Self {
            scales: scales.to_vec(),
            zero_points: zero_points.to_vec(),
            axis: usize::try_from(parameters.quantized_dimension).ok()?,
        })
    }

    /// The numbers that `tensor` stands for; `None` where its type or shape is not what the scale goes with.
    pub(super) fn numbers(&self, tensor: &Tensor) -> Option<Vec<f64>> {
        let integers = matches!(
            tensor.element,
            ElementType::Int8 | ElementType::UInt8 | ElementType::Int16 | ElementType::Int32
        );
        let values = tensor.values().filter(|_| integers)?;
        let zero_point = |index: usize| match self.zero_points.as_slice() {
            [] => 0.0,
            [one] => *one as f64,
            several => several.get(index).map_or(0.0, |zero_point| *zero_point as f64),
        };
        if let [scale] = self.scales.as_slice() {
            let (scale, zero_point) = (f64::from(*scale), zero_point(0));
            return Some(values.map(|integer| (integer - zero_point) * scale).collect());
        }
        if tensor.shape.get(self.axis).copied() != Some(self.scales.len() as u64) {
            return None;
        }
        let within: u64 = tensor.shape.iter().skip(self.axis + 1).product();
        let within = usize::try_from(within.max(1)).ok()?;
        let numbers = values.enumerate().map(|(at, integer)| {
            let index = at / within % self.scales.len();
            let scale = self.scales.get(index).map_or(1.0, |scale| f64::from(*scale));
            (integer - zero_point(index)) * scale
        });
        Some(numbers.collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::model::tflite::schema::QuantizationParameters;

    use super::*;

    fn scale(kind: TensorType, scales: &[f32], zero_points: &[i64], axis: i32) -> Option<Scale> {
        Scale::of(&schema::Tensor {
            r#type: kind,
            quantization: Some(QuantizationParameters {
                scale: Some(scales.to_vec()),
                zero_point: Some(zero_points.to_vec()),
                quantized_dimension: axis,
                ..QuantizationParameters::default()
            }),
            ..schema::Tensor::default()
        })
    }

    fn bytes(shape: &[u64], values: &[i8]) -> Tensor {
        Tensor {
            name: "x".to_owned(),
            element: ElementType::Int8,
            shape: shape.to_vec(),
            data: values.iter().map(|value| *value as u8).collect::<Vec<u8>>().into(),
        }
    }

    #[test]
    fn one_scale_stands_for_all() {
        let found = scale(TensorType::INT8, &[0.5], &[-3], 0).unwrap();
        assert_eq!(
            found.numbers(&bytes(&[3], &[-128, -3, 127])).unwrap(),
            [-62.5, 0.0, 65.0]
        );
        let found = scale(TensorType::INT8, &[0.5], &[], 0).unwrap();
        assert_eq!(found.numbers(&bytes(&[1], &[4])).unwrap(), [2.0]);
    }

    #[test]
    fn scales_go_along_their_axis() {
        let found = scale(TensorType::INT8, &[1.0, 0.25], &[0, 2], 1).unwrap();
        let values = [1, 2, 6, 10, 3, 4, 2, 2];
        assert_eq!(
            found.numbers(&bytes(&[2, 2, 2], &values)).unwrap(),
            [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0]
        );
        assert_eq!(found.numbers(&bytes(&[8], &values)), None);
        assert_eq!(found.numbers(&Tensor::from_f32("x", &[1, 2], &[1.0, 2.0])), None);
    }

    #[test]
    fn what_is_no_plain_scale_is_not_guessed() {
        assert_eq!(scale(TensorType::INT8, &[], &[], 0), None);
        assert_eq!(scale(TensorType::FLOAT32, &[1.0], &[], 0), None);
        assert_eq!(scale(TensorType::INT64, &[1.0], &[], 0), None);
        assert_eq!(scale(TensorType::INT8, &[0.0], &[], 0), None);
        assert_eq!(scale(TensorType::INT8, &[f32::NAN], &[], 0), None);
        assert_eq!(scale(TensorType::INT8, &[1.0, 2.0, 3.0], &[1, 2], 0), None);
        assert_eq!(scale(TensorType::INT8, &[1.0, 2.0], &[], -1), None);
    }
}
