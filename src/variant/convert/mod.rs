//! Conversion of models to other formats: one folder a format.

pub mod tflite;
