//! Quantized networks, compared with TFLite and with f32.

mod anomaly;
mod encodings;
mod errors;
mod extremes;
mod int16;
mod networks;
mod random;
mod tflite;
mod training;
mod weights;
