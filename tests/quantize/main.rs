//! Quantized networks, compared with TFLite and with f32.

mod anomaly;
mod networks;
mod random;
mod tflite;
